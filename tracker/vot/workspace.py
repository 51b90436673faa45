"""Opening a workspace: its annotation files checked, its trackers and experiments by name."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from attributee import AttributeException
from vot import ToolkitException
from vot.analysis import Analysis
from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment
from vot.tracker import Tracker
from vot.workspace import Workspace

from tracker.core.errors import DamagedFile, InvalidValue, MissingFile
from tracker.formats.workspace import sequences_folder
from tracker.vot.results.annotations import check_list, check_sequence
from tracker.vot.results.runs import has_results

AnyAnalysis = TypeVar("AnyAnalysis", bound=Analysis)
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
        reason = " ".join(str(error).replace(r"\ufeff", "(byte order mark)").split()) or type(error).__name__
        problem = (
            f"the toolkit cannot load this workspace: {reason}; 'reciprocative doctor --workspace {folder}' tells more"
        )
        raise DamagedFile(f"{folder}/config.yaml", problem) from error
    for sequence in workspace.dataset:
        check_sequence(sequence)
    return workspace


def resolve(workspace: Workspace | Path | str, trackers: Sequence[str] = ()) -> tuple[Workspace, list[Tracker]]:
    """The workspace and its trackers: those named, or all that have results, by name.

    Raises:
        ValueError: a name is not registered, or there is no tracker at all.
        FileNotFoundError, DamagedFile: see :func:`load_workspace`.
    """
    if not isinstance(workspace, Workspace):
        workspace = load_workspace(workspace)
    unknown = [name for name in trackers if name not in workspace.registry]
    if unknown:
        names = ", ".join(workspace.registry.identifiers())
        raise InvalidValue(f"no tracker named {', '.join(unknown)} in the registry of the workspace; it has {names}")
    if trackers:
        return workspace, list(workspace.registry.resolve(*trackers))
    results = Path(workspace.directory) / "results"
    present = list(workspace.list_results(workspace.registry)) if results.is_dir() else []
    if not present:
        raise InvalidValue(f"no results of a registered tracker in {results}: run 'vot evaluate' first")
    return workspace, sorted(present, key=lambda tracker: tracker.reference)


def peers(
    workspace: Workspace, experiment: MultiRunExperiment, sequences: Sequence[Any], trackers: Sequence[str] = ()
) -> list[Tracker]:
    """The trackers to show of an experiment: those named, or all that have results in it on any of ``sequences``.

    Raises:
        ValueError: see :func:`resolve`.
    """
    _, candidates = resolve(workspace, trackers)
    return [one for one in candidates if trackers or has_results(experiment, one, sequences)]


def first_experiment(workspace: Workspace, kind: type[AnyExperiment]) -> AnyExperiment | None:
    """The first experiment of this kind in the workspace's stack that does not run in real time, if there is one."""
    matches = (
        experiment for experiment in workspace.stack if isinstance(experiment, kind) and experiment.realtime is None
    )
    return next(matches, None)


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
