"""Which pairs of trackers differ: the protocol's two tests, of all pairs at once.

Source: toolkit-legacy, `test_significance` of `analysis/analyze_ranks.m`, tags vot2015-final and vot2016-final. The
p-values are those of ``scipy.stats.wilcoxon`` (method ``approx``) and ``mannwhitneyu`` (``asymptotic``, with
continuity), which take one pair a call; a challenge of 62 trackers has 1,891 pairs in each of 67 selections.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Items

import numpy as np
from numba import njit

ALPHA = 0.05
COMMON_FRAMES = 25
_erfc = np.vectorize(math.erfc, otypes=[float])


def accuracy_differs(
    overlaps: np.ndarray, alpha: float = ALPHA, thresholds: np.ndarray | None = None
) -> np.ndarray:
    """Wilcoxon signed-rank test on common frames; without common frames, or with fewer than 25: different.

    Args:
        overlaps: (trackers, frames) float64, NaN where a tracker has none.
        alpha: significance level.
        thresholds: (frames,) of practical difference: two trackers do not differ, whatever else, if the mean of
            difference over threshold is below 1. None leaves that test out.

    Returns:
        (trackers, trackers) bool, symmetric, False on the diagonal.
    """
    trackers = len(overlaps)
    different = np.zeros((trackers, trackers), bool)
    for one in range(1, trackers):
        differences = overlaps[one] - overlaps[:one]  # (pairs, frames)
        counts = np.count_nonzero(~np.isnan(differences), axis=1)  # (pairs,)
        close = np.zeros(one, bool) if thresholds is None else _within(differences, thresholds)
        different[one, :one] = (counts < COMMON_FRAMES) & ~(close & (counts > 0))
        tested = np.flatnonzero((counts >= COMMON_FRAMES) & ~close)
        scores = _signed_rank_scores(np.sort(differences[tested], axis=1))
        different[one, tested] = _erfc(np.abs(scores) / math.sqrt(2)) <= alpha
    return different | different.T


@njit(nogil=True, cache=True)
def _within(differences, thresholds):  # type: ignore[no-untyped-def]
    """Whether (pairs,) the mean of difference over threshold is below 1."""
    within = np.zeros(len(differences), np.bool_)
    for pair in range(len(differences)):
        count, ratios = 0, 0.0
        for frame in range(len(thresholds)):
            value = differences[pair, frame]
            if not np.isnan(value):
                count += 1
                ratios += value / thresholds[frame]
        within[pair] = count > 0 and abs(ratios / count) < 1
    return within


@njit(nogil=True, cache=True)
def _signed_rank_scores(differences):  # type: ignore[no-untyped-def]
    """Scores (pairs,) of the sum of the ranks of positive differences; zeros are left out, ties share the mean rank.

    NaN where all are zero. ``differences`` (pairs, frames) are sorted, NaN last: sizes grow from the zeros outwards.
    """
    scores = np.empty(len(differences))
    for pair in range(len(differences)):
        row = differences[pair]
        end = len(row)
        while end and np.isnan(row[end - 1]):
            end -= 1
        negative, positive = np.searchsorted(row[:end], 0.0), np.searchsorted(row[:end], 0.0, "right")
        count = negative + end - positive
        ranks, ties, rank = 0.0, 0.0, 0
        while rank < count:
            size = min(row[positive] if positive < end else np.inf, -row[negative - 1] if negative else np.inf)
            ups = downs = 0
            while positive + ups < end and row[positive + ups] == size:
                ups += 1
            while downs < negative and -row[negative - 1 - downs] == size:
                downs += 1
            tied = ups + downs
            ranks += ups * (2 * rank + 1 + tied) / 2
            ties += float(tied) ** 3 - tied
            positive, negative, rank = positive + ups, negative - downs, rank + tied
        expected = count * (count + 1.0) / 4
        variance = (count * (count + 1.0) * (2.0 * count + 1.0) - ties / 2) / 24
        scores[pair] = (ranks - expected) / np.sqrt(variance) if count else np.nan
    return scores


def robustness_differs(failures: Items[np.ndarray], alpha: float = ALPHA) -> np.ndarray:
    """Mann-Whitney U test on the failures.

    Args:
        failures: one array a tracker, of any shape.
        alpha: significance level.

    Returns:
        (trackers, trackers) bool, symmetric, False on the diagonal.
    """
    values, codes = np.unique(np.concatenate([one.ravel() for one in failures]), return_inverse=True)
    ends = np.cumsum([one.size for one in failures])
    counts = np.array([np.bincount(part, minlength=len(values)) for part in np.split(codes, ends[:-1])], float)
    sizes = counts.sum(axis=1)
    before = np.cumsum(counts, axis=1) - counts / 2
    above = counts @ before.T  # (trackers, trackers), pairs in which the first has more failures, ties half
    cubes, squares = (counts**3).sum(axis=1), counts**2 @ counts.T
    total, product = sizes[:, None] + sizes, sizes[:, None] * sizes
    ties = cubes[:, None] + cubes + 3 * (squares + squares.T) - total
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt(product / 12 * (total + 1 - ties / (total * (total - 1))))
        score = (np.maximum(above, product - above) - product / 2 - 0.5) / deviation
        different = np.minimum(_erfc(score / math.sqrt(2)), 1) <= alpha
    np.fill_diagonal(different, False)
    return different
