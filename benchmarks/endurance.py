"""Long runs: 10,000 frames of one target, then 200 initialisations of one server. Memory and time must stay flat.

Frames: a sequence forwards and backwards, again and again, so that there is no jump at its ends. What a frame costs at
the end is told by frames that an old and a young tracker do in turns: whatever else the machine does disturbs both.
Initialisations: the toolkit's own client and the process that trackers.ini starts, one process for all of them.

    python -m benchmarks.endurance [--parts endurance chain] [--sequences FOLDER --only NAME]

The exit code is 1 if a bound is broken.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
import vot.dataset
from numpy.typing import NDArray

from benchmarks import tables
from benchmarks.quality import positive
from benchmarks.sequences import find_sequences, frames_of
from benchmarks.tables import PROJECT
from tracker import catalog
from tracker.core import boxes, images
from tracker.core.tracker import Tracker
from tracker.sequences.dataset import generate

LARGEST_MEMORY = 1500.0
"""MB, resident, at any time."""
LARGEST_GROWTH = 20.0
"""MB between an early and the last window of frames, and between the peaks of both halves of the initialisations."""
LARGEST_SLOWDOWN = 1.15
"""Median time of a frame of the old tracker over that of the young one, in turns."""
SETTLED, WINDOW = 500, 1000
"""Frames until all memories are full; frames of a window."""
THREADS = 1
"""As trackers.ini has it."""
UPDATES = 4
"""Frames after each initialisation of the server."""


@dataclass
class Promise:
    """One figure and the bound that it must not exceed."""

    what: str
    measured: float
    bound: float
    unit: str
    digits: int = 0

    @property
    def kept(self) -> bool:
        """Whether the figure is within its bound."""
        return self.measured <= self.bound

    def row(self) -> list[str]:
        """Cells of the table."""
        measured, bound = (f"{value:.{self.digits}f} {self.unit}".strip() for value in (self.measured, self.bound))
        return [self.what, measured, bound, "kept" if self.kept else "BROKEN"]


@dataclass
class Loop:
    """Frames of a sequence there and back, without end, with the target's box where the ground truth has one."""

    paths: list[str]
    truth: list[list[float] | None]

    def index(self, frame: int) -> int:
        """Which image of the sequence the ``frame``-th frame is."""
        last = len(self.paths) - 1
        return last - abs(frame % (2 * last) - last)

    def image(self, frame: int) -> NDArray[np.uint8]:
        """The ``frame``-th image."""
        return images.read(self.paths[self.index(frame)])

    def box(self, frame: int) -> NDArray[np.float64] | None:
        """(4,), the target in the ``frame``-th frame."""
        target = self.truth[self.index(frame)]
        return None if target is None else np.array(target)


