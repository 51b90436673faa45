"""What is missing is listed, what something else has made is named, and a task runs as the toolkit would run it."""

import json

import pytest
from vot.workspace import Workspace

from tests.helpers.workspaces import EXPERIMENTS, MULTISTART, REALTIME, write_registry, write_workspace
from tracker.core.errors import DamagedFile
from tracker.vot.evaluation.execute import execute
from tracker.vot.evaluation.plan import THREAD_VARIABLES, clear, plan, run_lengths, threads
from tracker.vot.results import provenance
from tracker.vot.results.runfiles import result_folder

ALL = EXPERIMENTS.format(repetitions=3) + MULTISTART + REALTIME


@pytest.fixture
def directory(tmp_path):
    return write_workspace(tmp_path, ALL, {"left": 12, "right": 20})


def planned(directory, reported="abc", **options):
    workspace = Workspace.load(str(directory))
    trackers = {workspace.registry["Dummy"]: reported}
    return plan(workspace, trackers, list(workspace.stack), list(workspace.dataset), **options)


def run(directory, task):
    outcome = execute(str(directory), "test", task, {})
    assert outcome.error is None, outcome
    return outcome


def test_everything_is_missing_at_first_and_alone_tasks_come_last(directory):
    found = planned(directory, alone=frozenset({"unsupervised"}))
    assert [task.name.removeprefix("Dummy/") for task in found.todo] == [
        "baseline/right",
        "multistart/right",
        "baseline/left",
        "multistart/left",
        "realtime/right",
        "unsupervised/right",
        "realtime/left",
        "unsupervised/left",
    ]
    assert [task.frames for task in found.todo] == [60, 40, 36, 24, 20, 20, 12, 12]
    assert [task.alone for task in found.todo] == [False] * 4 + [True] * 4
    assert not (found.kept)
    assert not (found.stale)
    assert not (found.half_written)
    assert not (found.unrecorded)


def test_executed_task_is_kept_and_not_run_again(directory):
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/baseline/left"]
    shares = []
    outcome = execute(str(directory), "test", task, {}, shares.append)
    assert outcome.error is None
    assert [run.name for run in outcome.runs] == ["left_001", "left_002", "left_003"]
    assert shares == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1]
    found = planned(directory)
    assert [(kept.task.name, kept.runs) for kept in found.kept] == [(task.name, outcome.runs)]
    files = {path: path.stat().st_mtime_ns for path in directory.rglob("*.bin")}
    assert run(directory, task).runs == outcome.runs
    assert files == {path: path.stat().st_mtime_ns for path in directory.rglob("*.bin")}


def test_other_weights_settings_rules_or_data_make_results_stale(directory):
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/unsupervised/left"]
    run(directory, task)
    assert not planned(directory).stale
    assert planned(directory, "xyz").stale == [
        (next(t for t, _ in planned(directory, "xyz").stale), ["parameters or weights: abc -> xyz"])
    ]
    write_registry(directory, {"Dummy": {"env_DUMMY_DRIFT": "5", "label": "Pretty", "timeout": "99"}})
    ((_, differences),) = planned(directory).stale
    assert differences == ["env_DUMMY_DRIFT: None -> 5"]
    write_registry(directory, {"Dummy": {}})
    truth = directory / "sequences/left/groundtruth.txt"
    truth.write_text(truth.read_text().replace("20", "21", 1))
    ((task, differences),) = planned(directory).stale
    assert differences == ["the sequence itself (ground truth or images)"]
    clear(result_folder(directory, task.tracker, task.experiment, task.sequence))
    assert not planned(directory).stale
    assert len(planned(directory).todo) == 8


def test_reset_based_results_that_took_absent_frames_for_failures_are_stale(directory):
    truth = directory / "sequences/left/groundtruth.txt"
    truth.write_text("\n".join([*truth.read_text().splitlines()[:-1], "nan,nan,nan,nan"]))
    (directory / "sequences/left/anchor.value").write_text("1\n")
    rules = {task.name: task.provenance.experiment for task in planned(directory).todo}
    assert [name for name in rules if "absent" in rules[name]] == ["Dummy/baseline/left", "Dummy/realtime/left"]
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/baseline/left"]
    run(directory, task)
    assert not planned(directory).stale
    file = result_folder(directory, "Dummy", "baseline", "left") / provenance.FILE
    record = json.loads(file.read_text())
    del record["experiment"]["absent"]
    file.write_text(json.dumps(record))
    ((_, differences),) = planned(directory).stale
    assert differences == ["experiment absent: None -> no failure"]


