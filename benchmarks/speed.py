"""What a tracker costs: time per frame and per stage, memory, growth, start-up; trackers take turns in one run.

Example::

    python -m benchmarks.speed DAT CSRT KCF --sequences FOLDER

Each tracker lives in a process of its own (and in its own environment), only one works at a time, and they take turns
at every sequence, so that what disturbs the machine disturbs all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import vot.dataset

from benchmarks import tables
from benchmarks.quality import positive
from benchmarks.sequences import find_sequences, frames_of
from benchmarks.tables import PROJECT
from benchmarks.variants import Variant
from tracker import catalog

DEFAULT = ("DAT", "CSRT", "KCF")
STAGES = ("read", "trunk", "sampling", "pooling", "estimator", "head", "learning", "attention", "regression")
GROWTH_FRAMES = 60
LONG_FRAMES = 1500


@dataclass
class Timing:
    """Frames of one tracker, as ``benchmarks.drive`` reports them, by sequence; its peak memory in MB, and its GPU."""

    frames: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    peak: float = 0.0
    gpu: tuple[str, float] | None = None

    def seconds(self, initialised: bool = False, learned: bool | None = None) -> np.ndarray:
        """Seconds of each init, or of each update; of those with (or without) learning if ``learned`` is given."""
        return np.array([frame["seconds"] for frame in self._chosen(initialised, learned)])

    def rate(self, name: str) -> float:
        """Frames per second on a sequence, without initialisation and reading."""
        seconds = [frame["seconds"] for frame in self.frames[name] if not frame["initialised"]]
        return len(seconds) / sum(seconds)

    def stage_milliseconds(self, initialised: bool = False, learned: bool | None = None) -> dict[str, float]:
        """Mean milliseconds of each stage in the chosen frames, ``other`` for what no stage covers."""
        chosen = self._chosen(initialised, learned)
        if not chosen:
            return {}
        names = {name for frame in chosen for name in frame["stages"]}
        means = {name: 1e3 * float(np.mean([frame["stages"].get(name, 0.0) for frame in chosen])) for name in names}
        whole = 1e3 * float(np.mean([frame["seconds"] for frame in chosen]))
        means["other"] = whole - sum(value for name, value in means.items() if name != "read")
        return means

    def _chosen(self, initialised: bool, learned: bool | None) -> list[dict[str, Any]]:
        frames = [frame for frames in self.frames.values() for frame in frames if frame["initialised"] == initialised]
        return [frame for frame in frames if learned is None or ("learning" in frame["stages"]) == learned]


class Driver:
    """A tracker in a process of its own that waits for requests."""

    def __init__(self, variant: Variant, threads: int) -> None:
        """Start the process; the tracker is made while others work, or wait."""
        self.variant = variant
        overrides = dict(variant.overrides) | {"threads": threads}
        command = [*variant.interpreter(), "-m", "benchmarks.drive", variant.name, json.dumps(overrides)]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, env=environment(threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def track(self, images: Sequence[str], truth: Sequence[Any], **options: Any) -> dict[str, Any]:
        """The answer of ``benchmarks.drive`` to a request.

        Raises:
            RuntimeError: if the process has ended; why, stands on stderr.
        """
        assert self._process.stdin and self._process.stdout
        try:
            print(json.dumps({"images": images, "boxes": truth, **options}), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"the process of {self.variant} ended with code {self._process.wait()}; see above")
        return json.loads(answer)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the tables; returns the exit code."""
    args = _parser().parse_args(argv)
    try:
        sequences = find_sequences(args.sequences, args.only)
        variants = [Variant.parse(text) for text in dict.fromkeys(args.trackers)]
        if args.profile:
            print(profile(variants[0], sequences[0], args))
            return 0
        report = render(args, variants, sequences)
        print(report)
        if args.write:
            tables.write_between(args.write, args.marker, report)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def render(args: argparse.Namespace, variants: Sequence[Variant], sequences: Sequence[vot.dataset.Sequence]) -> str:
    """Everything that was asked for, as markdown."""
    timings = take_turns(variants, sequences, args)
    names = ", ".join(sequence.name for sequence in sequences)
    gpus = {timing.gpu[0] for timing in timings.values() if timing.gpu}
    parts = [
        frame_table(timings),
        "Frames per second and milliseconds are those of the tracker alone, without reading and initialisation. Init: "
        "first frame and each re-initialisation. An update frame is one in which the tracker learned. Memory: "
        "resident, peak of the process.",
        tables.provenance(
            threads_of_a_tracker=args.threads,
            sequences=names,
            frames_of_each=args.frames or "all",
            **({"GPU": ", ".join(gpus)} if gpus else {}),
        ),
    ]
    for label, timing in timings.items():
        if timing.gpu:
            continue  # its stages end when their work is queued
        if any(set(frame["stages"]) - {"read"} for frames in timing.frames.values() for frame in frames):
            parts += [f"### {label}, stage by stage, milliseconds a frame", stage_table(timing)]
    if len(timings) > 1:
        parts += ["### Frames per second on each sequence", rate_table(timings)]
    if args.start:
        parts += ["### Start to handshake", start_table(variants, args.threads)]
    if args.growth:
        parts += [f"### {variants[0]}: growth", growth_table(variants[0], sequences[0], args)]
    return "\n\n".join(parts)


