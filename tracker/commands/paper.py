"""``reciprocative paper``: the paper's comparison beside what a workspace measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.core.errors import InvalidValue
from tracker.vot.tables import paper
from tracker.vot.workspace import resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("trackers", nargs="*", help="trackers of the workspace (default: all with results)")
    parser.add_argument("--workspace", type=Path, help="VOT workspace (default: none, reported figures only)")


def run(args: argparse.Namespace) -> int:
    """Print the tables."""
    if args.trackers and args.workspace is None:
        raise InvalidValue(f"trackers {', '.join(args.trackers)} need --workspace, where their results are")
    if args.workspace is None:
        paper.print_comparison()
    else:
        workspace, _ = resolve(args.workspace, args.trackers)
        paper.print_comparison(
            paper.measure_reset_based(workspace, args.trackers), paper.measure_one_pass(workspace, args.trackers)
        )
    return 0
