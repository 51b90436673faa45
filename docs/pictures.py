"""The README's pictures, made by the commands on the embedded data set: ``python docs/pictures.py SEQUENCES``.

Writes ``docs/images/track.jpg`` and ``attention.jpg``; SEQUENCES is the folder that ``reciprocative sequences`` wrote.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from tracker import cli
from tracker.media.video import Image, open_source

IMAGES = Path(__file__).resolve().parent / "images"


def write(name: str, image: Image) -> None:
    """Write an RGB image as a JPEG of at most 1350 pixels in width."""
    factor = min(1.0, 1350 / image.shape[1])
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(IMAGES / name), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def tracked(sequence: Path, folder: Path) -> Image:
    """Three frames of ``track --attention``: before the target is lost, lost, found again."""
    video, boxes = folder / "out.mp4", folder / "out.json"
    cli.main(["track", str(sequence), "--attention", "--out", str(video), "--boxes", str(boxes)])
    lost = [frame["frame"] for frame in json.loads(boxes.read_text())["frames"] if frame["lost"]]
    first, last = (lost[0], lost[-1]) if lost else (30, 40)
    frames = list(open_source(str(video)))
    chosen = [frames[max(first - 10, 0)], frames[first], frames[min(last + 2, len(frames) - 1)]]
    return np.concatenate(chosen, axis=1)


def main(sequences: str) -> None:
    """Make both pictures from the sequence that has all difficulties together."""
    sequence = Path(sequences) / "together"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write("track.jpg", tracked(sequence, folder))
        cli.main(["attention", str(sequence), "20", "--out", str(folder / "a.png")])
        (picture,) = open_source(str(folder / "a.png"))
        write("attention.jpg", picture)


if __name__ == "__main__":
    main(sys.argv[1])