def test_results_without_a_record_are_kept_and_named(directory):
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/unsupervised/left"]
    run(directory, task)
    folder = result_folder(directory, "Dummy", "unsupervised", "left")
    (folder / provenance.FILE).unlink()
    found = planned(directory)
    assert [item.name for item in found.unrecorded] == [task.name]
    assert len(found.kept) == 1


def test_a_fingerprint_of_the_earlier_form_is_unrecorded_and_everything_else_still_compared(directory):
    tasks = [task for task in planned(directory).todo if task.name.startswith("Dummy/baseline/")]
    for task in tasks:
        run(directory, task)
    files = [result_folder(directory, "Dummy", "baseline", task.sequence) / provenance.FILE for task in tasks]
    for file, data in zip(files, (None, "other"), strict=True):
        record = json.loads(file.read_text()) | {"tracker": "1e031fa335a13443"}
        del record["form"]
        file.write_text(json.dumps(record | ({"data": data} if data else {})))
    found = planned(directory)
    assert found.unrecorded == tasks[:1]
    assert found.stale == [(tasks[1], ["the sequence itself (ground truth or images)"])]
    next(files[0].parent.glob("*_002.bin")).unlink()
    run(directory, tasks[0])  # what is there is kept, and named in a record of today's form
    record = json.loads(files[0].read_text())
    assert record["tracker"] == "abc"
    assert record["unrecorded"] == [f"{tasks[0].sequence}_001", f"{tasks[0].sequence}_003"]


def test_unreadable_record_is_an_error_with_a_remedy(directory):
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/unsupervised/left"]
    run(directory, task)
    (result_folder(directory, "Dummy", "unsupervised", "left") / provenance.FILE).write_text("{")
    with pytest.raises(DamagedFile, match="delete it to keep the results"):
        planned(directory)


def test_task_writes_nothing_into_a_folder_that_another_evaluation_has_taken(directory):
    """Whose command was killed may go on for a while on a cluster; the next command may have other parameters."""
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/baseline/left"]
    (other,) = [other for other in planned(directory, "xyz").todo if other.name == task.name]
    folder = result_folder(directory, "Dummy", "baseline", "left")

    def take(share):
        clear(folder)
        provenance.write(folder, other.provenance)

    outcome = execute(str(directory), "taken", task, {}, take)
    assert "belongs to another evaluation by now" in outcome.error
    assert [path.name for path in folder.iterdir()] == [provenance.FILE]


def test_crash_is_an_outcome_with_the_trackers_last_lines(directory, tmp_path):
    crashes = tmp_path / "crashes"
    crashes.mkdir()
    write_registry(directory, {"Dummy": {"env_DUMMY_CRASH": str(crashes)}})
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/baseline/left"]
    outcome = execute(str(directory), "crash", task, {})
    assert outcome.error
    assert "the dummy was told to crash" in outcome.log
    assert not outcome.runs
    assert not list(directory.rglob("*.bin"))
    assert list((directory / "logs").iterdir())


def test_environment_of_a_scheduler_is_undone(directory, monkeypatch):
    """Dask sets thread counts in its workers; a tracker's sums depend on them."""
    import os

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    task = planned(directory).todo[-1]
    execute(str(directory), "environment", task, {"OMP_NUM_THREADS": None, "MKL_NUM_THREADS": "3"})
    assert "OMP_NUM_THREADS" not in os.environ
    assert os.environ.pop("MKL_NUM_THREADS") == "3"


def test_sequence_without_anchors_is_named(directory):
    (directory / "sequences/left/anchor.value").unlink()
    with pytest.raises(ValueError, match=r"sequence left has no anchors, and multistart starts at anchors: write 1"):
        planned(directory)


def test_threads_come_from_the_section(directory):
    for settings, expected in (({}, None), ({f"env_{THREAD_VARIABLES[0]}": "4", "env_OMP_NUM_THREADS": "2"}, 4)):
        write_registry(directory, {"Dummy": settings})
        assert threads(Workspace.load(str(directory)).registry["Dummy"]) == expected


def test_multistart_runs_from_every_anchor(directory):
    workspace = Workspace.load(str(directory))
    sequence = workspace.dataset["left"]
    assert run_lengths(workspace.stack["multistart"], sequence) == [12, 12]
    (task,) = [task for task in planned(directory).todo if task.name == "Dummy/multistart/left"]
    assert [(run.name, run.frames) for run in run(directory, task).runs] == [
        ("left_00000000", 12),
        ("left_00000011", 12),
    ]
