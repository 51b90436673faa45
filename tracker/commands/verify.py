"""``reciprocative verify``: is a submission whole, are its figures right, does its tracker do that again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tracker.core.errors import InvalidValue, MissingFile
from tracker.vot.submission.verify import Submission


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("file", type=Path, help="a package that 'reciprocative pack' wrote")
    parser.add_argument(
        "--workspace", type=Path, help="workspace with the same stack and sequences: compute figures again"
    )
    parser.add_argument("--rerun", metavar="SEQUENCE", help="run the tracker on this sequence again (with --workspace)")


def run(args: argparse.Namespace) -> int:
    """Check a package; 1 if something is wrong with it."""
    if args.rerun and not args.workspace:
        raise InvalidValue("--rerun needs --workspace: images and ground truth are not in a package")
    if not args.file.is_file():
        raise MissingFile(f"{args.file} does not exist or is not a file")
    try:
        submission = Submission(args.file)
    except InvalidValue as error:
        return _say([str(error)], args.file)
    if problems := submission.problems():
        return _say(problems, args.file)
    print(f"{len(submission.members)} files have the right checksum, {submission.count()} trajectories are whole")
    if args.workspace is None:
        print("only checksums and files were checked: --workspace computes the figures again")
        return 0
    if problems := submission.recompute(args.workspace):
        return _say(problems, args.file)
    print("the analysis gives the figures of the package")
    if args.rerun:
        if problems := submission.rerun(args.workspace, args.rerun):
            return _say(problems, args.file)
        print(f"{submission.identifier} run again on {args.rerun}: overlap 0.999 or better on every frame")
    return 0


def _say(problems: list[str], file: Path) -> int:
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    print(f"{file} is not a good package: {len(problems)} problem{'s' * (len(problems) > 1)}", file=sys.stderr)
    return 1
