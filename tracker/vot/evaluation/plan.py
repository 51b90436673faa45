"""The unit of a scaled-out evaluation, one tracker in one experiment on one sequence, and what a workspace still needs.

:mod:`tracker.vot.evaluation.scheduler` schedules these tasks, :mod:`tracker.vot.evaluation.execute` runs one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vot.dataset import Sequence
from vot.experiment import Experiment, MultiStartExperiment
from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment
from vot.experiment.multistart import find_anchors
from vot.tracker import Tracker
from vot.workspace import Workspace

from tracker.core.errors import InvalidValue
from tracker.core.listing import ranges
from tracker.vot.reset_based import ResetBased, require_region
from tracker.vot.results import provenance
from tracker.vot.results.annotations import absent_frames
from tracker.vot.results.provenance import Provenance
from tracker.vot.results.runfiles import RunFile, delete_run, expected_frames, read_runs, result_folder, trajectories

THREAD_VARIABLES = ("RECIPROCATIVE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Environment variables of a tracker's section that tell its number of threads."""


@dataclass(frozen=True)
class Task:
    """One tracker in one experiment on one sequence.

    Attributes:
        tracker: reference in the workspace's registry.
        experiment: identifier in the workspace's stack.
        sequence: name of the sequence as the experiment transforms it, which is that of the result folder.
        source: name of the sequence in the data set.
        frames: sum of the frames of all its runs.
        runs: how many runs there are at most.
        alone: nothing may run beside it (real-time experiments).
        provenance: what its results will be made with.
    """

    tracker: str
    experiment: str
    sequence: str
    source: str
    frames: int
    runs: int
    alone: bool
    provenance: Provenance

    @property
    def name(self) -> str:
        """``tracker/experiment/sequence``."""
        return f"{self.tracker}/{self.experiment}/{self.sequence}"


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: the task.
        runs: its trajectories on disk.
        seconds: wall time that it took.
        error: None if it is complete; otherwise what went wrong.
        log: the tracker's own last lines.
        disk_full: True if there was no space for its results: no other task will fare better.
    """

    task: Task
    runs: tuple[RunFile, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    log: str = ""
    disk_full: bool = False


@dataclass
class Plan:
    """What an evaluation has to do, and what is there already.

    Attributes:
        todo: tasks to run, the longest first, those that run alone last.
        kept: outcomes of tasks whose results are complete.
        half_written: trajectories that end early, with the reason: they are deleted and made again.
        stale: tasks with results that something else has made, with the differences; neither to do nor kept.
        unrecorded: tasks with results of unknown origin (made by ``vot evaluate`` itself); kept.
        absent: sequence -> frames without a region, of those that have such frames.
    """

    todo: list[Task] = field(default_factory=list)
    kept: list[Outcome] = field(default_factory=list)
    half_written: list[tuple[Path, str, str]] = field(default_factory=list)
    stale: list[tuple[Task, list[str]]] = field(default_factory=list)
    unrecorded: list[Task] = field(default_factory=list)
    absent: dict[str, list[int]] = field(default_factory=dict)


def threads(tracker: Tracker) -> int | None:
    """Number of threads that a tracker's section of trackers.ini says it uses; None if it says nothing."""
    environment = tracker.describe()["env"] or {}
    numbers = [environment[name] for name in THREAD_VARIABLES if environment.get(name, "").strip().isdecimal()]
    return max(int(number) for number in numbers) if numbers else None


def run_lengths(experiment: Experiment, sequence: Sequence) -> list[int]:
    """Frames of every run that an experiment makes at most on a sequence."""
    if isinstance(experiment, MultiStartExperiment):
        forward, backward = find_anchors(sequence, experiment.anchor)
        return [len(sequence) - anchor for anchor in forward] + [anchor + 1 for anchor in backward]
    repetitions = experiment.repetitions if isinstance(experiment, MultiRunExperiment) else 1
    return [len(sequence)] * repetitions


