"""What a way of looking for the target has to offer; ``dense`` and ``drawn`` are the two there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from tracker.core.boxes import Boxes
from tracker.dat.head import Head
from tracker.dat.params import Params
from tracker.features.samples import Frame


@dataclass(frozen=True)
class Found:
    """The best that a search has seen in a frame.

    Attributes:
        box: (4,), to be reported.
        state: (4,), around which the next frame is searched.
        score: margin of the head, less what the search subtracts; not finite if the head has overflown.
    """

    box: Boxes
    state: Boxes
    score: float


Seen = TypeVar("Seen", bound=Frame, contravariant=True)


class Search(Protocol[Seen]):
    """Looks for one target in frames of one kind; made anew for each target.

    Attributes:
        params: as they are in the present frame.
    """

    params: Params

    def find(self, frame: Seen, state: Boxes, head: Head, rng: np.random.Generator, lost: int) -> Found:
        """Find the target, last seen at ``state`` (4,), ``lost`` frames ago, by the classifier as it is now."""
        ...
