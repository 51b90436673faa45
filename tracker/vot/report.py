"""What `vot report` shows of the protocol: overview, tables per tag, AR, A-R rank, EAO curve and ordered EAO plots.

Named in a workspace's ``config.yaml``; without it the toolkit's default report shows the same figures in one wide
table and plots without legend, interval or order::

    report:
      index:
      - type: tracker.vot.report.ProtocolReport
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence as Items
from types import SimpleNamespace
from typing import Any

from matplotlib.patheffects import withStroke
from vot.analysis import Axes, Measure, Sorting
from vot.experiment import Experiment
from vot.report import Plot, Report, StyleManager, Table
from vot.tracker import Tracker

from tracker.vot.accuracy import AccuracyFailures
from tracker.vot.expected_overlap import ExpectedOverlap, ExpectedOverlapCurve
from tracker.vot.precision import OnePass
from tracker.vot.provenance import settings_of
from tracker.vot.ranking import ARRank, TagTable

Rows = list[tuple[Any, ...]]
Column = tuple[Any, Measure, list[float | None]]
"""What the column belongs to (has a ``title``), what it is, and one value a tracker."""

MARKER: dict[str, Any] = {"s": 60, "edgecolors": "0.3", "linewidths": 0.6}
OUTLINED: dict[str, Any] = {"linewidth": 1.4, "path_effects": [withStroke(linewidth=2.2, foreground="0.4")]}
"""The toolkit's colours have a yellow that cannot be seen on white without an outline."""

DIGITS = {"F": 1, "failures": 1, "R": 2, "Ar": 2, "Rr": 2, "CLE": 1}


class ProtocolReport(Report):
    """All measures of the stack's analyses, with the figures that VOT's papers show."""

    async def generate(
        self, experiments: Items[Experiment], trackers: Items[Tracker], sequences: Any
    ) -> dict[str, list[Any]]:
        """Sections of the document: name -> tables and plots."""
        tell_apart(trackers)
        sections: dict[str, list[Any]] = {}
        overview: list[tuple[Experiment, list[Column]]] = []
        for experiment in experiments:
            analyses = [one for one in experiment.analyses if one.axes == Axes.TRACKERS and one.compatible(experiment)]
            if not analyses:
                continue
            grids = await self.process(analyses, experiment, trackers, sequences)
            results = {analysis: list(grid) for analysis, grid in zip(analyses, grids, strict=True)}
            columns = [
                column
                for analysis, rows in results.items()
                for column in measure_columns(analysis, rows)
                if not isinstance(analysis, TagTable) and any(row is not None for row in rows)
            ]
            overview.append((experiment, columns))
            figures, tables = [], []
            for analysis, rows in results.items():
                known = [(tracker, row) for tracker, row in zip(trackers, rows, strict=True) if row is not None]
                if known:
                    present, complete = (list(part) for part in zip(*known, strict=True))
                    figures += _Figures(experiment, present).of(analysis, complete)
                    tables += tag_tables(experiment, present, analysis, complete)
            sections |= {f"{experiment.identifier} figures": figures, f"{experiment.identifier} per tag": tables}
        tables = [make_table(experiment, columns, trackers) for experiment, columns in overview if columns]
        return {"Overview": tables, **sections}


def tell_apart(trackers: Items[Tracker]) -> None:
    """Give trackers of one label labels that differ: their parameters, or else their names in the registry.

    Labels stand in legends and tables; the toolkit's own parts of the page take them from the tracker.
    """
    labels = [tracker.label for tracker in trackers]
    for tracker, label in zip(trackers, labels, strict=True):
        if labels.count(label) > 1:
            parameters = settings_of(tracker).get("env_RECIPROCATIVE_PARAMS")
            tracker._label = f"{label} {parameters or f'({tracker.reference})'}"


