"""``reciprocative sequences OUT``: write the embedded data set."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tracker.sequences.dataset import generate, write_overview


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the data set, for example sequences")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="0 or more; seeds differ in paths and noise")
    parser.add_argument("--overwrite", action="store_true", help="replace sequences of another seed")
    parser.add_argument("--overview", type=Path, metavar="FILE", help="also write a contact sheet (.jpg or .png)")


def run(args: argparse.Namespace) -> int:
    """Write what is not there yet, and say what was done."""
    start = time.perf_counter()
    written = 0
    for name, fresh in generate(args.out, args.seed, args.overwrite):
        written += fresh
        print(f"{name:<14}{'written' if fresh else 'already there'}", flush=True)
    print(f"{args.out}: {written} sequences written in {time.perf_counter() - start:.1f} s (seed {args.seed})")
    if args.overview is not None:
        write_overview(args.out, args.overview)
        print(f"overview: {args.overview}")
    return 0
