"""Drives one tracker over images and times it: what ``benchmarks.speed`` starts, in the tracker's own interpreter.

Usage: ``python -m benchmarks.drive NAME '{"parameter": value}'``. One JSON request a line on stdin, one JSON answer a
line on stdout. A request is ``{"images": [path, ...], "boxes": [[x, y, w, h] or null, ...], "scale": 1, "profile":
""}``. The tracker starts on the first box; where it loses the target (no overlap) it starts anew five frames later,
as in the reset-based protocol.
"""

from __future__ import annotations

import cProfile
import io
import json
import os
import pstats
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker import catalog
from tracker.core import boxes, images
from tracker.core.timing import recording
from tracker.core.tracker import Tracker

SKIP_INITIALIZE = 5


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints does not get between the answers
    name, overrides = sys.argv[1], json.loads(sys.argv[2])
    cv2.setNumThreads(overrides.get("threads", 1))
    tracker = catalog.create(name, **overrides)
    if warm_up := getattr(tracker, "warm_up", None):
        warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        report = io.StringIO()
        with profiling(request.get("profile", ""), report):
            frames = follow(tracker, request["images"], request["boxes"], request.get("scale", 1.0))
        print(
            json.dumps({"frames": frames, "profile": report.getvalue(), "peak": peak_memory(), "gpu": gpu()}),
            file=answers,
            flush=True,
        )


def follow(tracker: Tracker, paths: list[str], truth: list[list[float] | None], scale: float) -> list[dict[str, Any]]:
    """Track through images; what each frame cost.

    Args:
        tracker: any tracker of the catalog.
        paths: image files.
        truth: ground truth (x, y, w, h) in pixels of each image; None where there is none. The first must be there.
        scale: factor by which images and boxes are enlarged before they are given to the tracker.

    Returns:
        For each frame that the tracker saw: ``seconds`` of init or update, ``initialised``, ``lost``, and ``stages``,
        the own seconds of each stage (``tracker.core.timing``) together with ``read``.
    """
    frames: list[dict[str, Any]] = []
    start = 0
    for index, (path, target) in enumerate(zip(paths, truth, strict=True)):
        if index < start:
            continue
        began = perf_counter()
        image = images.read(path)
        read = perf_counter() - began
        box = None if target is None else np.multiply(target, scale)
        image = _scaled(image, scale)
        initialise = index == start
        if initialise and box is None:
            start += 1
            continue
        with recording() as times:
            began = perf_counter()
            result = tracker.init(image, box) if initialise and box is not None else tracker.update(image)
            seconds = perf_counter() - began
        lost = not initialise and box is not None and not float(boxes.overlap(result.box, box)) > 0
        frames.append(
            {"seconds": seconds, "initialised": initialise, "lost": lost, "stages": {"read": read, **times.seconds}}
        )
        if lost:
            start = index + SKIP_INITIALIZE
    return frames


def peak_memory() -> float:
    """Largest resident memory of this process so far, MB.

    Not ``getrusage``, which on Linux begins with the memory of the process that started this one.
    """
    with open("/proc/self/status", encoding="ascii") as file:
        (kilobytes,) = (int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    return kilobytes * 1024 / 1e6


def gpu() -> tuple[str, float] | None:
    """Name of the GPU that this process uses, and the most of its memory that torch took, MB; None if it uses none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return torch.cuda.get_device_name(), torch.cuda.max_memory_reserved() / 1e6


@contextmanager
def profiling(kind: str, report: io.StringIO) -> Iterator[None]:
    """Write what cost most to ``report``: Python ``functions``, torch's ``operators``; nothing if ``kind`` is empty."""
    if kind == "operators" and "torch" in sys.modules:
        from torch.profiler import profile

        with profile() as operators:
            yield
        report.write(operators.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))
    elif kind == "functions":
        with cProfile.Profile() as functions:
            yield
        pstats.Stats(functions, stream=report).sort_stats("tottime").print_stats(25)
    else:
        yield


def _scaled(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)


if __name__ == "__main__":
    main()
