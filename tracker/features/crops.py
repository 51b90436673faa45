"""Boxes to features the paper's way: a crop per sample, each through the network on its own (MDNet, DAT).

A crop is the box with 16 of its 107 pixels as context on each side, resampled to 107 x 107; what lies outside the image
has the value 128, which is the network's zero. Crops are kept beside the features where attention is taken below them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tracker.core.boxes import Boxes
from tracker.core.errors import InvalidValue
from tracker.core.timing import stage
from tracker.features.efficientnet import Trunk
from tracker.features.region import Image, upsampled
from tracker.features.samples import Samples
from tracker.features.vggm import CROP_SIZE, MEAN
from tracker.features.view import View

PADDING = 16
_CHUNK = {"cpu": 16, "cuda": 256}
_SMALLEST_DEVIATION = 1e-3  # of a channel that the first crops leave constant


@stage("crops")
def cut(image: Image, boxes: Boxes) -> NDArray[np.uint8]:
    """Crops (N, 107, 107, 3) uint8 of boxes (N, 4) in the pixels of an image (H, W, 3) uint8 RGB."""
    height, width = image.shape[:2]
    crops = np.full((len(boxes), CROP_SIZE, CROP_SIZE, 3), MEAN, np.uint8)
    context = PADDING / CROP_SIZE * boxes[:, 2:]
    low = np.floor(boxes[:, :2] - context + 0.5).astype(int)
    high = np.maximum(np.floor(boxes[:, :2] + boxes[:, 2:] + context + 0.5).astype(int), low + 1)
    inside_low, inside_high = np.clip(low, 0, [width, height]), np.clip(high, 0, [width, height])
    scale = CROP_SIZE / (high - low)  # (N, 2)
    corners = [np.floor((edge - low) * scale + 0.5).astype(int) for edge in (inside_low, inside_high)]
    for crop, (x, y), (right, bottom), (u, v), (u_end, v_end) in zip(
        crops, inside_low, inside_high, *corners, strict=True
    ):
        size = (u_end - u, v_end - v)
        if min(size) > 0:
            patch: Any = image[y:bottom, x:right]
            shrinks = patch.shape[0] * patch.shape[1] > size[0] * size[1]
            interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            crop[v:v_end, u:u_end] = cv2.resize(patch, size, interpolation=interpolation)
    return crops


@dataclass(frozen=True)
class CropFrame:
    """An image whose samples are crops.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        network: crops (N, 107, 107, 3) to features (N, D).
        keep: whether samples keep their crops.
    """

    image: Image
    network: Callable[[Tensor], Tensor]
    keep: bool

    def samples(self, boxes: Boxes) -> Samples:
        """Samples of (N, 4) boxes in image pixels."""
        crops = torch.from_numpy(cut(self.image, boxes))
        features = self._features(crops)
        return Samples(features, crops.to(features.device) if self.keep else None)

    @stage("trunk")
    @torch.inference_mode()
    def _features(self, crops: Tensor) -> Tensor:
        return self.network(crops)


class CropExtractor:
    """Makes a ``CropFrame`` of each image, with its network; ``keep`` is for attention below the features."""

    def __init__(self, network: Callable[[Tensor], Tensor], keep: bool):
        self._network, self._keep = network, keep

    def frame(self, image: Image, box: Boxes, view: View | None = None) -> CropFrame:
        """The image, ready to give samples anywhere; ``box`` does not matter.

        Raises:
            ValueError: ``view`` is given, which only search regions have.
        """
        if view is not None:
            raise InvalidValue(f"view is {view!r}, but crops have no changed views; set views=()")
        return CropFrame(image, self._network, self._keep)


class Projection:
    """Standardised principal components, ``channels`` of them, of a trunk's two levels, fixed by the first it sees."""

    def __init__(self, channels: int):
        self._channels = channels
        self._fitted: tuple[Tensor, Tensor, Tensor] | None = None

    @torch.inference_mode()
    def __call__(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Components (N, H, W, channels) of levels (N, C, H, W) and (N, c, h, w) of strides 8 and 16."""
        height, width = fine.shape[2:]
        if self._fitted is None:
            self._fitted = self._fit(torch.cat([fine, upsampled(coarse, height, width)], dim=1), fine.shape[1])
        of_fine, of_coarse, offset = self._fitted
        # Projection and interpolation are linear: fewer channels are interpolated after the projection than before.
        small = coarse.permute(0, 2, 3, 1) @ of_coarse + offset  # (N, h, w, channels)
        large = fine.permute(0, 2, 3, 1) @ of_fine  # (N, H, W, channels)
        return large + upsampled(small.permute(0, 3, 1, 2), height, width).permute(0, 2, 3, 1)

    def _fit(self, levels: Tensor, fine_channels: int) -> tuple[Tensor, Tensor, Tensor]:
        """Matrices for the fine and the coarse level, and what is added, from both levels (N, C, H, W) as one."""
        cells = levels.transpose(0, 1).flatten(1).double()  # (C, N * H * W)
        mean, deviation = cells.mean(dim=1), cells.std(dim=1).clamp_min(_SMALLEST_DEVIATION)
        standard = (cells - mean[:, None]) / deviation[:, None]
        _, vectors = torch.linalg.eigh(standard @ standard.t())  # ascending
        matrix = vectors[:, -self._channels :] / deviation[:, None]  # (C, channels)
        return matrix[:fine_channels].float(), matrix[fine_channels:].float(), -(mean @ matrix).float()


class Lite0Crops:
    """EfficientNet-Lite0 on crops: both levels, projected, averaged over a grid; for one target.

    Args:
        trunk: images (N, 3, S, S) to the levels of stride 8 and 16.
        channels: principal components of the first crops' features that samples keep.
        grid: bins per side.
        device: where the trunk runs.
    """

    def __init__(self, trunk: Trunk, channels: int, grid: int, device: torch.device):
        self._trunk, self._grid, self._device = trunk, grid, device
        self._projection = Projection(channels)

    def __call__(self, crops: Tensor) -> Tensor:
        """Features (N, channels * grid * grid), cells first, of crops (N, 107, 107, 3) uint8 RGB."""
        parts = []
        for chunk in crops.split(_CHUNK[self._device.type]):
            pixels = chunk.to(self._device).permute(0, 3, 1, 2).float().sub_(127).div_(128)
            components = self._projection(*self._trunk(pixels))  # (n, 14, 14, C)
            pooled = F.adaptive_avg_pool2d(components.permute(0, 3, 1, 2), self._grid)  # (n, C, grid, grid)
            parts.append(pooled.permute(0, 2, 3, 1).flatten(1))
        return torch.cat(parts)
