"""``reciprocative import-groundtruth``: a data set without images, to analyse raw results against."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.vot.results.groundtruth import write_dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("json", type=Path, help="per sequence gt_rect, width, height and tags, as in PySOT's test sets")
    parser.add_argument("folder", type=Path, help="where the sequences go, such as <workspace>/sequences")


def run(args: argparse.Namespace) -> int:
    """Write the sequences, and say how many."""
    print(f"{len(write_dataset(args.json, args.folder))} sequences without images in {args.folder}")
    return 0
