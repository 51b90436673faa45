"""What a tracker says of one frame, and the two-method interface that every tracker here has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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


class Tracker(Protocol):
    """A single-object tracker: no I/O, no protocol, no timing inside."""

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Start on ``image`` (H, W, 3) RGB uint8 with the target at ``box`` (x, y, w, h), 0-based float pixels."""
        ...

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in the next frame, (H, W, 3) RGB uint8."""
        ...
