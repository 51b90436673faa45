"""Command-line options that several commands share: which tracker, with which parameters."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker import catalog
from tracker.result import Tracker


def add_tracker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--tracker``, ``--seed``, ``--threads`` and ``--device``."""
    parser.add_argument("--tracker", default="DAT", metavar="NAME", help=f"{', '.join(catalog.NAMES)} (default: DAT)")
    parser.add_argument("--seed", type=int, help="seed of all randomness (default: the preset's)")
    parser.add_argument("--threads", type=int, help="threads of one tracker (default: the preset's)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where the network runs (default: auto)")


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
