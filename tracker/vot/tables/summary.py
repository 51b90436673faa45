"""One line a tracker: what `make evaluate` prints, from the results of a workspace."""

from __future__ import annotations

import configparser
import math
from collections.abc import Sequence as Items
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from attributee import AttributeException
from rich.console import Console
from rich.table import Table
from vot import ToolkitException
from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment
from vot.tracker import Tracker
from vot.workspace import Workspace

from tracker.core.errors import InvalidValue, MissingFile
from tracker.formats.workspace import sequences_folder
from tracker.vot.accuracy import AccuracyFailures
from tracker.vot.analysis import ProtocolAnalysis
from tracker.vot.expected_overlap import ExpectedOverlap
from tracker.vot.ranking import ARRank
from tracker.vot.results.annotations import check_list, check_sequence
from tracker.vot.results.raw import DamagedFile
from tracker.vot.results.runs import has_results

AnyAnalysis = TypeVar("AnyAnalysis", bound=ProtocolAnalysis)
AnyExperiment = TypeVar("AnyExperiment", bound=MultiRunExperiment)
_UNLOADABLE = (
    ToolkitException,
    AttributeException,
    yaml.YAMLError,
    configparser.Error,
    ImportError,  # the type of an experiment or analysis
    TypeError,  # a list for a mapping, a section without its command
    ValueError,
)


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


def load_workspace(folder: Path | str) -> Workspace:
    """The workspace in a folder, its annotation files checked.

    Raises:
        FileNotFoundError: the folder is not a workspace.
        DamagedFile: its configuration, stack, registry or data set cannot be used.
    """
    if not Workspace.exists(str(folder)):
        raise MissingFile(f"{folder} is not a VOT workspace (no config.yaml): see 'vot initialize'")
    try:
        check_list(sequences_folder(Path(folder)))
        workspace = Workspace.load(str(folder))
    except _UNLOADABLE as error:
        told = " ".join(str(error).replace(r"\ufeff", "(byte order mark)").split()) or type(error).__name__
        problem = f"the toolkit cannot load this workspace: {told}"
        raise DamagedFile(f"{folder}/config.yaml", problem) from error
    for sequence in workspace.dataset:
        check_sequence(sequence)
    return workspace


def resolve(workspace: Workspace | Path | str, trackers: Items[str] = ()) -> tuple[Workspace, list[Tracker]]:
    """The workspace and its trackers: those named, or all that have results, by name.

    Raises:
        ValueError: a name is not registered, or there is no tracker at all.
        FileNotFoundError, DamagedFile: see :func:`load_workspace`.
    """
    if not isinstance(workspace, Workspace):
        workspace = load_workspace(workspace)
    unknown = [name for name in trackers if name not in workspace.registry]
    if unknown:
        known = ", ".join(workspace.registry.identifiers())
        raise InvalidValue(f"no tracker named {', '.join(unknown)} in the registry of the workspace; it has {known}")
    if trackers:
        return workspace, list(workspace.registry.resolve(*trackers))
    results = Path(workspace.directory) / "results"
    found = list(workspace.list_results(workspace.registry)) if results.is_dir() else []
    if not found:
        raise InvalidValue(f"no results of a registered tracker in {results}: run 'vot evaluate' first")
    return workspace, sorted(found, key=lambda tracker: tracker.reference)


def peers(
    workspace: Workspace, experiment: MultiRunExperiment, sequences: Items[Any], trackers: Items[str] = ()
) -> list[Tracker]:
    """The trackers to show of an experiment: those named, or all that have results in it on any of ``sequences``.

    Raises:
        ValueError: see :func:`resolve`.
    """
    chosen = resolve(workspace, trackers)[1]
    return chosen if trackers else [tracker for tracker in chosen if has_results(experiment, tracker, sequences)]


