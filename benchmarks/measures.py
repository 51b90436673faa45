"""Expected average overlap (EAO), accuracy and failures of reset-based runs, and the bootstrap of their differences.

The EAO is the one that vot-toolkit 0.7.4 prints (``vot.analysis.supervised.EAOScore``), kept as sums per sequence so
that a resampled set of sequences costs one matrix product:

    curve[l] = sum_s n_s N_s[l] / sum_s n_s D_s[l]      n_s: how often sequence s was drawn

Where it differs from the MATLAB toolkit's is told in ``tracker.vot.expected_overlap``, which computes that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.vot.accuracy import BURNIN, burn_in
from tracker.vot.results.raw import FAILURE, INITIALIZATION
from tracker.vot.results.runs import REGION, Run

INTERVAL = (60, 300)

Floats = NDArray[np.float64]

Repetitions = Sequence[Mapping[str, Run]]
"""Runs of one tracker: for each repetition (seed) a run for each sequence, by name."""


def fragments(run: Run) -> list[tuple[Floats, bool]]:
    """Overlaps from each initialisation to its failure (excluded) or to the end, and whether the target was held.

    A frame without a region has overlap 0, as in the toolkit.
    """
    overlaps = np.nan_to_num(run.overlaps)
    starts, ends = np.flatnonzero(run.codes == INITIALIZATION), np.flatnonzero(run.codes == FAILURE)
    parts = [(overlaps[start:end], False) for start, end in zip(starts, ends, strict=False)]
    return parts + [(overlaps[start:], True) for start in starts[len(ends) :]]


class ExpectedOverlap:
    """EAO of one tracker over any multiset of its sequences."""

    def __init__(self, repetitions: Repetitions, names: Sequence[str], interval: tuple[int, int] = INTERVAL) -> None:
        """Sum up the fragments of each repetition and sequence.

        Args:
            repetitions: the tracker's runs.
            names: the sequences, in the order of the ``counts`` of ``score``.
            interval: first and last index into the curve, both included.
        """
        shape = (len(repetitions), len(names), interval[1] + 1)
        self._interval = interval
        self._numerator, self._denominator = np.zeros(shape), np.zeros(shape)
        self._longest = np.zeros(len(repetitions), int)  # length of the longest fragment
        for k, repetition in enumerate(repetitions):
            for s, name in enumerate(names):
                for overlaps, held in fragments(repetition[name]):
                    self._add(k, s, overlaps, held)

    def _add(self, k: int, s: int, overlaps: Floats, held: bool) -> None:
        length = self._numerator.shape[2]
        padded = np.zeros(length)
        padded[: len(overlaps)] = overlaps[:length]
        mean = np.cumsum(padded) - padded[0]  # the frame of the initialisation does not count
        mean[1:] /= np.arange(1, length)
        end = len(overlaps) if held else length
        self._numerator[k, s, :end] += mean[:end]
        self._denominator[k, s, :end] += 1.0
        self._longest[k] = max(self._longest[k], len(overlaps))

    def score(self, counts: NDArray[np.integer] | None = None) -> Floats:
        """EAO (K, B) of each repetition, NaN if no fragment reaches the interval.

        The toolkit's curve ends with the longest fragment; what is drawn is scored on the same lengths.

        Args:
            counts: (B, S), how often each sequence is taken; None: each once, B = 1.
        """
        if counts is None:
            counts = np.ones((1, self._numerator.shape[1]), int)
        low, high = self._interval
        at = np.arange(low, high + 1)
        weights = counts.astype(float)
        numerator = weights @ self._numerator[:, :, at]  # (K, B, I)
        denominator = weights @ self._denominator[:, :, at]
        defined = (at < self._longest[:, None, None]) & (denominator > 0)  # (K, B, I)
        curve = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=defined)
        number = defined.sum(axis=2)
        return np.divide(curve.sum(axis=2), number, out=np.full(number.shape, np.nan), where=number > 0)


@dataclass(frozen=True)
class Difference:
    """First tracker minus second, over paired sequences.

    Attributes:
        value: the difference in the mean over repetitions.
        bound: the end of the one-sided 90 % interval that is nearer to "no better": what is surely reached.
        low: start of the two-sided 95 % interval.
        high: its end.
    """

    value: float
    bound: float
    low: float
    high: float


def bootstrap(
    first: Repetitions,
    second: Repetitions,
    names: Sequence[str],
    interval: tuple[int, int] = INTERVAL,
    samples: int = 10_000,
    seed: int = 0,
) -> tuple[Difference, Difference]:
    """Differences of EAO and of the number of failures, with percentile intervals of a bootstrap over sequences.

    A sequence is drawn with all its repetitions and for both trackers at once: frames and seeds of one sequence are
    not independent of each other, sequences are.

    Raises:
        ValueError: if there are fewer than two sequences.
    """
    if len(names) < 2:
        raise ValueError(f"bootstrap over {len(names)} sequence(s) says nothing; give at least two")
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=samples)  # (B, S)
    eao = [ExpectedOverlap(tracker, names, interval) for tracker in (first, second)]
    lost = [failures(tracker, names).mean(axis=0) for tracker in (first, second)]  # (S,)
    once = np.ones((1, len(names)), int)

    def differ(counts: NDArray[np.integer]) -> tuple[Floats, Floats]:
        scores = [tracker.score(counts).mean(axis=0) for tracker in eao]
        return scores[0] - scores[1], counts @ (lost[0] - lost[1])

    (eao_value, lost_value), (eao_drawn, lost_drawn) = differ(once), differ(counts)
    return (
        Difference(float(eao_value[0]), *_quantiles(eao_drawn, 0.1, 0.025, 0.975)),
        Difference(float(lost_value[0]), *_quantiles(lost_drawn, 0.9, 0.025, 0.975)),
    )


def accuracy(runs: Mapping[str, Run], names: Sequence[str]) -> float:
    """A as the toolkit prints it: mean overlap after burn-in of each sequence, weighted by its length.

    ``vot.analysis.supervised.AverageAccuracyRobustness``; a sequence without such a frame counts as 0.
    """
    means = []
    for name in names:
        scored = runs[name].overlaps[~burn_in(runs[name].codes, BURNIN) & (runs[name].codes == REGION)]
        means.append(float(np.nan_to_num(scored).mean()) if len(scored) else 0.0)
    return float(np.average(means, weights=[len(runs[name].codes) for name in names]))


def failures(repetitions: Repetitions, names: Sequence[str]) -> Floats:
    """Number of failures (K, S) in each repetition and sequence."""
    return np.array(
        [[np.count_nonzero(repetition[name].codes == FAILURE) for name in names] for repetition in repetitions], float
    )


def _quantiles(drawn: Floats, *levels: float) -> tuple[float, ...]:
    """Quantiles of the values that are defined: an EAO is not where no fragment reaches the interval."""
    defined = drawn[~np.isnan(drawn)]
    return tuple(float(value) for value in np.quantile(defined, levels)) if len(defined) else (np.nan,) * len(levels)
