"""Which pairs of trackers differ: the protocol's two tests, of all pairs at once.

Source: toolkit-legacy, `test_significance` of `analysis/analyze_ranks.m`, tags vot2015-final and vot2016-final; before
it `analysis/compare_trackers.m` (VOT2014) and `compare_pairs.m` (VOT2013, `paired-prob`). The p-values are those of
``scipy.stats.wilcoxon`` (method ``approx``) and ``mannwhitneyu`` (``asymptotic``, with continuity), which take one pair
a call; a challenge of 62 trackers has 1,891 pairs in each of 67 selections.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import njit

ALPHA = 0.05
COMMON_FRAMES = {"vot2013": 5, "vot2014": 5, "vot2015": 25}
"""By the challenge whose test it is: with fewer common frames trackers differ in VOT2015's, and not in the others."""
EQUAL_FRAMES = 0.95
"""VOT2013: trackers do not differ if their overlaps are the same on a larger share of the common frames."""
_erfc = np.vectorize(math.erfc, otypes=[float])


def accuracy_differs(
    overlaps: np.ndarray, alpha: float = ALPHA, thresholds: np.ndarray | None = None, test: str = "vot2015"
) -> np.ndarray:
    """Wilcoxon signed-rank test on common frames; too few of them (``COMMON_FRAMES``) decide without it.

    Args:
        overlaps: (trackers, frames) float64, NaN where a tracker has none.
        alpha: significance level.
        thresholds: (frames,) of practical difference: two trackers do not differ, whatever else, if the mean of
            difference over threshold is below 1. None leaves that test out, and VOT2013 has none.
        test: a key of ``COMMON_FRAMES``.

    Returns:
        (trackers, trackers) bool, symmetric, False on the diagonal.
    """
    trackers = len(overlaps)
    different = np.zeros((trackers, trackers), bool)
    for one in range(1, trackers):
        differences = overlaps[one] - overlaps[:one]  # (pairs, frames)
        counts = np.count_nonzero(~np.isnan(differences), axis=1)  # (pairs,)
        few = counts < COMMON_FRAMES[test]
        if test == "vot2013":
            close = np.count_nonzero(differences == 0, axis=1) / np.maximum(counts, 1) > EQUAL_FRAMES
        elif thresholds is None:
            close = np.zeros(one, bool)
        else:
            close = np.abs(np.nansum(differences / thresholds, axis=1)) < counts  # the mean ratio is below 1
        different[one, :one] = few & ~close & (test == "vot2015")
        tested = np.flatnonzero(~few & ~close)
        scores = _signed_rank_scores(np.sort(differences[tested], axis=1))
        different[one, tested] = _erfc(np.abs(scores) / math.sqrt(2)) <= alpha
    return different | different.T


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


def robustness_differs(failures: Sequence[np.ndarray], alpha: float = ALPHA) -> np.ndarray:
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
