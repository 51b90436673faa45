"""One line a tracker: what `make evaluate` prints, from the results of a workspace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from vot.experiment.multirun import MultiRunExperiment
from vot.tracker import Tracker
from vot.workspace import Workspace

from tracker.vot.accuracy import AccuracyFailures
from tracker.vot.expected_overlap import ExpectedOverlap
from tracker.vot.ranking import ARRank
from tracker.vot.workspace import configured, load_workspace, peers, reset_based

_DIGITS = {"EAO": 3, "A": 3, "failures": 1, "per 100 frames": 2, "Ar": 2, "Rr": 2, "fps": 1}
"""Of the printed columns, which are the fields of a row."""


@dataclass(frozen=True)
class Row:
    """The figures of one tracker in a reset-based experiment; None where there is none.

    Attributes:
        tracker: its reference.
        eao: expected average overlap, MATLAB definition.
        accuracy: mean overlap over all frames, burn-in 10.
        failures: sum over the sequences, mean over the repetitions.
        failures_per_100_frames: the R of VOT2016 and later.
        accuracy_rank: Ar among the trackers of the table, mean over sequences, shared `best`.
        robustness_rank: Rr, likewise.
        fps: processed frames per second, initialisations included.
    """

    tracker: str
    eao: float | None
    accuracy: float | None
    failures: float | None
    failures_per_100_frames: float | None
    accuracy_rank: float | None
    robustness_rank: float | None
    fps: float | None


def stored_speed(experiment: MultiRunExperiment, tracker: Tracker, sequences: Sequence[Any]) -> float | None:
    """Processed frames over their seconds, from the times that the toolkit stores; None without times."""
    times: list[float] = []
    for sequence in sequences:
        results = experiment.results(tracker, sequence)
        for file in results.find(f"{sequence.name}_*_time.value"):
            with results.read(file) as handle:
                times += [float(line) for line in handle if line.strip()]
    positive = [time for time in times if math.isfinite(time) and time > 0]
    return len(positive) / sum(positive) if positive else None


def summary(workspace: Workspace | Path | str, trackers: Sequence[str] = ()) -> list[Row]:
    """The figures of ``trackers`` (default: all with results there) in the workspace's reset-based experiment.

    Raises:
        DamagedFile: a result or annotation file is missing or cannot be used; names file and line.
        ValueError: an unknown tracker, or no reset-based experiment.
        FileNotFoundError: not a workspace.
    """
    workspace = workspace if isinstance(workspace, Workspace) else load_workspace(workspace)
    experiment = reset_based(workspace)
    sequences = experiment.transform(workspace.dataset)
    group = peers(workspace, experiment, sequences, trackers)
    if not group:
        return []
    analyses = (
        configured(experiment, ExpectedOverlap),
        configured(experiment, AccuracyFailures),
        configured(experiment, ARRank, selection="sequence", sharing="best"),
    )
    tables = [analysis.rows(experiment, group, sequences) for analysis in analyses]
    return [
        Row(
            tracker=tracker.reference,
            eao=score.eao,
            accuracy=pooled.accuracy,
            failures=pooled.failures,
            failures_per_100_frames=pooled.failures_per_100_frames,
            accuracy_rank=ranks.accuracy_rank,
            robustness_rank=ranks.robustness_rank,
            fps=stored_speed(experiment, tracker, sequences),
        )
        for tracker, score, pooled, ranks in zip(group, *tables, strict=True)
    ]


def print_table(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print ``rows`` as a table, the best EAO first."""
    table = Table(title="Reset-based protocol; ranks among these trackers, mean over sequences")
    table.add_column("tracker")
    for name in _DIGITS:
        table.add_column(name, justify="right")
    for row in sorted(rows, key=lambda row: -(row.eao or 0)):
        tracker, *values = astuple(row)
        texts = ("-" if value is None else f"{value:.{n}f}" for value, n in zip(values, _DIGITS.values(), strict=True))
        table.add_row(tracker, *texts)
    (console or Console()).print(table)
