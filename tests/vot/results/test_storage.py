"""Result files appear whole or not at all, and damaged ones are told apart."""

from types import SimpleNamespace

import pytest
from vot.region import Rectangle, Special
from vot.tracker import Trajectory
from vot.tracker.results import Results

from tracker.core.errors import DamagedFile
from tracker.core.files import sweep
from tracker.vot.results.runfiles import delete_run, read_run, read_runs, trajectories
from tracker.vot.results.storage import ResultFolder, TaskStorage

TRACKER, EXPERIMENT = SimpleNamespace(reference="T"), SimpleNamespace(identifier="baseline")
SEQUENCE = SimpleNamespace(name="ants")


def trajectory(frames=4):
    made = Trajectory(frames)
    made.set(0, Special(1), {"time": 0.5})
    for frame in range(1, frames - 1):
        made.set(frame, Rectangle(frame, 2, 3, 4), {"time": 0.1, "confidence": 0.9})
    made.set(frames - 1, Special(2), {"time": 0.1})
    return made


@pytest.fixture
def results(tmp_path):
    folder = ResultFolder(str(folder_of(tmp_path)))
    return TaskStorage(str(tmp_path), folder).results(TRACKER, EXPERIMENT, SEQUENCE)


def folder_of(tmp_path):
    return tmp_path / "results" / "T" / "baseline" / "ants"


def test_trajectory_appears_after_its_properties(results, tmp_path):
    trajectory().write(results, "ants_001")
    names = {path.name for path in folder_of(tmp_path).glob("[!.]*")}
    assert names == {"ants_001_time.value", "ants_001_confidence.value"}
    assert Trajectory.exists(results, "ants_001")  # the look that every experiment takes before its next repetition
    assert (folder_of(tmp_path) / "ants_001.bin").exists()
    assert read_run(folder_of(tmp_path), "ants_001", 4).failures == 1


def test_same_bytes_as_the_toolkits_storage(results, tmp_path):
    from vot.workspace.storage import LocalStorage

    plain = LocalStorage(str(tmp_path / "plain")).results(TRACKER, EXPERIMENT, SEQUENCE)
    for target in (results, plain):
        trajectory().write(target, "ants_001")
    assert results.exists("ants_001.bin")
    ours, theirs = folder_of(tmp_path), folder_of(tmp_path / "plain")
    assert {p.name: p.read_bytes() for p in ours.iterdir()} == {p.name: p.read_bytes() for p in theirs.iterdir()}


def test_error_while_writing_leaves_nothing(tmp_path):
    folder = ResultFolder(str(tmp_path))
    with pytest.raises(RuntimeError, match="stop"), folder.write("ants_001.bin", binary=True) as file:
        file.write(b"half")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_discarded_trajectories_never_appear(tmp_path):
    folder = ResultFolder(str(folder_of(tmp_path)))
    trajectory().write(Results(folder), "ants_001")
    folder.discard()
    folder.commit()
    assert trajectories(folder_of(tmp_path)) == []
    assert not list(tmp_path.rglob("*.part"))


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda f: cut(f / "ants_001.bin", 0), "not a whole binary", id="empty trajectory"),
        pytest.param(lambda f: cut(f / "ants_001.bin", 20), "not a whole binary", id="cut trajectory"),
        pytest.param(lambda f: (f / "ants_001_time.value").unlink(), "missing beside", id="no times"),
        pytest.param(lambda f: cut(f / "ants_001_time.value", -2), "3 whole lines, but 4", id="cut times"),
        pytest.param(lambda f: cut(f / "ants_001_confidence.value", 0), "0 whole lines", id="empty property"),
        pytest.param(lambda f: (f / "ants_001_time.value").write_text("x\n" * 4), "not numbers", id="no numbers"),
    ],
)
def test_damage_is_named(results, tmp_path, damage, message):
    trajectory().write(results, "ants_001")
    assert results.exists("ants_001.bin")
    damage(folder_of(tmp_path))
    with pytest.raises(DamagedFile, match=message):
        read_run(folder_of(tmp_path), "ants_001", 4)


def test_repetition_without_the_last_property_of_its_siblings_is_damage(results, tmp_path):
    """The toolkit writes trajectory, times and confidences in turn; whoever is killed leaves the first of them."""
    frames = {f"ants_00{number}": 4 for number in (1, 2, 3)}
    for name in frames:
        trajectory().write(results, name)
    assert results.exists("ants_003.bin")
    whole, damaged = read_runs(folder_of(tmp_path), frames)
    assert [run.name for run in whole] == list(frames)
    assert not damaged
    (folder_of(tmp_path) / "ants_002_confidence.value").unlink()
    whole, damaged = read_runs(folder_of(tmp_path), frames)
    assert [run.name for run in whole] == ["ants_001", "ants_003"]
    assert "ants_002_confidence.value: missing, but another repetition has it" in str(damaged["ants_002"])


def test_wrong_length_and_cut_text_are_damage(tmp_path):
    (tmp_path / "a_001.txt").write_text("1\n1,2,3,4\n1,2,3,45")
    (tmp_path / "a_001_time.value").write_text("1\n1\n1\n")
    with pytest.raises(DamagedFile, match="last line is cut"):
        read_run(tmp_path, "a_001", 3)
    (tmp_path / "a_001.txt").write_text("1\n1,2,3,4\n1,2,3,4\n")
    assert read_run(tmp_path, "a_001", 3).seconds == 3
    with pytest.raises(DamagedFile, match="3 regions, but 5"):
        read_run(tmp_path, "a_001", 5)


def test_delete_and_sweep_touch_nothing_else(results, tmp_path):
    for name in ("ants_001", "ants_002"):
        trajectory().write(results, name)
    assert results.exists("ants_002.bin")
    folder = folder_of(tmp_path)
    (folder / ".ants_003.bin.abc.part").write_bytes(b"half")
    (folder / "fingerprint.json").write_text("{}")
    delete_run(folder, "ants_001")
    sweep(folder)
    left = {"ants_002.bin", "ants_002_time.value", "ants_002_confidence.value", "fingerprint.json"}
    assert {path.name for path in folder.iterdir()} == left
