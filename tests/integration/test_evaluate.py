"""`reciprocative evaluate` on a tiny workspace: the bytes of `vot evaluate`, whatever happens on the way."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest

from tests.helpers.workspaces import EXPERIMENTS, files, read_json, run, write_registry, write_workspace
from tracker import cli
from tracker.commands import evaluate as evaluate_command
from tracker.core.paths import PROJECT

pytestmark = pytest.mark.integration

TRACKERS = {"Fast": {"env_DUMMY_DRIFT": "3", "env_OMP_NUM_THREADS": "1"}, "Slow": {"env_OMP_NUM_THREADS": "1"}}
STEADY = EXPERIMENTS.format(repetitions=4)


def evaluate(workspace, *arguments, **options):
    return run("tracker.cli", "evaluate", *arguments, "--workspace", workspace, **options)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A workspace that `vot evaluate` itself has evaluated."""
    workspace = write_workspace(tmp_path_factory.mktemp("reference"), STEADY, trackers=TRACKERS)
    done = run("vot", "evaluate", "Fast", "Slow", "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    return workspace


@pytest.fixture
def fresh(tmp_path):
    """The same workspace without results."""
    return write_workspace(tmp_path / "workspace", STEADY, trackers=TRACKERS)


def same_results(workspace, reference, tracker="Fast"):
    ours, theirs = (files(folder / "results" / tracker) for folder in (workspace, reference))
    return len(theirs) > 20 and ours == theirs and not list(workspace.rglob("*.part"))


def started(workspace, count=1):
    """Wait until the evaluation has written ``count`` trajectories."""
    deadline = time.monotonic() + 240
    while len(list(workspace.glob("results/*/*/*/*.bin"))) < count:
        assert time.monotonic() < deadline, "the evaluation wrote nothing"
        time.sleep(0.05)


def tracker_below(process):
    """The first tracker process that is found below another; waits for it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if child.environ().get("TRAX") == "1":
                    return child
        time.sleep(0.1)
    return pytest.fail("no tracker was started")


def in_background(workspace, *arguments):
    command = [sys.executable, "-m", "tracker.cli", "evaluate", *arguments, "--workspace", str(workspace)]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts():
    """Undo what a test run inherits that was itself put in the background by a shell: SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def slow(monkeypatch):
    """Trackers inherit the environment: 30 ms a frame, without a change of their sections."""
    monkeypatch.setenv("DUMMY_SLEEP", "30")


def test_same_bytes_as_the_toolkit_and_nothing_to_do_the_second_time(reference, fresh):
    first = evaluate(fresh, "Fast", "Slow", "--workers", "2")
    assert first.returncode == 0, first.stdout + first.stderr
    assert same_results(fresh, reference, "Fast")
    assert same_results(fresh, reference, "Slow")
    record = read_json(fresh / "results/Fast/baseline/left/fingerprint.json")
    assert record["settings"]["env_DUMMY_DRIFT"] == "3"
    assert len(record["fingerprint"]) == 12
    times = {path: path.stat().st_mtime_ns for path in fresh.rglob("*.bin")}

    second = evaluate(fresh)
    assert second.returncode == 0
    assert "0 tasks run, 12 were complete before" in second.stdout
    assert times == {path: path.stat().st_mtime_ns for path in fresh.rglob("*.bin")}


def test_half_written_files_are_found_and_made_again(reference, tmp_path):
    """What a killed `vot evaluate` leaves: empty, cut and missing files."""
    workspace = tmp_path / "workspace"
    shutil.copytree(reference, workspace)
    baseline = workspace / "results/Fast/baseline"
    (baseline / "left/left_002.bin").write_bytes(b"")
    cut = baseline / "middle/middle_003.bin"
    cut.write_bytes(cut.read_bytes()[:40])
    (baseline / "right/right_001_time.value").unlink()
    short = workspace / "results/Fast/unsupervised/left/left_001_confidence.value"
    short.write_bytes(short.read_bytes()[:30])

    dry = evaluate(workspace, "Fast", "--dry-run")
    assert dry.returncode == 0
    assert "4 tasks to run, 2 complete" in dry.stdout
    done = evaluate(workspace, "Fast")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("left_002", "middle_003", "right_001", "left_001"):
        assert f"{name}: " in done.stdout
    assert "kept, but made without a record" in done.stdout
    assert same_results(workspace, reference)


def test_results_of_other_parameters_are_named_and_not_used(fresh):
    only = ("Fast", "--experiments", "unsupervised", "--sequences", "left")
    assert evaluate(fresh, *only).returncode == 0
    before = files(fresh / "results")
    write_registry(fresh, {"Fast": {**TRACKERS["Fast"], "env_DUMMY_DRIFT": "1"}})
    refused = evaluate(fresh, *only)
    assert refused.returncode == 1
    assert "Fast/unsupervised/left was made with env_DUMMY_DRIFT: 3 -> 1" in refused.stdout.replace("\n", " ")
    assert files(fresh / "results") == before
    analysis = fresh / "cache/analysis/old"
    analysis.mkdir(parents=True)
    redone = evaluate(fresh, *only, "--stale", "redo")
    assert redone.returncode == 0
    assert files(fresh / "results").keys() == before.keys()
    assert files(fresh / "results") != before
    assert not analysis.exists()


def test_crash_is_retried_once_and_then_reported_while_others_go_on(reference, fresh, tmp_path):
    once, always = tmp_path / "once", tmp_path / "always"
    once.mkdir()
    always.mkdir()
    write_registry(
        fresh,
        {
            "Fast": {**TRACKERS["Fast"], "env_DUMMY_CRASH": str(once), "env_DUMMY_CRASHES": "1"},
            "Slow": {**TRACKERS["Slow"], "env_DUMMY_CRASH": str(always)},
            "Absent": {"command": "no_such_module"},
        },
    )
    done = evaluate(fresh, "Fast", "Slow", "Absent", "--sequences", "left,middle", "--experiments", "baseline")
    assert done.returncode == 1
    assert "2 tasks run" in done.stdout
    assert "2 failed" in done.stdout
    assert "Slow/baseline/left is not complete, after two attempts" in done.stdout
    assert "| the dummy was told to crash" in done.stdout
    assert "No module named no_such_module" in done.stdout
    assert len(list(once.iterdir())) == 1
    assert len(list(always.iterdir())) == 4
    assert not list(fresh.glob("results/Slow/*/*/*.bin"))
    wanted = {k: v for k, v in files(reference / "results/Fast/baseline").items() if not k.startswith("right")}
    assert files(fresh / "results/Fast/baseline") == wanted


def test_hanging_tracker_is_ended_retried_once_and_then_reported(fresh, tmp_path):
    lives = tmp_path / "lives"
    # The toolkit does not watch a request that comes within a tenth of a second of the start: the first reply is slow.
    hanging = {"env_DUMMY_HANG": "1", "env_DUMMY_SLEEP": "500", "env_DUMMY_LIVES": str(lives), "timeout": "2"}
    write_registry(fresh, {"Fast": {**TRACKERS["Fast"], **hanging}})
    done = evaluate(fresh, "Fast", "--sequences", "left", "--experiments", "unsupervised")
    assert done.returncode == 1
    assert "Fast/unsupervised/left failed and is run once more" in done.stdout
    assert "Fast/unsupervised/left is not complete, after two attempts" in done.stdout
    pids = [int(line) for line in lives.read_text().splitlines()]
    assert len(pids) == 3  # the probe, and two attempts
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not list(fresh.rglob("*.bin"))


def test_interrupt_stops_cleanly_and_the_next_run_does_the_rest(reference, fresh, slow):
    process = in_background(fresh, "Fast", "--workers", "2")
    started(fresh, 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert 3 <= len(list(fresh.rglob("*.bin"))) < 15
    left = [item for item in psutil.process_iter(["cmdline"]) if str(fresh) in " ".join(item.info["cmdline"] or [])]
    assert not left
    done = evaluate(fresh, "Fast")
    assert done.returncode == 0
    assert same_results(fresh, reference)


def test_killed_worker_and_killed_command_leave_the_same_bytes(reference, fresh, slow):
    process = in_background(fresh, "Fast", "--workers", "2")
    started(fresh, 1)
    worker = tracker_below(process).parent()
    assert worker.pid != process.pid
    worker.kill()
    worker.wait(30)
    started(fresh, 5)
    process.kill()
    process.wait()
    assert 5 <= len(list(fresh.rglob("*.bin"))) < 15
    done = evaluate(fresh, "Fast", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "half-written" not in done.stdout
    assert same_results(fresh, reference)


@pytest.fixture
def scheduler(tmp_path):
    """An external `dask scheduler` with one `dask worker`: address, and the processes."""
    address_file = tmp_path / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    options = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    head = subprocess.Popen(
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", address_file],
        **options,
    )
    deadline = time.monotonic() + 60
    while not address_file.exists() or not address_file.read_text().endswith("}"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    address = read_json(address_file)["address"]
    worker = subprocess.Popen(
        [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", tmp_path / "scratch"],
        **options,
    )
    yield address, head, worker
    for process in (worker, head):
        process.terminate()
        process.wait(20)


def test_external_scheduler_gives_the_same_bytes_also_after_it_was_killed(reference, fresh, scheduler, slow):
    address, head, _ = scheduler
    dry = evaluate(fresh, "Fast", "--scheduler", address, "--dry-run")
    assert "on 1 workers" in dry.stdout  # those of the cluster, whatever this machine has
    process = in_background(fresh, "Fast", "--scheduler", address)
    started(fresh, 4)
    head.kill()
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 3, output
    assert "run the same command again" in output
    done = evaluate(fresh, "Fast")
    assert done.returncode == 0
    assert same_results(fresh, reference)


def test_killed_command_leaves_no_tracker_on_the_cluster(fresh, scheduler):
    address, _, worker = scheduler
    write_registry(fresh, {"Fast": {"env_DUMMY_SLEEP": "1000"}})
    process = in_background(fresh, "Fast", "--experiments", "baseline", "--scheduler", address)
    tracker = tracker_below(worker)
    process.kill()
    process.wait()
    tracker.wait(20)  # a repetition takes 24 s at least
    assert not list(fresh.rglob("*.bin"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 kB."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", mount], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a small file system needs the right to mount one")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


def test_full_disk_is_a_clear_error_and_earlier_results_stay(reference, fresh, small_disk):
    (fresh / "results").symlink_to(small_disk, target_is_directory=True)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(80_000))
    dry = evaluate(fresh, "Fast", "--dry-run")
    assert dry.returncode == 0
    assert "the disk has only 0 MB left" in dry.stdout
    filler.write_bytes(bytes(40_000))
    done = evaluate(fresh, "Fast", "--workers", "1")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "run the same command again" in done.stderr
    kept = files(small_disk)
    del kept["filler"]
    expected = files(reference / "results")
    assert kept
    assert all(expected[name] == content for name, content in kept.items())
    filler.unlink()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["Nobody"], 2, "no tracker named Nobody"),
        (["Fast", "--experiments", "none"], 2, "no experiment named none in the workspace; it has baseline"),
        (["Fast", "--sequences", "left,none"], 2, "no sequence named none"),
        (["Fast", "--alone", "none"], 2, "no experiment named none"),
        (["Fast", "--workers", "0"], 2, "--workers must be 1 or more, not 0"),
        (["Fast", "--workers", "2", "--scheduler", "tcp://127.0.0.1:9"], 2, "--workers 2 is for this machine alone"),
        (["Fast", "--scheduler", "tcp://127.0.0.1:9"], 3, "no Dask scheduler answers at tcp://127.0.0.1:9"),
    ],
)
def test_wrong_use_is_an_error(fresh, monkeypatch, capsys, arguments, code, message):
    monkeypatch.setattr("tracker.vot.evaluation.scheduler.ANSWER_LIMIT", 1)
    monkeypatch.setattr(evaluate_command, "signal", SimpleNamespace(signal=lambda *_: None, SIGTERM=15))
    assert cli.main(["evaluate", *arguments, "--workspace", str(fresh)]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--experiments", "--sequences", "--alone"])
@pytest.mark.parametrize("names", ["", ","])
def test_option_that_names_nothing_is_an_error(capsys, option, names):
    with pytest.raises(SystemExit) as caught:
        cli.main(["evaluate", "Fast", option, names])
    assert caught.value.code == 2
    assert f"argument {option}: {names!r} names nothing" in capsys.readouterr().err


def test_folder_that_is_no_workspace_is_an_error(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evaluate_command, "signal", SimpleNamespace(signal=lambda *_: None, SIGTERM=15))
    assert cli.main(["evaluate", "Fast", "--workspace", str(tmp_path)]) == 3
    assert "no config.yaml" in capsys.readouterr().err
