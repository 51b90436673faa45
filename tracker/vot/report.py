"""What `vot report` shows of the protocol: overview, tables per tag, AR, A-R rank, EAO curve and ordered EAO plots.

Named in a workspace's ``config.yaml``; without it the toolkit's default report shows the same figures in one wide
table and plots without legend, interval or order::

    report:
      index:
      - type: tracker.vot.report.ProtocolReport
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from attributee import Boolean
from vot.analysis import Axes, Measure, Sorting
from vot.experiment import Experiment
from vot.report import Plot, Report, Table
from vot.tracker import Tracker

from tracker.vot.analysis import Canvas, RowAnalysis
from tracker.vot.expected_overlap import ExpectedOverlap
from tracker.vot.ranking import DIRECTIONS, ARRank, TagTable
from tracker.vot.results.provenance import settings_of

Rows = list[Any]
Column = tuple[Any, Measure, list[float | None]]
"""What the column belongs to (has a ``title``), what it is, and one value a tracker."""

DIGITS = {"F": 1, "failures": 1, "R": 2, "Ar": 2, "Rr": 2, "CLE": 1}
PLACES = {"best": "red", "second": "green", "third": "blue"}
"""The toolkit's colours of the three best of a column."""
_STYLE = """<style>
@media screen and (min-width: 1240px) { #wrapper, #index ol { width: 1180px } }
#wrapper, #index ol { box-sizing: border-box; max-width: 100% }
#wrapper h2 { scroll-margin-top: 60px }
table.overview-table { display: block; width: fit-content; max-width: 100%; overflow-x: auto; margin: 12px 0 }
table.overview-table th, table.overview-table td { padding: 4px 8px; text-align: right; white-space: nowrap }
table.overview-table th { font-weight: normal; vertical-align: bottom }
table.overview-table th[colspan]:not([colspan="1"]) { text-align: center }
table.overview-table thead tr:nth-child(2) th { white-space: normal; min-width: 5em }
table.overview-table th:first-child, table.overview-table td:first-child { text-align: left }
div.plot { overflow-x: auto }
div.plot svg { max-width: 100%; height: auto }
</style>
"""


