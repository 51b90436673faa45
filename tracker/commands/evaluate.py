"""``reciprocative evaluate``: the toolkit's evaluation on all cores or a cluster, with the same results."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tracker.commands import options
from tracker.core.errors import InvalidValue
from tracker.core.listing import ranges
from tracker.vot.evaluation import scheduler
from tracker.vot.evaluation.estimate import PROBE_FRAMES, estimate
from tracker.vot.evaluation.probe import Probe, TrackerFailed, probe
from tracker.vot.evaluation.progress import ProgressTable, duration
from tracker.vot.evaluation.scheduler import Place
from tracker.vot.evaluation.speed import frames_per_second
from tracker.vot.evaluation.tasks import Outcome, Plan, by_length, clear, plan, threads
from tracker.vot.results.provenance import digest, settings_of
from tracker.vot.results.storage import delete_run, result_folder
from tracker.vot.tables.summary import print_table, resolve, summary
from tracker.vot.toolkit import analyse, report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("trackers", nargs="*", help="names in the registry; default: all that have results")
    options.add_workspace_argument(parser)
    parser.add_argument("--experiments", type=_names, help="only these, separated by commas")
    parser.add_argument("--sequences", type=_names, help="only these, separated by commas")
    parser.add_argument("--workers", type=int, help="tasks side by side here (default: cores / threads of a tracker)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="an existing Dask scheduler, e.g. tcp://head:8786")
    parser.add_argument(
        "--alone", type=_names, default=[], help="experiments to run one task at a time, beside real-time ones"
    )
    parser.add_argument(
        "--stale",
        choices=("stop", "redo"),
        default="stop",
        help="results made with other parameters, weights, rules or data: stop (default), or delete and run again",
    )
    parser.add_argument("--report", action="store_true", help="then run vot analysis and vot report, and print a table")
    parser.add_argument("--dry-run", action="store_true", help="tell what would run, and its time, disk and memory")


def run(args: argparse.Namespace) -> int:
    """Evaluate.

    Returns:
        0 if all results are complete, 1 otherwise.

    Raises:
        ValueError: an unknown tracker, experiment or sequence; --workers together with --scheduler.
        OSError: not a workspace, no scheduler, no space left.
    """
    if args.scheduler and args.workers is not None:
        raise InvalidValue(
            f"--workers {args.workers} is for this machine alone; with --scheduler start as many as you want there: "
            f"'dask worker {args.scheduler} --nthreads 1'"
        )
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(stderr=False)
    workspace, trackers = resolve(options.workspace(args), args.trackers)
    experiments = _chosen("experiment", args.experiments, {item.identifier: item for item in workspace.stack})
    sequences = _chosen("sequence", args.sequences, {item.name: item for item in workspace.dataset})
    _chosen("experiment", args.alone, {item.identifier: item for item in workspace.stack})
    for tracker in trackers:
        if threads(tracker) is None:
            console.print(f"{tracker.reference}: its section of trackers.ini names no thread count; 1 is assumed")
    here = scheduler.fitting_workers(args.workers, max(threads(tracker) or 1 for tracker in trackers))
    if args.workers and here < args.workers:
        cores = scheduler.cores()
        console.print(f"{here} workers instead of {args.workers}: {cores} cores, over the trackers' threads")
    workers = scheduler.count_workers(args.scheduler, workspace.directory) if args.scheduler else here

    console.print(
        f"starting {', '.join(tracker.reference for tracker in trackers)} once, to see what they are", markup=False
    )
    probes, broken = _probe_all(workspace.directory, trackers, here, PROBE_FRAMES if args.dry_run else 0)
    for message in broken.values():
        console.print(message, style="red", markup=False)
    reported = {tracker: probes[tracker.reference].fingerprint for tracker in trackers if tracker.reference in probes}
    found = plan(workspace, reported, experiments, sequences, frozenset(args.alone))
    _tell(console, found, args.stale)
    if args.dry_run:
        _estimate(console, workspace.directory, found, probes, workers, args.stale)
        return 1 if broken else 0
    if found.stale:
        if args.stale == "stop":
            console.print("nothing was run: --stale redo deletes these and runs them again", style="red")
            return 1
        for task, _ in found.stale:
            clear(result_folder(workspace.directory, task.tracker, task.experiment, task.sequence))
            found.todo.append(task)
        found.todo.sort(key=by_length)
    for folder, name, _ in found.half_written:
        delete_run(folder, name)
    outcomes = _evaluate(console, workspace.directory, found, Place(workers, args.scheduler))
    code = _close(console, outcomes, len(found.kept), bool(broken))
    if args.report and not code:
        _report(console, workspace.directory, reported)
    return code


def _evaluate(console: Console, directory: str, found: Plan, place: Place) -> list[Outcome]:
    if not found.todo:
        return []
    alone = sum(task.alone for task in found.todo)
    if alone:
        console.print(f"{alone} tasks run alone, one at a time, after the others: they measure time")
    _forget_analyses(directory)
    place = replace(place, workers=max(1, min(place.workers, len(found.todo) - alone)))
    with ProgressTable(found.todo, found.kept, place.workers, console) as table:
        return scheduler.evaluate(directory, found.todo, place, table)


def _close(console: Console, outcomes: Sequence[Outcome], kept: int, broken: bool) -> int:
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        console.print(f"\n{outcome.task.name} is not complete, after two attempts: {outcome.error}", markup=False)
        for line in outcome.log.splitlines():
            console.print(f"  | {line}", markup=False)
    console.print(f"{len(outcomes) - len(failed)} tasks run, {kept} were complete before, {len(failed)} failed")
    return 1 if failed or broken else 0


def _report(console: Console, directory: str, trackers: dict[Any, str | None]) -> None:
    """Analysis, report and one table; frames per second are measured with nothing else running."""
    names = [tracker.reference for tracker in trackers]
    analysis, document = analyse(directory, names), report(directory, names)
    speeds = {
        tracker.reference: frames_per_second(directory, tracker.reference, digest([reported, settings_of(tracker)]))
        for tracker, reported in trackers.items()
    }
    print_table([replace(row, fps=speeds[row.tracker]) for row in summary(directory, names)], console)
    console.print("fps: one tracker at a time on the first sequence, initialisation included")
    console.print(f"analysis: {analysis}\nreport:   {document}", soft_wrap=True)


def _probe_all(
    directory: str, trackers: Sequence[Any], workers: int, frames: int
) -> tuple[dict[str, Probe], dict[str, str]]:
    """Start every tracker once: its fingerprint, or why it does not run."""
    probes: dict[str, Probe] = {}
    broken: dict[str, str] = {}
    with ThreadPoolExecutor(1 if frames else workers) as pool:  # one at a time where speed is measured
        futures = {tracker.reference: pool.submit(probe, directory, tracker.reference, frames) for tracker in trackers}
        for reference, future in futures.items():
            try:
                probes[reference] = future.result()
            except TrackerFailed as error:
                broken[reference] = str(error)
    return probes, broken


def _tell(console: Console, found: Plan, stale: str) -> None:
    for name, absent in found.absent.items():
        lines = ranges(frame + 1 for frame in absent)
        console.print(f"{name}: no region in line {lines} of its ground truth: no failures there", soft_wrap=True)
    for folder, name, reason in found.half_written:
        console.print(f"half-written, made again: {folder / name}: {reason}", markup=False, soft_wrap=True)
    for task, differences in found.stale:
        then = "deleted and run again" if stale == "redo" else "not used"
        console.print(
            f"stale, {then}: {task.name} was made with {'; '.join(differences)}", markup=False, soft_wrap=True
        )
    if found.unrecorded:
        names = ", ".join(task.name for task in found.unrecorded[:3]) + (", ..." if len(found.unrecorded) > 3 else "")
        console.print(
            f"kept, but made without a record of parameters and weights: {len(found.unrecorded)} results ({names}); "
            "delete their folders to make them again",
            soft_wrap=True,
        )


def _estimate(
    console: Console, directory: str, found: Plan, probes: dict[str, Probe], workers: int, stale: str
) -> None:
    tasks = found.todo + ([task for task, _ in found.stale] if stale == "redo" else [])
    for reference, facts in probes.items():
        console.print(
            f"{reference}: start {facts.start:.1f} s, initialisation {facts.init:.2f} s, "
            f"{1 / facts.update if facts.update else 0:.1f} frames per second, {facts.memory / 1e6:.0f} MB"
        )
    total = estimate(tasks, probes, workers)
    console.print(
        f"{total.tasks} tasks to run, {len(found.kept)} complete, on {workers} workers:\n"
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


def _forget_analyses(directory: str) -> None:
    """Delete the toolkit's cache of analyses, which does not notice that results have changed."""
    shutil.rmtree(Path(directory, "cache", "analysis"), ignore_errors=True)


def _chosen(kind: str, names: list[str] | None, known: dict[str, Any]) -> list[Any]:
    """Items of ``known``, all of them or those named.

    Raises:
        ValueError: a name is unknown.
    """
    if unknown := [name for name in names or () if name not in known]:
        raise InvalidValue(f"no {kind} named {', '.join(unknown)} in the workspace; it has {', '.join(known)}")
    return [item for name, item in known.items() if names is None or name in names]


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if not names:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; separate names by commas, or leave the option out")
    return names


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("terminated: stopping", file=sys.stderr)
    raise KeyboardInterrupt
