"""``reciprocative import-results``: published raw results become a tracker of a workspace."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.commands import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("source", type=Path, help="folder or zip: .../baseline/<sequence>/<sequence>_001.txt")
    options.add_workspace_argument(parser)
    parser.add_argument("--name", help="name of the tracker (default: that of the folder or zip)")
    parser.add_argument("--label", help="name in tables and plots (default: the name)")
    parser.add_argument("--experiment", default="baseline", help="experiment of the stack (default: baseline)")


def run(args: argparse.Namespace) -> int:
    """Import, and say what was."""
    from tracker.vot.results import import_results

    name = args.name or args.source.resolve().stem
    workspace = options.workspace(args)
    done = import_results(args.source, workspace, name, args.experiment, args.label)
    print(f"{done.tracker}: {done.files} runs joined {workspace / 'results' / name / args.experiment}")
    if done.ignored:
        print(f"not in the data set, left out: {', '.join(done.ignored)}")
    return 0
