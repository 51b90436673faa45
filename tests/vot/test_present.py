"""The toolkit's own analyses for the trackers that have results."""

import numpy as np
import pytest
from small import write_workspace
from vot.analysis import analysis_registry

from tracker.vot.present import WherePresent, _compute
from tracker.vot.summary import load_workspace
from tracker.vot.toolkit_measures import rows_of

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
    assert analysis.title == "Own" and [column.abbreviation for column in analysis.describe()[:2]] == ["A", "R"]
    accuracy, failures = found["Far"][:2]
    assert failures == 1 and 0 < accuracy < found["Near"][0]  # one failure in each of the two sequences
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
    expected = _compute(theirs, experiment, trackers, sequences)
    for index, row in enumerate(found):
        np.testing.assert_equal(row, expected[index, 0])


def test_figures_of_other_options_are_left_to_the_toolkit():
    assert rows_of(analysis_registry.get("supervised_average_ar", ignore_unknown=False)) is None
    assert rows_of(analysis_registry.get("supervised_eao_curve", bounded=False)) is None


def test_a_tracker_without_results_has_no_row_and_spoils_no_other(workspace):
    analysis, found = figures(workspace, "unsupervised")
    assert found["Far"] is found["Wide"] is None and found["Near"][0] > 0.5
    assert analysis.compatible(workspace.stack["unsupervised"])


def test_an_analysis_of_another_kind_of_experiment_does_not_fit(workspace):
    analysis = WherePresent(analysis={"type": "average_accuracy"})
    assert not analysis.compatible(object())
    supervised = WherePresent(analysis={"type": "supervised_average_ar"})
    assert supervised.compatible(workspace.stack["baseline"])
    assert not supervised.compatible(workspace.stack["unsupervised"])
