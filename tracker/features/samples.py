"""Samples as the learner sees them: features and, where attention lies below them, crops; and the memory of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tracker.core.boxes import Boxes


@dataclass(frozen=True)
class Samples:
    """N samples.

    Attributes:
        features: (N, D) float, all channels of the first cell, then those of the next.
        crops: (N, 107, 107, 3) uint8 RGB, or None where attention is taken at the features.
    """

    features: Tensor
    crops: Tensor | None = None

    def __len__(self) -> int:
        return len(self.features)

    def features_of(self, rows: Tensor) -> Tensor:
        """The features (n, D) of these rows alone: crops are large."""
        return self.features[rows]

    def take(self, rows: Tensor | slice) -> Samples:
        """The samples of these rows."""
        return Samples(self.features[rows], None if self.crops is None else self.crops[rows])

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """All samples of all parts."""
        crops = [part.crops for part in parts if part.crops is not None]
        return cls(torch.cat([part.features for part in parts]), torch.cat(crops) if crops else None)


class Pool(Protocol):
    """Samples to draw from."""

    def __len__(self) -> int: ...

    def features_of(self, rows: Tensor) -> Tensor:
        """The features (n, D) of these rows alone."""
        ...

    def take(self, rows: Tensor) -> Samples:
        """The samples of these rows."""
        ...


@dataclass(frozen=True)
class _Rows:
    """Some rows (N,) of a block, of which nothing is copied before it is drawn."""

    block: Samples
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def features_of(self, rows: Tensor) -> Tensor:
        return self.block.features[self.rows[rows]]

    def take(self, rows: Tensor) -> Samples:
        return self.block.take(self.rows[rows])


class Memory:
    """Samples of the last frames in one block of memory, in which the oldest frame makes room for the newest.

    Args:
        frames: how many frames are remembered.
        size: largest number of samples of a frame but the first, which may have any number.
    """

    def __init__(self, frames: int, size: int):
        self._size = size
        self._entries: deque[range] = deque(maxlen=frames)
        self._block: Samples | None = None

    def add(self, samples: Samples) -> None:
        """Remember a frame's samples.

        Raises:
            ValueError: a frame but the first has more than ``size`` samples.
        """
        count = len(samples)
        if self._block is None:
            frames = self._entries.maxlen or 0
            rows = count + (frames + 1) * self._size  # a gap at the end may be left unused
            self._block = Samples(
                samples.features.new_empty(rows, *samples.features.shape[1:]),
                None if samples.crops is None else samples.crops.new_empty(rows, *samples.crops.shape[1:]),
            )
        elif count > self._size:
            raise ValueError(f"samples has {count} rows; a frame of this memory may have {self._size}")
        start = self._entries[-1].stop if self._entries else 0
        if start + count > len(self._block):
            start = 0
        self._entries.append(range(start, start + count))
        self._block.features[start : start + count] = samples.features
        if samples.crops is not None and self._block.crops is not None:
            self._block.crops[start : start + count] = samples.crops

    def recent(self, frames: int) -> Pool:
        """The samples of the last ``frames`` entries; valid until the next ``add``."""
        assert self._block is not None
        entries = list(self._entries)[-frames:]
        rows = torch.cat([torch.arange(entry.start, entry.stop) for entry in entries])
        return _Rows(self._block, rows.to(self._block.features.device))


class Frame(Protocol):
    """One image, ready to give samples at boxes."""

    def samples(self, boxes: Boxes) -> Samples:
        """Samples of (N, 4) boxes in image pixels."""
        ...
