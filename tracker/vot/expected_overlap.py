"""Expected average overlap (EAO) as the MATLAB toolkit defines it.

Source: toolkit-legacy, `analysis/estimate_expected_overlap.m`, `analyze_average_expected_overlap.m` and
`estimate_evaluation_interval.m`, vot2016-final. vot-toolkit's own score (`supervised_eao_score`) is up to 0.011 off:

| point | MATLAB, here | vot-toolkit |
|---|---|---|
| value at length l | mean of frames 2..l, average over low..high | one length later throughout |
| failure in the last five frames | fragment ends, like at the end of the sequence | continued with zeros |
| weight of a run | 1 / runs of that sequence | 1 |
| interval | estimated from the sequence lengths | constants |

Burn-in is not used. Lengths count frames from 1. A frame without overlap (unknown to tracker or ground truth) counts
as 0 in a run with failures; in a run without any it stays NaN, and so do the means over it, as in MATLAB.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from attributee import Integer, List, String
from numba import njit
from vot import report
from vot.analysis import Measure, Plot, Sorting

from tracker.core.errors import InvalidValue
from tracker.core.machine import CORES
from tracker.vot.analysis import Canvas, ResetBasedAnalysis, figure
from tracker.vot.results.annotations import TAGS, Annotations, annotations_of
from tracker.vot.results.raw import FAILURE
from tracker.vot.results.runs import Run, load

SKIP = 5


def fragments(run: Run, skip: int = SKIP) -> Iterable[tuple[int, int, bool]]:
    """The pieces of a run between initialisations: first and last frame (from 0, both included), whether it failed.

    As in MATLAB, a failed piece reaches up to the next initialisation, ``skip`` frames after the failure; a failure
    so late that none follows does not end its piece.
    """
    frames = len(run.codes)
    failures = np.flatnonzero(run.codes == FAILURE)
    starts = [0, *(int(failure) + skip for failure in failures if failure + skip < frames)]
    for start, following in pairwise(starts):
        yield start, following, True
    yield starts[-1], frames - 1, False


def curve(runs: Sequence[Sequence[Run]], skip: int = SKIP, tagged: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """Expected overlap as a function of the sequence length: :func:`curves` for one tag, or for all frames."""
    every_frame = [np.ones(len(repeated[0].codes), bool) for repeated in runs]
    values: np.ndarray = curves(runs, [every_frame if tagged is None else tagged], skip)[0]
    return values


def curves(runs: Sequence[Sequence[Run]], tagged: Sequence[Sequence[np.ndarray]], skip: int = SKIP) -> np.ndarray:
    """Expected overlap as a function of the sequence length, for several selections of frames.

    Args:
        runs: of one tracker, indexed by sequence and repetition.
        tagged: per selection and sequence bool (frames,); a fragment weighs as much as its share of these frames.
        skip: frames from a failure to the next initialisation.

    Returns:
        (selections, frames of the longest sequence) float64, the value for length l at index l - 1; NaN where no
        fragment is that long (or none is in the selection), and where a run without failures has a frame without
        overlap before.
    """
    longest = max(len(run.codes) for repeated in runs for run in repeated)
    pieces, weights, overlaps, begin = [], [], [], 0
    for index, repeated in enumerate(runs):
        inside = np.array([masks[index] for masks in tagged])  # (selections, frames)
        before = np.pad(np.cumsum(inside, axis=1), ((0, 0), (1, 0)))  # (selections, frames + 1)
        places = []
        for run in repeated:
            unknown = np.isnan(run.overlaps) & (run.codes == FAILURE).any()
            overlaps.append(np.where(unknown, 0, run.overlaps))
            for first, last, lost in fragments(run, skip):
                places.append((first, last))
                pieces.append((begin + first, begin + last, lost))
            begin += len(run.codes)
        first, last = np.array(places).T
        weights.append((before[:, last + 1] - before[:, first]) / (last + 1 - first) * (1 / len(repeated)))
    starts, ends, failed = map(np.array, zip(*pieces, strict=True))
    shares = np.concatenate(weights, axis=1).T.copy()  # (pieces, selections)
    total, weight = _sums(starts, ends, failed, shares, np.concatenate(overlaps), longest)
    with np.errstate(invalid="ignore"):
        values = (total / weight).T
    values[:, 0] = 1.0
    return values


@njit(nogil=True, cache=True)
def _sums(starts, ends, failed, weights, overlaps, longest):  # type: ignore[no-untyped-def]
    """Weighted sums of the pieces' mean overlaps, and of their weights, for every length (longest, selections)."""
    selections = weights.shape[1]
    total, weight = np.zeros((longest, selections)), np.zeros((longest, selections))
    for piece in range(len(starts)):
        start, end = starts[piece], ends[piece]
        so_far = 0.0
        for frame in range(1, longest if failed[piece] else end - start + 1):  # the frame of the initialisation is out
            overlap = overlaps[start + frame] if start + frame <= end else 0.0
            so_far += overlap
            if not np.isnan(overlap):
                for selection in range(selections):
                    total[frame, selection] += weights[piece, selection] * (so_far / frame)
                    weight[frame, selection] += weights[piece, selection]
    return total, weight


