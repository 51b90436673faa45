"""The report's tables for a paper or a program: LaTeX, Markdown, CSV, JSON; its figures as PDF and PNG.

The numbers are those of :class:`tracker.vot.report.ProtocolReport`, as printed there; best and second best are told by
the printed digits, so that equal numbers are marked alike.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
from vot.analysis import Analysis
from vot.experiment import Experiment
from vot.experiment.multirun import MultiRunExperiment
from vot.report import Plot, Table
from vot.tracker import Tracker
from vot.workspace import Workspace

from tracker.core.errors import InvalidValue
from tracker.vot.accuracy import AccuracyFailures
from tracker.vot.expected_overlap import ExpectedOverlap
from tracker.vot.present import compute
from tracker.vot.ranking import ARRank
from tracker.vot.report import Key, ProtocolReport
from tracker.vot.results.runs import has_results

MARKS = {
    "latex": (r"\textbf{%s}", r"\underline{%s}"),
    "md": ("**%s**", "*%s*"),
    "html": ("<b>%s</b>", "<u>%s</u>"),
}


@dataclass(frozen=True)
class Figures:
    """A table of the report.

    Attributes:
        experiment: its identifier.
        title: of the quantity, where all columns are of one; empty in the overview.
        columns: names, each once.
        texts: printed number of every row and column, "-" where there is none, by the row's name.
        places: from 1, likewise; None where nothing is better or worse.
        head: what the rows are.
    """

    experiment: str
    title: str
    columns: list[str]
    texts: dict[str, list[str]]
    places: dict[str, list[int | None]]
    head: str = "tracker"

    def _repr_html_(self) -> str:
        return render([self], "html")

    def only(self, names: Sequence[str]) -> Figures:
        """The columns called ``names``, in that order.

        Raises:
            ValueError: there is no column of that name.
        """
        if unknown := [name for name in names if name not in self.columns]:
            raise InvalidValue(f"no column {', '.join(unknown)} in {self.experiment}; it has {', '.join(self.columns)}")
        indices = [self.columns.index(name) for name in names]
        texts = {row: [values[index] for index in indices] for row, values in self.texts.items()}
        places = {row: [values[index] for index in indices] for row, values in self.places.items()}
        return replace(self, columns=list(names), texts=texts, places=places)

    def turned(self, head: str) -> Figures:
        """Rows as columns; the places still compare trackers."""

        def turn(cells: dict[str, list[Any]]) -> dict[str, list[Any]]:
            columns = zip(*cells.values(), strict=True)
            return {name: list(column) for name, column in zip(self.columns, columns, strict=True)}

        return replace(self, columns=list(self.texts), texts=turn(self.texts), places=turn(self.places), head=head)


Gaps = Mapping[tuple[str, Tracker], list[str]]
"""Experiment and tracker -> sequences on which there is no result, although there are some on others."""


class _Direct(ProtocolReport):
    """The report in this process, without the toolkit's workers and cache, and without trackers where they have gaps.

    Attributes:
        gaps: which experiments and trackers those are.
    """

    gaps: Gaps

    async def process(
        self, analyses: Sequence[Analysis], experiment: Experiment, trackers: Sequence[Tracker], sequences: Any
    ) -> list[list[Any]]:
        """Compute the analyses, in their order: the first refuses results that cannot be used."""
        transformed = experiment.transform(sequences)
        whole = [tracker for tracker in trackers if (experiment.identifier, tracker) not in self.gaps]
        grids = [compute(analysis, experiment, whole, transformed) if whole else [] for analysis in analyses]
        rows = [dict(zip(whole, grid, strict=True)) for grid in grids]
        return [[row.get(tracker) for tracker in trackers] for row in rows]


def gaps(workspace: Workspace, trackers: Sequence[Tracker]) -> Gaps:
    """What an interrupted evaluation has left to do, as far as a table needs it: one repetition is enough."""
    lacking = {}
    for experiment in workspace.stack:
        if isinstance(experiment, MultiRunExperiment):
            sequences = experiment.transform(workspace.dataset)
            for tracker in trackers:
                names = [one.name for one in sequences if not has_results(experiment, tracker, [one])]
                if 0 < len(names) < len(sequences):
                    lacking[experiment.identifier, tracker] = names
    return lacking


def sections(
    workspace: Workspace, trackers: Sequence[Tracker], per_sequence: bool = False, gaps: Gaps | None = None
) -> dict[str, list[Any]]:
    """The report's sections: title -> the toolkit's tables and plots; trackers are left out where they have ``gaps``.

    Raises:
        DamagedFile: a result or annotation file is missing or cannot be used; names file and line.
    """
    with workspace.report.style:
        report = _Direct(per_sequence=per_sequence)
        report.gaps = gaps or {}
        running = report.generate(list(workspace.stack), list(trackers), workspace.dataset)
        try:
            running.send(None)  # it waits for nothing, so that it also runs inside a notebook's event loop
        except StopIteration as done:
            result: dict[str, list[Any]] = done.value
            return result
        raise RuntimeError("the report waits for something")


def tables(report: dict[str, list[Any]], per: str | None = None) -> list[Figures]:
    """The tables among the report's sections: the overview, or those per "tag" or per "sequence"."""
    if per is None:
        return [_figures(table, "") for table in report["Overview"] if isinstance(table, Table)]
    sections = [items for title, items in report.items() if title.endswith(f"per {per}")]
    figures = [_figures(table, table.header[1][0].title) for items in sections for table in items]
    return [one.turned("sequence") for one in figures] if per == "sequence" else figures


