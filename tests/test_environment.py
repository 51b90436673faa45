"""The environment files: locks that agree with pyproject.toml, and a Dockerfile whose commands run."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from packaging.requirements import Requirement

from tracker.core.paths import PROJECT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ENV = PROJECT / "env"


def locked():
    """Name -> versions of requirements.lock and torch.lock (several where Pythons differ)."""
    found = {}
    for line in (ENV / "requirements.lock").read_text().splitlines() + (ENV / "torch.lock").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", line):
            found.setdefault(match[1].lower(), set()).add(match[2])
    return found


def test_locks_satisfy_pyproject():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    versions = locked()
    for text in project["dependencies"] + project["optional-dependencies"]["test"]:
        requirement = Requirement(text)
        assert versions[requirement.name.lower()], requirement.name
        for version in versions[requirement.name.lower()]:
            assert requirement.specifier.contains(version), f"{requirement} but {version} is locked"


def test_every_locked_package_has_a_hash():
    text = (ENV / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert len(entries) > 80
    assert all("--hash=sha256:" in entry for entry in entries if not entry.startswith("#"))


def test_second_toolkit_is_in_the_supported_range():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    (specifier,) = [Requirement(text).specifier for text in project["dependencies"] if text.startswith("vot-toolkit")]
    (line,) = re.findall(r"vot-toolkit==(\S+)", (ENV / "toolkit-0.9.0.lock").read_text())
    assert specifier.contains(line)
    assert not specifier.contains("0.8.1")
    assert specifier.contains("0.7.4")


def test_conda_file_brings_a_supported_python():
    content = yaml.safe_load((ENV / "environment.yml").read_text())
    (python,) = [item.split("=")[1] for item in content["dependencies"] if item.startswith("python")]
    supported = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert Requirement(f"x{supported}").specifier.contains(python)


def test_the_workflow_runs_the_two_commands_of_the_readme_on_every_python():
    (job,) = yaml.safe_load((PROJECT / ".github/workflows/test.yml").read_text())["jobs"].values()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    versions = {match[1] for line in project["classifiers"] if (match := re.search(r":: (3\.\d+)$", line))}
    assert set(job["strategy"]["matrix"]["python"]) == versions
    supported = Requirement(f"x{project['requires-python']}").specifier
    assert {f"3.{minor}" for minor in range(20) if supported.contains(f"3.{minor}")} == versions
    assert [step["run"] for step in job["steps"] if "run" in step][-2:] == ["make evaluate", "make test"]


def docker_commands():
    """Instruction and argument of every line of the Dockerfile."""
    lines = [line for line in (ENV / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    return [line.split(" ", 1) for line in lines]


def test_dockerfile_ends_in_a_test_of_the_tracker():
    assert docker_commands()[-1][0] == "RUN"
    assert "vot test DAT" in docker_commands()[-1][1]
    assert {instruction for instruction, _ in docker_commands()} <= {"FROM", "ARG", "ENV", "RUN", "WORKDIR", "COPY"}


@pytest.mark.soak
def test_commands_of_the_dockerfile_run_one_by_one(tmp_path):
    """Without a container engine: a clean virtual environment, the files that COPY takes, every RUN but apt-get."""
    place, venv = tmp_path / "reciprocative", tmp_path / "venv"
    ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "results", "cache", "sequences.zip", "runs")
    shutil.copytree(PROJECT, place, ignore=ignored)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    environment = {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(venv)}
    environment.pop("PYTHONPATH", None)
    for instruction, command in docker_commands():
        if instruction == "RUN" and not command.startswith("apt-get"):
            done = subprocess.run(
                ["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
