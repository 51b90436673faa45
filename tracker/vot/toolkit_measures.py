"""vot-toolkit's own reset-based figures, from the runs that are measured once; the same to the last digit.

Source: ``vot.analysis.supervised`` of vot-toolkit 0.7.4 to 0.9.0, whose functions are called here for everything but
the overlaps. Its analyses compute each overlap anew, in Python, frame by frame, and hold the interpreter's lock.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache
from cachetools import cached as cached_by
from vot.analysis import Analysis
from vot.analysis.supervised import AverageAccuracyRobustness, EAOCurve, EAOScore, compute_eao_curve
from vot.utilities.data import Grid

from tracker.vot.accuracy import burn_in
from tracker.vot.results import kept
from tracker.vot.results.kept import Run
from tracker.vot.results.raw import FAILURE, INITIALIZATION
from tracker.vot.results.runs import CORES, REGION, load

Row = tuple[Any, ...]


def rows_of(analysis: Analysis) -> Callable[[Any, Sequence[Any], Sequence[Any]], list[Row]] | None:
    """The function of experiment, trackers and sequences that gives the rows of ``analysis``; None for other ones."""
    if isinstance(analysis, AverageAccuracyRobustness):
        single = analysis.analysis
        return partial(_accuracy_robustness, analysis) if single.bounded and single.ignore_unknown else None
    if isinstance(analysis, EAOCurve) and analysis.bounded:
        return _curves
    if isinstance(analysis, EAOScore) and analysis.eaocurve.bounded:
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
    analysis: AverageAccuracyRobustness, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]
) -> list[Row]:
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


def _curves(experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[Row]:
    everything = load(experiment, trackers, sequences)
    flat = [tuple(run for repeated in by_sequence for run in repeated) for by_sequence in everything]
    folder = kept.folder_of(experiment.storage)
    with ThreadPoolExecutor(CORES) as pool:
        return [(curve,) for curve in pool.map(partial(_curve, folder), flat)]


@cached_by(LRUCache(maxsize=256), lambda _, runs: runs, lock=threading.Lock())
def _curve(folder: Path | None, runs: tuple[Run, ...]) -> np.ndarray:
    """The EAO curve of one tracker, which the score and the plot share."""
    parts, held = [], []
    for run in runs:
        overlaps = _overlaps(run)
        starts, ends = np.flatnonzero(run.codes == INITIALIZATION), np.flatnonzero(run.codes == FAILURE)
        parts += [overlaps[start:end] for start, end in zip(starts, ends, strict=False)]
        held += [False] * len(ends)
        if len(starts) > len(ends):
            parts.append(overlaps[starts[-1] :])
            held.append(True)
    contents = (b"%d" % last + part.tobytes() for part, last in zip(parts, held, strict=False))
    curve = partial(compute_eao_curve, parts, [1] * len(parts), held)
    return kept.result("compute_eao_curve", contents, folder, curve)