def first_experiment(workspace: Workspace, kind: type[AnyExperiment]) -> AnyExperiment | None:
    """The first experiment of this kind in the workspace's stack that does not run in real time, if there is one."""
    found = (one for one in workspace.stack if isinstance(one, kind) and one.realtime is None)
    return next(found, None)


def reset_based(workspace: Workspace) -> SupervisedExperiment:
    """The first reset-based experiment of the workspace's stack that does not run in real time.

    Raises:
        ValueError: there is none.
    """
    experiment = first_experiment(workspace, SupervisedExperiment)
    if experiment is None:
        raise InvalidValue(f"the stack {workspace.stack.title!r} has no reset-based experiment")
    return experiment


def configured(experiment: Any, kind: type[AnyAnalysis], **options: Any) -> AnyAnalysis:
    """The stack's own analysis of exactly this kind (and with these options), or one with the defaults."""
    for analysis in experiment.analyses:
        if type(analysis) is kind and all(getattr(analysis, key) == value for key, value in options.items()):
            return analysis
    return kind(**options)


def frames_per_second(experiment: MultiRunExperiment, tracker: Tracker, sequences: Items[Any]) -> float | None:
    """Processed frames over their seconds, from the times that the toolkit stores; None without times."""
    frames, seconds = 0, 0.0
    for sequence in sequences:
        results = experiment.results(tracker, sequence)
        folder = results.find(f"{sequence.name}_*_time.value")
        for file in folder:
            with results.read(file) as handle:
                times = [float(line) for line in handle if line.strip()]
            positive = [time for time in times if math.isfinite(time) and time > 0]
            frames += len(positive)
            seconds += sum(positive)
    return frames / seconds if seconds > 0 else None


def summary(workspace: Workspace | Path | str, trackers: Items[str] = ()) -> list[Row]:
    """The figures of ``trackers`` (default: all with results there) in the workspace's reset-based experiment.

    Raises:
        DamagedFile: a result or annotation file is missing or cannot be used; names file and line.
        ValueError: an unknown tracker, or no reset-based experiment.
        FileNotFoundError: not a workspace.
    """
    workspace = workspace if isinstance(workspace, Workspace) else load_workspace(workspace)
    experiment = reset_based(workspace)
    sequences = experiment.transform(workspace.dataset)
    chosen = peers(workspace, experiment, sequences, trackers)
    if not chosen:
        return []
    analyses = (
        configured(experiment, ExpectedOverlap),
        configured(experiment, AccuracyFailures),
        configured(experiment, ARRank, selection="sequence", sharing="best"),
    )
    for analysis in analyses:
        analysis.check(experiment, chosen, sequences)
    tables = [analysis.rows(experiment, chosen, sequences) for analysis in analyses]
    return [
        Row(
            tracker=tracker.reference,
            eao=overlap[0],
            accuracy=pooled[0],
            failures=pooled[1],
            failures_per_100_frames=pooled[2],
            accuracy_rank=ranks[0],
            robustness_rank=ranks[1],
            fps=frames_per_second(experiment, tracker, sequences),
        )
        for tracker, overlap, pooled, ranks in zip(chosen, *tables, strict=True)
    ]


def print_table(rows: Items[Row], console: Console | None = None) -> None:
    """Print ``rows`` as a table, the best EAO first."""
    table = Table(title="Reset-based protocol; ranks among these trackers, mean over sequences")
    table.add_column("tracker")
    for name in ("EAO", "A", "failures", "per 100 frames", "Ar", "Rr", "fps"):
        table.add_column(name, justify="right")
    for row in sorted(rows, key=lambda row: -(row.eao or 0)):
        table.add_row(
            row.tracker,
            _format(row.eao, 3),
            _format(row.accuracy, 3),
            _format(row.failures, 1),
            _format(row.failures_per_100_frames, 2),
            _format(row.accuracy_rank, 2),
            _format(row.robustness_rank, 2),
            _format(row.fps, 1),
        )
    (console or Console()).print(table)


def _format(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
