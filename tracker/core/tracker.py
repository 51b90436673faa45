"""What a tracker says of one frame, and what every tracker here offers."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Result:
    """The tracker's answer for one frame.

    Attributes:
        box: (4,) float64, (x, y, w, h), 0-based pixels, origin at the top left of the image.
        score: confidence in ``box``, above 0 is "target". For DAT the verdicts of head and box estimator, bounded and
            added, less the motion penalty; for its presets on crops the head's margin alone.
        lost: True if the target was not found in this frame and ``box`` repeats the previous one.
        polygon: (4, 2) float64 corner points of the rotated box, or None where the tracker reports upright boxes.
        faults: how often since ``init`` a number was not finite and what had been learned was undone; 0 in a sound run.
        seed: the seed that this run's generators were started from; None for trackers without randomness.
        fingerprint: short hash of parameters and weights; equal fingerprints and seeds give equal boxes.
    """

    box: NDArray[np.float64]
    score: float
    lost: bool
    polygon: NDArray[np.float64] | None = None
    faults: int = 0
    seed: int | None = None
    fingerprint: str = ""


class Tracker:
    """A single-object tracker: no I/O, no protocol, no timing inside.

    Attributes:
        fingerprint: see :class:`Result`; empty if it tells none.
        seed: of its generators; None where nothing is random, or each ``init`` draws one.
        deterministic: whether its boxes are the same in every run, whatever the seed.
        attention: gives the maps of the target and of the background, (h, w) float32 each, over a box (4,) in an image
            (H, W, 3); None where a tracker has no such maps.
    """

    fingerprint: str = ""
    seed: int | None = None
    deterministic: bool = False
    attention: Callable[[NDArray[np.uint8], NDArray[np.float64]], Maps] | None = None

    def warm_up(self) -> None:
        """Do once what would make the first frame late."""

    def fork(self) -> Tracker:
        """Another tracker like this one, for a target of its own at the same time; what was loaded is shared."""
        return copy(self)

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Start on ``image`` (H, W, 3) RGB uint8 with the target at ``box`` (x, y, w, h), 0-based float pixels."""
        raise NotImplementedError

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in the next frame, (H, W, 3) RGB uint8."""
        raise NotImplementedError
