"""``reciprocative registry``: where the trackers.ini, or the stacks, of this installation lie, for the toolkit."""

from __future__ import annotations

import argparse

from tracker.core.errors import MissingFile
from tracker.core.paths import REGISTRY, STACKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--stacks", action="store_true", help="the folder of the stacks instead, for config.yaml")


def run(args: argparse.Namespace) -> int:
    """Print the path."""
    path = STACKS if args.stacks else REGISTRY
    if not path.exists():
        raise MissingFile(f"{path} is missing: run 'pip install --force-reinstall reciprocative-tracker'")
    print(path)
    return 0
