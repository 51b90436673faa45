"""How a search region may be changed to learn from it once more; imports no torch, as parameters hold it."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.core.allowed import Positive, check
from tracker.core.errors import InvalidValue


@dataclass(frozen=True)
class View:
    """A changed copy of the first frame to learn from as well.

    Attributes:
        zoom: size of the region relative to the search region.
        angle: rotation about the target's centre, degrees.
        mirrored: whether left and right change places.
        blur: (width, height) of a box filter, pixels of the resampled region.
        gain: factor of the brightness.
    """

    zoom: Positive = 1.0
    angle: float = 0.0
    mirrored: bool = False
    blur: tuple[int, int] = (1, 1)
    gain: Positive = 1.0

    def __post_init__(self) -> None:
        check(self)
        if not all(isinstance(side, int) and side > 0 for side in self.blur):
            raise InvalidValue(f"blur is {self.blur!r}; give two whole numbers of pixels, at least 1")
