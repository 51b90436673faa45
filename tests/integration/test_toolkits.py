"""The same stack file on every supported release of the toolkit gives the same trajectories and measures."""

import sys
from itertools import pairwise

import pytest

from benchmarks.toolkits import largest_difference, measures
from tests.helpers.workspaces import EXPERIMENTS, MULTISTART, REALTIME, files, other_python, run, write_workspace

pytestmark = pytest.mark.integration

OTHER = other_python()
ALL_EXPERIMENTS = EXPERIMENTS.format(repetitions=3) + MULTISTART + REALTIME
SEQUENCES = {"first": 20, "second": 9}
SLOW = {"env_DUMMY_SLEEP": "620"}
"""2.5 frame intervals a reply: real time skips every other frame, and 100 ms of disturbance change nothing."""


@pytest.fixture(scope="module")
def on_this_toolkit(tmp_path_factory):
    workspace = write_workspace(
        tmp_path_factory.mktemp("this"), ALL_EXPERIMENTS, SEQUENCES, {"Dummy": {}, "Slow": SLOW}
    )
    return evaluate(workspace, sys.executable)


def evaluate(workspace, python):
    for tracker, experiments in (("Dummy", "baseline,unsupervised,multistart"), ("Slow", "realtime")):
        done = run("vot", "evaluate", tracker, "--workspace", workspace, "--experiments", experiments, python=python)
        assert done.returncode == 0, done.stderr
    return workspace


def test_every_experiment_leaves_its_trajectories(on_this_toolkit):
    found = files(on_this_toolkit / "results")
    for sequence in ("first", "second"):
        for run_name in ("baseline/{0}/{0}_003.bin", "unsupervised/{0}/{0}_001.bin", "multistart/{0}/{0}_00000000.bin"):
            assert found["Dummy/" + run_name.format(sequence)]
        assert found[f"Slow/realtime/{sequence}/{sequence}_001.bin"]


def test_real_time_skips_frames_of_a_slow_tracker(on_this_toolkit):
    """A skipped frame repeats the region before it; the dummy itself moves on every frame that it sees."""
    from vot.region import RegionType
    from vot.region.io import read_trajectory

    regions = read_trajectory(str(on_this_toolkit / "results/Slow/realtime/first/first_001.bin"))
    moves = [
        after.x - before.x for before, after in pairwise(regions) if before.type == after.type == RegionType.RECTANGLE
    ]
    assert 0 in moves
    assert any(move > 0 for move in moves)


@pytest.mark.skipif(OTHER is None, reason="no second toolkit release: run 'make test-toolkits'")
def test_other_release_gives_identical_trajectories_and_measures(on_this_toolkit, tmp_path):
    workspace = write_workspace(tmp_path, ALL_EXPERIMENTS, SEQUENCES, {"Dummy": {}, "Slow": SLOW})
    evaluate(workspace, OTHER)
    ours, theirs = files(on_this_toolkit / "results"), files(workspace / "results")
    assert len(ours) >= 20
    assert ours == theirs
    found = []
    for folder, python in ((on_this_toolkit, sys.executable), (workspace, OTHER)):
        stack = (folder / "stack.yaml").read_text()
        (folder / "stack.yaml").write_text(stack.replace(REALTIME, ""))  # in which the dummy was not run
        done = run("vot", "analysis", "Dummy", "--workspace", folder, "--name", "figures", python=python)
        assert done.returncode == 0, done.stderr
        found.append(measures(folder))
    assert len(found[0]) >= 5
    assert largest_difference(*found) == 0