def plan(
    workspace: Workspace,
    trackers: Mapping[Tracker, str | None],
    experiments: list[Experiment],
    sequences: list[Sequence],
    alone: frozenset[str] = frozenset(),
) -> Plan:
    """Look at what a workspace has and list what is missing. Nothing is written or deleted.

    Args:
        workspace: a loaded workspace.
        trackers: tracker -> its own fingerprint.
        experiments: experiments of the workspace's stack.
        sequences: sequences of the workspace's data set.
        alone: identifiers of experiments whose tasks run alone, beside those in real time.

    Raises:
        ValueError: an experiment cannot be run on a sequence, for example for want of anchors.
        DamagedFile: a record of provenance cannot be read.
    """
    result = Plan()
    for experiment, source, sequence in _combinations(experiments, sequences):
        absent = absent_frames(sequence) if len(sequence.objects()) == 1 else []
        if absent:
            result.absent[sequence.name] = absent
        rules = provenance.rules_of(experiment, bool(absent))
        data = provenance.data_of(sequence)
        lengths = run_lengths(experiment, sequence)
        for tracker, reported in trackers.items():
            task = Task(
                tracker.reference,
                experiment.identifier,
                sequence.name,
                source,
                sum(lengths),
                len(lengths),
                experiment.realtime is not None or experiment.identifier in alone,
                Provenance(reported, provenance.settings_of(tracker), rules, data),
            )
            _classify(result, task, workspace.directory, experiment, tracker, sequence)
    result.todo.sort(key=by_length)
    return result


def by_length(task: Task) -> tuple[bool, int, str]:
    """Order in which tasks are started: the longest first, so that none is left over at the end; alone ones last."""
    return task.alone, -task.frames, task.name


def _combinations(
    experiments: list[Experiment], sequences: list[Sequence]
) -> Iterator[tuple[Experiment, str, Sequence]]:
    for experiment in experiments:
        for source in sequences:
            for sequence in experiment.transform(source):
                if len(sequence.objects()) > 1 and not experiment._multiobject:
                    raise InvalidValue(f"{experiment.identifier} follows one target, {sequence.name} has several")
                if isinstance(experiment, MultiStartExperiment) and not run_lengths(experiment, sequence):
                    raise InvalidValue(
                        f"sequence {source.name} has no anchors, and {experiment.identifier} starts at anchors: "
                        f"write 1 (forward) or -1 (backward) into its {experiment.anchor}.value"
                    )
                _check_starts(experiment, sequence)
                yield experiment, source.name, sequence


def _check_starts(experiment: Experiment, sequence: Sequence) -> None:
    """Refuse what the experiment cannot initialise from, before anything is run."""
    if len(sequence.objects()) > 1:
        return
    starts = [0]
    if isinstance(experiment, MultiStartExperiment):
        starts = [frame for anchors in find_anchors(sequence, experiment.anchor) for frame in anchors]
    for frame in starts:
        require_region(sequence, frame)
    absent = absent_frames(sequence)
    if absent and isinstance(experiment, SupervisedExperiment) and not isinstance(experiment, ResetBased):
        raise InvalidValue(
            f"sequence {sequence.name}: no region in line {ranges(frame + 1 for frame in absent)} of its ground truth, "
            f"and experiment {experiment.identifier} is of vot-toolkit's own type, which counts a failure there and "
            "tries to initialise; write 'type: tracker.vot.reset_based.ResetBased' into the stack"
        )


def _classify(
    result: Plan, task: Task, directory: str, experiment: Experiment, tracker: Tracker, sequence: Sequence
) -> None:
    folder = result_folder(directory, task.tracker, task.experiment, task.sequence)
    names = trajectories(folder)
    record = provenance.read(folder)
    if names and record is not None and (differences := task.provenance.differences(record)):
        result.stale.append((task, differences))
        return
    if names and (record is None or record.tracker == provenance.UNKNOWN):
        result.unrecorded.append(task)
    runs, damaged = read_runs(folder, {name: expected_frames(experiment, sequence, name) for name in names})
    result.half_written += [(folder, name, str(error)) for name, error in damaged.items()]
    complete = len(runs) == len(names) and (len(runs) == task.runs or experiment.scan(tracker, sequence)[0])
    if runs and complete:
        result.kept.append(Outcome(task, tuple(runs)))
    else:
        result.todo.append(task)


def clear(folder: Path) -> None:
    """Delete the trajectories, properties and record of provenance in a result folder."""
    for name in trajectories(folder):
        delete_run(folder, name)
    (folder / provenance.FILE).unlink(missing_ok=True)
