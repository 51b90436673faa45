"""Some trackers' results in a workspace as an object that a notebook shows as a table, with figures."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.vot.tables import table
from tracker.vot.tables.summary import Row, summary
from tracker.vot.tables.table import Figures
from tracker.vot.workspace import resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of some trackers in a workspace; a notebook shows them as a table.

    Attributes:
        workspace: its folder.
        trackers: their references.
    """

    workspace: Path
    trackers: tuple[str, ...]

    @cached_property
    def rows(self) -> list[Row]:
        """The figures of the first reset-based experiment, unrounded, one row a tracker."""
        return summary(self.workspace, self.trackers)

    @cached_property
    def _sections(self) -> dict[str, list[Any]]:
        return table.sections(*resolve(self.workspace, self.trackers), per_sequence=True)

    def tables(self, per: str | None = None) -> list[Figures]:
        """The report's tables, one an experiment; per "tag" or "sequence" one a quantity."""
        return table.tables(self._sections, per)

    def figures(self) -> dict[str, Figure]:
        """The report's figures by title, for matplotlib: ``figures()["baseline EAO curve"]``."""
        figures = {plot.identifier: plot.axes.figure for plot in table.plots(self._sections)}
        for figure in figures.values():
            figure._repr_png_ = partial(_png, figure)  # a notebook shows it without '%matplotlib inline'
        return figures

    def __repr__(self) -> str:
        """The tables as text."""
        return table.render(self.tables(), "md")

    def _repr_html_(self) -> str:
        return table.render(self.tables(), "html")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()
