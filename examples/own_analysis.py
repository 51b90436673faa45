"""An analysis of one's own: one row a tracker, from runs that are read strictly and measured once."""

import numpy as np
from vot.analysis import Measure, Sorting

from tracker.vot.analysis import ResetBasedAnalysis, figure
from tracker.vot.results.raw import FAILURE
from tracker.vot.results.runs import load


class FramesToFailure(ResetBasedAnalysis):
    """Mean number of frames before a run's first failure; its length, if it has none."""

    @property
    def _title_default(self):
        return "Frames to failure"

    def describe(self):
        """One column, large is good."""
        return (Measure("Frames to failure", "FF", 0, None, Sorting.DESCENDING),)

    def rows(self, experiment, trackers, sequences):
        """One row a tracker; ``load`` gives runs by tracker, sequence, repetition."""

        def first(run):
            failures = np.flatnonzero(run.codes == FAILURE)
            return failures[0] if len(failures) else len(run.codes)

        everything = load(experiment, trackers, sequences)
        return [(figure(np.mean([first(run) for runs in by_sequence for run in runs])),) for by_sequence in everything]
