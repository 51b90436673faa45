"""Runs of this package's trackers on the embedded sequences: figures to the last digit, and again by plain loops.

tests/data/embedded has ground truth, runs and the toolkit's document of all analyses. What is told here anew from the
definitions owes nothing to the code under test but the toolkit's overlap of two regions.
"""

import json
import shutil
from pathlib import Path

import pytest
from vot.region import Polygon, Rectangle, calculate_overlap

from tracker.core.paths import STACKS
from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.toolkit import analyse

DATA = Path(__file__).parents[1] / "data" / "embedded"
TRACKERS = ("DAT", "MDNet", "NCC", "MIL")
BURN_IN, SKIP = 10, 5


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedded") / "w"
    shutil.copytree(DATA / "results", folder / "results")
    write_dataset(DATA / "groundtruth.json", folder / "sequences")
    (folder / "trackers.ini").write_text("".join(f"[{name}]\ncommand =\n" for name in TRACKERS))
    stack = STACKS / "embedded.yaml"
    (folder / "config.yaml").write_text(f"registry: [./trackers.ini]\nsequences: sequences\nstack: {stack}\n")
    return folder


@pytest.fixture(scope="module")
def expected():
    return json.loads((DATA / "figures.json").read_text())


def close(found, wanted):
    """Equal but for the last bit or two of a float, in any nesting of lists and dicts."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(close, found, wanted))
    return found == (pytest.approx(wanted, rel=1e-13) if isinstance(wanted, float) else wanted)


@pytest.mark.integration
def test_every_analysis_gives_the_figures_that_are_kept(workspace, expected):
    results = json.loads(analyse(workspace, TRACKERS).read_text())["results"]
    found = {name: experiment["results"] for name, experiment in results.items()}
    assert found.keys() == expected.keys()
    for experiment, analyses in expected.items():
        for number, (analysis, wanted) in enumerate(zip(found[experiment], analyses, strict=True)):
            assert close(analysis, wanted), f"analysis {number} of {experiment}"


def overlaps_and_codes(file, sequence):
    """Per frame: overlap with the ground truth, or None and the code of the line."""
    frames = []
    for line, points in zip(file.read_text().split(), sequence["gt_rect"], strict=True):
        numbers = [float(word) for word in line.split(",")]
        if len(numbers) == 1:
            frames.append((None, int(numbers[0])))
        else:
            truth = Polygon(list(zip(points[::2], points[1::2], strict=True)))
            bounds = (sequence["width"], sequence["height"])
            frames.append((calculate_overlap(Rectangle(*numbers), truth, bounds), None))
    return frames


@pytest.fixture(scope="module", params=TRACKERS)
def runs(request):
    """Name of a tracker, its runs by sequence and repetition, as :func:`overlaps_and_codes` gives them."""
    truths = json.loads((DATA / "groundtruth.json").read_text())
    folder = DATA / "results" / request.param / "baseline"
    files = {name: sorted((folder / name).iterdir()) for name in truths}
    return request.param, [[overlaps_and_codes(file, truth) for file in files[name]] for name, truth in truths.items()]


def test_accuracy_and_failures_by_plain_loops(runs, expected):
    tracker, sequences = runs
    pooled, failures = [], 0.0
    for repetitions in sequences:
        counted = [[] for _ in repetitions[0]]
        for frames in repetitions:
            failures += sum(code == 2 for _, code in frames) / len(repetitions)
            start = 0
            for index, (overlap, code) in enumerate(frames):
                start = index if code == 1 else start
                if overlap is not None and index >= start + BURN_IN:
                    counted[index].append(overlap)
        pooled += [sum(values) / len(values) for values in counted if values]
    accuracy, count, *_ = expected["baseline"][0][TRACKERS.index(tracker)]
    assert accuracy == pytest.approx(sum(pooled) / len(pooled), rel=1e-12)
    assert count == pytest.approx(failures, rel=1e-12)


def pieces(frames):
    """Overlaps from each initialisation on, 0 where there is none; and whether a failure and a new start ended them."""
    starts = [index for index, (_, code) in enumerate(frames) if code == 1]
    for start, end in zip(starts, [*starts[1:], len(frames)], strict=True):
        yield [overlap or 0.0 for overlap, _ in frames[start:end]], end < len(frames)


def test_expected_overlap_by_plain_loops(runs, expected):
    """The MATLAB toolkit's: what failed goes on as zeros, what the sequence ended counts for no longer length."""
    tracker, sequences = runs
    longest = max(len(frames) for repetitions in sequences for frames in repetitions)
    row = expected["baseline"][4][TRACKERS.index(tracker)]
    low, high = row[1]["low"], row[1]["high"]
    means = []
    for length in range(low, high + 1):
        total = weight = 0.0
        for repetitions in sequences:
            for frames in repetitions:
                for overlaps, failed in pieces(frames):
                    overlaps = overlaps + [0.0] * (longest if failed else 0)
                    if len(overlaps) >= length:
                        total += sum(overlaps[1:length]) / (length - 1) / len(repetitions)
                        weight += 1 / len(repetitions)
        means.append(total / weight)
    assert row[0] == pytest.approx(sum(means) / len(means), rel=1e-12)
