"""Candidates and training samples: boxes drawn around a target and selected by their overlap with it.

Boxes are (N, 4) float64, (x, y, w, h), 0-based pixels. The distributions are py-MDNet's; translations are in units of
the target's mean side, scales and aspects are powers of a base.
"""

from __future__ import annotations

import numpy as np

from tracker.core.boxes import Boxes, around, centre, overlap
from tracker.core.timing import stage


def _placed(box: Boxes, offsets: Boxes, scales: Boxes, aspects: Boxes | float = 1.0) -> Boxes:
    """Boxes (N, 4) like ``box``, moved by ``offsets`` (N, 2) mean sides and resized about their centres."""
    sizes = np.stack([box[2] * scales * aspects, box[3] * scales / aspects], axis=1)  # (N, 2)
    return around(centre(box) + offsets * box[2:].mean(), sizes)


def _normal(rng: np.random.Generator, *shape: int) -> Boxes:
    """Normal numbers of deviation 1/2, clipped to [-1, 1]."""
    return np.clip(rng.standard_normal(shape) / 2, -1, 1)


@stage("sampling")
def gaussian(
    rng: np.random.Generator, box: Boxes, count: int, translation: float, scale: float, aspect: float = 1.0
) -> Boxes:
    """Boxes (count, 4) normally distributed around ``box`` (4,), clipped to two deviations.

    Args:
        rng: source of randomness.
        box: the target.
        count: how many.
        translation: largest offset, twice its standard deviation.
        scale: largest factor of the size, two deviations of its exponent.
        aspect: likewise for the width, with its inverse for the height.
    """
    offsets = translation * _normal(rng, count, 2)
    return _placed(box, offsets, scale ** _normal(rng, count), aspect ** _normal(rng, count))


@stage("sampling")
def uniform(rng: np.random.Generator, box: Boxes, count: int, translation: float, scale: float) -> Boxes:
    """Boxes (count, 4) whose offsets and log-scales are uniform up to ``translation`` and ``scale``."""
    offsets = rng.uniform(-translation, translation, (count, 2))
    return _placed(box, offsets, scale ** rng.uniform(-1, 1, count))


@stage("sampling")
def whole_image(rng: np.random.Generator, box: Boxes, count: int, scale: float, width: int, height: int) -> Boxes:
    """Boxes (count, 4) of the target's shape, log-scales uniform up to ``scale``, anywhere in the image."""
    sizes = box[2:] * (scale ** rng.uniform(-1, 1, count))[:, None]  # (N, 2)
    room = np.maximum(np.array([width, height]) - sizes, 0)
    return np.concatenate([rng.uniform(0, 1, (count, 2)) * room, sizes], axis=1)


@stage("sampling")
def select(boxes: Boxes, target: Boxes, low: float, high: float, count: int) -> Boxes:
    """The first ``count`` boxes, fewer if there are not as many, whose overlap with ``target`` is in [low, high].

    Around a very elongated target none may overlap enough: then it is ``target`` alone, where ``high`` allows that.
    """
    share = overlap(boxes, target)
    chosen = boxes[(share >= low) & (share <= high)][:count]
    return chosen if len(chosen) or high < 1 else target[None].copy()
