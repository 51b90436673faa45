"""The package as others get it: what an installation holds."""

import configparser
import os
import shutil
import subprocess
import sys
from importlib import import_module

import pytest

from tracker.core.paths import PROJECT, REGISTRY


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of a wheel made from a source distribution, as ``pip install .`` and an index would have it."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    shutil.copytree(PROJECT / "tracker", source / "tracker", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "MANIFEST.in", "trackers.ini", "README.md", "LICENSE"):
        shutil.copy(PROJECT / file, source)
    sdist = "from setuptools.build_meta import build_sdist; build_sdist('..')"
    subprocess.run([sys.executable, "-c", sdist], cwd=source, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*pip, str(folder / "site"), str(archive)], check=True)
    return folder / "site"


@pytest.mark.integration
def test_an_installation_has_all_that_a_run_needs(installed):
    project = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tracker").rglob("*") if path.is_file()}
    needed = {name for name in project if name.endswith((".py", ".html", ".yaml", ".npz", "py.typed"))}
    assert {"tracker/py.typed", "tracker/vot/stacks/vot2016.yaml"} <= needed
    assert not {name for name in needed if not (installed / name).is_file()}
    (metadata,) = installed.glob("*.dist-info/entry_points.txt")
    points = configparser.ConfigParser()
    points.optionxform = str
    points.read(metadata)
    assert set(points.sections()) == {"console_scripts", "vot_analysis", "vot_report"}
    for section in points.sections():
        for place in points[section].values():
            module, name = place.split(":")
            assert callable(getattr(import_module(module), name)), place


@pytest.mark.integration
@pytest.mark.parametrize(("option", "path"), [([], "tracker/trackers.ini"), (["--stacks"], "tracker/vot/stacks")])
def test_an_installation_finds_its_own_files(installed, option, path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "tracker.cli", "registry", *option]
    done = subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(installed / path)


@pytest.mark.integration
def test_the_registry_of_an_installation_leads_to_its_package(installed):
    there, here = configparser.ConfigParser(), configparser.ConfigParser()
    there.read(installed / "tracker/trackers.ini")
    here.read(REGISTRY)
    assert there.sections() == here.sections()
    assert "DAT" in there
    for name in there.sections():
        assert dict(there[name]) == {**here[name], "paths": ".."}, name


def test_a_checkout_has_one_registry():
    assert REGISTRY == PROJECT / "trackers.ini"
    assert not list((PROJECT / "tracker").rglob("*.ini"))
