"""The toolkit's own analyses for the trackers that have results."""

import math
import warnings

import numpy as np
import pytest
from vot.analysis import analysis_registry

from tests.helpers.small import write_workspace
from tracker.vot.expected_overlap import ExpectedOverlap, interval_of
from tracker.vot.present import EAOScore, WherePresent, compute, rows_of
from tracker.vot.workspace import load_workspace

STACK = """\
title: Small
experiments:
  baseline:
    type: supervised
    skip_initialize: 5
    analyses:
    - type: tracker.vot.present.WherePresent
      name: Own
      analysis: {type: supervised_average_ar, burnin: 10, sensitivity: 30}
    - type: tracker.vot.present.WherePresent
      analysis: {type: supervised_eao_score, low: 5, high: 20}
  unsupervised:
    type: unsupervised
    analyses:
    - type: tracker.vot.present.WherePresent
      analysis: {type: average_accuracy}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return load_workspace(write_workspace(tmp_path_factory.mktemp("present") / "workspace", stack=STACK))


def figures(workspace, experiment, index=0):
    target = workspace.stack[experiment]
    analysis = target.analyses[index]
    sequences = target.transform(workspace.dataset)
    trackers = list(workspace.registry)
    grid = analysis.compute(target, trackers, sequences, [])
    return analysis, {tracker.reference: grid[row, 0] for row, tracker in enumerate(trackers)}


def test_the_figures_are_the_toolkits(workspace):
    analysis, found = figures(workspace, "baseline")
    assert analysis.title == "Own"
    assert [column.abbreviation for column in analysis.describe()[:2]] == ["A", "R"]
    accuracy, failures = found["Far"][:2]
    assert failures == 1  # in each of the two sequences
    assert 0 < accuracy < found["Near"][0]
    score, rows = figures(workspace, "baseline", 1)
    assert score.title == analysis_registry.get("supervised_eao_score", low=5, high=20).title
    assert rows["Far"][0] < rows["Near"][0]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("supervised_average_ar", {"burnin": 10}),
        ("supervised_eao_score", {"low": 5, "high": 20}),
        ("supervised_eao_curve", {}),
    ],
)
def test_figures_from_shared_overlaps_are_the_toolkits_to_the_last_digit(workspace, kind, options):
    experiment = workspace.stack["baseline"]
    sequences, trackers = experiment.transform(workspace.dataset), list(workspace.registry)
    theirs = analysis_registry.get(kind, **options)
    found = rows_of(theirs)(experiment, trackers, sequences)
    expected = compute(theirs, experiment, trackers, sequences)
    for index, row in enumerate(found):
        np.testing.assert_equal(row, expected[index, 0])


@pytest.mark.parametrize("absent", ["nan,nan,nan,nan", "0,0,0,0", "-1,-1,-1,-1", "0", "20,25,0,30", "m0,0,2,2,4"])
def test_absent_targets_have_the_toolkits_figures_too(tmp_path, absent):
    folder = write_workspace(tmp_path / "w", stack=STACK)
    truth = folder / "sequences" / "first" / "groundtruth.txt"
    lines = truth.read_text().splitlines()
    lines[12:15] = lines[30:] = [absent] * 3
    lines += [absent] * (40 - len(lines))
    truth.write_text("".join(f"{line}\n" for line in lines))
    workspace = load_workspace(folder)
    experiment, trackers = workspace.stack["baseline"], list(workspace.registry)
    sequences = experiment.transform(workspace.dataset)
    for kind in ("supervised_average_ar", "supervised_eao_curve"):
        theirs = analysis_registry.get(kind)
        expected = compute(theirs, experiment, trackers, sequences)
        for index, row in enumerate(rows_of(theirs)(experiment, trackers, sequences)):
            np.testing.assert_equal(row, expected[index, 0])


def test_figures_of_other_options_are_left_to_the_toolkit():
    assert rows_of(analysis_registry.get("supervised_average_ar", ignore_unknown=False)) is None
    assert rows_of(analysis_registry.get("supervised_eao_curve", bounded=False)) is None


def test_a_tracker_without_results_has_no_row_and_spoils_no_other(workspace):
    analysis, found = figures(workspace, "unsupervised")
    assert found["Far"] is found["Wide"] is None
    assert found["Near"][0] > 0.5
    assert analysis.compatible(workspace.stack["unsupervised"])


def test_an_analysis_of_another_kind_of_experiment_does_not_fit(workspace):
    analysis = WherePresent(analysis={"type": "average_accuracy"})
    assert not analysis.compatible(object())
    supervised = WherePresent(analysis={"type": "supervised_average_ar"})
    assert supervised.compatible(workspace.stack["baseline"])
    assert not supervised.compatible(workspace.stack["unsupervised"])


def test_both_eaos_have_the_interval_of_the_sequences(tmp_path):
    workspace = load_workspace(write_workspace(tmp_path / "w", {"a": 30, "b": 45, "c": 60}))
    experiment, trackers = workspace.stack.experiments["baseline"], list(workspace.registry)
    data = list(workspace.dataset)
    low, high = interval_of([30, 45, 60])
    constant = WherePresent(analysis={"type": "supervised_eao_score", "low": low, "high": high})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no run of Wide is as long, and the toolkit's mean is NaN
        expected = [row[0] for row in constant.rows(experiment, trackers, data)]
    rows = EAOScore().rows(experiment, trackers, data)
    assert [row[0] for row in rows] == [None if math.isnan(value) else value for value in expected]
    assert rows[0][0] is not None
    assert ExpectedOverlap().rows(experiment, trackers, data)[0][1]["low"] == low
    with pytest.raises(ValueError, match="the longest sequence has 60 frames"):
        EAOScore(low=100, high=200).check(experiment, trackers, data)


def test_sequences_of_one_length_have_an_eao_too(tmp_path):
    workspace = load_workspace(write_workspace(tmp_path / "w", {"a": 40, "b": 40}))
    experiment = workspace.stack.experiments["baseline"]
    rows = EAOScore().rows(experiment, list(workspace.registry), list(workspace.dataset))
    values = {tracker.reference: row[0] for tracker, row in zip(workspace.registry, rows, strict=True)}
    assert 0 < values["Near"] < 1
    assert values["Wide"] is None  # only Near reaches the end
