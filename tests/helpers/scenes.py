"""A tiny sequence that every tracker can follow, for tests that need files on disk."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE = (96, 128)  # rows, columns
SIDE = 24
STACK = """\
title: Small
experiments:
  baseline:
    type: tracker.vot.reset_based.ResetBased
    repetitions: 1
"""


def frames(count: int) -> list[np.ndarray]:
    """RGB images of a checked square that moves 3 pixels to the right on noise."""
    rng = np.random.default_rng(7)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (*SIZE, 3), np.uint8), (0, 0), 2)
    patch = np.kron(rng.integers(0, 2, (4, 4)), np.ones((SIDE // 4, SIDE // 4)))[..., None] * [250, 40, 10]
    images = []
    for index in range(count):
        image = ground.copy()
        image[30 : 30 + SIDE, 10 + 3 * index : 10 + 3 * index + SIDE] = patch
        images.append(image)
    return images


def boxes(count: int) -> list[tuple[int, int, int, int]]:
    """(x, y, w, h), 0-based, of the square in each of ``frames``."""
    return [(10 + 3 * index, 30, SIDE, SIDE) for index in range(count)]


def write_vot(folder: Path, count: int = 12, fps: int = 25) -> Path:
    """A sequence in the VOT layout, polygons as ground truth."""
    (folder / "color").mkdir(parents=True)
    _write_images(folder / "color", count, "{:08d}.jpg")
    lines = [f"{x},{y},{x + w},{y},{x + w},{y + h},{x},{y + h}" for x, y, w, h in boxes(count)]
    (folder / "groundtruth.txt").write_text("\n".join(lines) + "\n")
    (folder / "sequence").write_text(f"channels.color=color/%08d.jpg\nfps={fps}\nname={folder.name}\n")
    return folder


def write_otb(folder: Path, count: int = 12) -> Path:
    """A sequence in the OTB layout: img/, boxes whose first pixel is (1, 1), tabs."""
    (folder / "img").mkdir(parents=True)
    _write_images(folder / "img", count, "{:04d}.jpg")
    lines = ["\t".join(map(str, (x + 1, y + 1, w, h))) for x, y, w, h in boxes(count)]
    (folder / "groundtruth_rect.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_workspace(folder: Path) -> Path:
    """A workspace with two sequences in which nothing is wrong."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "config.yaml").write_text("registry:\n- trackers.ini\nsequences: sequences\nstack: stacks/small.yaml\n")
    (folder / "stacks" / "small.yaml").write_text(STACK)
    (folder / "trackers.ini").write_text("[NCC]\nprotocol = traxpython\ncommand = tracker\n")
    for name in ("one", "two"):
        write_vot(folder / "sequences" / name, 4)
    (folder / "sequences" / "two" / "occlusion.tag").write_text("0\n1\n0\n0\n")
    (folder / "sequences" / "list.txt").write_text("one\ntwo\n")
    return folder


def _write_images(folder: Path, count: int, pattern: str) -> None:
    for number, image in enumerate(frames(count), start=1):
        cv2.imwrite(str(folder / pattern.format(number)), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