@dataclass
class Run:
    """What one tracker did; one entry a frame after the first."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MB, resident
    overlaps: list[float] = field(default_factory=list)  # NaN where there is no ground truth
    lost: int = 0
    faults: int = 0

    def update(self, tracker: Tracker, loop: Loop, frame: int) -> None:
        """Track and record one frame."""
        image, target = loop.image(frame), loop.box(frame)
        began = perf_counter()
        result = tracker.update(image)
        self.seconds.append(perf_counter() - began)
        self.memory.append(psutil.Process().memory_info().rss / 1e6)
        self.overlaps.append(float("nan") if target is None else float(boxes.overlap(result.box, target)))
        self.lost += result.lost
        self.faults = result.faults
        if not np.isfinite(result.box).all():
            raise RuntimeError(f"frame {frame}: box {result.box.tolist()} is not finite")


def start(name: str, loop: Loop, frame: int) -> Tracker:
    """A tracker of the catalog on the target of the ``frame``-th frame."""
    tracker = catalog.create(name, threads=THREADS)
    box = loop.box(frame)
    if box is None:
        raise ValueError(f"image {loop.paths[loop.index(frame)]} has no ground truth to start on; use another sequence")
    tracker.init(loop.image(frame), box)
    return tracker


def follow(name: str, loop: Loop, frames: int) -> tuple[Run, Run, Run]:
    """Track ``frames`` frames; then let this tracker and a young one go on in turns.

    Returns:
        The long run; then the old and the young tracker's ``WINDOW`` frames of the same images.
    """
    old, long = start(name, loop, 0), Run()
    for frame in range(1, frames + 1):
        long.update(old, loop, frame)
        if frame % 1000 == 0:
            print(
                f"frame {frame}: {long.memory[-1]:.0f} MB, {1e3 * statistics.median(long.seconds[-1000:]):.1f} ms, "
                f"{long.lost} lost",
                file=sys.stderr,
                flush=True,
            )
    young, runs = start(name, loop, frames), (Run(), Run())
    for frame in range(frames + 1, frames + SETTLED + WINDOW + 1):
        for run, tracker in zip(runs, (old, young), strict=True):
            run.update(tracker, loop, frame)
    for run in runs:
        del run.seconds[:SETTLED]
    return long, *runs


def initialise(name: str, sequence: vot.dataset.Sequence, loop: Loop, count: int) -> list[float]:
    """Resident MB of the server's process after each of ``count`` initialisations, a few frames after each."""
    from vot.tracker import Registry

    from tracker.vot.reset_based import Unsupervised

    experiment: Any = Unsupervised(_identifier="endurance", _storage=None)
    runtime = experiment._get_runtime(Registry([str(PROJECT / "trackers.ini")])[name], sequence)
    starts = [index for index in range(len(sequence) - UPDATES) if loop.truth[index] is not None]
    memory: list[float] = []
    processes: set[int] = set()
    try:
        for number in range(count):
            index = starts[7 * number % len(starts)]
            runtime.initialize(sequence.frame(index), experiment._get_initialization(sequence, index))
            for step in range(1, UPDATES + 1):
                runtime.update(sequence.frame(index + step))
            children = psutil.Process().children(recursive=True)
            processes.update(child.pid for child in children)
            memory.append(sum(child.memory_info().rss for child in children) / 1e6)
            if (number + 1) % 20 == 0:
                print(f"initialisation {number + 1}: {memory[-1]:.0f} MB", file=sys.stderr, flush=True)
    finally:
        runtime.stop()
    if len(processes) != 1:
        raise RuntimeError(f"{len(processes)} processes served the initialisations; it must be one")
    return memory


def growth(memory: Sequence[float], settled: int, window: int) -> float:
    """Median of the last ``window`` values less that of the ``window`` values after the first ``settled``."""
    return statistics.median(memory[-window:]) - statistics.median(memory[settled : settled + window])


def frame_promises(long: Run, old: Run, young: Run) -> list[Promise]:
    """What is promised of a long run."""
    slowdown = statistics.median(old.seconds) / statistics.median(young.seconds)
    return [
        Promise("memory, largest", max(long.memory), LARGEST_MEMORY, "MB"),
        Promise(f"memory, growth after frame {SETTLED}", growth(long.memory, SETTLED, WINDOW), LARGEST_GROWTH, "MB", 1),
        Promise("time of a frame, old over young tracker", slowdown, LARGEST_SLOWDOWN, "", 3),
        Promise("faults: numbers that were not finite", long.faults, 0, ""),
    ]


def chain_promises(memory: Sequence[float]) -> list[Promise]:
    """What is promised of a server that is initialised again and again.

    Large blocks come and go at each of them, so that resident memory goes up and down; a leak raises its peaks.
    """
    half = len(memory) // 2
    growth = max(memory[half:]) - max(memory[:half])
    return [
        Promise("memory of the server, largest", max(memory), LARGEST_MEMORY, "MB"),
        Promise(f"memory, growth after initialisation {half}", growth, LARGEST_GROWTH, "MB", 1),
    ]