def take_turns(
    variants: Sequence[Variant], sequences: Sequence[vot.dataset.Sequence], args: argparse.Namespace
) -> dict[str, Timing]:
    """Run every tracker on every sequence, ``args.rounds`` times, alternating at each sequence."""
    timings = {str(variant): Timing() for variant in variants}
    with ExitStack() as stack:
        drivers = [stack.enter_context(Driver(variant, args.threads)) for variant in variants]
        images, truth = frames_of(sequences[0], 3)
        for driver in drivers:
            driver.track(images, truth)  # made, warm
        for turn in range(args.rounds * len(sequences)):
            sequence = sequences[turn % len(sequences)]
            images, truth = frames_of(sequence, args.frames)
            for i in range(len(drivers)):
                driver = drivers[(i + turn) % len(drivers)]
                answer = driver.track(images, truth)
                timing = timings[str(driver.variant)]
                timing.frames.setdefault(sequence.name, []).extend(answer["frames"])
                timing.peak, timing.gpu = answer["peak"], answer["gpu"]
                rate = timing.rate(sequence.name)
                print(f"{sequence.name}: {driver.variant} {rate:.1f} frames/s", file=sys.stderr, flush=True)
    return timings


def frame_table(timings: Mapping[str, Timing]) -> str:
    """Time per frame and memory of every tracker, and its speed as a multiple of each other's."""
    rows = []
    for label, timing in timings.items():
        update, init = 1e3 * timing.seconds(), 1e3 * timing.seconds(initialised=True)
        learning = 1e3 * timing.seconds(learned=True)
        plain = 1e3 * timing.seconds(learned=False)
        rates = [timing.rate(name) for name in timing.frames]
        rows.append(
            [
                label,
                f"{np.mean(rates):.1f}",
                f"{update.mean():.1f}",
                f"{np.median(update):.1f}",
                f"{np.quantile(update, 0.95):.1f}",
                f"{learning.mean():.1f}" if len(learning) else "-",
                f"{plain.mean():.1f}" if len(learning) and len(plain) else "-",
                f"{np.mean(init):.0f}",
                f"{init[0]:.0f}",
                f"{timing.peak:.0f}",
                f"{timing.gpu[1]:.0f}" if timing.gpu else "-",
            ]
        )
    header = [
        "tracker",
        "frames/s (mean over sequences)",
        "mean ms",
        "median",
        "95 %",
        "update frames",
        "others",
        "init ms (mean)",
        "init ms (first)",
        "memory MB",
        "of the GPU",
    ]
    if not any(timing.gpu for timing in timings.values()):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return tables.table(header, rows)


