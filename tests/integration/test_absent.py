"""Ground truth with absent targets: no failure there, no initialisation there, on every release of the toolkit."""

from __future__ import annotations

import sys

import pytest
from vot.region import Special
from vot.region.io import read_trajectory

from tests.helpers.workspaces import EXPERIMENTS, MULTISTART, files, other_python, run, write_workspace

pytestmark = pytest.mark.integration

RESET = EXPERIMENTS.format(repetitions=1).partition("  unsupervised")[0]
OWN = RESET.replace("tracker.vot.reset_based.ResetBased", "supervised")
STILL = {"Dummy": {"env_DUMMY_DRIFT": "0"}}
LENGTH = 24
SECOND = pytest.param(other_python(), marks=pytest.mark.skipif(other_python() is None, reason="make test-toolkits"))


def workspace_with(folder, lines, experiments=RESET, trackers=STILL):
    workspace = write_workspace(folder, experiments, {"walk": LENGTH}, trackers)
    (workspace / "sequences/walk/groundtruth.txt").write_text("".join(f"{line}\n" for line in lines))
    return workspace


def regions_of(workspace):
    trajectory = read_trajectory(str(workspace / "results/Dummy/baseline/walk/walk_001.bin"))
    return [region.code if isinstance(region, Special) else "r" for region in trajectory]


def evaluate(workspace, *arguments, command=("tracker.cli", "evaluate"), python=sys.executable):
    return run(*command, "Dummy", "--workspace", workspace, *arguments, python=python)


@pytest.mark.parametrize("python", [sys.executable, SECOND])
@pytest.mark.parametrize("absent", ["nan,nan,nan,nan", "0,0,0,0", "m0,0,2,2,4"])
def test_an_absent_frame_is_no_failure(tmp_path, absent, python):
    lines = ["20,20,16,12"] * LENGTH
    lines[8:19] = [absent] * 11
    workspace = workspace_with(tmp_path / "w", lines)
    done = evaluate(workspace, python=python)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "walk: no region in line 9-19 of its ground truth: no failures there" in done.stdout
    assert regions_of(workspace) == [1] + ["r"] * (LENGTH - 1)
    for command in ("analysis", "report"):
        assert run("vot", command, "Dummy", "--workspace", workspace, python=python).returncode == 0


@pytest.mark.parametrize("python", [sys.executable, SECOND])
def test_initialisation_waits_for_a_region(tmp_path, python):
    """The target jumps on frame 5: a failure; frame 10, where to initialise, to 13 are absent."""
    lines = ["20,20,16,12"] * 5 + ["60,20,16,12"] * 5 + ["nan,nan,nan,nan"] * 4 + ["60,20,16,12"] * 10
    workspace = workspace_with(tmp_path / "w", lines)
    done = evaluate(workspace, command=("vot", "evaluate"), python=python)
    assert done.returncode == 0, done.stderr
    assert regions_of(workspace) == [1, *"rrrr", 2, *[0] * 8, 1, *"r" * 9]


def test_absent_to_the_end(tmp_path):
    lines = ["20,20,16,12"] * 5 + ["60,20,16,12"] * 2 + ["nan,nan,nan,nan"] * 17
    workspace = workspace_with(tmp_path / "w", lines)
    assert evaluate(workspace).returncode == 0
    assert regions_of(workspace) == [1, *"rrrr", 2, *[0] * 18]


def test_without_absent_frames_the_files_are_those_of_the_toolkits_own_experiment(tmp_path):
    """Only 0.7.4 can run its own."""
    trackers = {"Dummy": {}}
    ours = write_workspace(tmp_path / "ours", RESET.replace("repetitions: 1", "repetitions: 3"), trackers=trackers)
    theirs = write_workspace(tmp_path / "theirs", OWN.replace("repetitions: 1", "repetitions: 3"), trackers=trackers)
    for workspace in (ours, theirs):
        assert evaluate(workspace, command=("vot", "evaluate")).returncode == 0
    assert len(files(theirs / "results")) >= 9
    assert files(ours / "results") == files(theirs / "results")


@pytest.mark.parametrize(
    ("lines", "experiments", "message"),
    [
        (
            ["0,0,0,0"] * 3 + ["20,20,16,12"] * 21,
            RESET,
            "sequence walk: frame 0 has no region to initialise on (line 1 of its ground truth)",
        ),
        (
            ["20,20,16,12"] * 3 + ["0,0,0,0"] * 21,
            MULTISTART,
            "sequence walk: frame 23 has no region to initialise on (line 24 of its ground truth)",
        ),
        (
            ["20,20,16,12"] * 21 + ["0,0,0,0"] * 3,
            OWN,
            "sequence walk: no region in line 22-24 of its ground truth, and experiment baseline is of vot-toolkit's "
            "own type",
        ),
    ],
)
def test_what_cannot_be_initialised_is_refused_before_anything_runs(tmp_path, lines, experiments, message):
    workspace = workspace_with(tmp_path / "w", lines, experiments)
    done = evaluate(workspace)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(workspace.glob("results/*/*/*/*"))


def plant(workspace, fault):
    sequence = workspace / "sequences/walk"
    images = sorted((sequence / "color").iterdir())
    if fault == "numbered from 0":
        for index, path in enumerate(images):
            path.rename(path.with_name(f"{index:08d}.jpg"))
    elif fault == "capitals":
        for path in images:
            path.rename(path.with_suffix(".JPG"))
    elif fault == "a gap":
        images[10].unlink()
    elif fault == "more values than images":
        images[-1].unlink()
    elif fault == "no number":
        (sequence / "anchor.value").write_text("1\n0\n\n0\n")
    elif fault == "empty line":
        (workspace / "sequences/list.txt").write_text("walk\n\n")
    elif fault == "mark in the registry":
        text = (workspace / "trackers.ini").read_text()
        (workspace / "trackers.ini").write_text("\ufeff" + text)


@pytest.mark.parametrize("python", [sys.executable, SECOND])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("numbered from 0", "walk/color/00000000.jpg: the toolkit counts images from 1"),
        ("capitals", "walk/sequence: Empty sequence, no frames found"),
        ("a gap", "walk/color/00000011.jpg: missing: the toolkit ends the sequence before it and ignores 13 images"),
        ("more values than images", "walk/anchor.value, line 24: 24 lines, but the sequence has 23 frames"),
        ("no number", "walk/anchor.value, line 3: a value is a number, found ''"),
        ("empty line", "list.txt, line 2: an empty line"),
        ("mark in the registry", "trackers.ini', line: 1 '(byte order mark)[Dummy]"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_line(tmp_path, fault, message, python):
    workspace = workspace_with(tmp_path / "w", ["20,20,16,12"] * LENGTH)
    plant(workspace, fault)
    done = evaluate(workspace, "--dry-run", python=python)
    assert done.returncode in (2, 3)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
