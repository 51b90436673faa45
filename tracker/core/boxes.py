"""Boxes (x, y, w, h) in 0-based float pixels: a pixel (c, r) covers [c, c + 1) x [r, r + 1).

Overlap is intersection over union of the real-valued areas, as in the VOT protocol but without its clipping to the
image. Only numpy is used here, so that every part of the package may import this module.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker.core.errors import InvalidValue

Boxes = NDArray[np.float64]

LARGEST_SIDE = 10.0
"""Sides of the image that a box may have to start on: annotations reach beyond the image, but not that far."""


def area(boxes: ArrayLike) -> Boxes:
    """Areas (...,) of boxes (..., 4), in square pixels; 0 where a side is negative."""
    boxes = np.asarray(boxes, np.float64)
    return np.maximum(boxes[..., 2], 0.0) * np.maximum(boxes[..., 3], 0.0)


def centre(boxes: ArrayLike) -> Boxes:
    """Centres (..., 2), as (x, y), of boxes (..., 4)."""
    boxes = np.asarray(boxes, np.float64)
    return boxes[..., :2] + 0.5 * boxes[..., 2:]


def around(centres: Boxes, sizes: Boxes) -> Boxes:
    """Boxes (..., 4) of sizes (..., 2), as (w, h), about centres (..., 2)."""
    return np.concatenate([centres - 0.5 * sizes, sizes], axis=-1)


def overlap(boxes: ArrayLike, others: ArrayLike) -> Boxes:
    """Intersection over union of boxes (..., 4) with others (..., 4), broadcast against each other.

    Two boxes without area overlap by 0.

    >>> overlap([[0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1]], [0, 0, 2, 2])
    array([1.        , 0.33333333, 0.        ])
    """
    boxes, others = np.asarray(boxes, np.float64), np.asarray(others, np.float64)
    top_left = np.maximum(boxes[..., :2], others[..., :2])
    bottom_right = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    sides = np.maximum(bottom_right - top_left, 0.0)  # (..., 2)
    intersection = sides[..., 0] * sides[..., 1]
    union = area(boxes) + area(others) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)[()]  # a scalar for one pair


def clip(boxes: ArrayLike, width: float, height: float) -> Boxes:
    """Parts (..., 4) of boxes (..., 4) that lie inside an image; a box outside it becomes one of zero size on its edge.

    >>> clip([-5, 5, 20, 100], width=100, height=50)
    array([ 0.,  5., 15., 45.])
    """
    boxes = np.asarray(boxes, np.float64)
    size = (width, height)
    top_left = np.clip(boxes[..., :2], 0.0, size)
    bottom_right = np.clip(boxes[..., :2] + boxes[..., 2:], top_left, size)
    return np.concatenate([top_left, bottom_right - top_left], axis=-1)


def corners(box: ArrayLike) -> Boxes:
    """Corners (4, 2) of a box (4,): top left, top right, bottom right, bottom left."""
    x, y, w, h = np.asarray(box, np.float64)
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


def from_polygon(points: ArrayLike) -> Boxes:
    """Upright box (4,) that stands for a polygon (N, 2), usually a rotated rectangle with N = 4.

    Its centre is the mean of the corners, its area that of the polygon and its proportions those of the polygon's
    bounding box: the conversion that VOT integrations of upright-box trackers (MDNet, KCF, SiamFC and others) share,
    without the pixel that some of them add to each side. For an upright rectangle it is the rectangle itself.

    Raises:
        ValueError: if there are fewer than 3 points, or the polygon has no area or a coordinate that is not finite.

    >>> from_polygon([[0, 5], [5, 0], [10, 5], [5, 10]])
    array([1.46446609, 1.46446609, 7.07106781, 7.07106781])
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise InvalidValue(f"polygon has shape {points.shape}; give at least 3 points, as (N, 2)")
    if not np.isfinite(points).all():
        raise InvalidValue(f"polygon {points.tolist()} has a coordinate that is not finite")
    middle = points.mean(axis=0)
    x, y = (points - middle).T  # centred, so that the area keeps its digits far from the origin
    polygon_area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))  # shoelace formula
    sides = np.ptp(points, axis=0)
    if polygon_area <= 1e-9 * sides.max() ** 2:
        raise InvalidValue(f"polygon {points.tolist()} has no area")
    size = sides * np.sqrt(polygon_area / (sides[0] * sides[1]))
    return np.concatenate([middle - 0.5 * size, size])


def from_mask(mask: ArrayLike, offset: tuple[int, int] = (0, 0)) -> Boxes:
    """Smallest upright box (4,) around the pixels of a mask (H, W) that are not zero.

    Args:
        mask: (H, W), bool or integer.
        offset: image position (x, y) of the mask's first pixel.

    Raises:
        ValueError: if no pixel of the mask is set.

    >>> from_mask([[0, 0, 0], [0, 1, 1]], offset=(10, 20))
    array([11., 21.,  2.,  1.])
    """
    marked = np.asarray(mask) != 0
    if marked.ndim != 2:
        raise InvalidValue(f"mask has shape {marked.shape}; give a single-channel mask, (H, W)")
    columns, rows = np.flatnonzero(marked.any(axis=0)), np.flatnonzero(marked.any(axis=1))
    if not len(columns):
        raise InvalidValue(f"mask of {marked.shape[1]} x {marked.shape[0]} pixels is empty: no pixel marks the target")
    x, y = columns[0], rows[0]
    return np.array([x + offset[0], y + offset[1], columns[-1] - x + 1, rows[-1] - y + 1], np.float64)


def checked(box: ArrayLike, width: int, height: int) -> Boxes:
    """``box`` as a new (4,) float64 array, if a tracker can be started on it in an image of ``width`` x ``height``.

    Raises:
        ValueError: if it is not four finite numbers, has no area, lies outside the image altogether or has a side of
            more than ``LARGEST_SIDE`` times the image's.
    """
    box = np.array(box, np.float64)
    if box.shape != (4,):
        raise InvalidValue(f"box has shape {box.shape}; give four numbers, (x, y, w, h)")
    if not np.isfinite(box).all():
        raise InvalidValue(f"box {_text(box)} is not finite; give four numbers in pixels, (x, y, w, h)")
    if box[2] <= 0 or box[3] <= 0:
        raise InvalidValue(f"box {_text(box)} has no area; width and height must be positive")
    if area(clip(box, width, height)) == 0:
        raise InvalidValue(f"box {_text(box)} lies outside the image of {width} x {height} pixels")
    if (box[2:] > LARGEST_SIDE * np.array([width, height])).any():
        raise InvalidValue(
            f"box {_text(box)} has over {LARGEST_SIDE:g} times the sides of the image of {width} x {height} pixels; "
            "give it in pixels of this image"
        )
    return box


def _text(box: Boxes) -> str:
    return "({})".format(", ".join(f"{value:g}" for value in box))
