"""This package's trackers for the GOT-10k toolkit (Huang et al., "GOT-10k", TPAMI 2021); its own: ``adapters``.

That toolkit hands PIL images to ``init(image, box)`` and ``update(image)``, and its boxes count pixels from 1, as the
annotations of GOT-10k and OTB do; here they count from 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tracker import catalog
from tracker.adapters import FIRST_PIXEL, adapt, name_of
from tracker.core.errors import MissingPackage

try:
    from got10k.trackers import Tracker as _Tracker
except ImportError as error:
    raise MissingPackage(f"the GOT-10k toolkit cannot be imported ({error}): pip install got10k") from error


class Exported(_Tracker):
    """A tracker of this package for the GOT-10k toolkit: ``ExperimentGOT10k(...).run(Exported("DAT"))``.

    Args:
        tracker: a name of :mod:`tracker.catalog`, ``module:Class``, or what :func:`tracker.adapters.adapt` takes.
        name: under which that toolkit keeps its results.
        parameters: of the tracker, by name.
    """

    def __init__(self, tracker: Any = "DAT", name: str | None = None, **parameters: Any) -> None:
        """Make the tracker, its weights loaded."""
        by_name = isinstance(tracker, str)
        self._tracker = catalog.create(tracker, **parameters) if by_name else adapt(tracker, parameters)
        repeats = self._tracker.deterministic or self._tracker.seed is not None
        super().__init__(name or (tracker if by_name else name_of(tracker)), is_deterministic=repeats)

    def init(self, image: Image.Image, box: Any) -> None:
        """Start on a PIL image with the target at ``box`` (x, y, w, h), counted from 1."""
        self._tracker.init(_pixels(image), np.asarray(box, np.float64) - FIRST_PIXEL)

    def update(self, image: Image.Image) -> NDArray[np.float64]:
        """The box in the next frame, counted from 1."""
        box: NDArray[np.float64] = self._tracker.update(_pixels(image)).box + FIRST_PIXEL
        return box


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"), np.uint8)
