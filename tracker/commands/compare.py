"""``reciprocative compare``: several trackers' stored results on one sequence as a video or a page."""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import math
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tracker.commands import options, progress
from tracker.core import images, listing
from tracker.core.files import write_whole
from tracker.media import overlay
from tracker.media.video import VIDEO_SUFFIXES, Image, VideoWriter
from tracker.vot.tables.comparison import Comparison, load

PAGE_WIDTH = 640  # of the images in a page, pixels, at most
PLOT_HEIGHT = 96


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "trackers",
        nargs="*",
        metavar="TRACKER",
        help="trackers (default: all with results); module:Class and those of --registry are run now",
    )
    parser.add_argument("--sequence", required=True, metavar="S", help="name of a sequence of the workspace")
    options.add_workspace_argument(parser)
    options.add_registry_argument(parser, "those of the workspace alone")
    parser.add_argument("--experiment", metavar="E", help="of the stack (default: the first reset-based one)")
    parser.add_argument("--repetition", type=int, default=1, metavar="N", help="number of the run (default: 1)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="video (default, without --html: S.mp4)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="one self-contained page for a browser")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output files")


def run(args: argparse.Namespace) -> int:
    """Write the video, the page, or both."""
    if args.out is None and args.html is None:
        args.out = Path(f"{args.sequence}.mp4")
    if args.out:
        options.output("--out", args.out, VIDEO_SUFFIXES, args.overwrite)
    if args.html:
        options.output("--html", args.html, {".html", ".htm"}, args.overwrite)
    folder = options.workspace(args)
    registry = options.registry(args)
    comparison = load(folder, args.sequence, args.trackers, args.experiment, args.repetition, registry)
    for run in comparison.runs:
        accuracy = f"{run.accuracy:.3f}" if math.isfinite(run.accuracy) else "-"
        print(f"{run.name:<16} accuracy {accuracy}  failures {len(run.failures)}")
    if args.out:
        with VideoWriter(args.out, comparison.rate) as video:
            for picture in progress.bar(pictures(comparison), args.sequence, len(comparison.images)):
                video.write(picture)
        print(f"wrote {args.out}", file=sys.stderr)
    if args.html:
        write_whole(args.html, page(comparison))
        print(f"wrote {args.html}", file=sys.stderr)
    return 0


def pictures(comparison: Comparison) -> Iterator[Image]:
    """Every frame with the ground truth (white), the trackers' regions, and their overlap curves below."""
    colours = dict(zip((run.name for run in comparison.runs), itertools.cycle(overlay.PALETTE), strict=False))
    curves = [(run.overlaps, run.starts, run.failures, colours[run.name]) for run in comparison.runs]
    failed = {run.name: 0 for run in comparison.runs}
    labels = (f"{run.name} start, failures {len(run.failures)}" for run in comparison.runs)
    widest = [str(len(comparison.images)), *labels]
    for index, path in enumerate(comparison.images):
        picture = images.read(path)
        scale = overlay.text_scale(picture)
        places = _places([overlay.text_width(text, scale) for text in widest], picture.shape[1])
        height = round(24 * scale) + 6
        overlay.shade(picture[: height * (places[-1][1] + 1)])
        truth = comparison.truth[index]
        if truth is not None:
            overlay.draw_region(picture, truth, overlay.TRUTH, 1)
        texts = [(str(index), overlay.INK)]
        for run in comparison.runs:
            region = run.regions[index]
            if region is not None:
                overlay.draw_region(picture, region, colours[run.name], 2)
            failed[run.name] += index in run.failures
            texts.append((_label(run, index, failed), colours[run.name]))
        for (text, colour), (x, row) in zip(texts, places, strict=True):
            overlay.draw_text(picture, text, x, height * (row + 1) - 6, colour, scale)
        plot = overlay.overlap_plot(curves, index, picture.shape[1], PLOT_HEIGHT)
        yield np.concatenate([picture, plot])


def _places(widths: list[int], limit: int, margin: int = 6, gap: int = 10) -> list[tuple[int, int]]:
    """Left end and row of texts that follow each other, each in a new row where it would pass ``limit``."""
    places: list[tuple[int, int]] = []
    x, row = margin, 0
    for width in widths:
        if x > margin and x + width > limit - margin:
            x, row = margin, row + 1
        places.append((x, row))
        x += width + gap
    return places


def _label(run: Any, index: int, failed: dict[str, int]) -> str:
    value = run.overlaps[index]
    state = f"{value:.2f}" if math.isfinite(value) else ("start" if index in run.starts else "LOST")
    return f"{run.name} {state}, failures {failed[run.name]}"


def page(comparison: Comparison) -> str:
    """One HTML file with the frames, regions and curves in it; nothing is loaded from elsewhere."""
    encoded, scale = [], 1.0
    for path in comparison.images:
        image = images.read(path)[..., ::-1]
        scale = min(1.0, PAGE_WIDTH / image.shape[1])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        jpeg = cv2.imencode(".jpg", np.ascontiguousarray(small), [cv2.IMWRITE_JPEG_QUALITY, 72])[1]
        encoded.append("data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode())
    data = {
        "sequence": comparison.sequence,
        "experiment": comparison.experiment,
        "source": "Made by reciprocative compare.",
        "rate": comparison.rate,
        "scale": scale,
        "images": encoded,
        "truth": [_points(region) for region in comparison.truth],
        "tags": {tag: [(a, b + 1) for a, b in listing.spans(frames)] for tag, frames in comparison.tags.items()},
        "runs": [
            {
                "name": run.name,
                "colour": "rgb({}, {}, {})".format(*colour),
                "regions": [_points(region) for region in run.regions],
                "overlaps": [round(value, 4) if math.isfinite(value) else None for value in run.overlaps.tolist()],
                "failures": run.failures,
                "starts": run.starts,
                "accuracy": run.accuracy if math.isfinite(run.accuracy) else None,
            }
            for run, colour in zip(comparison.runs, itertools.cycle(overlay.PALETTE), strict=False)
        ],
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # no tag can end the script
    template = files("tracker.commands").joinpath("page.html").read_text(encoding="utf-8")
    return template.replace("/*DATA*/null", text)


def _points(region: Any) -> list[list[float]] | None:
    return None if region is None else region.round(2).tolist()
