"""Which pairs of trackers differ: the protocol's two tests, of all pairs at once.

Source: toolkit-legacy, `test_significance` of `analysis/analyze_ranks.m`, tags vot2015-final and vot2016-final. The
p-values are those of ``scipy.stats.wilcoxon`` (method ``approx``) and ``mannwhitneyu`` (``asymptotic``, with
continuity), which take one pair a call; a challenge of 62 trackers has 1,891 pairs in each of 67 selections.
"""

from __future__ import annotations

from collections.abc import Sequence as Items

import numpy as np
from numba import njit
from scipy.special import ndtr

ALPHA = 0.05
COMMON_FRAMES = 25


def accuracy_differs(overlaps: np.ndarray, alpha: float = ALPHA, thresholds: np.ndarray | None = None) -> np.ndarray:
    """Wilcoxon signed-rank test on common frames; without common frames, or with fewer than 25: different.

    Args:
        overlaps: (trackers, frames) float64, NaN where a tracker has none.
        alpha: significance level.
        thresholds: (frames,) of practical difference: two trackers do not differ, whatever else, if the mean of
            difference over threshold is below 1. None leaves that test out.

    Returns:
        (trackers, trackers) bool, symmetric, False on the diagonal.
    """
    practical = thresholds is not None
    scores = _signed_rank_scores(overlaps, thresholds if thresholds is not None else np.empty(0), practical)
    with np.errstate(invalid="ignore"):
        different = 2 * ndtr(-np.abs(scores)) <= alpha
    return different | different.T


@njit(nogil=True, cache=True)
def _signed_rank_scores(overlaps, thresholds, practical):  # type: ignore[no-untyped-def]
    """Scores (trackers, trackers) below the diagonal: infinite for different, NaN for not, else to be judged."""
    trackers, frames = overlaps.shape
    scores = np.full((trackers, trackers), np.nan)
    difference = np.empty(frames)
    for i in range(trackers):
        for j in range(i):
            count, ratios = 0, 0.0
            for frame in range(frames):
                value = overlaps[i, frame] - overlaps[j, frame]
                if not np.isnan(value):
                    difference[count] = value
                    count += 1
                    if practical:
                        ratios += value / thresholds[frame]
            if count and practical and abs(ratios / count) < 1:
                continue
            scores[i, j] = np.inf if count < COMMON_FRAMES else _signed_rank_score(difference[:count])
    return scores


@njit(nogil=True)
def _signed_rank_score(difference):  # type: ignore[no-untyped-def]
    """Score of the sum of the ranks of positive differences; zeros are left out, ties share the mean rank."""
    difference = difference[difference != 0]
    count = len(difference)
    if count == 0:
        return np.nan
    size = np.abs(difference)
    order = np.argsort(size)
    positive, ties, start = 0.0, 0.0, 0
    while start < count:
        end = start + 1
        while end < count and size[order[end]] == size[order[start]]:
            end += 1
        for place in range(start, end):
            if difference[order[place]] > 0:
                positive += (start + 1 + end) / 2
        ties += float(end - start) ** 3 - (end - start)
        start = end
    expected = count * (count + 1.0) / 4
    variance = (count * (count + 1.0) * (2.0 * count + 1.0) - ties / 2) / 24
    return (positive - expected) / np.sqrt(variance)


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
        different = np.minimum(2 * ndtr(-score), 1) <= alpha
    np.fill_diagonal(different, False)
    return different
