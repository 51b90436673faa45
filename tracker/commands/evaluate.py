"""``reciprocative evaluate``: the toolkit's evaluation on all cores or a cluster, with the same results."""

from __future__ import annotations

import argparse
import signal
import sys

from tracker.commands import options
from tracker.vot.evaluation.session import IncompleteResults, evaluate


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
    """Evaluate; 1 if results are missing or stale."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        evaluate(
            options.workspace(args),
            args.trackers,
            experiments=args.experiments,
            sequences=args.sequences,
            workers=args.workers,
            address=args.scheduler,
            alone=args.alone,
            redo_stale=args.stale == "redo",
            report=args.report,
            dry_run=args.dry_run,
        )
    except IncompleteResults:  # printed already
        return 1
    return 0


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if not names:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; separate names by commas, or leave the option out")
    return names


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("terminated: stopping", file=sys.stderr)
    raise KeyboardInterrupt
