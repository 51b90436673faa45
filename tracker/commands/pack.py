"""``reciprocative pack``: a submission that a challenge committee can verify and run again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tracker.commands import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("tracker", help="name in the workspace's registry")
    options.add_workspace_argument(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the archive (default: TRACKER.zip in the workspace)")


def run(args: argparse.Namespace) -> int:
    """Write the package; 1 if results are missing or the tracker does not run.

    Raises:
        ValueError: an unknown tracker, or something that must not be published.
        OSError: not a workspace, or the archive cannot be written.
    """
    from tracker.commands.outputs import checked
    from tracker.vot.submission.pack import Incomplete, pack
    from tracker.vot.toolkit import TrackerFailed

    if args.out:
        checked("--out", args.out, [".zip"], overwrite=True)
    try:
        written = pack(options.workspace(args), args.tracker, args.out)
    except (Incomplete, TrackerFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{written}: {written.stat().st_size / 1e6:.1f} MB; check it with 'reciprocative verify {written}'")
    return 0
