"""What the analyses of this package share: never a stale figure, never a figure from a damaged file.

Two properties of the toolkit's processor (0.7.4 to 0.9.0) shape this class:

- It caches by analysis, experiment, tracker and sequence *names*, not by the content of the results. ``cached`` is
  therefore False. But two uncached analyses with the same key hang it (``vot report`` submits each one twice), hence
  an identifier of its own for every submission. Nothing is computed twice for that:
  see :mod:`tracker.vot.results.runs`.
- An analysis that fails while it runs is logged and ``vot analysis`` exits with 0. An exception at submission ends
  the command with 1 and writes nothing. ``separate`` is called there with trackers and sequences, so the input is
  checked there. It is not told the experiment: an analysis belongs to the one whose stack entry made it, of which the
  toolkit asks first whether it is ``compatible``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import vot.dataset
from attributee import Boolean, Enumeration
from matplotlib.patheffects import withStroke
from vot import get_logger
from vot.analysis import Axes, SeparableAnalysis
from vot.experiment import Experiment
from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment
from vot.report import Plot, StyleManager
from vot.tracker import Tracker
from vot.utilities.data import Grid
from vot.utilities.io import YAMLEncoder

from tracker.core.errors import InvalidValue
from tracker.vot.results.runs import has_results, load

MARKER: dict[str, Any] = {"s": 60, "edgecolors": "0.3", "linewidths": 0.6, "clip_on": False, "zorder": 3}
OUTLINED: dict[str, Any] = {"linewidth": 1.4, "path_effects": [withStroke(linewidth=2.2, foreground="0.4")]}
"""The toolkit's colours have a yellow that cannot be seen on white without an outline."""

_submissions = itertools.count()
YAMLEncoder.add_multi_representer(tuple, YAMLEncoder.represent_tuple)  # it knows the type itself, and no named tuple


class RowAnalysis(SeparableAnalysis):
    """One row a tracker, over all trackers and sequences together."""

    skip_missing = Boolean(default=False, description="Leave out trackers that have no result in this experiment.")

    experiment_type: type[Experiment] = MultiRunExperiment
    _experiment: Experiment | None = None

    def compatible(self, experiment: Experiment) -> bool:
        """Whether the experiment is of the right kind."""
        fits = isinstance(experiment, self.experiment_type)
        if fits and self._experiment is None:
            self._experiment = experiment
        return fits

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

    def check(self, experiment: Any, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence]) -> None:
        """Refuse input that would give wrong figures, before anything is computed.

        Raises:
            DamagedFile: names the file and the line.
            ValueError: options that do not fit the data.
        """

    def rows(
        self, experiment: Any, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence]
    ) -> Sequence[tuple[Any, ...]]:
        """One named tuple a tracker, of the type that ``describe`` gives."""
        raise NotImplementedError

    def figures(self, rows: Sequence[Any], canvas: Canvas) -> list[Plot]:
        """What the report draws of the ``rows`` of the canvas's trackers."""
        return []

    def taking_part(
        self, experiment: Any, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence]
    ) -> list[Tracker]:
        """The trackers that get a row: all, or with ``skip_missing`` those with any result in the experiment."""
        if not self.skip_missing:
            return list(trackers)
        return [tracker for tracker in trackers if has_results(experiment, tracker, sequences)]

    def separate(
        self, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence]
    ) -> list[SeparableAnalysis.SeparablePart]:
        """One part: ranks compare all trackers, curves need all sequences. Checks the input."""
        taking_part = self.taking_part(self._experiment, trackers, sequences)
        if taking_part:
            self.check(self._experiment, taking_part, sequences)
        return [SeparableAnalysis.SeparablePart(trackers, sequences, None, None)]

    def join(self, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence], results: list[Grid]) -> Grid:
        """The result of the only part."""
        return results[0]

    def subcompute(self, *args: Any) -> tuple[Any, ...]:
        """Not used: the analysis is computed whole."""
        raise NotImplementedError

    def compute(
        self,
        experiment: Experiment,
        trackers: Sequence[Tracker],
        sequences: Sequence[vot.dataset.Sequence],
        dependencies: Sequence[Grid],
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


class ResetBasedAnalysis(RowAnalysis):
    """An analysis of the runs of a reset-based experiment."""

    experiment_type = SupervisedExperiment

    def check(self, experiment: Any, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence]) -> None:
        """Read and measure all runs, which ``rows`` finds again."""
        load(experiment, trackers, sequences)


class Canvas:
    """Where the analyses of one experiment draw rows of ``trackers``: the report's colours, a legend in each figure."""

    def __init__(self, experiment: Experiment, trackers: Sequence[Tracker]):
        self.experiment = experiment
        self.trackers = trackers

    def plot(self, title: str, xlabel: str, ylabel: str, xlimits: Any, ylimits: Any, trait: str) -> Plot:
        """A titled plot; the title is also the name of its file."""
        return Plot(f"{self.experiment.identifier} {title}", xlabel, ylabel, xlimits, ylimits, trait)

    def scatter(self, plot: Plot, points: Sequence[tuple[float, float]]) -> Plot:
        """A finished plot of one point a tracker."""
        for tracker, point in zip(self.trackers, points, strict=True):
            self.point(plot, tracker, point, tracker.label)
        return self.finish(plot)

    def point(self, plot: Plot, tracker: Tracker, point: tuple[float, float], label: str) -> None:
        """One point."""
        style = StyleManager.default().plot_style(tracker).point_style()
        plot.axes.scatter(*point, label=label, **MARKER, **style)

    def line(self, plot: Plot, tracker: Tracker, x: Any, y: Any, suffix: str = "") -> None:
        """One line, its label the tracker's and ``suffix``."""
        style = StyleManager.default().plot_style(tracker).line_style() | OUTLINED
        dashes = ("-", "--", ":", "-.")[self.trackers.index(tracker) // 9 % 4]  # the toolkit has nine colours
        plot.axes.plot(x, y, label=tracker.label + suffix, linestyle=dashes, **style)

    def finish(self, plot: Plot) -> Plot:
        """The plot with its grid and legend."""
        plot.axes.grid(color="0.9", linewidth=0.6)
        plot.axes.set_axisbelow(True)
        plot.axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
        return plot


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
