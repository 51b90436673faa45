"""Accuracy rank Ar and robustness rank Rr, as the MATLAB toolkit of VOT2013 to VOT2016 computes them.

Source: toolkit-legacy, `analysis/analyze_ranks.m` (tests; for those before VOT2015 see
:mod:`tracker.vot.significance`) and `adapted_ranks.m` (sharing), tags vot2013-final to vot2016-final (its HEAD inverts
the sharing `best`). Trackers are ranked in every selection of frames, a tag or a sequence; those that do not differ
from a tracker share their ranks with it; Ar and Rr are the means over the selections. Ranks depend on the set of
trackers and mean nothing beside ranks of another set.

- Accuracy: paired Wilcoxon signed-rank test on the overlaps of common frames; fewer than 25 of them: different. VOT2013
  and VOT2014: fewer than 5 of them: not different.
- Practical difference: not different if the mean of difference over threshold (`practical.value`) is below 1. VOT2013:
  instead, if overlaps are the same on more than 95 % of the common frames.
- Robustness: Mann-Whitney U test on the failures, sequences x repetitions. It needs the filled repetitions: with one
  column it never rejects and everybody gets rank 1.

The DAT paper's Ar and Rr are means over sequences, shared `best`; the challenges' tables are means over tags.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from attributee import Boolean, Float, List, String
from cachetools import LRUCache
from vot import get_logger
from vot.analysis import Measure, Point, Sorting
from vot.report import Plot

from tracker.core.errors import InvalidValue
from tracker.core.machine import CORES
from tracker.vot.accuracy import Sample, SampleAnalysis, Selection, by_sequence, by_tag, sample
from tracker.vot.analysis import Canvas, Choice, figure
from tracker.vot.results.annotations import TAGS, Annotations, annotations_of
from tracker.vot.results.runs import Runs, load
from tracker.vot.significance import ALPHA, COMMON_FRAMES, accuracy_differs, robustness_differs

SHARING = {"best": np.min, "mean": np.mean, "median": np.median, "none": None}
"""Rank given to a tracker from the ranks of those that do not differ from it."""
DIRECTIONS = {"A": Sorting.DESCENDING, **dict.fromkeys(("failures", "Ar", "Rr"), Sorting.ASCENDING)}
"""Which values of a selection's quantities are the best."""


def shared_ranks(values: np.ndarray, different: np.ndarray, sharing: str = "best") -> np.ndarray:
    """Ranks from 1, smallest value first, ties in the trackers' order, then shared.

    Args:
        values: (trackers,) float, NaN for a tracker that takes no part.
        different: (trackers, trackers) bool, symmetric, False on the diagonal. Not being different is not transitive.
        sharing: a key of ``SHARING``.

    Returns:
        (trackers,) float, NaN where ``values`` is.
    """
    if sharing not in SHARING:
        raise InvalidValue(f"sharing must be one of {', '.join(SHARING)}, got {sharing!r}")
    taking_part = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    order = np.argsort(values[taking_part], kind="stable")
    ranks[np.flatnonzero(taking_part)[order]] = np.arange(1, len(order) + 1)
    share = SHARING[sharing]
    if share is None:
        return ranks
    equivalent = ~different & taking_part
    return np.array([share(ranks[row]) if on else np.nan for row, on in zip(equivalent, taking_part, strict=True)])


@dataclass(frozen=True)
class Ranking:
    """Ranks of all trackers in one selection; all arrays are (trackers,), NaN where the selection has no frames.

    Attributes:
        name: of the selection.
        length: number of its frames.
        accuracy: mean overlaps.
        failures: mean failures.
        accuracy_rank: shared.
        robustness_rank: shared.
        practical: whether practical differences were used.
    """

    name: str
    length: int
    accuracy: np.ndarray
    failures: np.ndarray
    accuracy_rank: np.ndarray
    robustness_rank: np.ndarray
    practical: bool


def rank(
    samples: Sequence[Sample],
    selection: Selection,
    alpha: float = ALPHA,
    sharing: str = "best",
    thresholds: np.ndarray | None = None,
    test: str = "vot2015",
) -> Ranking:
    """Rank the trackers of ``samples`` (one each, on ``selection``)."""
    count = len(samples)
    accuracy = np.array([one.accuracy for one in samples])
    failures = np.array([one.failure_count for one in samples])
    differ = np.zeros((2, count, count), bool)
    if selection.length:
        differ[0] = accuracy_differs(np.array([one.overlaps for one in samples]), alpha, thresholds, test)
        differ[1] = robustness_differs([one.failures for one in samples], alpha)
    return Ranking(
        selection.name,
        selection.length,
        accuracy,
        failures,
        shared_ranks(-accuracy, differ[0], sharing),
        shared_ranks(failures, differ[1], sharing),
        thresholds is not None,
    )


def practical_thresholds(truths: Sequence[Annotations], selection: Selection) -> np.ndarray | None:
    """The thresholds (frames,) of a selection, or None unless every sequence in it has them."""
    thresholds = [(truth.practical, frames) for truth, frames in zip(truths, selection.frames, strict=True)]
    parts = [None if values is None else values[frames] for values, frames in thresholds if len(frames)]
    if not parts or any(part is None for part in parts):
        return None
    return np.concatenate([part for part in parts if part is not None])


_ranked: LRUCache[object, list[Ranking]] = LRUCache(maxsize=8)
"""By the runs and options: a stack asks for the same rankings as means and as a table of tags."""