def _figures(table: Table, title: str) -> Figures:
    names = [measure.abbreviation for measure in table.header[2]]
    columns = [
        name if names.count(name) == 1 else _qualified(name, head)
        for name, head in zip(names, table.header[1], strict=True)
    ]
    texts = {tracker.label: list(row) for tracker, row in table.data.items() if set(row) != {"-"}}
    places = {
        tracker.label: [
            None if order is None or text == "-" else order[tracker]
            for order, text in zip(table.order, row, strict=True)
        ]
        for tracker, row in table.data.items()
        if tracker.label in texts
    }
    return Figures(table.header[0][0].identifier, title, columns, texts, places)


def _qualified(name: str, analysis: Any) -> str:
    """Name of a column that another analysis of the stack has too: plain for this package's."""
    if isinstance(analysis, ARRank):
        return f"{name} ({analysis.selection})"
    if isinstance(analysis, AccuracyFailures | ExpectedOverlap):
        return name
    return f"{name} ({'vot-toolkit' if analysis.title.startswith('vot-toolkit') else analysis.title})"


def render(figures: Sequence[Figures], form: str) -> str:
    """Tables as text: csv, latex (booktabs), md, json or html."""
    return {"csv": _csv, "latex": _latex, "md": _markdown, "json": _json, "html": _html}[form](figures)


def _csv(figures: Sequence[Figures]) -> str:
    """A line a row, led by experiment and quantity; a new head where the columns change."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head = None
    for one in figures:
        lead = ["experiment", *(["quantity"] if one.title else []), one.head, *one.columns]
        if lead != head:
            writer.writerow(lead)
            head = lead
        for row, values in one.texts.items():
            cells = ["" if value == "-" else value for value in values]
            writer.writerow([one.experiment, *([one.title] if one.title else []), row, *cells])
    return buffer.getvalue()


def _json(figures: Sequence[Figures]) -> str:
    document = [
        {
            "experiment": one.experiment,
            "quantity": one.title or None,
            "rows": {
                row: {name: _number(text) for name, text in zip(one.columns, texts, strict=True)}
                for row, texts in one.texts.items()
            },
        }
        for one in figures
    ]
    return json.dumps(document, indent=1) + "\n"


def _number(text: str) -> float | None:
    return None if text == "-" else float(text)


def _markdown(figures: Sequence[Figures]) -> str:
    parts = []
    for one in figures:
        cells = [[one.head, *one.columns], *([row, *_cells(one, row, "md")] for row in one.texts)]
        widths = [max(len(line[index]) for line in cells) for index in range(len(cells[0]))]
        cells.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
        lines = [" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in cells]
        parts.append(f"{_caption(one)}\n\n" + "".join(f"| {line} |\n" for line in lines))
    return "\n".join(parts)


def _html(figures: Sequence[Figures]) -> str:
    parts = []
    for one in figures:
        lines = ["".join(f"<th>{html.escape(name)}</th>" for name in [one.head, *one.columns])]
        for row in one.texts:
            cells = [f"<td>{text}</td>" for text in _cells(one, row, "html")]
            lines.append("".join([f"<th>{html.escape(row)}</th>", *cells]))
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        parts.append(f"<table><caption>{html.escape(_caption(one))}</caption>{body}</table>")
    return "\n".join(parts)


def _latex(figures: Sequence[Figures]) -> str:
    parts = []
    for one in figures:
        lines = [" & ".join(map(_escaped, [one.head, *one.columns])) + r" \\", r"\midrule"]
        for row in one.texts:
            cells = ["--" if text == "-" else text for text in _cells(one, row, "latex")]
            lines.append(" & ".join([_escaped(row), *cells]) + r" \\")
        parts.append(
            f"% {_caption(one)}; needs \\usepackage{{booktabs}}\n"
            f"\\begin{{tabular}}{{l{'r' * len(one.columns)}}}\n\\toprule\n"
            + "\n".join(lines)
            + "\n\\bottomrule\n\\end{tabular}\n"
        )
    return "\n".join(parts)


def _caption(one: Figures) -> str:
    return f"{one.experiment}: {one.title}" if one.title else one.experiment


def _cells(one: Figures, row: str, form: str) -> list[str]:
    """The numbers of a row, the best and the second best of what they are compared with marked."""
    cells = []
    for index, (text, place) in enumerate(zip(one.texts[row], one.places[row], strict=True)):
        compared = one.places[row] if one.head == "sequence" else [places[index] for places in one.places.values()]
        best = sorted({other for other in compared if other is not None})[:2]
        cells.append(MARKS[form][best.index(place)] % text if place in best and len(best) > 1 else text)
    return cells


def _escaped(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)


def save_plots(report: dict[str, list[Any]], folder: Path) -> list[Path]:
    """Write the report's figures as PDF and PNG into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # fonts that publishers accept
        for plot in plots(report):
            name = re.sub(r"[^A-Za-z0-9.]+", "_", plot.identifier).strip("_")
            for suffix in ("pdf", "png"):
                buffer = io.BytesIO()
                plot.save(buffer, suffix)
                files.append(folder / f"{name}.{suffix}")
                files[-1].write_bytes(buffer.getvalue())
    return files


def plots(report: dict[str, list[Any]]) -> Iterable[Plot]:
    """The plots among the report's sections."""
    return (item for items in report.values() for item in items if isinstance(item, Plot) and not isinstance(item, Key))
