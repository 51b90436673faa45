"""Every figure of a stack on a small challenge of our own making, against those of the plain loops of version 0.1.

``challenge.json`` was written when each overlap was one call of the toolkit and each pair of trackers one of scipy:
whatever is made faster since has to give the same.
"""

import json
from pathlib import Path

import pytest
from small import ROOT
from vot.analysis import Measure
from vot.workspace import Workspace

from benchmarks import challenge
from tracker.vot.expected_overlap import ExpectedOverlap

TRACKERS = ("T00", "T01", "T02", "T03", "T04")
GOLDEN = json.loads((Path(__file__).parent / "challenge.json").read_text())


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Title of an analysis -> tracker -> its numbers."""
    folder = tmp_path_factory.mktemp("challenge")
    challenge.write(folder, str(ROOT / "tracker" / "vot" / "stacks" / "vot2015.yaml"), len(TRACKERS), 6, frames=1200)
    workspace = Workspace.load(str(folder))
    experiment = workspace.stack.experiments["baseline"]
    sequences = experiment.transform(workspace.dataset)
    trackers = workspace.registry.resolve(*TRACKERS)
    found = {}
    for analysis in experiment.analyses:
        grid = computed(analysis, experiment, trackers, sequences)
        found[analysis.title] = {name: numbers(analysis, grid[index, 0]) for index, name in enumerate(TRACKERS)}
    return found


def computed(analysis, experiment, trackers, sequences):
    needed = [computed(one, experiment, trackers, sequences) for one in analysis.dependencies()]
    return analysis.compute(experiment, trackers, sequences, needed)


def numbers(analysis, row):
    per_tag = list(row[1]["EAO per tag"].values()) if isinstance(analysis, ExpectedOverlap) else []
    described = zip(analysis.describe(), row, strict=True)
    return [value for column, value in described if isinstance(column, Measure)] + per_tag


@pytest.mark.parametrize("title", GOLDEN)
@pytest.mark.parametrize("tracker", TRACKERS)
def test_figures_are_those_of_the_plain_loops(figures, title, tracker):
    assert figures[title][tracker] == pytest.approx(GOLDEN[title][tracker], rel=1e-12, abs=1e-12)
