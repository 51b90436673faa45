"""Frozen backbones: what a preset names, loaded once per process, shared by all its targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker import attention, weights
from tracker.backprop import Linearisation
from tracker.boxes import Boxes
from tracker.crops import CropExtractor, Lite0Crops
from tracker.efficientnet import EfficientNetLite0, Trunk, fused
from tracker.features import RegionExtractor
from tracker.learning import Attention
from tracker.params import Params, View
from tracker.samples import Frame, Samples
from tracker.vggm import SHAPE, VGGM


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
    if params.backbone == "vgg-m":
        return _vgg_m(params, loaded, device)
    network = EfficientNetLite0(loaded.tensors).to(device)
    trunk: Trunk = network
    if params.features == "region" and device.type == "cpu":
        trunk = fused(network, params.region_size)

    def extractor() -> Extractor:
        if params.features == "crops":
            return CropExtractor(Lite0Crops(trunk, params.channels, params.grid, device), keep=False)
        return RegionExtractor(trunk, params.region_size, params.region_scale, params.channels, params.grid, device)

    def maps(gradients: Tensor, samples: Samples) -> Tensor:
        return attention.evidence_maps(gradients, samples.features, params.grid**2)

    return Backbone(extractor, maps, loaded.sha256)


def _vgg_m(params: Params, loaded: weights.Loaded, device: torch.device) -> Backbone:
    network = VGGM(loaded.tensors, device)
    extractor = CropExtractor(network.features, keep=params.attention_at != "features")
    if params.attention_at == "features":
        at_features = partial(attention.gradient_maps, cells=SHAPE[0] * SHAPE[1])
        return Backbone(lambda: extractor, lambda gradients, _: at_features(gradients), loaded.sha256)
    batch = params.batch_positives + params.attention_negatives
    linearisation = Linearisation(network, params.attention_at, batch)

    def maps(gradients: Tensor, samples: Samples) -> Tensor:
        assert samples.crops is not None
        attention_maps = linearisation.fix(samples.crops, samples.features).maps(gradients)
        # Gradients at pixels are tiny; the regulariser's ratios do not change with a common factor, its epsilon would.
        return attention_maps / attention_maps.detach().mean().clamp_min(torch.finfo(gradients.dtype).tiny)

    return Backbone(lambda: extractor, maps, loaded.sha256)