class ProtocolReport(Report):
    """All measures of the stack's analyses, with the figures that VOT's papers show."""

    per_sequence = Boolean(default=False, description="Also a table a quantity with a column a sequence.")

    async def generate(
        self, experiments: Sequence[Experiment], trackers: Sequence[Tracker], sequences: Any
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
            for analysis, cells in results.items():
                present = [tracker for tracker, row in zip(trackers, cells, strict=True) if row is not None]
                rows = [row for row in cells if row is not None]
                if not rows:
                    continue
                if isinstance(analysis, RowAnalysis):
                    figures += analysis.figures(rows, Canvas(experiment, present))
                tables += tag_tables(experiment, present, analysis, rows)
                if self.per_sequence and isinstance(analysis, ARRank) and analysis.selection == "sequence":
                    per_sequence = sequence_tables(experiment, present, analysis, rows)
                    sections[f"{experiment.identifier} per sequence"] = per_sequence
            sections |= {f"{experiment.identifier} figures": figures, f"{experiment.identifier} per tag": tables}
        tables = [make_table(experiment, columns, trackers) for experiment, columns in overview if columns]
        return {"Overview": [*tables, Key()], **sections}


def tell_apart(trackers: Sequence[Tracker]) -> None:
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
    columns = zip(analysis.describe(), *(row or itertools.repeat(None) for row in rows), strict=False)
    return [(analysis, column, values) for column, *values in columns if isinstance(column, Measure)]


def tag_tables(experiment: Experiment, trackers: Sequence[Tracker], analysis: Any, rows: Rows) -> list[Table]:
    """One table a quantity with one column a tag, of the tags that occur."""
    groups: dict[str, list[Column]] = {}
    if isinstance(analysis, TagTable):
        shared = f"per tag (shared: {analysis.sharing})"
        titles = {"A": "Accuracy per tag", "failures": "Failures per tag"}
        titles |= {"Ar": f"Accuracy rank {shared}", "Rr": f"Robustness rank {shared}"}
        heads = {key: SimpleNamespace(title=title) for key, title in titles.items()}
        for index, (tag, key, _) in enumerate(analysis.columns()):
            measure = Measure(key, tag, direction=DIRECTIONS[key])
            groups.setdefault(key, []).append((heads[key], measure, [row[index] for row in rows]))
    if isinstance(analysis, ExpectedOverlap):
        head = SimpleNamespace(title="Expected average overlap per tag (MATLAB definition)")
        for tag in analysis.tags:
            measure = Measure("EAO", tag, direction=Sorting.DESCENDING)
            groups.setdefault("EAO", []).append((head, measure, [row.details["EAO per tag"][tag] for row in rows]))
    occurring = ([column for column in columns if set(column[2]) != {None}] for columns in groups.values())
    return [make_table(experiment, columns, trackers) for columns in occurring if columns]


def sequence_tables(experiment: Experiment, trackers: Sequence[Tracker], analysis: ARRank, rows: Rows) -> list[Table]:
    """One table a quantity with one column a sequence, from ranks per sequence."""
    titles = {"A": "Accuracy per sequence", "failures": "Failures per sequence"}
    titles |= {"Ar": f"Accuracy rank ({analysis.sharing})", "Rr": f"Robustness rank ({analysis.sharing})"}
    tables = []
    for key, title in titles.items():
        head = SimpleNamespace(title=title)
        columns: list[Column] = [
            (head, Measure(key, name, direction=DIRECTIONS[key]), [row.selections[name][key] for row in rows])
            for name in rows[0].selections
        ]
        tables.append(make_table(experiment, columns, trackers))
    return tables


def make_table(experiment: Experiment, columns: Sequence[Column], trackers: Sequence[Tracker]) -> Table:
    """The toolkit's table: a row a tracker, the three best of each column marked."""
    order = [_order(measure, dict(zip(trackers, values, strict=True))) for _, measure, values in columns]
    data = {
        tracker: [_text(measure, values[index]) for _, measure, values in columns]
        for index, tracker in enumerate(trackers)
    }
    header = [[experiment] * len(columns), [head for head, _, _ in columns], [measure for _, measure, _ in columns]]
    return Table(header, data, order)


def _order(measure: Measure, values: dict[Tracker, float | None]) -> dict[Tracker, int] | None:
    """Places from 1, equal for values that are printed alike; trackers without a value come last, and never third."""
    if measure.direction == Sorting.UNSORTABLE:
        return None
    sign = -1 if measure.direction == Sorting.DESCENDING else 1
    keys = {tracker: sign * float(_text(measure, value)) for tracker, value in values.items() if value is not None}
    places = {tracker: 1 + sum(other < key for other in keys.values()) for tracker, key in keys.items()}
    last = max(len(values), len(PLACES)) + 1
    return {tracker: places.get(tracker, last) for tracker in values}


def _text(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.{DIGITS.get(measure.name, DIGITS.get(measure.abbreviation, 3))}f}"


class Key(Plot):
    """What the colours of the tables mean; in the page it also brings the style that lets tables fit."""

    def __init__(self) -> None:
        """Draw a line of text."""
        super().__init__("Key to the tables", "", "", None, None)
        self._figure.set_size_inches(7, 0.3)
        self.axes.set_axis_off()
        for x, (place, colour) in zip((0.0, 0.08, 0.19), PLACES.items(), strict=True):
            self.axes.text(x, 0.5, place, color=colour, weight="bold", va="center")
        legend = "of a column, by the digits that are printed; equal digits share a place; - where there is no value"
        self.axes.text(0.27, 0.5, legend, va="center")

    def save(self, output: Any, fmt: str) -> None:
        """Write it, as the toolkit asks its plots to."""
        super().save(output, fmt)
        if fmt.upper() == "SVG":  # which goes into the page
            output.write(_STYLE)