def draw(file: Path, long: Run) -> None:
    """Memory and time over the frames, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3), constrained_layout=True)
    block = max(len(long.seconds) // 100, 1)
    cut = len(long.seconds) // block * block
    at = np.arange(block / 2, cut, block)
    milliseconds = 1e3 * np.array(long.seconds[:cut]).reshape(-1, block)
    left.plot(np.arange(1, len(long.memory) + 1), long.memory, color="tab:blue")
    right.plot(at, np.mean(milliseconds, axis=1), color="tab:grey", linewidth=0.8, label="mean, learning included")
    right.plot(at, np.median(milliseconds, axis=1), color="tab:orange", label="median")
    right.legend(frameon=False, loc="lower right")
    left.set(title="memory", ylabel="resident MB")
    right.set(title=f"time, {block} frames a point", ylabel="ms a frame")
    for axis in (left, right):
        axis.set(xlabel="frame", xlim=(0, None), ylim=(0, None))
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def report(promises: Sequence[Promise], *notes: str) -> str:
    """Promises as a table, then the notes."""
    table = tables.table(["", "measured", "bound", ""], [promise.row() for promise in promises])
    return "\n\n".join([table, *notes])


def endurance(options: argparse.Namespace, sequence: vot.dataset.Sequence, loop: Loop) -> tuple[list[Promise], str]:
    """Follow one target for long; promises and what was run."""
    long, old, young = follow(options.tracker, loop, options.frames)
    if options.picture:
        draw(options.picture, long)
    windows = (long.seconds[SETTLED : SETTLED + WINDOW], long.seconds[-WINDOW:])
    early, late = (f"{1e3 * statistics.median(window):.1f} ms" for window in windows)
    return frame_promises(long, old, young), (
        f"{options.tracker}, {len(long.seconds):,} frames of `{sequence.name}` ({len(sequence)} images, there and "
        f"back): mean overlap {np.nanmean(long.overlaps):.3f}, {long.lost} frames reported lost. Growth: median of the "
        f"last {WINDOW} frames less that of the {WINDOW} after frame {SETTLED}; their median times were {late} and "
        f"{early}. "
        f"Old over young: medians of {WINDOW} more frames, in turns with a tracker that began {SETTLED} frames before."
    )


def chain(options: argparse.Namespace, sequence: vot.dataset.Sequence, loop: Loop) -> tuple[list[Promise], str]:
    """Initialise one server again and again; promises and what was run."""
    memory = initialise(options.tracker, sequence, loop, options.initialisations)
    return chain_promises(memory), (
        f"{options.tracker}, {len(memory)} initialisations of one process, started from trackers.ini and driven by the "
        f"toolkit's client, {UPDATES} frames after each, all over `{sequence.name}`. Growth: largest of the "
        f"second half less that of the first; median {statistics.median(memory):.0f} MB, {memory[0]:.0f} MB after the "
        f"first one, {memory[-1]:.0f} MB at the end."
    )


PARTS = {"endurance": endurance, "chain": chain}


def run(options: argparse.Namespace, folder: Path) -> int:
    """Measure on a sequence in ``folder``, print, write; returns the exit code."""
    sequence = find_sequences([folder], [options.only] if options.only else [])[0]
    loop = Loop(*frames_of(sequence, None))
    kept = True
    for name in options.parts:
        promises, note = PARTS[name](options, sequence, loop)
        text = report(promises, note, tables.provenance(threads=THREADS))
        print(text, flush=True)
        if options.write:
            tables.write_between(options.write, name, text)
        kept = kept and all(promise.kept for promise in promises)
    return 0 if kept else 1


def at_least(smallest: int) -> Callable[[str], int]:
    """An argument type: a whole number of at least ``smallest``."""

    def whole(text: str) -> int:
        if (number := positive(text)) < smallest:
            raise argparse.ArgumentTypeError(f"{text} is too few; give {smallest} or more")
        return number

    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts and print their tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to run (both)")
    parser.add_argument("--tracker", default="DAT", choices=catalog.NAMES, help="which tracker (DAT)")
    parser.add_argument("--sequences", type=Path, metavar="FOLDER", help="sequences (the embedded ones, made anew)")
    parser.add_argument("--only", metavar="NAME", help="which of them (the first)")
    parser.add_argument("--frames", type=at_least(SETTLED + 2 * WINDOW), default=10_000, help="frames to track (10000)")
    parser.add_argument("--initialisations", type=at_least(10), default=200, help="of one server (200)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the curves, for example endurance.png")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put each table between its part's markers")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="endurance-") as made:
            folder = options.sequences or Path(made)
            if not options.sequences:
                for _ in generate(folder):
                    pass
            return run(options, folder)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
