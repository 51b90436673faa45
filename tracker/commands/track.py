"""``reciprocative track``: follow a target through a source, and write boxes and an annotated video."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from tracker.commands import options
from tracker.core import boxes
from tracker.core.errors import InvalidValue
from tracker.core.files import write_whole
from tracker.core.tracker import Result, Tracker
from tracker.media import window
from tracker.media.overlay import Annotator
from tracker.media.video import VIDEO_SUFFIXES, Image, Source, VideoWriter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="video file, stream's address, camera number, folder of images, VOT or OTB sequence",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--box", type=options.box, metavar="x,y,w,h", help="target in the first frame, 0-based pixels")
    start.add_argument("--select", action="store_true", help="draw the target with the mouse")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="begin at frame N (default: 0)")
    parser.add_argument("--frames", type=int, metavar="N", help="stop after N frames")
    parser.add_argument("--rate", type=float, metavar="R", help="frames per second of what is written")
    options.add_source_arguments(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="annotated video (.mp4, .mkv, .mov)")
    parser.add_argument(
        "--boxes",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="boxes as .txt (x,y,w,h a line), .csv or .json; may be given several times",
    )
    parser.add_argument(
        "--attention",
        nargs="?",
        const="beside",
        choices=("beside", "over"),
        help="draw the attention maps of the tracked sample beside (default) or over the frame, in --out and --show",
    )
    parser.add_argument("--show", action="store_true", help="show the frames while tracking; q ends")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output files")
    options.add_tracker_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Track, and write what was asked for; a run that is interrupted keeps the frames it has."""
    name = _check(args)
    source = options.source(args, args.source)
    rate = args.rate or source.rate
    frames = itertools.islice(source, args.start, None if args.frames is None else args.start + args.frames)
    first = next(frames, None)
    if first is None:
        raise InvalidValue(f"--start {args.start} is behind the last frame of {source.name}")
    box = _first_box(args, source, first)
    _tell_of(source)
    tracker = options.make_tracker(args)
    attention = _attention_of(tracker, args)
    track = _Track(source.name, name, rate, args.start)
    truths = source.ground_truth or []
    stopped: BaseException | None = None
    with contextlib.ExitStack() as stack:
        video = stack.enter_context(VideoWriter(args.out, rate)) if args.out else None
        progress = stack.enter_context(_progress())
        viewer = window.Viewer() if args.show else None
        annotate = Annotator(name) if video or viewer else None
        task = progress.add_task(source.name, total=_total(args, source), lost=0)
        try:
            for offset, frame in enumerate(itertools.chain([first], frames)):
                result = tracker.init(frame, box) if offset == 0 else tracker.update(frame)
                track.add(result)
                progress.update(task, advance=1, lost=track.lost)
                if annotate:
                    truth = truths[args.start + offset] if truths else None
                    maps = attention(frame, result.box) if attention else None
                    picture = annotate(frame, result, truth, maps, args.attention == "beside")
                    if video:
                        video.write(picture)
                    if viewer and not viewer.show(picture):
                        break
        except (KeyboardInterrupt, OSError) as error:  # the camera's usual end, a file damaged half-way
            stopped = error
    if track.results:
        for path in args.boxes:
            write_whole(path, _FORMATS[path.suffix.lower()](track))
        print(track.summary([*filter(None, [args.out]), *args.boxes]), file=sys.stderr)
    if stopped is not None:
        raise stopped
    return 0


