"""``reciprocative pack``: a submission that a challenge committee can verify and run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.commands import options, progress
from tracker.vot.submission.pack import pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("tracker", help="name in the workspace's registry")
    options.add_workspace_argument(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the archive (default: TRACKER.zip in the workspace)")


def run(args: argparse.Namespace) -> int:
    """Write the package."""
    if args.out:
        options.output("--out", args.out, [".zip"], overwrite=True)
    with progress.steps() as step:
        written = pack(options.workspace(args), args.tracker, args.out, step)
    print(f"{written}: {written.stat().st_size / 1e6:.1f} MB; check it with 'reciprocative verify {written}'")
    return 0