def measure_columns(analysis: Any, rows: Rows) -> list[Column]:
    """The measures of an analysis as columns."""
    return [
        (analysis, description, [None if row is None else row[index] for row in rows])
        for index, description in enumerate(analysis.describe())
        if isinstance(description, Measure)
    ]


def tag_tables(experiment: Experiment, trackers: Items[Tracker], analysis: Any, rows: Rows) -> list[Table]:
    """One table a quantity with one column a tag."""
    groups: dict[str, list[Column]] = {}
    if isinstance(analysis, TagTable):
        shared = f"per tag (shared: {analysis.sharing})"
        titles = {"A": "Accuracy per tag", "failures": "Failures per tag"}
        titles |= {"Ar": f"Accuracy rank {shared}", "Rr": f"Robustness rank {shared}"}
        heads = {key: SimpleNamespace(title=title) for key, title in titles.items()}
        for index, (tag, key, measure) in enumerate(analysis.columns()):
            named = Measure(key, tag, direction=measure.direction)
            groups.setdefault(key, []).append((heads[key], named, [row[index] for row in rows]))
    if isinstance(analysis, ExpectedOverlap):
        head = SimpleNamespace(title="Expected average overlap per tag (MATLAB definition)")
        for tag in analysis.tags:
            measure = Measure("EAO", tag, direction=Sorting.DESCENDING)
            groups.setdefault("EAO", []).append((head, measure, [row[1]["EAO per tag"][tag] for row in rows]))
    return [make_table(experiment, columns, trackers) for columns in groups.values()]


def make_table(experiment: Experiment, columns: Items[Column], trackers: Items[Tracker]) -> Table:
    """The toolkit's table: a row a tracker, the three best of each column marked."""
    order = [_order(measure, dict(zip(trackers, values, strict=True))) for _, measure, values in columns]
    data = {
        tracker: [_text(measure, values[index]) for _, measure, values in columns]
        for index, tracker in enumerate(trackers)
    }
    header = [[experiment] * len(columns), [head for head, _, _ in columns], [measure for _, measure, _ in columns]]
    return Table(header, data, order)


def _order(measure: Measure, values: dict[Tracker, float | None]) -> dict[Tracker, int] | None:
    """Places from 1, equal for equal values; trackers without a value come after the last."""
    if measure.direction == Sorting.UNSORTABLE:
        return None
    sign = -1 if measure.direction == Sorting.DESCENDING else 1
    keys = {tracker: sign * value for tracker, value in values.items() if value is not None}
    places = {tracker: 1 + sum(other < key for other in keys.values()) for tracker, key in keys.items()}
    return {tracker: places.get(tracker, len(values) + 1) for tracker in values}


def _text(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.{DIGITS.get(measure.name, DIGITS.get(measure.abbreviation, 3))}f}"


