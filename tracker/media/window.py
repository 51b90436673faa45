"""The desktop window: show frames, let the user draw a box. Needs a display and an OpenCV build with windows."""

from __future__ import annotations

import os
import sys

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core.errors import InvalidValue
from tracker.media.video import Image

_TITLE = "reciprocative"
_QUIT = {ord("q"), 27}  # 27: escape


def require_display(option: str) -> None:
    """Check that a window can be opened, which a command-line ``option`` needs.

    Raises:
        ValueError: there is no display, or OpenCV was built without windows.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        remedy = "give --box x,y,w,h instead" if option == "--select" else "leave it out"
        raise InvalidValue(f"{option} needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set; {remedy}")
    gui = next((line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), "")
    if "NONE" in gui:
        raise InvalidValue(f"{option} needs OpenCV with windows: install opencv-python, not opencv-python-headless")


class Viewer:
    """A window that shows one frame after another."""

    def __init__(self) -> None:
        self._open = False

    def show(self, image: Image) -> bool:
        """Show ``image`` (H, W, 3) RGB; False when the user has pressed q or escape, or closed the window."""
        if not self._open:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(_TITLE, image.shape[1], image.shape[0])
            self._open = True
        cv2.imshow(_TITLE, np.ascontiguousarray(image[..., ::-1]))
        return cv2.waitKey(1) not in _QUIT and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1


def select_box(image: Image) -> NDArray[np.float64]:
    """Let the user draw a box on ``image`` with the mouse (enter or space accepts, c cancels).

    Returns:
        (4,) float64, (x, y, w, h), 0-based pixels.

    Raises:
        ValueError: the user cancelled.
    """
    box = np.array(cv2.selectROI(_TITLE, np.ascontiguousarray(image[..., ::-1]), showCrosshair=False), np.float64)
    cv2.destroyWindow(_TITLE)
    if box[2] <= 0 or box[3] <= 0:
        raise InvalidValue("no box was drawn; drag with the mouse and press enter")
    return box
