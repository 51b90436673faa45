"""The package as others get it: what the wheel holds."""

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module

import pytest

from tracker.core.paths import PROJECT


@pytest.mark.soak
def test_the_wheel_has_all_that_a_run_needs(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(PROJECT / "tracker", source / "tracker", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / file, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(pip, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    project = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tracker").rglob("*") if path.is_file()}
    needed = {name for name in project if name.endswith((".py", ".ini", ".html", ".yaml", ".npz", "py.typed"))}
    assert {"tracker/trackers.ini", "tracker/py.typed", "tracker/vot/stacks/vot2016.yaml"} <= needed <= names
    (metadata,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
    points = configparser.ConfigParser()
    points.optionxform = str
    points.read(tmp_path / "installed" / metadata)
    assert set(points.sections()) == {"console_scripts", "vot_analysis", "vot_report"}
    for section in points.sections():
        for place in points[section].values():
            module, name = place.split(":")
            assert callable(getattr(import_module(module), name)), place
    for option, expected in (([], "tracker/trackers.ini"), (["--stacks"], "tracker/vot/stacks")):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
        command = [sys.executable, "-m", "tracker.cli", "registry", *option]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(tmp_path / "installed" / expected)