def _check(args: argparse.Namespace) -> str:
    """Refuse all that can be refused before frames are read and weights are loaded; what to call the tracker."""
    name = options.check_tracker(args)
    for option, value, least in (("--start", args.start, 0), ("--frames", args.frames, 1)):
        if value is not None and value < least:
            raise InvalidValue(f"{option} {value} must be at least {least}")
    if args.rate is not None and not 0.01 <= args.rate <= 1000:
        raise InvalidValue(f"--rate {args.rate:g} must be from 0.01 to 1000 frames per second")
    if args.attention and not (args.out or args.show):
        raise InvalidValue("--attention draws into the video: give --out FILE or --show as well")
    if not (args.out or args.boxes or args.show):
        raise InvalidValue("nothing would be kept of this run: give --out VIDEO, --boxes FILE or --show")
    if args.out:
        options.output("--out", args.out, VIDEO_SUFFIXES, args.overwrite)
    for path in args.boxes:
        options.output("--boxes", path, _FORMATS, args.overwrite)
    written = [path.resolve() for path in (*filter(None, [args.out]), *args.boxes)]
    if len(set(written)) < len(written):
        raise InvalidValue("two outputs have the same name; give each its own file")
    if Path(args.source).resolve() in written:
        raise InvalidValue(f"the source {args.source} is also an output; give another file")
    for option in ("select", "show"):
        if getattr(args, option):
            window.require_display(f"--{option}")
    return name


def _first_box(args: argparse.Namespace, source: Source, first: Image) -> NDArray[np.float64]:
    if args.box is not None:
        return boxes.checked(args.box, first.shape[1], first.shape[0])
    if args.select:
        return window.select_box(first)
    return options.annotated_box(source, args.start, "give --box x,y,w,h, or --select to draw the target")


def _tell_of(source: Source) -> None:
    """Say what is odd about the ground truth: a run goes on, but nobody should wonder about the white outline."""
    truth = source.truth
    if truth and truth.problem:
        print(f"note: no ground truth is drawn: {truth.problem}", file=sys.stderr)
    elif truth and truth.uneven:
        print(f"note: {truth.uneven}: line k is drawn on image k; --truth-start N moves them", file=sys.stderr)


def _attention_of(tracker: Tracker, args: argparse.Namespace) -> Callable[[Image, NDArray[np.float64]], Any] | None:
    if not args.attention:
        return None
    if tracker.attention is None:
        raise InvalidValue(f"--attention: {args.tracker} has no attention; use --tracker DAT, DAT-paper or MDNet")
    return tracker.attention


def _total(args: argparse.Namespace, source: Source) -> int | None:
    left = None if source.length is None else source.length - args.start
    return min((n for n in (left, args.frames) if n is not None), default=None)


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        """Text of the column."""
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "- frames/s")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("lost in {task.fields[lost]}"),
        console=Console(stderr=True),
    )


@dataclass
class _Track:
    """The results of one run, and the three formats they are written in."""

    source: str
    tracker: str
    rate: float
    start: int
    results: list[Result] = field(default_factory=list)
    lost: int = 0  # frames

    def add(self, result: Result) -> None:
        self.results.append(result)
        self.lost += result.lost

    def summary(self, written: list[Path]) -> str:
        files = "".join(f", wrote {path}" for path in written)
        return f"{self.source}: {len(self.results)} frames, target lost in {self.lost}{files}"

    def rows(self) -> Iterator[dict[str, Any]]:
        for number, result in enumerate(self.results, start=self.start):
            box = {name: round(float(value), 4) for name, value in zip("xywh", result.box, strict=True)}
            yield {"frame": number, **box, "score": round(result.score, 6), "lost": result.lost}

    def as_text(self) -> str:
        return "".join("{x:.4f},{y:.4f},{w:.4f},{h:.4f}\n".format(**row) for row in self.rows())

    def as_csv(self) -> str:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, ("frame", "x", "y", "w", "h", "score", "lost"), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "lost": int(row["lost"])} for row in self.rows())
        return buffer.getvalue()

    def as_json(self) -> str:
        first = self.results[0]
        head = {
            "source": self.source,
            "tracker": self.tracker,
            "seed": first.seed,
            "fingerprint": first.fingerprint,
            "rate": self.rate,
            "box": "x, y, w, h in pixels, 0-based, origin at the top left",
        }
        frames = []
        for row, result in zip(self.rows(), self.results, strict=True):
            polygon = None if result.polygon is None else result.polygon.round(4).tolist()
            frames.append(row if polygon is None else {**row, "polygon": polygon})
        return json.dumps({**head, "frames": frames}, indent=1) + "\n"


_FORMATS = {".txt": _Track.as_text, ".csv": _Track.as_csv, ".json": _Track.as_json}
