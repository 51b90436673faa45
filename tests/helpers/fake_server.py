"""The real TraX server around a fake tracker: it validates what it is given, records it, and misbehaves on demand.

``FAKE_RECORD`` is a folder for what the tracker was given, ``FAKE_MODE`` one of the names in ``Fake.update``.
"""

import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker import catalog
from tracker.core import boxes
from tracker.core.tracker import Result, Tracker
from tracker.serving import server

RECORD = Path(os.environ["FAKE_RECORD"])
MODE = os.environ.get("FAKE_MODE", "")


def record(kind: str, **arrays) -> None:
    np.savez(RECORD / f"{len(list(RECORD.iterdir())):03d}_{kind}.npz", **arrays)


@dataclass
class Fake(Tracker):
    """Moves the box by one pixel to the right in each frame; its score counts the frames."""

    parameters: dict
    fingerprint: str = "fake-1"

    def __post_init__(self):
        if MODE == "no weights":
            raise FileNotFoundError("weights file model.mat is missing; put it into /some/folder")
        if MODE == "noise":
            threading.Thread(target=chatter, daemon=True).start()
        record("create", parameters=np.array(repr(self.parameters)))

    def warm_up(self):
        record("warm_up")

    def init(self, image, box):
        self._validate(image)
        assert isinstance(box, np.ndarray) and box.dtype == np.float64 and box.shape == (4,)
        record("init", image=image, box=box)
        self.box, self.frames = box.copy(), 0
        return Result(self.box.copy(), score=0.0, lost=False, seed=7, fingerprint=self.fingerprint)

    def update(self, image):
        self._validate(image)
        record("update", image=image)
        self.frames += 1
        self.box[0] += 1
        polygon, score = None, self.frames / 4
        if MODE == "polygon":
            polygon = boxes.corners(self.box) + 0.25
        elif MODE == "nan box":
            self.box[2] = np.nan
        elif MODE == "nan score":
            score = np.nan
        elif MODE == "bug":
            raise KeyError("no such key")
        elif MODE == "slow":
            time.sleep(3600)
        elif MODE == "noise":
            print("fragment on stdout", end="", flush=True)
            print("fragment on stderr", end="", file=sys.stderr, flush=True)
            os.write(2, b"fragment of a native library")
        return Result(self.box.copy(), score, False, polygon, self.frames // 2, seed=7, fingerprint=self.fingerprint)

    @staticmethod
    def _validate(image):
        assert isinstance(image, np.ndarray) and image.dtype == np.uint8
        assert image.ndim == 3 and image.shape[2] == 3 and image.flags.c_contiguous


def chatter():
    while True:
        os.write(2, b"another thread ")
        time.sleep(0.0002)


if __name__ == "__main__":
    catalog.create = lambda name, **parameters: Fake(parameters)
    sys.exit(server.main())
