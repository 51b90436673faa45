"""A whole challenge in `vot analysis`: ``python -m benchmarks.full_size [--trackers 62] [--sequences 60]``.

The challenge is of our own making (:mod:`benchmarks.challenge`), with the shipped stack of VOT2015. Measured are the
first analysis, the same again, one after a tracker more, and the import of that tracker's 180 runs; each is a process
of its own. CPU seconds are the figure to compare: the wall clock also counts what else ran, which the load tells.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import challenge

ROOT = Path(__file__).resolve().parents[1]
STACK = ROOT / "tracker" / "vot" / "stacks" / "vot2015.yaml"


@dataclass(frozen=True)
class Cost:
    """Of a command: wall and CPU seconds, and the largest resident size in MB."""

    wall: float
    cpu: float
    memory: float


def cost(*command: str) -> Cost:
    """Run a command of this environment.

    Raises:
        RuntimeError: it failed.
    """
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}")
    return Cost(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table of docs/scale.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trackers", type=int, default=62)
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--frames", type=int, default=21_455)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder, last = Path(scratch, "workspace"), f"T{args.trackers:02d}"
        challenge.write(folder, str(STACK), args.trackers + 1, args.sequences, args.frames)
        runs = sum(1 for _ in folder.glob("results/*/*/*/*.txt"))
        registry = (folder / "trackers.ini").read_text()
        (folder / "trackers.ini").write_text(registry.partition(f"[{last}]")[0])
        shutil.move(folder / "results" / last, Path(scratch, last))
        analysis = ("vot", "analysis", "--workspace", str(folder), "--name", "figures")
        costs = {"first analysis": cost(*analysis), "the same again": cost(*analysis)}
        imported = ("import-results", str(Path(scratch, last)), "--workspace", str(folder))
        costs["import of one more tracker"] = cost("tracker.cli", *imported)
        costs["analysis with it"] = cost(*analysis)
    print(f"{args.trackers} trackers x {args.sequences} sequences, {runs} runs, {os.cpu_count()} cores, ", end="")
    print(f"load {os.getloadavg()[2]:.1f}\n\n| command | CPU s | wall s | memory MB |\n|---|---|---|---|")
    for name, one in costs.items():
        print(f"| {name} | {one.cpu:.1f} | {one.wall:.1f} | {one.memory:.0f} |")


if __name__ == "__main__":
    main()
