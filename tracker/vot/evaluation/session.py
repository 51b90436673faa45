"""Evaluate from Python: ``tracker.evaluate``, and a result that a notebook shows as a table and figures."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence as Items
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.core.errors import Failed, InvalidValue, MissingPackage, ResourceError
from tracker.vot.evaluation.probe import environment
from tracker.vot.tables import summary, table
from tracker.vot.tables.table import Figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ERRORS: dict[int, type[Exception]] = {2: InvalidValue, 3: ResourceError, 4: MissingPackage}


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
    def rows(self) -> list[summary.Row]:
        """The figures of the first reset-based experiment, unrounded, one row a tracker."""
        return summary.summary(self.workspace, self.trackers)

    @cached_property
    def _sections(self) -> dict[str, list[Any]]:
        return table.sections(*summary.resolve(self.workspace, self.trackers), per_sequence=True)

    def tables(self, per: str | None = None) -> list[Figures]:
        """The report's tables, one an experiment; per "tag" or "sequence" one a quantity."""
        return table.tables(self._sections, per)

    def figures(self) -> dict[str, Figure]:
        """The report's figures by title, for matplotlib: ``figures()["baseline EAO curve"]``."""
        found = {plot.identifier: plot.axes.figure for plot in table.plots(self._sections)}
        for figure in found.values():
            figure._repr_png_ = partial(_png, figure)  # a notebook shows it without '%matplotlib inline'
        return found

    def __repr__(self) -> str:
        """The tables as text."""
        return table.render(self.tables(), "md")

    def _repr_html_(self) -> str:
        return table.render(self.tables(), "html")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def evaluate(
    workspace: Path | str,
    trackers: Items[str] = (),
    *,
    workers: int | None = None,
    redo_stale: bool = False,
    quiet: bool = False,
) -> Evaluation:
    """Run what is missing of an evaluation, as ``reciprocative evaluate`` does, and read the results.

    The work is done by processes of its own: a script needs no ``if __name__ == "__main__"``, and a notebook can be
    interrupted; what is complete by then is kept.

    Args:
        workspace: folder of a workspace, such as ``reciprocative init`` makes.
        trackers: names in its registry; all that have results, if none is given.
        workers: tasks side by side; by default as many as fit the machine.
        redo_stale: run again what was made with other parameters, weights, rules or data, instead of refusing.
        quiet: print nothing.

    Raises:
        ValueError: an unknown tracker, or another argument out of its range.
        OSError: not a workspace, or a file is missing or damaged.
        Failed: results are not complete; the message ends with what the command said last.
    """
    command = [sys.executable, "-m", "tracker.cli", "evaluate", *trackers, "--workspace", str(workspace)]
    command += ["--workers", str(workers)] if workers is not None else []
    command += ["--stale", "redo"] if redo_stale else []
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout
        for line in process.stdout:
            said.append(line.rstrip())
            if not quiet:
                print(said[-1], flush=True)
    if process.returncode:
        last = [line for line in said if line.strip()][-12:]
        message = last[-1].removeprefix("error: ") if process.returncode in _ERRORS else "\n".join(last)
        raise _ERRORS.get(process.returncode, Failed)(message)
    chosen = summary.resolve(workspace, trackers)[1]
    return Evaluation(Path(workspace), tuple(tracker.reference for tracker in chosen))