class _Figures:
    """Draws the results of one experiment with the report's colours, a legend in each figure."""

    def __init__(self, experiment: Experiment, trackers: Items[Tracker]):
        self.experiment = experiment
        self.trackers = trackers

    def of(self, analysis: Any, rows: Rows) -> list[Plot]:
        """The figures of an analysis; none for one that is not of this package."""
        kinds: dict[type, Callable[[Any, Rows], list[Plot]]] = {
            AccuracyFailures: self.accuracy_robustness,
            ARRank: self.ranks,
            ExpectedOverlap: self.ordered,
            ExpectedOverlapCurve: self.curve,
            OnePass: self.one_pass,
        }
        draw = kinds.get(type(analysis))
        return [] if draw is None else draw(analysis, rows)

    def accuracy_robustness(self, analysis: AccuracyFailures, rows: Rows) -> list[Plot]:
        point = analysis.describe()[3]
        plot = self._plot("AR plot", point.label(0), point.label(1), (0, 1), (0, 1), "ar")
        return [self._scatter(plot, [row[3] for row in rows])]

    def ranks(self, analysis: ARRank, rows: Rows) -> list[Plot]:
        limits = (len(rows) + 0.5, 0.5)  # the best is at the top right, as in VOT's papers
        labels = ("Robustness rank", "Accuracy rank")
        plot = self._plot(f"A-R ranks per {analysis.selection}", *labels, limits, limits, "ar")
        return [self._scatter(plot, [row[2] for row in rows])]

    def ordered(self, analysis: ExpectedOverlap, rows: Rows) -> list[Plot]:
        interval = f"{rows[0][1]['low']} to {rows[0][1]['high']} frames"
        plot = self._plot(f"expected average overlap ({interval})", "Order", "EAO", None, None, "eao")
        best = sorted(range(len(rows)), key=lambda index: -(rows[index][0] or 0))
        for place, index in enumerate(best, start=1):
            tracker, value = self.trackers[index], rows[index][0] or 0
            style = StyleManager.default().plot_style(tracker).point_style()
            label = f"{place}. {tracker.label}  {value:.3f}"
            plot.axes.scatter(place, value, label=label, **MARKER, **style)
        plot.axes.set_xlim(len(rows) + 0.5, 0.5)
        plot.axes.set_xticks(range(1, len(rows) + 1))
        plot.axes.set_ylim(bottom=0)
        return [self._finish(plot)]

    def curve(self, analysis: ExpectedOverlapCurve, rows: Rows) -> list[Plot]:
        low, high = rows[0][1]["low"], rows[0][1]["high"]
        longest = len(rows[0][0])
        limits = (1, min(longest, max(2 * high - low, high + 20)))
        labels = ("Sequence length", "Expected overlap")
        plot = self._plot(f"EAO curve ({low} to {high} frames)", *labels, limits, (0, 1), "eao")
        plot.axes.axvspan(low - 0.5, high + 0.5, color="0.92", zorder=0, label=f"{low} to {high}")
        for number, (tracker, row) in enumerate(zip(self.trackers, rows, strict=True)):
            values = [math.nan if value is None else value for value in row[0]]
            self._line(plot, tracker, number, range(1, longest + 1), values)
        return [self._finish(plot)]

    def one_pass(self, analysis: OnePass, rows: Rows) -> list[Plot]:
        plots = []
        for index, shown in ((4, 1), (5, 2)):
            curve = analysis.describe()[index]
            limits = (curve.minimal(0), curve.maximal(0))
            plot = self._plot(curve.name.lower(), curve.label(0), curve.label(1), limits, (0, 1), "eao")
            for number, (tracker, row) in enumerate(zip(self.trackers, rows, strict=True)):
                x, y = zip(*row[index], strict=True)
                self._line(plot, tracker, number, x, y, f"  {row[shown]:.3f}")
            plots.append(self._finish(plot))
        return plots

    def _plot(self, title: str, xlabel: str, ylabel: str, xlimits: Any, ylimits: Any, trait: str) -> Plot:
        """A titled plot; the title is also the name of its file."""
        return Plot(f"{self.experiment.identifier} {title}", xlabel, ylabel, xlimits, ylimits, trait)

    def _scatter(self, plot: Plot, points: list[tuple[float, float]]) -> Plot:
        for tracker, point in zip(self.trackers, points, strict=True):
            style = StyleManager.default().plot_style(tracker).point_style()
            plot.axes.scatter(*point, label=tracker.label, **MARKER, **style)
        return self._finish(plot)

    def _line(self, plot: Plot, tracker: Tracker, number: int, x: Any, y: Any, suffix: str = "") -> None:
        style = StyleManager.default().plot_style(tracker).line_style() | OUTLINED
        dashes = ("-", "--", ":", "-.")[number // 9 % 4]  # the toolkit has nine colours
        plot.axes.plot(x, y, label=tracker.label + suffix, linestyle=dashes, **style)

    def _finish(self, plot: Plot) -> Plot:
        plot.axes.grid(color="0.9", linewidth=0.6)
        plot.axes.set_axisbelow(True)
        plot.axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
        return plot