class RankRow(NamedTuple):
    """A tracker's row of :class:`ARRank`; of ``describe``, what each is.

    Attributes:
        accuracy_rank: Ar.
        robustness_rank: Rr.
        point: (Rr, Ar), of the plot.
        selections: by name of the selection: "frames", "A", "failures", "Ar", "Rr", "practical difference".
    """

    accuracy_rank: Any
    robustness_rank: Any
    point: Any
    selections: Any


class ARRank(SampleAnalysis):
    """Accuracy rank and robustness rank, with the figures of every selection."""

    selection = Choice(("tag", "sequence"), default="tag", description="What is ranked: tag or sequence.")
    tags = List(String(), default=list(TAGS), description="The tags, when ranked by tag.")
    sharing = Choice(SHARING, default="best", description="How equivalent trackers share ranks.")
    tests = Choice(COMMON_FRAMES, default="vot2015", description="Whose test of accuracy: vot2013, vot2014 or vot2015.")
    alpha = Float(default=ALPHA, val_min=0, val_max=1, description="Significance level of both tests.")
    practical = Boolean(default=True, description="Use practical.value where the sequences have it.")

    @property
    def _title_default(self) -> str:
        return f"Ranks per {self.selection} (shared: {self.sharing})"

    def describe(self) -> tuple[Any, ...]:
        """Ar, Rr, the point (Rr, Ar), and without a column: everything per selection."""
        return RankRow(
            accuracy_rank=Measure("Accuracy rank", "Ar", 1, None, Sorting.ASCENDING),
            robustness_rank=Measure("Robustness rank", "Rr", 1, None, Sorting.ASCENDING),
            point=Point(
                f"A-R rank plot per {self.selection}",
                dimensions=2,
                abbreviation="ArRr",
                minimal=(None, None),
                maximal=(None, None),
                labels=("Robustness rank", "Accuracy rank"),
                trait="ar",
            ),
            selections=None,
        )

    def rankings(self, runs: Runs, truths: Sequence[Annotations]) -> list[Ranking]:
        """The ranking in every selection; when ranked by tag, ``all`` (every frame) comes last."""
        if self.selection == "tag":
            selections = by_tag(truths, [*self.tags, "all"])
        else:
            selections = by_sequence(truths)
        practical = self.practical and self.tests != "vot2013"
        options = (self.burnin, self.repetitions, self.alpha, self.sharing, practical, self.tests)
        by_tracker = tuple(tuple(map(tuple, by_sequence)) for by_sequence in runs)
        key = (by_tracker, tuple(truths), tuple(selection.name for selection in selections), options)
        rankings = _ranked.get(key)
        if rankings is None:

            def ranking(selection: Selection) -> Ranking:
                samples = [sample(run, selection, self.burnin, self.repetitions) for run in runs]
                thresholds = practical_thresholds(truths, selection) if practical else None
                return rank(samples, selection, self.alpha, self.sharing, thresholds, self.tests)

            with ThreadPoolExecutor(CORES) as pool:
                rankings = _ranked[key] = list(pool.map(ranking, selections))
        if practical and not any(ranking.practical for ranking in rankings):
            get_logger().info("%s: practical difference not used, no practical.value", self.title)
        return rankings

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """One row a tracker."""
        runs = load(experiment, trackers, sequences)
        rankings = self.rankings(runs, [annotations_of(sequence) for sequence in sequences])
        averaged = [ranking for ranking in rankings if ranking.name != "all" or self.selection != "tag"]
        rows = []
        for index in range(len(trackers)):
            accuracy = _mean([float(ranking.accuracy_rank[index]) for ranking in averaged])
            robustness = _mean([float(ranking.robustness_rank[index]) for ranking in averaged])
            details = {
                ranking.name: {
                    "frames": ranking.length,
                    "A": figure(ranking.accuracy[index]),
                    "failures": figure(ranking.failures[index]),
                    "Ar": figure(ranking.accuracy_rank[index]),
                    "Rr": figure(ranking.robustness_rank[index]),
                    "practical difference": "used" if ranking.practical else "not used",
                }
                for ranking in rankings
            }
            rows.append(RankRow(figure(accuracy), figure(robustness), (robustness, accuracy), details))
        return rows

    def figures(self, rows: Sequence[Any], canvas: Canvas) -> list[Plot]:
        """The A-R rank plot, the best at the top right as in VOT's papers."""
        limits = (len(rows) + 0.5, 0.5)
        plot = canvas.plot(f"A-R ranks per {self.selection}", "Robustness rank", "Accuracy rank", limits, limits, "ar")
        return [canvas.scatter(plot, [row.point for row in rows])]


class TagTable(ARRank):
    """Accuracy, failures and both ranks of every tag: four columns a tag."""

    @property
    def _title_default(self) -> str:
        return f"Per tag (shared: {self.sharing})"

    def columns(self) -> list[tuple[str, str, Measure]]:
        """Tag, quantity (a key of the details of ``ARRank``) and description of every column."""
        return [
            (tag, key, Measure(f"{key} {tag}", minimal=0, direction=direction))
            for key, direction in DIRECTIONS.items()
            for tag in [*self.tags, "all"]
        ]

    def describe(self) -> tuple[Any, ...]:
        """One measure a column."""
        return tuple(measure for _, _, measure in self.columns())

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[tuple[Any, ...]]:
        """One row a tracker."""
        rows: Sequence[Any] = super().rows(experiment, trackers, sequences)
        return [tuple(row.selections[tag][key] for tag, key, _ in self.columns()) for row in rows]

    def figures(self, rows: Sequence[Any], canvas: Canvas) -> list[Plot]:
        """None beside the table."""
        return []


def _mean(values: Sequence[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) if numbers else math.nan
