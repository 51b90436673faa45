"""Machines without an account, a home, a temporary folder or many open files: one line says so, and work goes on."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.helpers import scenes
from tracker.core import places
from tracker.core.paths import PROJECT
from tracker.doctor import machine
from tracker.vot.evaluation import scheduler

pytestmark = pytest.mark.slow

SETPRIV = shutil.which("setpriv")
CAPABILITIES = "-all,+dac_read_search"
"""May read what belongs to root, where these tests may lie, and write nothing of it."""
STRANGER = [
    *(str(SETPRIV), "--reuid", "12345", "--regid", "12345", "--clear-groups"),
    *(f"--{name}={CAPABILITIES}" for name in ("inh-caps", "ambient-caps", "bounding-set")),
]


def can_be_a_stranger() -> bool:
    if os.getuid() or not SETPRIV:
        return False
    done = subprocess.run([*STRANGER, sys.executable, "-c", "import numpy"], capture_output=True, check=False, cwd="/")
    return done.returncode == 0


stranger = pytest.mark.skipif(not can_be_a_stranger(), reason="only root can become another user")


@pytest.fixture
def place():
    """A folder that user 12345 can write to, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def run(place, *command, **variables):
    """Run a module as a user without an account, package and interpreter read-only."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "TMPDIR": str(place),
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    return subprocess.run(
        [*STRANGER, sys.executable, "-m", *map(str, command)],
        env=environment,
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


HOMES = {"none": {}, "/": {"HOME": "/"}, "absent": {"HOME": "/no/home"}, "of root": {"HOME": "/root", "LANG": "C"}}


@stranger
@pytest.mark.parametrize("home", HOMES)
def test_the_server_answers_without_a_home(place, home):
    done = run(place, "tracker", **HOMES[home], RECIPROCATIVE_TRACKER="NCC")
    assert done.returncode == 0
    assert "@@TRAX:hello" in done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 1
    assert not (place / "~").exists()
    if home == "none":
        assert (place / "reciprocative-tracker-12345" / "NCC.log").is_file()


@stranger
@pytest.mark.parametrize("home", HOMES)
def test_commands_run_without_a_home(place, home):
    scenes.write_vot(place / "walk", 3)
    track = ("tracker.cli", "track", place / "walk", "--tracker", "NCC", "--boxes", place / "b.txt")
    done = run(place, *track, **HOMES[home])
    assert done.returncode == 0
    assert len((place / "b.txt").read_text().splitlines()) == 3
    done = run(place, "tracker.cli", "weights", "list", **HOMES[home])
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@stranger
@pytest.mark.parametrize("home", HOMES)
def test_the_toolkit_is_imported_without_a_home(place, home):
    """In this package's commands; they end with a message of their own, not numba's."""
    done = run(place, "tracker.cli", "compare", "--sequence", "one", "--workspace", place, **HOMES[home])
    assert done.returncode == 3
    assert "is not a VOT workspace" in done.stderr
    scenes.write_workspace(place / "w")
    done = run(place, "tracker.cli", "compare", "--sequence", "one", "--workspace", place / "w", **HOMES[home])
    assert done.returncode == 2
    assert "no results of a registered tracker" in done.stderr
    assert not (place / "~").exists()
    assert (place / "reciprocative-tracker-12345" / "numba").is_dir()


@stranger
def test_no_place_at_all(place):
    place.chmod(0o555)
    done = run(place, "tracker", RECIPROCATIVE_TRACKER="NCC", TMPDIR="/proc", HOME="/")
    assert done.returncode == 0
    assert "no log file: " in done.stderr
    assert "Traceback" not in done.stderr


@stranger
def test_a_workspace_that_cannot_be_written(place):
    workspace = scenes.write_workspace(place / "w")
    done = run(place, "tracker.cli", "evaluate", "NCC", "--workspace", workspace, HOME="/")
    assert done.returncode in (1, 3)
    assert "Permission denied" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_the_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = places.temporary_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert places.temporary_folder() == folder
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="belongs to somebody else: set TMPDIR"):
        places.temporary_folder()
    folder.rmdir()
    (tmp_path / "other").mkdir(0o700)
    folder.symlink_to(tmp_path / "other")
    with pytest.raises(PermissionError):
        places.temporary_folder()


def test_caches_go_where_they_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    places.prepare()
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/chosen")
    places.prepare()
    assert os.environ["NUMBA_CACHE_DIR"] == "/chosen"


@pytest.fixture
def sound(monkeypatch, tmp_path):
    """A machine on which nothing is wrong."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(machine.resource, "getrlimit", lambda kind: (1024, 4096))
    assert list(machine.check_machine()) == []


def test_few_open_files(sound, monkeypatch):
    monkeypatch.setattr(machine.resource, "getrlimit", lambda kind: (32, 4096))
    (finding,) = machine.check_machine()
    assert "may open 32 files" in finding.what
    assert finding.mend == "ulimit -n 64"
    assert finding.fails
    monkeypatch.setattr(machine.resource, "getrlimit", lambda kind: (32, 32))
    (finding,) = machine.check_machine()
    assert finding.mend is None


def test_an_evaluation_with_few_files_is_refused_or_allows_itself_more(monkeypatch):
    limits = [(16, 40)]
    monkeypatch.setattr(scheduler.resource, "getrlimit", lambda kind: limits[-1])
    monkeypatch.setattr(scheduler.resource, "setrlimit", lambda kind, pair: limits.append(pair))
    with pytest.raises(OSError, match="may open 40 files here, and 2 workers need 80: 'ulimit -n 80'"):
        scheduler.allow_files(2)
    limits[0] = (16, 4096)
    scheduler.allow_files(2)
    assert limits[-1] == (80, 4096)
    scheduler.allow_files(1)
    assert len(limits) == 2


def test_a_temporary_folder_that_is_missing_or_full(sound, monkeypatch):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(1, 1, 1 << 20))
    (finding,) = machine.check_machine()
    assert "has 1 MB left" in finding.what
    assert finding.mend.startswith("export TMPDIR=")
    assert finding.fails
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    (finding,) = machine.check_machine()
    assert "no temporary folder can be written" in finding.what
    assert finding.fails


@stranger
@pytest.mark.parametrize("home", ["none", "/"])
def test_doctor_tells_of_a_machine_and_its_mend_helps(place, home):
    """The toolkit by itself ends with numba's "no locator available", or makes a folder called ~ where it is."""
    script = "from tracker.core import places; from tracker.doctor import machine; places.prepare(); "
    (place / "check.py").write_text(script + "print(*(f.mend for f in machine.check_machine()), sep='\\n')\n")
    settings = {"PYTHONPATH": f"{PROJECT}:{place}", **HOMES[home]}
    assert run(place, "check", **settings).stdout == "export NUMBA_CACHE_DIR=${TMPDIR:-/tmp}/numba\n"
    settings["NUMBA_CACHE_DIR"] = f"{place}/numba"
    assert run(place, "check", **settings).stdout.strip() == ""
    analysis = ("vot", "analysis", "--workspace", scenes.write_workspace(place / "w"))
    done = run(place, *analysis, **HOMES[home])
    assert "no locator available" in done.stdout + done.stderr or (place / "~").is_dir()
    shutil.rmtree(place / "~", ignore_errors=True)
    done = run(place, *analysis, **settings)
    assert "no locator available" not in done.stdout + done.stderr
    assert not (place / "~").exists()