def score(values: np.ndarray, interval: tuple[int, int]) -> float:
    """Mean of a curve over the lengths low..high, both included, where it has values; NaN if it has none."""
    low, high = interval
    inside = values[low - 1 : high]
    numbers = inside[~np.isnan(inside)]
    return float(numbers.mean()) if len(numbers) else math.nan


def interval_of(lengths: Sequence[int], mass: float = 0.5) -> tuple[int, int]:
    """The lengths low..high of the score, from the sequence lengths.

    A Gaussian kernel density of the lengths (bandwidth from the estimated curvature), and around its peak the
    interval that holds at least ``mass``, grown frame by frame on the side of the larger density.

    >>> interval_of([60] * 6)
    (60, 60)
    """
    x = np.sort(np.asarray(lengths, float))  # sums must not depend on the order of the sequences
    variance = x.var()
    if variance == 0:
        return int(x[0]), int(x[0])
    z = (x - x.mean()) / math.sqrt(variance)
    a = 1 / (4 / (3 * len(x))) ** 0.4
    m = a * (z[:, None] - z[None, :]) ** 2  # (lengths, lengths)
    curvature = math.sqrt(a / (2 * math.pi)) * np.exp(-m / 2) * (2 * a**2 * (1 - 2 * m) + (1 - m) ** 2 * a**2)
    bandwidth = (1 / (len(x) * math.sqrt(4 * math.pi) * curvature.mean())) ** 0.2
    t = np.arange(1, int(x.max()) + 1)
    density = np.exp(-((t[:, None] - x[None, :]) ** 2) / (2 * bandwidth**2 * variance)).sum(axis=1)
    density /= density.sum()
    low = high = int(np.argmax(density))
    while density[low : high + 1].sum() < mass:
        left = density[low - 1] if low > 0 else -1.0
        right = density[high + 1] if high + 1 < len(density) else -1.0
        low, high = (low - 1, high) if left > right else (low, high + 1)
    return low + 1, high + 1


