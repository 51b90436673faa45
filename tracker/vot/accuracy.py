"""Accuracy and failures as the MATLAB toolkit defines them, over any selection of frames.

Source: toolkit-legacy, `analysis/estimate_accuracy.m` (burn-in) and `analyze_ranks.m` (aggregation), vot2016-final.
They differ from vot-toolkit's: accuracy is the mean over frames of the mean over repetitions, not a mean over
sequences; missing repetitions count as the mean of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from attributee import Float, Integer
from vot.analysis import Measure, Point, Sorting
from vot.report import Plot

from tracker.vot.analysis import Canvas, ResetBasedAnalysis, figure
from tracker.vot.results.annotations import REPETITIONS, Annotations, annotations_of
from tracker.vot.results.raw import FAILURE, INITIALIZATION
from tracker.vot.results.runs import Run, load

BURNIN = 10


@dataclass(frozen=True)
class Selection:
    """Which frames are looked at: ``frames[s]`` are the indices (int, sorted) in sequence ``s``."""

    name: str
    frames: list[np.ndarray]

    @property
    def length(self) -> int:
        """Number of selected frames."""
        return sum(map(len, self.frames))


def by_tag(truths: Sequence[Annotations], tags: Sequence[str]) -> list[Selection]:
    """One selection per tag: its frames in all sequences."""
    return [Selection(tag, [truth.frames(tag) for truth in truths]) for tag in tags]


def by_sequence(truths: Sequence[Annotations]) -> list[Selection]:
    """One selection per sequence: all its frames, none of the others."""
    nothing = np.arange(0)
    return [
        Selection(truth.name, [other.frames("all") if other is truth else nothing for other in truths])
        for truth in truths
    ]


@dataclass(frozen=True)
class Sample:
    """A tracker on a selection: what is averaged and tested.

    Attributes:
        overlaps: (frames,) mean over the repetitions, NaN where every repetition is in burn-in or has a code.
        failures: (sequences with selected frames, repetitions), filled up to the protocol's repetitions.
    """

    overlaps: np.ndarray
    failures: np.ndarray

    @property
    def accuracy(self) -> float:
        """Mean overlap; 0 when no frame counts, NaN when none is selected."""
        if not len(self.overlaps):
            return math.nan
        valid = self.overlaps[~np.isnan(self.overlaps)]
        return float(valid.mean()) if len(valid) else 0.0

    @property
    def failure_count(self) -> float:
        """Failures in the selection, mean over the repetitions; NaN when no frame is selected."""
        return float(self.failures.sum(axis=0).mean()) if len(self.overlaps) else math.nan

    @property
    def failures_per_100_frames(self) -> float:
        """The R of VOT2016 and later."""
        return 100 * self.failure_count / len(self.overlaps) if len(self.overlaps) else math.nan


def burn_in(codes: np.ndarray, burnin: int) -> np.ndarray:
    """Which of the codes (..., frames) lie in the ``burnin`` frames from an initialisation on, itself included."""
    starts = codes == INITIALIZATION
    mask = np.zeros(codes.shape, bool)
    for age in range(min(burnin, codes.shape[-1])):
        mask[..., age:] |= starts[..., : codes.shape[-1] - age]
    return mask


def sample(
    runs: Sequence[Sequence[Run]], selection: Selection, burnin: int = BURNIN, repetitions: int = REPETITIONS
) -> Sample:
    """Aggregate the runs of a tracker, indexed by sequence and repetition, over a selection.

    The frames are selected first and burn-in is counted on what is left, as the MATLAB toolkit does: an initialisation
    outside a tag masks nothing inside it.
    """
    overlaps, failures = [np.empty(0)], []
    for repeated, frames in zip(runs, selection.frames, strict=True):
        if not len(frames):
            continue
        selected = np.array([run.overlaps[frames] for run in repeated])  # (runs, frames)
        codes = np.array([run.codes[frames] for run in repeated])  # (runs, frames)
        valid = ~np.isnan(selected) & ~burn_in(codes, burnin)
        with np.errstate(invalid="ignore"):
            overlaps.append(np.where(valid, selected, 0).sum(axis=0) / valid.sum(axis=0))
        counts = (codes == FAILURE).sum(axis=1)  # (runs,)
        filled = np.full(max(repetitions, len(counts)), counts.mean())
        filled[: len(counts)] = counts
        failures.append(filled)
    return Sample(np.concatenate(overlaps), np.array(failures))


def challenge_table(
    runs: Sequence[Sequence[Run]], truths: Sequence[Annotations], burnin: int = BURNIN, repetitions: int = REPETITIONS
) -> tuple[float, float]:
    """A and R of one tracker as the challenges' tables print them: means over sequences weighted by their lengths.

    Source: toolkit-legacy, `report/report_ranking.m`, `weighted_mean_values`. A long sequence's frames count for more
    than in the pooled accuracy where many of them are in burn-in.

    Args:
        runs: indexed by sequence and repetition.
        truths: of the sequences.
        burnin: frames left out from an initialisation on.
        repetitions: missing ones are filled up to this.

    Returns:
        Mean overlap, and failures per sequence.
    """
    samples = [sample(runs, selection, burnin, repetitions) for selection in by_sequence(truths)]
    figures = [(one.accuracy, one.failure_count) for one in samples]
    accuracy, failures = np.average(figures, axis=0, weights=[len(truth) for truth in truths])
    return float(accuracy), float(failures)


class AccuracyRow(NamedTuple):
    """A tracker's row of :class:`AccuracyFailures`; of ``describe``, what each is.

    Attributes:
        accuracy: mean overlap.
        failures: sum over the sequences, mean over the repetitions.
        failures_per_100_frames: the R of VOT2016 and later.
        point: reliability and accuracy, of the AR plot.
    """

    accuracy: Any
    failures: Any
    failures_per_100_frames: Any
    point: Any


class ChallengeRow(NamedTuple):
    """A tracker's row of :class:`ChallengeTable`: mean overlap, and failures per sequence, both weighted by length."""

    accuracy: Any
    failures: Any


