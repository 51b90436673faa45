"""Every figure of a stack on a small challenge of our own making, against those of the plain loops of version 0.1.

``challenge.json`` was written when each overlap was one call of the toolkit and each pair of trackers one of scipy:
whatever is made faster since has to give the same.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from vot.analysis import Measure
from vot.workspace import Workspace

from benchmarks import challenge, full_size, official
from tracker.core.paths import PROJECT
from tracker.vot.expected_overlap import ExpectedOverlap

STACK = PROJECT / "tracker" / "vot" / "stacks" / "vot2015.yaml"
TRACKERS = ("T00", "T01", "T02", "T03", "T04")
GOLDEN = json.loads((Path(__file__).parent / "challenge.json").read_text())


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Title of an analysis -> tracker -> its numbers."""
    folder = tmp_path_factory.mktemp("challenge")
    challenge.write(folder, str(STACK), len(TRACKERS), 6, frames=1200)
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


@pytest.fixture
def published(tmp_path):
    """A challenge's ground truth and the archive of its trackers, as somebody else offers them."""
    challenge.write(tmp_path, str(STACK), 2, 3, frames=300)
    truth, results = tmp_path / "sequences", tmp_path / "results"
    return ["--sequences", str(truth), "--results", str(results), "--table", str(tmp_path / "table.csv")]


def test_a_printed_table_stands_beside_what_the_raw_runs_give(tmp_path, published, capsys):
    table = tmp_path / "table.csv"
    table.write_text("tracker,EAO,A,R_failures\nt-00,0.5,0.6,1.00\nNobody,0.1,0.2,3.00\n")
    assert official.main(["vot2015", *published]) == 0
    printed = capsys.readouterr().out
    row = re.search(r"^\| T00 \| 0.5 \| ([\d.]+) \| 0.6 \| ([\d.]+) \| 1.00 \| ([\d.]+) \|$", printed, re.MULTILINE)
    assert row
    assert "T01" not in printed
    assert "1 trackers" in printed
    for name, value, there in zip(("EAO", "A", "R_failures"), row.groups(), (0.5, 0.6, 1.0), strict=True):
        assert f"{name}: mean difference {abs(float(value) - there):.4f}" in printed
    table.write_text(f"tracker,EAO,A,R_failures\nT00,{','.join(row.groups())}\n")
    assert official.main(["vot2015", *published]) == 0
    assert capsys.readouterr().out.count("mean difference 0.0000, largest 0.0000") == 3


def test_what_cannot_be_compared_fails(tmp_path, published, capsys):
    (tmp_path / "table.csv").write_text("tracker,EAO\nNobody,0.1\n")
    assert official.main(["vot2015", *published]) == 1
    shutil.rmtree(tmp_path / "results")
    assert official.main(["vot2015", *published]) == 1
    assert "error: " in capsys.readouterr().err


@pytest.mark.integration
def test_the_benchmark_measures_every_command(capsys):
    full_size.main(["--trackers", "2", "--sequences", "2", "--frames", "500"])
    printed = capsys.readouterr().out
    assert printed.startswith("2 trackers x 2 sequences, 18 runs")  # the third tracker's are among them
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|$", printed, re.MULTILINE)
    assert [row[0] for row in rows] == [
        "first analysis", "the same again", "import of one more tracker", "analysis with it",
    ]  # fmt: skip
    assert all(float(number) > 0 for row in rows for number in row[1:])
