"""A batch of samples as the learner sees them: features and, where attention lies below them, crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tracker.boxes import Boxes


class Samples(NamedTuple):
    """N samples.

    Attributes:
        features: (N, D) float, all channels of the first cell, then those of the next.
        crops: (N, 107, 107, 3) uint8 RGB, or None where attention is taken at the features.
    """

    features: Tensor
    crops: Tensor | None = None

    def take(self, rows: Tensor | slice) -> Samples:
        """The samples of these rows."""
        return Samples(self.features[rows], None if self.crops is None else self.crops[rows])

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """All samples of all parts."""
        crops = [part.crops for part in parts if part.crops is not None]
        return cls(torch.cat([part.features for part in parts]), torch.cat(crops) if crops else None)


class Frame(Protocol):
    """One image, ready to give samples at boxes."""

    def samples(self, boxes: Boxes) -> Samples:
        """Samples of (N, 4) boxes in image pixels."""
        ...