class OverInterval(ResetBasedAnalysis):
    """An analysis over an interval of sequence lengths, given or estimated."""

    low = Integer(default=None, val_min=1, description="First length of the interval; absent: from the lengths.")
    high = Integer(default=None, val_min=1, description="Last length of the interval; absent: from the lengths.")

    def interval(self, truths: Sequence[Annotations]) -> tuple[int, int]:
        """The interval given, or estimated from the sequences.

        Raises:
            ValueError: only one end is given, the ends are reversed, or no sequence is as long as ``low``.
        """
        if self.low is None and self.high is None:
            return interval_of([len(truth) for truth in truths])
        if self.low is None or self.high is None or self.low > self.high:
            raise InvalidValue(f"give both low <= high or neither, got low={self.low}, high={self.high}")
        longest = max(map(len, truths))
        if self.low > longest:
            raise InvalidValue(
                f"low={self.low}, but the longest sequence has {longest} frames: leave low and high out of the stack "
                "to have the interval estimated"
            )
        return self.low, self.high

    def check(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> None:
        """Refuse what would give wrong figures, an impossible interval included."""
        super().check(experiment, trackers, sequences)
        self.interval([annotations_of(sequence) for sequence in sequences])


class ScoreRow(NamedTuple):
    """A tracker's row of :class:`ExpectedOverlap`: the score, and "low", "high" and "EAO per tag" (tag -> score)."""

    eao: Any
    details: Any


class CurveRow(NamedTuple):
    """A tracker's row of :class:`ExpectedOverlapCurve`: values from length 1 on, and the score's "low" and "high"."""

    curve: Any
    interval: Any


class ExpectedOverlap(OverInterval):
    """The EAO score, over all frames and per tag."""

    tags = List(String(), default=list(TAGS), description="Tags to give the score for, besides all frames.")

    _title_default = "EAO (MATLAB definition)"

    def describe(self) -> ScoreRow:
        """EAO, and without a column: interval and scores per tag."""
        return ScoreRow(Measure("Expected average overlap (MATLAB definition)", "EAO", 0, 1, Sorting.DESCENDING), None)

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[ScoreRow]:
        """One row a tracker."""
        truths = [annotations_of(sequence) for sequence in sequences]
        interval = self.interval(truths)
        tagged = [
            [np.isin(np.arange(len(truth)), truth.frames(tag)) for truth in truths] for tag in ["all", *self.tags]
        ]
        by_tracker = load(experiment, trackers, sequences)
        with ThreadPoolExecutor(CORES) as pool:
            values_of = list(pool.map(lambda runs: curves(runs, tagged, experiment.skip_initialize), by_tracker))
        rows = []
        for overall, *others in values_of:
            per_tag = {tag: figure(score(values, interval)) for tag, values in zip(self.tags, others, strict=True)}
            details = {"low": interval[0], "high": interval[1], "EAO per tag": per_tag}
            rows.append(ScoreRow(figure(score(overall, interval)), details))
        return rows

    def figures(self, rows: Sequence[ScoreRow], canvas: Canvas) -> list[report.Plot]:
        """The trackers in the order of their scores; equal digits share a place."""
        interval = span(rows[0].details["low"], rows[0].details["high"])
        plot = canvas.plot(f"expected average overlap, {interval}", "Order", "EAO", None, None, "eao")
        ordered = sorted(zip(canvas.trackers, [row.eao or 0 for row in rows], strict=True), key=lambda one: -one[1])
        printed = [f"{value:.3f}" for _, value in ordered]
        for order, (tracker, value) in enumerate(ordered, start=1):
            text = printed[order - 1]
            canvas.point(plot, tracker, (order, value), f"{1 + printed.index(text)}. {tracker.label}  {text}")
        plot.axes.set_xlim(len(rows) + 0.5, 0.5)
        plot.axes.set_xticks(range(1, len(rows) + 1))
        plot.axes.set_ylim(bottom=0)
        return [canvas.finish(plot)]


class ExpectedOverlapCurve(OverInterval):
    """The EAO curve; with its interval for those who draw it."""

    _title_default = "EAO curve (MATLAB definition)"

    def describe(self) -> CurveRow:
        """The curve from length 1 on, and without a column: the interval."""
        return CurveRow(Plot("Expected overlap", "EAO", wrt="Sequence length", minimal=0, maximal=1, trait="eao"), None)

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[CurveRow]:
        """One row a tracker."""
        low, high = self.interval([annotations_of(sequence) for sequence in sequences])
        curves = [curve(runs, experiment.skip_initialize) for runs in load(experiment, trackers, sequences)]
        return [CurveRow([figure(value) for value in values], {"low": low, "high": high}) for values in curves]

    def figures(self, rows: Sequence[CurveRow], canvas: Canvas) -> list[report.Plot]:
        """The curves, and the interval of the score."""
        low, high = rows[0].interval["low"], rows[0].interval["high"]
        longest = len(rows[0].curve)
        limits = (1, min(longest, max(2 * high - low, high + 20)))
        plot = canvas.plot("EAO curve", "Sequence length", "Expected overlap", limits, (0, 1), "eao")
        plot.axes.axvspan(low - 0.5, high + 0.5, color="0.92", zorder=0, label=span(low, high))
        for tracker, row in zip(canvas.trackers, rows, strict=True):
            values = [math.nan if value is None else value for value in row.curve]
            canvas.line(plot, tracker, range(1, longest + 1), values)
        return [canvas.finish(plot)]


def span(low: int, high: int) -> str:
    """An interval of sequence lengths, for titles.

    >>> span(60, 60), span(108, 371)
    ('60 frames', '108 to 371 frames')
    """
    return f"{low} frames" if low == high else f"{low} to {high} frames"
