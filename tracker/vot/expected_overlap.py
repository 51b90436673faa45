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
from collections.abc import Iterable
from collections.abc import Sequence as Items
from itertools import pairwise
from typing import Any

import numpy as np
from attributee import Integer, List, String
from numba import njit
from vot.analysis import Measure, Plot, Sorting

from tracker.core.errors import InvalidValue
from tracker.vot.analysis import ProtocolAnalysis, figure
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


def curve(runs: Items[Items[Run]], skip: int = SKIP, tagged: Items[np.ndarray] | None = None) -> np.ndarray:
    """Expected overlap as a function of the sequence length.

    Args:
        runs: of one tracker, indexed by sequence and repetition.
        skip: frames from a failure to the next initialisation.
        tagged: per sequence bool (frames,); a fragment weighs as much as its share of these frames. None: all frames.

    Returns:
        (frames of the longest sequence,) float64, the value for length l at index l - 1; NaN where no fragment is
        that long (or none carries the tag), and where a run without failures has a frame without overlap before.
    """
    longest = max(len(run.codes) for repeated in runs for run in repeated)
    pieces, overlaps, inside, begin = [], [], [], 0
    for index, repeated in enumerate(runs):
        for run in repeated:
            overlaps.append(np.nan_to_num(run.overlaps) if (run.codes == FAILURE).any() else run.overlaps)
            inside.append(np.ones(len(run.codes), bool) if tagged is None else tagged[index])
            for first, last, lost in fragments(run, skip):
                pieces.append((begin + first, begin + last, lost, 1 / len(repeated)))
            begin += len(run.codes)
    starts, ends, failed, shares = map(np.array, zip(*pieces, strict=True))
    total, weight = _sums(starts, ends, failed, shares, np.concatenate(overlaps), np.concatenate(inside), longest)
    with np.errstate(invalid="ignore"):
        values = total / weight
    values[0] = 1.0
    return values


@njit(nogil=True, cache=True)
def _sums(starts, ends, failed, shares, overlaps, inside, longest):  # type: ignore[no-untyped-def]
    """Weighted sums of the pieces' mean overlaps, and of their weights, for every length (longest,)."""
    total, weight = np.zeros(longest), np.zeros(longest)
    for piece in range(len(starts)):
        start, end = starts[piece], ends[piece]
        share = shares[piece] * np.mean(inside[start : end + 1])
        so_far = 0.0
        for frame in range(1, longest if failed[piece] else end - start + 1):  # the frame of the initialisation is out
            overlap = overlaps[start + frame] if start + frame <= end else 0.0
            so_far += overlap
            if not np.isnan(overlap):
                total[frame] += share * (so_far / frame)
                weight[frame] += share
    return total, weight


def score(values: np.ndarray, interval: tuple[int, int]) -> float:
    """Mean of a curve over the lengths low..high, both included, where it has values; NaN if it has none."""
    low, high = interval
    inside = values[low - 1 : high]
    known = inside[~np.isnan(inside)]
    return float(known.mean()) if len(known) else math.nan


def interval_of(lengths: Items[int], mass: float = 0.5) -> tuple[int, int]:
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


class OverInterval(ProtocolAnalysis):
    """An analysis over an interval of sequence lengths, given or estimated."""

    low = Integer(default=None, val_min=1, description="First length of the interval; absent: from the lengths.")
    high = Integer(default=None, val_min=1, description="Last length of the interval; absent: from the lengths.")

    def interval(self, truths: Items[Annotations]) -> tuple[int, int]:
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

    def check(self, experiment: Any, trackers: Items[Any], sequences: Items[Any]) -> None:
        """Refuse what would give wrong figures, an impossible interval included."""
        super().check(experiment, trackers, sequences)
        self.interval([annotations_of(sequence) for sequence in sequences])


class ExpectedOverlap(OverInterval):
    """The EAO score, over all frames and per tag."""

    tags = List(String(), default=list(TAGS), description="Tags to give the score for, besides all frames.")

    @property
    def _title_default(self) -> str:
        return "EAO (MATLAB definition)"

    def describe(self) -> tuple[Any, ...]:
        """EAO, and without a column: interval and scores per tag."""
        return Measure("Expected average overlap (MATLAB definition)", "EAO", 0, 1, Sorting.DESCENDING), None

    def rows(self, experiment: Any, trackers: Items[Any], sequences: Items[Any]) -> list[tuple[Any, ...]]:
        """One row a tracker."""
        truths = [annotations_of(sequence) for sequence in sequences]
        interval = self.interval(truths)
        tagged = {tag: [np.isin(np.arange(len(truth)), truth.frames(tag)) for truth in truths] for tag in self.tags}
        rows = []
        for runs in load(experiment, trackers, sequences):
            overall = score(curve(runs, experiment.skip_initialize), interval)
            per_tag = {
                tag: figure(score(curve(runs, experiment.skip_initialize, masks), interval))
                for tag, masks in tagged.items()
            }
            rows.append((figure(overall), {"low": interval[0], "high": interval[1], "EAO per tag": per_tag}))
        return rows


class ExpectedOverlapCurve(OverInterval):
    """The EAO curve; with its interval for those who draw it."""

    @property
    def _title_default(self) -> str:
        return "EAO curve (MATLAB definition)"

    def describe(self) -> tuple[Any, ...]:
        """The curve from length 1 on, and without a column: the interval."""
        return Plot("Expected overlap", "EAO", wrt="Sequence length", minimal=0, maximal=1, trait="eao"), None

    def rows(self, experiment: Any, trackers: Items[Any], sequences: Items[Any]) -> list[tuple[Any, ...]]:
        """One row a tracker."""
        low, high = self.interval([annotations_of(sequence) for sequence in sequences])
        curves = [curve(runs, experiment.skip_initialize) for runs in load(experiment, trackers, sequences)]
        return [([figure(value) for value in values], {"low": low, "high": high}) for values in curves]
