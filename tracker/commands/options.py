"""Command-line options that several commands share: which tracker, with which parameters."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker import catalog
from tracker.result import Tracker
from tracker.video import Source, open_source


def add_tracker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--tracker``, ``--seed``, ``--threads`` and ``--device``."""
    parser.add_argument("--tracker", default="DAT", metavar="NAME", help=f"{', '.join(catalog.NAMES)} (default: DAT)")
    parser.add_argument("--seed", type=int, help="seed of all randomness (default: the preset's)")
    parser.add_argument("--threads", type=int, help="threads of one tracker (default: the preset's)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where the network runs (default: auto)")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--target`` and ``--truth-start``, which say what of a folder's ground truth is meant."""
    parser.add_argument(
        "--target", metavar="ID", help="which of several targets: 2 for groundtruth_rect.2.txt or groundtruth_2.txt"
    )
    parser.add_argument(
        "--truth-start",
        type=int,
        default=0,
        metavar="N",
        help="frame that the first line of ground truth belongs to (default: 0; OTB's David: 299)",
    )


def source(args: argparse.Namespace, name: str) -> Source:
    """The source called ``name``, with the ground truth that these options ask for.

    Raises:
        ValueError: an option is out of its range.
        OSError: see :func:`tracker.video.open_source`.
    """
    if args.truth_start < 0:
        raise ValueError(f"--truth-start {args.truth_start} must be at least 0")
    return open_source(name, args.target, args.truth_start)


def annotated_box(source: Source, frame: int, otherwise: str) -> NDArray[np.float64]:
    """The box (4,) that the ground truth of ``source`` has for ``frame``; ``otherwise`` says what else one can give.

    Raises:
        ValueError: it has none; the message says what there is instead.
        OSError: its file cannot be used.
    """
    truth = source.truth
    if truth is None:
        raise ValueError(f"{source.name} has no ground truth: {otherwise}")
    if truth.problem:
        raise OSError(f"{truth.problem}; or {otherwise}")
    region = truth.regions[frame] if frame < len(truth.regions) else None
    if region is None:
        first = next((index for index, one in enumerate(truth.regions) if one is not None), None)
        begin = "" if first is None else f"; the first frame with a region is {first}"
        counts = truth.uneven or str(truth.file)
        raise ValueError(f"{source.name} has no ground truth for frame {frame} ({counts}){begin}: {otherwise}")
    return region.box


def make_tracker(args: argparse.Namespace, **changes: Any) -> Tracker:
    """The tracker that these options ask for, with ``changes`` of its parameters.

    Raises:
        ValueError: its name is unknown, or it has no such parameter.
        OSError: its weights are missing or damaged.
        ImportError: the installed OpenCV or torch cannot run it.
    """
    values = {name: getattr(args, name) for name in ("seed", "threads", "device")}
    overrides = {name: value for name, value in values.items() if value is not None}
    from tracker.weights import WeightsError

    try:
        return catalog.create(args.tracker, **overrides, **changes)
    except WeightsError as error:
        raise OSError(str(error)) from error
    except RuntimeError as error:  # this OpenCV has no such tracker, this torch no such device
        raise ImportError(str(error)) from error


def box(text: str) -> NDArray[np.float64]:
    """``x,y,w,h`` as (4,) float64, for argparse's ``type``."""
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        values = np.empty(0)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise argparse.ArgumentTypeError(f"{text!r} is not x,y,w,h: four numbers in pixels, such as 120,80,40,60")
    if (values[2:] <= 0).any():
        raise argparse.ArgumentTypeError(f"{text!r} has no area; width and height must be above 0")
    return values
