"""Frozen backbones: what a preset names, loaded once per process, shared by all its targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker.core.boxes import Boxes
from tracker.core.errors import InvalidValue
from tracker.dat import attention
from tracker.dat.dense import DenseSearch
from tracker.dat.drawn import DrawnSearch
from tracker.dat.learning import Attention
from tracker.dat.params import Params
from tracker.dat.search import Search
from tracker.features.crops import CropExtractor, Lite0Crops
from tracker.features.efficientnet import Captured, EfficientNetLite0, Trunk, fused
from tracker.features.estimator import BoxEstimator
from tracker.features.jacobian.linearisation import Linearisation
from tracker.features.region import RegionExtractor
from tracker.features.samples import Frame, Samples
from tracker.features.vggm import SHAPE, VGGM
from tracker.features.view import View
from tracker.weights import registry as weights


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
        search: makes the search of a new target, from its first frame, its box (4,) there and a source of randomness.
        attention: maps the head's gradients to attention.
        sha256: of the weights files.
    """

    extractor: Callable[[], Extractor]
    search: Callable[[Any, Boxes, np.random.Generator], Search[Any]]
    attention: Attention
    sha256: str


def load(params: Params, device: torch.device) -> Backbone:
    """The backbone that ``params`` name.

    Raises:
        ValueError: there is none of that name.
        tracker.weights.registry.WeightsError: the weights file is missing or not what its name says.
    """
    if params.backbone not in BUILDERS:
        raise InvalidValue(f"backbone is {params.backbone!r}; choose one of {', '.join(BUILDERS)}")
    return BUILDERS[params.backbone](params, device)


def _lite0(params: Params, device: torch.device) -> Backbone:
    if params.features == "region":
        return _region(params, device)
    loaded = weights.load("efficientnet-lite0")
    network = EfficientNetLite0(loaded.tensors).to(device)

    def extractor() -> Extractor:
        return CropExtractor(Lite0Crops(network, params.channels, params.grid, device), keep=False)

    return Backbone(extractor, partial(DrawnSearch, params), _evidence(params), loaded.sha256)


def _region(params: Params, device: torch.device) -> Backbone:
    loaded, trained = weights.load("efficientnet-lite0"), weights.load("box-estimator")
    network = EfficientNetLite0(loaded.tensors).to(device)
    trunk: Trunk = (fused if device.type == "cpu" else Captured)(network, params.region_size)
    estimator = BoxEstimator.of(trained.tensors).to(device)

    def extractor() -> Extractor:
        square = params.region_size, params.region_scale, params.region_margin
        return RegionExtractor(trunk, estimator.project, *square, params.grid, device)

    search = partial(DenseSearch, params, estimator)
    sha256 = loaded.sha256 + trained.sha256
    return Backbone(extractor, lambda frame, box, _: search(frame, box), _evidence(params), sha256)


def _evidence(params: Params) -> Attention:
    return lambda gradients, samples: attention.evidence_maps(gradients, samples.features, params.grid**2)


def _vgg_m(params: Params, device: torch.device) -> Backbone:
    loaded = weights.load("vgg-m")
    network = VGGM(loaded.tensors, device)
    search = partial(DrawnSearch, params)
    extractor = CropExtractor(network.features, keep=params.attention_at != "features")
    if params.attention_at == "features":
        at_features = partial(attention.gradient_maps, cells=SHAPE[0] * SHAPE[1])
        return Backbone(lambda: extractor, search, lambda gradients, _: at_features(gradients), loaded.sha256)
    batch = params.batch_positives + params.attention_negatives
    linearisation = Linearisation(network, params.attention_at, batch)

    def maps(gradients: Tensor, samples: Samples) -> Tensor:
        assert samples.crops is not None
        attention_maps = linearisation.fix(samples.crops, samples.features).maps(gradients)
        # Gradients at pixels are tiny; the regulariser's ratios do not change with a common factor, its epsilon would.
        return attention_maps / attention_maps.detach().mean().clamp_min(torch.finfo(gradients.dtype).tiny)

    return Backbone(lambda: extractor, search, maps, loaded.sha256)


BUILDERS: dict[str, Callable[[Params, torch.device], Backbone]] = {"efficientnet-lite0": _lite0, "vgg-m": _vgg_m}
"""What ``Params.backbone`` may name; a further one is added here, its weights in ``tracker/weights/registry.py``."""