class SampleAnalysis(ResetBasedAnalysis):
    """An analysis of samples of the runs."""

    burnin = Integer(default=BURNIN, val_min=0, description="Frames left out from an initialisation on.")
    repetitions = Integer(default=REPETITIONS, val_min=1, description="Missing repetitions are filled up to this.")


class AccuracyFailures(SampleAnalysis):
    """Accuracy over all frames, failures, failures per 100 frames, and the AR plot."""

    sensitivity = Float(default=30, val_min=1, description="Frames over which reliability is given in the AR plot.")

    _title_default = "Accuracy, failures"

    def describe(self) -> AccuracyRow:
        """A, F, failures per 100 frames, the point (reliability, accuracy)."""
        return AccuracyRow(
            accuracy=Measure("Accuracy", "A", 0, 1, Sorting.DESCENDING),
            failures=Measure("Failures", "F", 0, None, Sorting.ASCENDING),
            failures_per_100_frames=Measure("Failures per 100 frames", "R", 0, None, Sorting.ASCENDING),
            point=Point(
                "AR plot",
                dimensions=2,
                abbreviation="AR",
                minimal=(0, 0),
                maximal=(1, 1),
                labels=(f"Reliability (S = {self.sensitivity:g})", "Accuracy"),
                trait="ar",
            ),
        )

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[AccuracyRow]:
        """One row a tracker."""
        (selection,) = by_tag([annotations_of(sequence) for sequence in sequences], ["all"])
        rows = []
        for runs in load(experiment, trackers, sequences):
            result = sample(runs, selection, self.burnin, self.repetitions)
            rate = result.failures_per_100_frames
            reliability = math.exp(-self.sensitivity * rate / 100)
            rows.append(
                AccuracyRow(
                    accuracy=figure(result.accuracy),
                    failures=figure(result.failure_count),
                    failures_per_100_frames=figure(rate),
                    point=(reliability, result.accuracy),
                )
            )
        return rows

    def figures(self, rows: Sequence[AccuracyRow], canvas: Canvas) -> list[Plot]:
        """The AR plot."""
        point = self.describe().point
        plot = canvas.plot("AR plot", point.label(0), point.label(1), (0, 1), (0, 1), "ar")
        return [canvas.scatter(plot, [row.point for row in rows])]


class ChallengeTable(SampleAnalysis):
    """A and R of the challenges' tables, see :func:`challenge_table`, docs/measures.md."""

    _title_default = "Challenge table"

    def describe(self) -> ChallengeRow:
        """A and R."""
        return ChallengeRow(
            accuracy=Measure("Accuracy, mean over sequences weighted by length", "A", 0, 1, Sorting.DESCENDING),
            failures=Measure("Failures a sequence, weighted by length", "R", 0, None, Sorting.ASCENDING),
        )

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[ChallengeRow]:
        """One row a tracker."""
        truths = [annotations_of(sequence) for sequence in sequences]
        return [
            ChallengeRow(*challenge_table(runs, truths, self.burnin, self.repetitions))
            for runs in load(experiment, trackers, sequences)
        ]
