"""What all analyses share: which experiment's results they check at submission."""

import pytest

from tests.helpers.small import write_workspace
from tracker.core.errors import DamagedFile
from tracker.vot.workspace import load_workspace


def test_what_is_checked_are_the_results_of_the_experiment_whose_stack_entry_made_the_analysis(tmp_path):
    folder = write_workspace(tmp_path / "w")
    workspace = load_workspace(folder)
    baseline = workspace.stack["baseline"]
    other = type(baseline)("other", baseline.storage, repetitions=3)
    sequences, trackers = baseline.transform(workspace.dataset), list(workspace.registry)
    analysis = baseline.analyses[0]
    assert analysis.compatible(other)  # it has no results
    assert len(analysis.separate(trackers, sequences)) == 1
    (folder / "results" / "Near" / "baseline" / "first" / "first_001.txt").write_text("1\n")
    with pytest.raises(DamagedFile, match=r"results/Near/baseline/first/first_001\.txt"):
        analysis.separate(trackers, sequences)
