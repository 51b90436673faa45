"""A whole evaluation: what each tracker is, what is missing, running that, and the report. ``tracker.evaluate``."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from vot.tracker import Tracker

from tracker.core.errors import Failed, InvalidValue, TrackerFailed
from tracker.core.listing import ranges
from tracker.core.machine import CORES
from tracker.vot.evaluation import scheduler
from tracker.vot.evaluation.estimate import PROBE_FRAMES, estimate
from tracker.vot.evaluation.plan import Outcome, Plan, by_length, clear, plan, threads
from tracker.vot.evaluation.probe import Probe, measured_speed, probe
from tracker.vot.evaluation.progress import ProgressTable, duration
from tracker.vot.evaluation.scheduler import Place
from tracker.vot.results.provenance import digest, settings_of
from tracker.vot.results.runfiles import delete_run, result_folder
from tracker.vot.tables.notebook import Evaluation
from tracker.vot.tables.summary import print_table, summary
from tracker.vot.toolkit import analyse
from tracker.vot.toolkit import report as make_report
from tracker.vot.workspace import resolve

Item = TypeVar("Item")


class IncompleteResults(Failed):
    """Results are missing after an evaluation, or were refused as stale; the message says which and why."""


def evaluate(
    workspace: Path | str,
    trackers: Sequence[str] = (),
    *,
    experiments: Sequence[str] | None = None,
    sequences: Sequence[str] | None = None,
    workers: int | None = None,
    address: str | None = None,
    alone: Sequence[str] = (),
    redo_stale: bool = False,
    report: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    console: Console | None = None,
) -> Evaluation:
    """Run what is missing of an evaluation, as ``reciprocative evaluate`` does, and read the results.

    The work is done by processes of its own: a script needs no ``if __name__ == "__main__"``, and a notebook can be
    interrupted; what is complete by then is kept.

    Args:
        workspace: folder of a workspace, such as ``reciprocative init`` makes.
        trackers: names in its registry; all that have results, if none is given.
        experiments: identifiers in its stack; None: all.
        sequences: names in its data set; None: all.
        workers: tasks side by side; by default as many as fit the machine.
        address: of a Dask scheduler that runs the tasks instead of this machine, e.g. ``tcp://head:8786``.
        alone: experiments to run one task at a time, beside real-time ones.
        redo_stale: run again what was made with other parameters, weights, rules or data, instead of refusing.
        report: then run ``vot analysis`` and ``vot report``, and print a table.
        dry_run: tell what would run, its time, disk and memory, and run nothing.
        quiet: print nothing.
        console: where to print; None: standard output.

    Raises:
        ValueError: an unknown tracker, or another argument out of its range.
        OSError: not a workspace, a file is missing or damaged, no scheduler, no space left.
        IncompleteResults: a tracker does not run, or results are stale or not complete.
    """
    if address and workers is not None:
        raise InvalidValue(
            f"--workers {workers} is for this machine alone; with --scheduler start as many as you want there: "
            f"'dask worker {address} --nthreads 1'"
        )
    console = console or Console(quiet=quiet, force_jupyter=False)
    loaded, chosen = resolve(workspace, trackers)
    stack = {experiment.identifier: experiment for experiment in loaded.stack}
    selected = _choose("experiment", experiments, stack)
    data = _choose("sequence", sequences, {sequence.name: sequence for sequence in loaded.dataset})
    _choose("experiment", alone, stack)
    directory = loaded.directory
    here = _workers(console, chosen, workers)
    place = Place(scheduler.count_workers(address, directory) if address else here, address)

    names = [tracker.reference for tracker in chosen]
    console.print(f"starting {', '.join(names)} once, to see what they are", markup=False)
    probes, failures = _probe(directory, names, here, PROBE_FRAMES if dry_run else 0)
    for message in failures:
        console.print(message, style="red", markup=False)
    fingerprints = {tracker: probes[tracker.reference].fingerprint for tracker in chosen if tracker.reference in probes}
    todo = plan(loaded, fingerprints, selected, data, frozenset(alone))
    _print_plan(console, todo, redo_stale)
    if dry_run:
        _print_estimate(console, directory, todo, probes, place.workers, redo_stale)
    else:
        failures += _run(console, directory, todo, place, redo_stale)
    if failures:
        raise IncompleteResults("\n".join(failures))
    if report and not dry_run:
        _report(console, directory, fingerprints)
    return Evaluation(Path(workspace), tuple(names))


def _workers(console: Console, trackers: Sequence[Tracker], asked: int | None) -> int:
    """Number of tasks that this machine runs side by side."""
    for tracker in trackers:
        if threads(tracker) is None:
            console.print(f"{tracker.reference}: its section of trackers.ini names no thread count; 1 is assumed")
    workers = scheduler.fitting_workers(asked, max(threads(tracker) or 1 for tracker in trackers))
    if asked and workers < asked:
        console.print(f"{workers} workers instead of {asked}: {CORES} cores, over the trackers' threads")
    return workers


def _probe(directory: str, trackers: Sequence[str], workers: int, frames: int) -> tuple[dict[str, Probe], list[str]]:
    """Start every tracker once: what it is, and why some do not run."""
    probes: dict[str, Probe] = {}
    failures: list[str] = []
    with ThreadPoolExecutor(1 if frames else workers) as pool:  # one at a time where speed is measured
        futures = {tracker: pool.submit(probe, directory, tracker, frames) for tracker in trackers}
        for tracker, future in futures.items():
            try:
                probes[tracker] = future.result()
            except TrackerFailed as error:
                failures.append(str(error))
    return probes, failures


def _run(console: Console, directory: str, todo: Plan, place: Place, redo_stale: bool) -> list[str]:
    """Run the tasks of a plan; returns what keeps the results from being complete."""
    if todo.stale and not redo_stale:
        refusal = "nothing was run: --stale redo deletes these and runs them again"
        console.print(refusal, style="red")
        return [*(f"stale: {task.name}" for task, _ in todo.stale), refusal]
    for task, _ in todo.stale:
        clear(result_folder(directory, task.tracker, task.experiment, task.sequence))
    tasks = sorted([*todo.todo, *(task for task, _ in todo.stale)], key=by_length)
    for folder, name, _ in todo.half_written:
        delete_run(folder, name)
    outcomes: list[Outcome] = []
    if tasks:
        alone = sum(task.alone for task in tasks)
        if alone:
            console.print(f"{alone} tasks run alone, one at a time, after the others: they measure time")
        shutil.rmtree(Path(directory, "cache", "analysis"), ignore_errors=True)  # it does not notice changed results
        place = replace(place, workers=max(1, min(place.workers, len(tasks) - alone)))
        with ProgressTable(tasks, todo.kept, place.workers, console) as table:
            outcomes = scheduler.run(directory, tasks, place, table)
    failures = [outcome for outcome in outcomes if outcome.error]
    messages = [f"{one.task.name} is not complete, after two attempts: {one.error}" for one in failures]
    for outcome, message in zip(failures, messages, strict=True):
        console.print(f"\n{message}", markup=False)
        for line in outcome.log.splitlines():
            console.print(f"  | {line}", markup=False)
    complete = len(outcomes) - len(failures)
    console.print(f"{complete} tasks run, {len(todo.kept)} were complete before, {len(failures)} failed")
    return messages


def _report(console: Console, directory: str, fingerprints: Mapping[Tracker, str | None]) -> None:
    """Analysis, report and one table; frames per second are measured with nothing else running."""
    names = [tracker.reference for tracker in fingerprints]
    analysis, document = analyse(directory, names), make_report(directory, names)
    speeds = {
        tracker.reference: measured_speed(directory, tracker.reference, digest([fingerprint, settings_of(tracker)]))
        for tracker, fingerprint in fingerprints.items()
    }
    print_table([replace(row, fps=speeds[row.tracker]) for row in summary(directory, names)], console)
    console.print("fps: one tracker at a time on the first sequence, initialisation included")
    console.print(f"analysis: {analysis}\nreport:   {document}", soft_wrap=True)


def _print_plan(console: Console, todo: Plan, redo_stale: bool) -> None:
    for name, absent in todo.absent.items():
        lines = ranges(frame + 1 for frame in absent)
        console.print(f"{name}: no region in line {lines} of its ground truth: no failures there", soft_wrap=True)
    for folder, name, reason in todo.half_written:
        console.print(f"half-written, made again: {folder / name}: {reason}", markup=False, soft_wrap=True)
    for task, differences in todo.stale:
        then = "deleted and run again" if redo_stale else "not used"
        console.print(
            f"stale, {then}: {task.name} was made with {'; '.join(differences)}", markup=False, soft_wrap=True
        )
    if todo.unrecorded:
        names = ", ".join(task.name for task in todo.unrecorded[:3]) + (", ..." if len(todo.unrecorded) > 3 else "")
        console.print(
            f"kept, but made without a record of parameters and weights: {len(todo.unrecorded)} results ({names}); "
            "delete their folders to make them again",
            soft_wrap=True,
        )


def _print_estimate(
    console: Console, directory: str, todo: Plan, probes: Mapping[str, Probe], workers: int, redo_stale: bool
) -> None:
    tasks = todo.todo + ([task for task, _ in todo.stale] if redo_stale else [])
    for reference, facts in probes.items():
        console.print(
            f"{reference}: start {facts.start:.1f} s, initialisation {facts.init:.2f} s, "
            f"{1 / facts.update if facts.update else 0:.1f} frames per second, {facts.memory / 1e6:.0f} MB"
        )
    total = estimate(tasks, probes, workers)
    console.print(
        f"{total.tasks} tasks to run, {len(todo.kept)} complete, on {workers} workers:\n"
        f"  time    {duration(total.seconds_deterministic)} if trackers repeat themselves exactly (3 repetitions), "
        f"{duration(total.seconds)} with all repetitions; failures add initialisations\n"
        f"  disk    {total.disk / 1e6:.1f} MB\n"
        f"  memory  {total.memory / 1e6:.0f} MB",
        soft_wrap=True,
    )
    results = Path(directory, "results").resolve()
    free = shutil.disk_usage(next(folder for folder in (results, *results.parents) if folder.exists())).free
    if total.disk > free:
        console.print(f"the disk has only {free / 1e6:.0f} MB left", style="red")


def _choose(kind: str, names: Iterable[str] | None, available: Mapping[str, Item]) -> list[Item]:
    """Items of ``available``, all of them or those named."""
    if unknown := [name for name in names or () if name not in available]:
        raise InvalidValue(f"no {kind} named {', '.join(unknown)} in the workspace; it has {', '.join(available)}")
    return [item for name, item in available.items() if names is None or name in names]
