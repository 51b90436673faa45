"""``reciprocative paper``: the paper's comparison beside what a workspace measured."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("trackers", nargs="*", help="trackers of the workspace (default: all with results)")
    parser.add_argument("--workspace", type=Path, help="VOT workspace (default: none, reported figures only)")


def run(args: argparse.Namespace) -> int:
    """Print the tables.

    Raises:
        ValueError: trackers without a workspace.
    """
    from tracker.vot.paper import measured, print_comparison

    if args.trackers and args.workspace is None:
        raise ValueError(f"trackers {', '.join(args.trackers)} need --workspace, where their results are")
    print_comparison(measured(args.workspace, args.trackers) if args.workspace else None)
    return 0
