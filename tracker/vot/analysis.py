"""What the analyses of this package share: never a stale figure, never a figure from a damaged file.

Two properties of the toolkit's processor (0.7.4 to 0.9.0) shape this class:

- It caches by analysis, experiment, tracker and sequence *names*, not by the content of the results. ``cached`` is
  therefore False. But two uncached analyses with the same key hang it (``vot report`` submits each one twice), hence
  an identifier of its own for every submission. Nothing is computed twice for that:
  see :mod:`tracker.vot.results.runs`.
- An analysis that fails while it runs is logged and ``vot analysis`` exits with 0. An exception at submission ends
  the command with 1 and writes nothing. ``separate`` is called there with trackers and sequences, so the input is
  checked there; the experiment is the one that the toolkit has asked ``compatible`` about just before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from collections.abc import Sequence as Items
from typing import Any

import numpy as np
from attributee import Boolean, Enumeration
from vot import get_logger
from vot.analysis import Axes, SeparableAnalysis
from vot.dataset import Sequence
from vot.experiment import Experiment
from vot.experiment.multirun import SupervisedExperiment
from vot.tracker import Tracker
from vot.utilities.data import Grid

from tracker.core.errors import InvalidValue
from tracker.vot.results.runs import has_results, load

_submissions = itertools.count()


class ProtocolAnalysis(SeparableAnalysis):
    """An analysis of a reset-based experiment: one row a tracker, over all trackers and sequences together."""

    skip_missing = Boolean(default=False, description="Leave out trackers that have no result in this experiment.")

    experiment_type: type[Experiment] = SupervisedExperiment

    def compatible(self, experiment: Experiment) -> bool:
        """Whether the experiment is of the right kind."""
        self._experiment = experiment
        return isinstance(experiment, self.experiment_type)

    @property
    def axes(self) -> Axes:
        """One row a tracker."""
        return Axes.TRACKERS

    @property
    def cached(self) -> bool:
        """Never: the toolkit's cache does not look at the results' content."""
        return False

    @property
    def identifier(self) -> str:
        """Another one at each submission."""
        return f"{super().identifier}#{next(_submissions)}"

    def check(self, experiment: Any, trackers: Items[Tracker], sequences: Items[Sequence]) -> None:
        """Refuse input that would give wrong figures.

        Raises:
            DamagedFile: names the file and the line.
            ValueError: options that do not fit the data.
        """
        load(experiment, trackers, sequences)

    def rows(self, experiment: Any, trackers: Items[Tracker], sequences: Items[Sequence]) -> list[tuple[Any, ...]]:
        """One tuple a tracker, in the order of ``describe``."""
        raise NotImplementedError

    def taking_part(self, experiment: Any, trackers: Items[Tracker], sequences: Items[Sequence]) -> list[Tracker]:
        """The trackers that get a row: all, or with ``skip_missing`` those with any result in the experiment."""
        if not self.skip_missing:
            return list(trackers)
        return [tracker for tracker in trackers if has_results(experiment, tracker, sequences)]

    def separate(self, trackers: Items[Tracker], sequences: Items[Sequence]) -> list[SeparableAnalysis.SeparablePart]:
        """One part: ranks compare all trackers, curves need all sequences. Checks the input."""
        taking_part = self.taking_part(self._experiment, trackers, sequences)
        if taking_part:
            self.check(self._experiment, taking_part, sequences)
        return [SeparableAnalysis.SeparablePart(trackers, sequences, None, None)]

    def join(self, trackers: Items[Tracker], sequences: Items[Sequence], results: list[Grid]) -> Grid:
        """The result of the only part."""
        return results[0]

    def subcompute(self, *args: Any) -> tuple[Any, ...]:
        """Not used: the analysis is computed whole."""
        raise NotImplementedError

    def compute(
        self, experiment: Experiment, trackers: Items[Tracker], sequences: Items[Sequence], dependencies: Items[Grid]
    ) -> Grid:
        """The rows as the toolkit's grid, None for a tracker that takes no part."""
        taking_part = self.taking_part(experiment, trackers, sequences)
        rows = self.rows(experiment, taking_part, sequences) if taking_part else []
        by_reference = {tracker.reference: row for tracker, row in zip(taking_part, rows, strict=True)}
        grid = Grid(len(trackers), 1)
        for index, tracker in enumerate(trackers):
            grid[index, 0] = by_reference.get(tracker.reference)
        missing = [tracker.reference for tracker in trackers if tracker.reference not in by_reference]
        if missing:
            get_logger().info("%s: no results of %s in %s", self.title, ", ".join(missing), experiment.identifier)
        return grid


class Choice(Enumeration):
    """An option that is one of a few words."""

    def __init__(self, options: Iterable[str], **kwargs: Any):
        super().__init__({word: word for word in options}, **kwargs)

    def coerce(self, value: Any, ctx: Any) -> str:
        """The word itself.

        Raises:
            ValueError: another word.
        """
        if value not in self.options:
            raise InvalidValue(f"expected one of {', '.join(self.options)}, got {value!r}")
        return str(value)


def figure(value: float) -> float | None:
    """A figure for tables and JSON: None (shown as N/A) where there is none."""
    return None if np.isnan(value) else float(value)
