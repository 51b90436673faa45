"""Trackers to be ranked against: normalised cross-correlation, and OpenCV's NanoTrack, MIL, CSRT and KCF.

NCC is the classical template tracker that every VOT challenge has run as its lower reference (Kristan et al.,
"The VOT2013 challenge results"): a template from the first frame, never updated, no change of scale. The search
region is this file's choice, three times the box in each direction.
MIL is Babenko et al., "Visual Tracking with Online Multiple Instance Learning" (CVPR 2009), as OpenCV ships it.
CSRT is Lukezic et al., "Discriminative Correlation Filter with Channel and Spatial Reliability" (CVPR 2017), KCF is
Henriques et al., "High-Speed Tracking with Kernelized Correlation Filters" (TPAMI 2015); only opencv-contrib-python
has these two. NanoTrack (github.com/HonglinChu/SiamTrackers) is a small siamese network trained on videos; OpenCV has
the code, a user brings its two files (``reciprocative weights add``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes
from tracker.core.errors import InvalidValue, MissingPackage
from tracker.core.tracker import Result, Tracker
from tracker.weights import registry as weights

SEARCH_SCALE = 3.0


class NCC(Tracker):
    """Normalised cross-correlation with the grey template of the first frame.

    ``Result.score`` is the correlation coefficient, from -1 to 1.
    """

    deterministic = True

    def __init__(self, threads: int = 1) -> None:
        """Use ``threads`` threads of OpenCV, 1 or more."""
        _set_threads(threads)

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Take the template from ``image`` (H, W, 3) RGB at ``box`` (x, y, w, h).

        Raises:
            ValueError: if the box has no area or lies outside the image.
        """
        height, width = image.shape[:2]
        self._box = boxes.checked(box, width, height)
        left, top, right, bottom = _pixels(self._box, width, height)
        self._template = _grey(image)[top:bottom, left:right]
        self._flat = bool(self._template.min() == self._template.max())  # correlates with nothing
        self._offset = self._box[:2] - (left, top)
        return Result(self._box.copy(), score=1.0, lost=False)

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Move the box to the best match in ``image`` (H, W, 3) RGB; repeat it if the search region has none."""
        height, width = image.shape[:2]
        region = boxes.around(boxes.centre(self._box), self._box[2:] * SEARCH_SCALE)
        left, top, right, bottom = _pixels(region, width, height)
        rows, columns = self._template.shape
        if self._flat or right - left < columns or bottom - top < rows:
            return Result(self._box.copy(), score=-1.0, lost=True)
        response = cv2.matchTemplate(_grey(image[top:bottom, left:right]), self._template, cv2.TM_CCOEFF_NORMED)
        _, score, _, (x, y) = cv2.minMaxLoc(np.nan_to_num(response, nan=-1.0, posinf=-1.0, neginf=-1.0))
        self._box[:2] = np.add(self._offset, (left + x, top + y))
        return Result(self._box.copy(), score=float(score), lost=score <= 0)


class OpenCV(Tracker):
    """Any tracker of the installed OpenCV.

    OpenCV tells no confidence: ``Result.score`` is 1 where it reports a target and -1 where not.

    Args:
        kind: its class (``cv2.TrackerMIL``), or a function that makes one, which trackers with files need.
        threads: of OpenCV, 1 or more.

    Raises:
        ValueError: it cannot be made like this.
    """

    deterministic = True
    smallest = 1  # pixels that each side of the box needs inside the image

    def __init__(self, kind: Any, threads: int = 1) -> None:
        """Try whether one can be made."""
        _set_threads(threads)
        self._create: Callable[[], Any] = getattr(kind, "create", kind)
        self._name = getattr(kind, "__name__", "tracker").removeprefix("Tracker")
        try:
            self._create()
        except (cv2.error, TypeError) as error:
            raise InvalidValue(
                f"OpenCV's {self._name} cannot be made without more, such as files: give a function that makes it "
                f"({' '.join(str(error).split())})"
            ) from error

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Learn the target at ``box`` (x, y, w, h) of ``image`` (H, W, 3) RGB.

        Raises:
            ValueError: if the box has no area, lies outside the image or is too small or too large for this tracker.
        """
        height, width = image.shape[:2]
        self._box = boxes.checked(box, width, height)
        left, top, right, bottom = _pixels(self._box, width, height)  # OpenCV takes whole pixels inside the image
        if min(right - left, bottom - top) < self.smallest:
            raise InvalidValue(
                f"box of {right - left} x {bottom - top} pixels inside the image is too small for "
                f"{self._name}, which needs {self.smallest} x {self.smallest}"
            )
        pixels = (left, top, right - left, bottom - top)
        self._offset = np.subtract(self._box, pixels)
        self._tracker = self._create()
        try:
            self._tracker.init(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), pixels)
        except cv2.error as error:
            raise InvalidValue(f"OpenCV's {self._name} cannot start on box {pixels}: {error}") from error
        return Result(self._box.copy(), score=1.0, lost=False)

    def _score(self, found: bool) -> float:
        return 1.0 if found else -1.0

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Follow the target into ``image`` (H, W, 3) RGB; repeat the box if it does not fit into the image."""
        size = np.array(image.shape[1::-1])  # width, height
        last = self._box - self._offset
        if not ((last[:2] + last[2:] <= size) & (last[2:] < size)).all():  # OpenCV would fail with std::bad_alloc
            return Result(self._box.copy(), score=-1.0, lost=True)
        found, pixels = self._tracker.update(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if found:
            self._box = np.add(self._offset, pixels)
        return Result(self._box.copy(), score=self._score(found), lost=not found)


class _Named(OpenCV):
    """One of OpenCV's trackers that this package names."""

    opencv_name: str
    found_in: str

    def __init__(self, threads: int = 1) -> None:
        """Use ``threads`` threads of OpenCV, 1 or more; refuse a build of OpenCV without this tracker."""
        name = type(self).__name__
        if not hasattr(cv2, self.opencv_name):
            raise MissingPackage(
                f"OpenCV {cv2.__version__} in this environment was built without its {name} tracker; "
                f"install {self.found_in}, or leave {name} out"
            )
        super().__init__(self._kind(getattr(cv2, self.opencv_name)), threads)
        self._name = name

    def _kind(self, opencv: Any) -> Any:
        return opencv


