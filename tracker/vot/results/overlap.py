"""Overlaps of whole trajectories with their ground truth: vot-toolkit's own, in one compiled loop.

The toolkit compiles the overlap of two regions (pixels of the rasterised regions, clipped to the image) and calls it
from Python frame by frame. Here the same compiled function is called from a compiled loop, which runs without the
interpreter's lock, so that threads share the cores. The figures are the toolkit's to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from vot.region import Mask, Polygon, Rectangle, Region, calculate_overlap, raster

_overlap = raster._calculate_overlap
CODE, RECTANGLE, POLYGON, MASK = raster._TYPE_EMPTY, raster._TYPE_RECTANGLE, raster._TYPE_POLYGON, raster._TYPE_MASK


@dataclass(frozen=True, eq=False)
class Shapes:
    """Regions of a trajectory in arrays.

    Attributes:
        kinds: (frames,) int8: ``CODE``, ``RECTANGLE``, ``POLYGON`` or ``MASK``.
        starts: (frames + 1,) int64, where the numbers of each frame begin in ``numbers``.
        numbers: float32, x, y, width, height of rectangles, x1, y1, x2, y2, ... of polygons, rounded as the toolkit
            does before it rasterises them; the code where there is no region; nothing for masks.
        masks: the masks by frame, the toolkit's.
    """

    kinds: np.ndarray
    starts: np.ndarray
    numbers: np.ndarray
    masks: dict[int, Mask]

    def __len__(self) -> int:
        return len(self.kinds)

    @classmethod
    def of_rows(cls, counts: np.ndarray, numbers: np.ndarray) -> Shapes:
        """From (frames,) counts of numbers, 1, 4 or at least 6 each, and all of them."""
        kinds = np.select([counts == 1, counts == 4], [CODE, RECTANGLE], POLYGON).astype(np.int8)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(kinds, starts, np.round(numbers.astype(np.float32)), {})

    @classmethod
    def of(cls, regions: Sequence[Region]) -> Shapes:
        """From the toolkit's regions."""
        rows = [_numbers(region) for region in regions]
        counts = np.array([len(row) for row in rows])
        whole = cls.of_rows(counts, np.concatenate([np.empty(0), *rows]))
        masks = {frame: region for frame, region in enumerate(regions) if isinstance(region, Mask)}
        whole.kinds[list(masks)] = MASK
        return cls(whole.kinds, whole.starts, whole.numbers, masks)

    def region(self, frame: int) -> Region:
        """The toolkit's region of a frame that has one."""
        numbers = self.numbers[self.starts[frame] : self.starts[frame + 1]].tolist()
        if self.kinds[frame] == MASK:
            return self.masks[frame]
        if self.kinds[frame] == RECTANGLE:
            return Rectangle(*numbers)
        return Polygon(list(zip(numbers[::2], numbers[1::2], strict=True)))


def _numbers(region: Region) -> np.ndarray:
    if isinstance(region, Rectangle):
        return np.array([region.x, region.y, region.width, region.height], np.float32)
    if isinstance(region, Polygon):
        return np.array(region.points(), np.float32).ravel()
    return np.zeros(0 if isinstance(region, Mask) else 1, np.float32)


def overlaps(first: Shapes, second: Shapes, size: tuple[int, int]) -> np.ndarray:
    """Overlaps (frames,) float64 in 0..1 in an image of ``size`` (width, height), NaN where either side is a code."""
    result = np.full(len(first), np.nan)
    _fill(
        *(first.kinds, first.starts, first.numbers),
        *(second.kinds, second.starts, second.numbers),
        *(int(size[0]), int(size[1]), result),
    )
    for frame in {*first.masks, *second.masks}:
        if CODE not in (first.kinds[frame], second.kinds[frame]):
            result[frame] = calculate_overlap(first.region(frame), second.region(frame), size)
    return result


@njit(nogil=True, cache=True)
def _fill(kinds, starts, numbers, other_kinds, other_starts, other_numbers, width, height, result):  # type: ignore[no-untyped-def]
    for frame in range(len(result)):
        kind, other = kinds[frame], other_kinds[frame]
        if (kind == RECTANGLE or kind == POLYGON) and (other == RECTANGLE or other == POLYGON):
            one = _rows(numbers[starts[frame] : starts[frame + 1]], kind)
            two = _rows(other_numbers[other_starts[frame] : other_starts[frame + 1]], other)
            result[frame] = _overlap(one, two, kind, other, (0, 0), (0, 0), (width, height))


@njit(nogil=True)
def _rows(numbers, kind):  # type: ignore[no-untyped-def]
    """As the toolkit keeps them: (4, 1) of a rectangle, (corners, 2) of a polygon."""
    columns = 1 if kind == RECTANGLE else 2
    return numbers.reshape((len(numbers) // columns, columns))