def rate_table(timings: Mapping[str, Timing]) -> str:
    """Frames per second on every sequence, and the first tracker's as a multiple of the others'."""
    labels = list(timings)
    first, others = timings[labels[0]], labels[1:]
    rows = []
    rates = {label: [timing.rate(name) for name in first.frames] for label, timing in timings.items()}
    for i, name in enumerate(first.frames):
        row = [rates[label][i] for label in labels]
        rows.append([name, *(f"{rate:.1f}" for rate in row), *(f"{row[0] / rate:.2f}" for rate in row[1:])])
    means = [float(np.mean(rates[label])) for label in labels]
    rows.append(["mean", *(f"{rate:.1f}" for rate in means), *(f"{means[0] / rate:.2f}" for rate in means[1:])])
    return tables.table(["sequence", *labels, *(f"{labels[0]} / {other}" for other in others)], rows)


def stage_table(timing: Timing) -> str:
    """Own time of each stage in ordinary frames, in those with learning, and at initialisation."""
    columns = [
        timing.stage_milliseconds(),
        timing.stage_milliseconds(learned=False),
        timing.stage_milliseconds(learned=True),
        timing.stage_milliseconds(initialised=True),
    ]
    found = {name for column in columns for name in column} - {"other"}
    names = [*(name for name in STAGES if name in found), *sorted(found - set(STAGES)), "other"]
    whole = sum(value for value in columns[0].values())
    rows = []
    for name in names:
        share = f"{100 * columns[0].get(name, 0.0) / whole:.0f} %"
        rows.append([name, *(f"{column[name]:.2f}" if name in column else "-" for column in columns), share])
    rows.append(["sum", *(f"{sum(column.values()):.2f}" if column else "-" for column in columns), "100 %"])
    return tables.table(["stage", "all updates", "without learning", "with learning", "init", "share"], rows)