class NanoTrack(_Named):
    """OpenCV's TrackerNano with the files that the user added, NanoTrack V2's.

    ``Result.score`` is its own, from 0 to 1; it reports a target in every frame.

    Raises:
        tracker.weights.registry.WeightsError: a file is missing or not what its name says.
    """

    opencv_name, found_in = "TrackerNano", "opencv-python 4.9 or newer"

    def _kind(self, opencv: Any) -> Any:
        parameters: Any = getattr(cv2, f"{self.opencv_name}_Params")()
        parameters.backbone = str(weights.verified("nanotrack-backbone"))
        parameters.neckhead = str(weights.verified("nanotrack-head"))
        return partial(opencv.create, parameters)

    def _score(self, found: bool) -> float:
        return float(self._tracker.getTrackingScore())


class MIL(_Named):
    """OpenCV's multiple instance learning tracker. Its results differ from run to run, whatever the seed.

    OpenCV never returns from a box of less than about 18 pixels, and refuses one as wide or as high as the image.
    """

    opencv_name, found_in = "TrackerMIL", "opencv-python 4.9 or newer"
    deterministic = False
    smallest = 5


class CSRT(_Named):
    """OpenCV's CSR-DCF, the most accurate tracker without a network there; slow."""

    opencv_name, found_in = "TrackerCSRT", "opencv-contrib-python 4 into an environment of its own"


class KCF(_Named):
    """OpenCV's kernelised correlation filter: fast, one scale."""

    opencv_name, found_in = "TrackerKCF", "opencv-contrib-python 4 into an environment of its own"


def opencv(kind: Any, threads: int = 1) -> OpenCV:
    """The tracker for a class or function of OpenCV's: the one that this package names, if it does."""
    for named in _Named.__subclasses__():
        if kind is getattr(cv2, named.opencv_name, None):
            return named(threads)
    return OpenCV(kind, threads)


def _pixels(box: NDArray[np.float64], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the whole pixels of ``box`` inside the image, at least one in each direction."""
    x, y, w, h = boxes.clip(box, width, height)
    left, top = min(round(x), width - 1), min(round(y), height - 1)
    return left, top, max(round(x + w), left + 1), max(round(y + h), top + 1)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _set_threads(threads: int) -> None:
    if threads < 1:
        raise InvalidValue(f"threads is {threads!r}; it must be above 0")
    cv2.setNumThreads(threads)
