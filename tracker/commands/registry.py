"""``reciprocative registry``: where the trackers.ini of this installation lies, for ``vot --registry PATH``."""

from __future__ import annotations

import argparse
from pathlib import Path

import tracker

PACKAGED = Path(tracker.__file__).resolve().with_name("trackers.ini")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command: there are none."""


def run(args: argparse.Namespace) -> int:
    """Print the path.

    Raises:
        FileNotFoundError: the installation lacks the file.
    """
    if not PACKAGED.is_file():
        raise FileNotFoundError(f"{PACKAGED} is missing: run 'pip install --force-reinstall reciprocative-tracker'")
    print(PACKAGED)
    return 0
