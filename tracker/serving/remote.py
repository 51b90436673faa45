"""A tracker of any trackers.ini as a tracker of this package: its server runs beside, started as by the toolkit.

Every frame goes to it as a PNG file, as every tracker for the VOT toolkit takes one; libtrax, which can hang and crash
its caller, stays in a process of its own (``tracker.serving.client``).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes
from tracker.core.errors import InvalidValue
from tracker.core.tracker import Result, Tracker
from tracker.formats.regions import Polygon
from tracker.formats.registry import Section
from tracker.serving.process import Conversation


class RemoteTracker(Tracker):
    """A tracker that a section of a registry starts.

    Raises:
        ValueError: the section has another protocol than traxpython and trax, or no command.
        RemoteError: it did not start.
    """

    def __init__(self, section: Section) -> None:
        if not section.values.get("command"):
            raise InvalidValue(f"tracker {section.name} of {section.source} has no command: it holds results only")
        self._section, self._number = section, 0
        self._folder = tempfile.TemporaryDirectory(prefix="tracker-")
        self._conversation = Conversation(section, Path(self._folder.name))
        self.fingerprint = str(self._conversation.start()["fingerprint"] or "")
        self._box = np.zeros(4)

    def fork(self) -> Tracker:
        """Start it once more."""
        return RemoteTracker(self._section)

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Start on ``image`` (H, W, 3) RGB uint8 with the target at ``box`` (x, y, w, h), 0-based float pixels."""
        self._box = np.array(box, np.float64)
        return self._send(image, boxes.corners(self._box))

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in the next frame, (H, W, 3) RGB uint8.

        Raises:
            RemoteError: it ended, or did not answer within its section's ``timeout``.
        """
        return self._send(image)

    def close(self) -> None:
        """End the tracker."""
        self._conversation.close()
        self._folder.cleanup()

    def __del__(self) -> None:
        if hasattr(self, "_conversation"):
            self.close()

    def _send(self, image: NDArray[np.uint8], region: Polygon | None = None) -> Result:
        self._number += 1
        file = Path(self._folder.name, f"{self._number:08d}.png")
        file.write_bytes(cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
        answer = self._conversation.frame(file, region)
        file.unlink()
        score = float(answer["confidence"] or 1.0)
        if answer["region"] is None:
            return Result(self._box.copy(), min(score, -1.0), lost=True, fingerprint=self.fingerprint)
        values = np.array(answer["region"], np.float64)
        polygon = values if values.ndim == 2 else None
        self._box = values if polygon is None else boxes.from_polygon(polygon)
        shown = polygon if polygon is not None and len(polygon) == 4 else None
        return Result(self._box.copy(), score, lost=False, polygon=shown, fingerprint=self.fingerprint)
