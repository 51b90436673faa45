"""vot-toolkit's own analyses, for those trackers that have results, from overlaps that are measured once.

In an experiment that not every tracker has run (real time, one pass), a missing result makes an analysis of the toolkit
fail, and ``vot analysis`` then gives no figure of any experiment and exits with 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from attributee import Boolean
from attributee.object import Object
from vot.analysis import Analysis, Measure, Sorting, analysis_registry
from vot.analysis.supervised import EAOCurve
from vot.experiment import Experiment
from vot.utilities.data import Grid

from tracker.vot.analysis import RowAnalysis
from tracker.vot.expected_overlap import OverInterval
from tracker.vot.results.annotations import annotations_of
from tracker.vot.toolkit_measures import rows_of


def _named(name: str, _: Any, **options: Any) -> Analysis:
    return analysis_registry.get(name, **options)


class WherePresent(RowAnalysis):
    """Another analysis, of the trackers that have results; its columns, titles and figures are unchanged.

    Its input is not checked: an analysis of this package that stands before it in the stack has read everything.
    """

    skip_missing = Boolean(default=True, description="Leave out trackers that have no result in this experiment.")
    analysis = Object(_named, description="Type and options of an analysis of the toolkit, one row a tracker.")

    def compatible(self, experiment: Experiment) -> bool:
        """Whether the experiment is of the right kind for the other analysis."""
        return super().compatible(experiment) and self.analysis.compatible(experiment)

    @property
    def _title_default(self) -> str:
        return str(self.analysis.title)

    def describe(self) -> tuple[Any, ...]:
        """The columns of the other analysis."""
        return self.analysis.describe()

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[tuple[Any, ...]]:
        """One row a tracker."""
        return _rows(self.analysis, experiment, trackers, sequences)


class EAORow(NamedTuple):
    """A tracker's row of :class:`EAOScore`."""

    eao: Any


class EAOScore(OverInterval):
    """vot-toolkit's own EAO over the interval that the sequences' lengths give, where its stacks name constants."""

    @property
    def _title_default(self) -> str:
        return "vot-toolkit's own EAO"

    def describe(self) -> EAORow:
        """The toolkit's column."""
        return EAORow(Measure("Expected average overlap", "EAO", 0, 1, Sorting.DESCENDING))

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[EAORow]:
        """One row a tracker."""
        truths = [annotations_of(sequence) for sequence in sequences]
        low, high = self.interval(truths)
        low = min(low, max(map(len, truths)) - 1)  # it reads one frame later, where equal lengths end
        curves = [values for (values,) in _rows(EAOCurve(), experiment, trackers, sequences)]
        return [EAORow(float(np.mean(part)) if len(part := curve[low : high + 1]) else None) for curve in curves]


def _rows(
    analysis: Analysis, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """One row a tracker; reset-based figures come from the runs that all analyses share."""
    shared = rows_of(analysis)
    if shared is not None:
        return shared(experiment, trackers, sequences)
    grid = compute(analysis, experiment, trackers, sequences)
    return [grid[index, 0] for index in range(len(trackers))]


def compute(analysis: Analysis, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> Grid:
    """The result of an analysis and of those that it needs, here and now, without the toolkit's processes and cache."""
    needed = [compute(one, experiment, trackers, sequences) for one in analysis.dependencies()]
    return analysis.compute(experiment, trackers, sequences, needed)
