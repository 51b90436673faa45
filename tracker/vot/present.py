"""vot-toolkit's own analyses, for those trackers that have results, from overlaps that are measured once.

In an experiment that not every tracker has run (real time, one pass), a missing result makes an analysis of the toolkit
fail, and ``vot analysis`` then gives no figure of any experiment and exits with 0.

Source of the reset-based figures: ``vot.analysis.supervised`` of vot-toolkit 0.7.4 to 0.9.0, whose functions are called
here for everything but the overlaps: its analyses compute each anew, in Python, frame by frame, and hold the
interpreter's lock. The figures are the same to the last digit.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from attributee import Boolean
from attributee.object import Object
from cachetools import LRUCache
from cachetools import cached as cached_by
from vot.analysis import Analysis, Measure, Sorting, analysis_registry, supervised
from vot.experiment import Experiment
from vot.utilities.data import Grid
from vot.workspace.storage import Storage

from tracker.core.machine import CORES
from tracker.vot.accuracy import burn_in
from tracker.vot.analysis import RowAnalysis
from tracker.vot.expected_overlap import OverInterval
from tracker.vot.results import cache
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.raw import FAILURE, INITIALIZATION
from tracker.vot.results.runs import REGION, Run, load


def _by_name(name: str, _: Any, **options: Any) -> Analysis:
    return analysis_registry.get(name, **options)


class WherePresent(RowAnalysis):
    """Another analysis, of the trackers that have results; its columns, titles and figures are unchanged.

    Its input is not checked: an analysis of this package that stands before it in the stack has read everything.
    """

    skip_missing = Boolean(default=True, description="Leave out trackers that have no result in this experiment.")
    analysis = Object(_by_name, description="Type and options of an analysis of the toolkit, one row a tracker.")

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
        """One row a tracker; reset-based figures come from the runs that all analyses share."""
        if (shared := rows_of(self.analysis)) is not None:
            return shared(experiment, trackers, sequences)
        return list(compute(self.analysis, experiment, trackers, sequences))


class EAORow(NamedTuple):
    """A tracker's row of :class:`EAOScore`."""

    eao: Any


class EAOScore(OverInterval):
    """vot-toolkit's own EAO over the interval that the sequences' lengths give, where its stacks name constants."""

    _title_default = "vot-toolkit's own EAO"

    def describe(self) -> EAORow:
        """The toolkit's column."""
        return EAORow(Measure("Expected average overlap", "EAO", 0, 1, Sorting.DESCENDING))

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[EAORow]:
        """One row a tracker."""
        truths = [annotations_of(sequence) for sequence in sequences]
        low, high = self.interval(truths)
        low = min(low, max(map(len, truths)) - 1)  # it reads one frame later, where equal lengths end
        curves = [values for (values,) in _curves(experiment, trackers, sequences)]
        return [EAORow(float(np.mean(part)) if len(part := curve[low : high + 1]) else None) for curve in curves]


def compute(analysis: Analysis, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> Grid:
    """The result of an analysis and of those that it needs, here and now, without the toolkit's processes and cache."""
    dependencies = [compute(one, experiment, trackers, sequences) for one in analysis.dependencies()]
    return analysis.compute(experiment, trackers, sequences, dependencies)


def rows_of(analysis: Analysis) -> Callable[[Any, Sequence[Any], Sequence[Any]], list[tuple[Any, ...]]] | None:
    """The function of experiment, trackers and sequences that gives the rows of ``analysis``; None for other ones."""
    if isinstance(analysis, supervised.AverageAccuracyRobustness):
        single = analysis.analysis
        return partial(_accuracy_robustness, analysis) if single.bounded and single.ignore_unknown else None
    if isinstance(analysis, supervised.EAOCurve) and analysis.bounded:
        return _curves
    if isinstance(analysis, supervised.EAOScore) and analysis.eaocurve.bounded:
        return lambda *arguments: [
            (float(np.mean(values[analysis.low : analysis.high + 1])),) for (values,) in _curves(*arguments)
        ]
    return None


def _overlaps(run: Run) -> np.ndarray:
    """The toolkit gives 0 where a side is a code."""
    return np.where(np.isnan(run.overlaps), 0, run.overlaps)


def _accuracy(run: Run, burnin: int) -> float:
    counts = ~burn_in(run.codes, burnin) & (run.codes == REGION)
    return float(np.mean(_overlaps(run)[counts])) if counts.any() else 0.0


def _accuracy_robustness(
    analysis: supervised.AverageAccuracyRobustness, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]
) -> list[tuple[Any, ...]]:
    rows = []
    for tracker, runs in zip(trackers, load(experiment, trackers, sequences), strict=True):
        grid = Grid(1, len(sequences))
        for index, repeated in enumerate(runs):
            length = len(repeated[0].codes)
            failures = sum(int((run.codes == FAILURE).sum()) for run in repeated) / len(repeated)
            accuracy = sum(_accuracy(run, analysis.analysis.burnin) for run in repeated) / len(repeated)
            reliability = math.exp(-(failures / length) * analysis.analysis.sensitivity)
            grid[0, index] = accuracy, failures, (reliability, accuracy), length
        rows.append(analysis.aggregate(tracker, sequences, grid))
    return rows


def _curves(experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[tuple[Any, ...]]:
    by_tracker = load(experiment, trackers, sequences)
    flat = [tuple(run for repeated in by_sequence for run in repeated) for by_sequence in by_tracker]
    with ThreadPoolExecutor(CORES) as pool:
        return [(curve,) for curve in pool.map(partial(_curve, experiment.storage), flat)]


@cached_by(LRUCache(maxsize=256), lambda _, runs: runs, lock=threading.Lock())
def _curve(storage: Storage, runs: tuple[Run, ...]) -> np.ndarray:
    """The EAO curve of one tracker, which the score and the plot share."""
    parts, successes = [], []
    for run in runs:
        overlaps = _overlaps(run)
        starts, ends = np.flatnonzero(run.codes == INITIALIZATION), np.flatnonzero(run.codes == FAILURE)
        parts += [overlaps[start:end] for start, end in zip(starts, ends, strict=False)]
        successes += [False] * len(ends)
        if len(starts) > len(ends):
            parts.append(overlaps[starts[-1] :])
            successes.append(True)
    contents = (b"%d" % last + part.tobytes() for part, last in zip(parts, successes, strict=False))
    curve = partial(supervised.compute_eao_curve, parts, [1] * len(parts), successes)
    return cache.result(cache.key("compute_eao_curve", contents), storage, curve)