def growth_table(variant: Variant, sequence: vot.dataset.Sequence, args: argparse.Namespace) -> str:
    """Time and memory over image size, number of candidates and length of the sequence; a process for each row."""
    images, truth = frames_of(sequence, GROWTH_FRAMES)
    rows = []
    for scale in (0.5, 1, 2, 4):
        rows.append(
            [f"images {scale:g} x as wide and high", *_grown(variant, images, truth, args.threads, scale=scale)]
        )
    if counts := candidates(variant):
        for factor in (0.5, 1, 2, 4):
            more = tuple((name, max(1, round(factor * count))) for name, count in counts.items())
            changed = Variant(variant.name, tuple(sorted(dict((*variant.overrides, *more)).items())))
            label = f"{sum(count for _, count in more)} candidates"
            rows.append([label, *_grown(changed, images, truth, args.threads)])
    whole, boxes_of_whole = frames_of(sequence, None)
    turn = [*range(len(whole)), *range(len(whole) - 2, 0, -1)]  # forth and back, so that nothing jumps
    order = [turn[i % len(turn)] for i in range(LONG_FRAMES)]
    for count in (LONG_FRAMES // 10, LONG_FRAMES):
        chosen = order[:count]
        grown = _grown(variant, [whole[i] for i in chosen], [boxes_of_whole[i] for i in chosen], args.threads)
        rows.append([f"{count} frames", *grown])
    return tables.table([f"{sequence.name}", "mean ms", "last tenth, mean ms", "init ms", "memory MB"], rows)


def candidates(variant: Variant) -> dict[str, Any]:
    """Parameters of one of our trackers that are numbers of candidates (their names end so), with their values."""
    preset = asdict(catalog.preset(variant.name)) if variant.name in catalog.LEARNING else {}
    values = preset | dict(variant.overrides)
    return {name: value for name, value in values.items() if name.endswith("_candidates") and name != "best_candidates"}


def start_table(variants: Sequence[Variant], threads: int, repeats: int = 5) -> str:
    """Seconds from start to the TraX handshake, median, and what is left without ``import torch``."""
    rows = []
    commands: dict[str, tuple[list[str], str, dict[str, str]]] = {
        "import torch": ([sys.executable, "-c", "import torch; print('done', flush=True)"], "done", {})
    }
    for variant in variants:
        python = variant.interpreter()
        commands[variant.name] = (
            [*python, "-m", "tracker"], "@@TRAX:hello", {"RECIPROCATIVE_TRACKER": variant.name}
        )  # fmt: skip
    seconds: dict[str, list[float]] = {label: [] for label in commands}
    for _ in range(repeats):
        for label, (command, sign, variables) in commands.items():
            seconds[label].append(_seconds_to(command, sign, environment(threads) | variables))
    torch = float(np.median(seconds["import torch"]))
    for label, values in seconds.items():
        middle = float(np.median(values))
        learns = label in catalog.NAMES and "seed" in catalog.options(label)  # and is therefore made of torch
        rows.append([label, f"{middle:.2f}", f"{middle - torch:.2f}" if learns else "-"])
    return tables.table(["", "seconds", "beyond import torch"], rows)


def profile(variant: Variant, sequence: vot.dataset.Sequence, args: argparse.Namespace) -> str:
    """Where the time goes: torch's operators and Python's functions, on the first frames of a sequence."""
    images, truth = frames_of(sequence, args.frames or GROWTH_FRAMES)
    with Driver(variant, args.threads) as driver:
        driver.track(images[:3], truth[:3])
        answers = [driver.track(images, truth, profile=kind) for kind in ("operators", "functions")]
    return "\n".join(answer["profile"] for answer in answers)


def environment(threads: int) -> dict[str, str]:
    """Environment of a tracker's process."""
    return dict(os.environ) | {
        "PYTHONPATH": str(PROJECT),
        "RECIPROCATIVE_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
    }


def _grown(
    variant: Variant, images: Sequence[str], truth: Sequence[Any], threads: int, scale: float = 1
) -> tuple[str, str, str, str]:
    timing = Timing()
    with Driver(variant, threads) as driver:
        answer = driver.track(images, truth, scale=scale)
    timing.frames["all"] = answer["frames"]
    update, init = 1e3 * timing.seconds(), 1e3 * timing.seconds(initialised=True)
    last = update[-max(1, len(update) // 10) :]
    return f"{update.mean():.1f}", f"{last.mean():.1f}", f"{init.mean():.0f}", f"{answer['peak']:.0f}"


def _seconds_to(command: Sequence[str], sign: str, variables: dict[str, str]) -> float:
    """Seconds from start until the process writes ``sign``; it is ended then.

    Raises:
        RuntimeError: if it ends without.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=PROJECT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout
        written = b""
        while sign.encode() not in written:
            more = os.read(process.stdout.fileno(), 4096)
            if not more:
                raise RuntimeError(f"{' '.join(command)} ended before it wrote {sign!r}")
            written += more
        return time.perf_counter() - began
    finally:
        process.kill()
        process.communicate()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "trackers", nargs="*", default=list(DEFAULT), metavar="TRACKER",
        help=f"names, also NAME:parameter=value,... The first is the one to be compared ({' '.join(DEFAULT)})",
    )  # fmt: skip
    parser.add_argument("--sequences", nargs="+", type=Path, required=True, metavar="FOLDER", help="with a list.txt")
    parser.add_argument("--only", nargs="+", default=[], metavar="SEQUENCE", help="use these sequences alone")
    parser.add_argument("--frames", type=positive, help="first frames of each sequence (all)")
    parser.add_argument("--rounds", type=positive, default=1, help="how often all take their turns (1)")
    parser.add_argument("--threads", type=positive, default=2, help="threads of each tracker (2)")
    parser.add_argument("--start", action="store_true", help="also measure the time from start to handshake")
    parser.add_argument("--growth", action="store_true", help="also measure growth on the first sequence")
    parser.add_argument("--profile", action="store_true", help="only print where the first tracker's time goes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the file's markers")
    parser.add_argument("--marker", default="speed", help="'<!-- begin MARKER -->' and '<!-- end MARKER -->' (speed)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
