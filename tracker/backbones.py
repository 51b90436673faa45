"""Frozen backbones: what a preset names, loaded once per process, shared by all its targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tracker import attention, weights
from tracker.boxes import Boxes
from tracker.efficientnet import EfficientNetLite0
from tracker.features import RegionExtractor
from tracker.learning import Attention
from tracker.params import Params, View
from tracker.samples import Frame


class Extractor(Protocol):
    """Turns images into samples for one target."""

    def frame(self, image: NDArray[np.uint8], box: Boxes, view: View | None = None) -> Frame:
        """Prepare an (H, W, 3) uint8 RGB image for samples around ``box`` (4,)."""
        ...


@dataclass(frozen=True)
class Backbone:
    """What a tracker needs of its frozen network.

    Attributes:
        extractor: makes the extractor of a new target.
        attention: maps the head's gradients to attention.
        sha256: of the weights file.
    """

    extractor: Callable[[], Extractor]
    attention: Attention
    sha256: str


def load(params: Params, device: torch.device) -> Backbone:
    """The backbone that ``params`` name.

    Raises:
        tracker.weights.WeightsError: the weights file is missing or not what its name says.
    """
    loaded = weights.load(params.backbone)
    trunk = EfficientNetLite0(loaded.tensors).to(device)

    def extractor() -> Extractor:
        return RegionExtractor(trunk, params.region_size, params.region_scale, params.channels, params.grid, device)

    return Backbone(extractor, lambda gradients, _: attention.feature_maps(gradients, params.grid**2), loaded.sha256)
