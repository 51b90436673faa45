"""A challenge of any size made of random walks: a workspace with ground truth, tags, thresholds and raw runs.

Nothing of it is anybody's data, all of it follows from a seed, and it has what published runs have: rotated polygons,
rectangles that leave the image, failures and what follows them, 3 repetitions of most trackers and 15 of every fifth.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.vot.results.annotations import TAGS
from tracker.vot.results.raw import FAILURE, INITIALIZATION, UNKNOWN

SIZE = (640, 360)
SKIP = 5
LENGTHS = (41, 1500)
"""Shortest and longest sequence of VOT2015; its 60 have 21,455 frames."""

Floats = NDArray[np.float64]


def write(folder: Path, stack: str, trackers: int, sequences: int, frames: int = 21_455, seed: int = 0) -> None:
    """Write the workspace.

    Args:
        folder: of the workspace, made if it does not exist.
        stack: of the workspace, as in its ``config.yaml``.
        trackers: how many, T00, T01, ...
        sequences: how many, s00, s01, ...
        frames: in all of them, about.
        seed: of everything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(
        f"registry: [./trackers.ini]\nsequences: sequences\nstack: {stack}\n"
        "report:\n  index:\n  - type: tracker.vot.report.ProtocolReport\n"
    )
    rng = np.random.default_rng([seed, 0])
    lengths = np.exp(rng.normal(0, 0.75, sequences))
    lengths = np.clip(lengths * frames / lengths.sum(), *LENGTHS).astype(int)
    truths = {f"s{number:02d}": walk(rng, length) for number, length in enumerate(lengths)}
    for name, boxes in truths.items():
        _write_sequence(folder / "sequences" / name, boxes, rng)
    (folder / "sequences" / "list.txt").write_text("".join(f"{name}\n" for name in truths))
    names = [f"T{number:02d}" for number in range(trackers)]
    (folder / "trackers.ini").write_text("".join(f"[{name}]\ncommand =\n" for name in names))
    for number, name in enumerate(names):
        write_tracker(folder / "results" / name / "baseline", truths, number, seed)


def write_tracker(folder: Path, truths: dict[str, Floats], number: int, seed: int = 0) -> None:
    """The runs of tracker ``number`` below the folder of an experiment; how good it is follows from the number."""
    rng = np.random.default_rng([seed, 1 + number])
    noise, rate = 0.05 + 0.006 * (number * 7 % 31), 0.002 + 0.0006 * (number * 5 % 17)
    for name, boxes in truths.items():
        place = folder / name
        place.mkdir(parents=True)
        for repetition in range(1, 1 + (15 if number % 5 == 4 else 3)):
            text = "".join(f"{line}\n" for line in _run(rng, boxes, noise, rate))
            (place / f"{name}_{repetition:03d}.txt").write_text(text)


def walk(rng: np.random.Generator, length: int) -> Floats:
    """Centre, width, height and angle (radians) of a target: (length, 5), some frames beyond the image's edge."""
    steps = rng.normal(0, (6, 4, 0.4, 0.4, 0.02), (length, 5))
    path = np.cumsum(steps, axis=0)
    path[:, 0] = SIZE[0] / 2 + (SIZE[0] / 2) * np.sin(path[:, 0] / SIZE[0] * np.pi)
    path[:, 1] = SIZE[1] / 2 + (SIZE[1] / 2) * np.sin(path[:, 1] / SIZE[1] * np.pi)
    path[:, 2:4] = np.clip(rng.uniform(25, 110, 2) + path[:, 2:4], 8, 200)
    return path


def corners(boxes: Floats) -> Floats:
    """Corners (length, 8) of rotated boxes (length, 5)."""
    x, y, width, height, angle = boxes.T
    along = np.stack([np.cos(angle) * width, np.sin(angle) * width], axis=1) / 2  # (length, 2)
    across = np.stack([-np.sin(angle) * height, np.cos(angle) * height], axis=1) / 2  # (length, 2)
    centre = np.stack([x, y], axis=1)
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.concatenate([centre + a * along + b * across for a, b in signs], axis=1)


def _write_sequence(folder: Path, boxes: Floats, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    length = len(boxes)
    properties = {"name": folder.name, "length": length, "width": SIZE[0], "height": SIZE[1], "fps": 30}
    properties["channels.color"] = "color/%08d.jpg"
    (folder / "sequence").write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    (folder / "groundtruth.txt").write_text("".join(_lines(corners(boxes))))
    (folder / "practical.value").write_text("".join(f"{value:.4f}\n" for value in rng.uniform(0.03, 0.12, length)))
    for tag in TAGS:
        if tag != "empty":
            start, end = np.sort(rng.integers(0, length, 2))
            frames = np.arange(length)
            marks = (frames >= start) & (frames < end)
            (folder / f"{tag}.tag").write_text("".join(f"{mark}\n" for mark in marks.astype(int)))


def _run(rng: np.random.Generator, boxes: Floats, noise: float, rate: float) -> list[str]:
    """A run: the upright box about the target, displaced by a slowly changing share of its size."""
    length = len(boxes)
    drift = np.cumsum(rng.normal(0, noise / 4, (length, 4)), axis=0)
    drift = 2.5 * noise * np.sin(drift / noise) + rng.normal(0, noise / 8, (length, 4))
    width, height = boxes[:, 2] * np.exp(drift[:, 2]), boxes[:, 3] * np.exp(drift[:, 3])
    x = boxes[:, 0] + drift[:, 0] * boxes[:, 2] - width / 2
    y = boxes[:, 1] + drift[:, 1] * boxes[:, 3] - height / 2
    lines = [line.rstrip() for line in _lines(np.stack([x, y, width, height], axis=1))]
    lines[0] = str(INITIALIZATION)
    frame = 1
    while (frame := frame + int(rng.geometric(rate))) < length:
        lines[frame] = str(FAILURE)
        lines[frame + 1 : frame + SKIP] = [str(UNKNOWN)] * len(lines[frame + 1 : frame + SKIP])
        if (frame := frame + SKIP) < length:
            lines[frame] = str(INITIALIZATION)
    return lines


def _lines(rows: Floats) -> Iterable[str]:
    pattern = ",".join(["%.3f"] * rows.shape[1]) + "\n"
    return (pattern % tuple(row) for row in rows.tolist())
