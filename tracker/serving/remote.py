"""A tracker of any trackers.ini as a tracker of this package: its server runs beside, started as by the toolkit.

Every frame goes to it as a PNG file, as every tracker for the VOT toolkit takes one; libtrax, which can hang and crash
its caller, stays in a process of its own (``tracker.serving.client``).
"""

from __future__ import annotations

import json
import os
import queue
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes
from tracker.core.errors import InvalidValue, ResourceError
from tracker.core.paths import PROJECT
from tracker.core.tracker import Result, Tracker
from tracker.formats.registry import Section
from tracker.serving.process import HANDSHAKE_LIMIT, command_of, end, lines_of, start_client


class RemoteError(ResourceError):
    """The tracker did not start, did not answer in time, or ended; the message ends with its own last lines."""


class RemoteTracker(Tracker):
    """A tracker that a section of a registry starts.

    Raises:
        ValueError: the section has another protocol than traxpython and trax, or no command.
        RemoteError: it did not start.
    """

    def __init__(self, section: Section) -> None:
        if not section.values.get("command"):
            raise InvalidValue(f"tracker {section.name} of {section.source} has no command: it holds results only")
        command, environment = command_of(section)
        self._section, self._number = section, 0
        self._folder = tempfile.TemporaryDirectory(prefix="tracker-")
        self._stderr = Path(self._folder.name, "stderr")
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        self._child = start_client({**os.environ, "PYTHONPATH": path})
        self._lines = lines_of(self._child)
        try:
            task = {"command": command, "environment": environment, "stderr": str(self._stderr)}
            event = self._ask(task, max(HANDSHAKE_LIMIT, section.timeout), "handshake")
        except BaseException:
            self.close()
            raise
        self.fingerprint = str(event["fingerprint"] or "")
        self._box = np.zeros(4)

    def fork(self) -> Tracker:
        """Start it once more."""
        return RemoteTracker(self._section)

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Start on ``image`` (H, W, 3) RGB uint8 with the target at ``box`` (x, y, w, h), 0-based float pixels."""
        self._box = np.array(box, np.float64)
        return self._send(image, {"region": boxes.corners(self._box).tolist()})

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in the next frame, (H, W, 3) RGB uint8.

        Raises:
            RemoteError: it ended, or did not answer within its section's ``timeout``.
        """
        return self._send(image, {})

    def close(self) -> None:
        """End the tracker."""
        end(self._child)
        self._folder.cleanup()

    def __del__(self) -> None:
        if hasattr(self, "_child") and self._child.returncode is None:
            self.close()

    def _send(self, image: NDArray[np.uint8], more: dict[str, Any]) -> Result:
        self._number += 1
        file = Path(self._folder.name, f"{self._number:08d}.png")
        file.write_bytes(cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
        event = self._ask({"image": str(file), **more}, self._section.timeout, f"reply to frame {self._number - 1}")
        file.unlink()
        score = float(event["confidence"] or 1.0)
        if event["region"] is None:
            return Result(self._box.copy(), min(score, -1.0), lost=True, fingerprint=self.fingerprint)
        values = np.array(event["region"], np.float64)
        polygon = values if values.ndim == 2 else None
        self._box = values if polygon is None else boxes.from_polygon(polygon)
        shown = polygon if polygon is not None and len(polygon) == 4 else None
        return Result(self._box.copy(), score, lost=False, polygon=shown, fingerprint=self.fingerprint)

    def _ask(self, line: dict[str, Any], limit: float, what: str) -> dict[str, Any]:
        assert self._child.stdin
        try:
            self._child.stdin.write(json.dumps(line) + "\n")
            self._child.stdin.flush()
            answer = self._lines.get(timeout=limit)
        except queue.Empty:
            late = f"no {what} within {limit:g} s"
            raise RemoteError(f"tracker {self._section.name}: {late}{self._last_words()}") from None
        except OSError:
            answer = ""
        event: dict[str, Any] = json.loads(answer) if answer else {"event": "error", "message": "it ended"}
        if event["event"] in ("error", "unstarted"):
            raise RemoteError(f"tracker {self._section.name}: no {what}: {event['message']}{self._last_words()}")
        return event

    def _last_words(self) -> str:
        text = self._stderr.read_text(errors="replace") if self._stderr.exists() else ""
        return "".join(f"\n  | {line}" for line in [line for line in text.splitlines() if line.strip()][-8:])
