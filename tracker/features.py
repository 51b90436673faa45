"""Boxes to features the fast way: one trunk pass over the search region, samples pooled from its map.

Pooling integrates the bilinear interpolant of the map exactly over each bin. Along one axis that is a product of bin
weights with the map, so samples cost two matrix products and boxes may lie anywhere between the map's cells. RT-MDNet
(Jung et al., ECCV 2018) introduced samples from a shared map; its adaptive RoIAlign is approximated by fewer points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.boxes import Boxes
from tracker.params import View
from tracker.samples import Samples
from tracker.stages import stage

Image = NDArray[np.uint8]

_STRIDE = 8
_GREY = 127
_SMALLEST_DEVIATION = 1e-3  # of a channel that the first frame leaves constant


def bin_weights(low: Tensor, size: Tensor, bins: int, cells: int) -> Tensor:
    """Weights that average a linear interpolant over equal bins of intervals.

    Args:
        low: (N,) start of each interval in cell coordinates (cell i is centred on i).
        size: (N,) length of each interval.
        bins: bins per interval.
        cells: length of the axis.

    Returns:
        (N, bins, cells); cells outside the axis count as 0.
    """
    edges = low[:, None] + size[:, None] * torch.arange(bins + 1, device=low.device) / bins  # (N, bins + 1)
    u = (edges[:, :, None] - torch.arange(cells, device=low.device)).clamp_(-1, 1)  # (N, bins + 1, cells)
    tent_integral = u - 0.5 * u * u.abs()  # of the unit tent function, up to a constant
    return tent_integral.diff(dim=1) * (bins / size)[:, None, None]


def both_levels(trunk: nn.Module, pixels: Tensor) -> Tensor:
    """Both levels of a trunk on the finer one's cells, (N, 152, H/8, W/8), for network input (N, 3, H, W)."""
    fine, coarse = trunk(pixels)
    # Cell i of the coarse level is centred on cell 2 i of the fine one: resample with aligned corners.
    size = (2 * coarse.shape[2] - 1, 2 * coarse.shape[3] - 1)
    coarse = F.interpolate(coarse, size, mode="bilinear", align_corners=True)
    coarse = F.pad(coarse, (0, fine.shape[3] - size[1], 0, fine.shape[2] - size[0]), mode="replicate")
    return torch.cat([fine, coarse], dim=1)


class Projection:
    """Standardised principal components of features, fixed by the first ones it sees.

    Args:
        channels: number of components.
    """

    def __init__(self, channels: int):
        self._channels = channels
        self._mean: Tensor | None = None
        self._matrix: Tensor | None = None

    @torch.inference_mode()
    def __call__(self, levels: Tensor) -> Tensor:
        """Components (N, channels, H, W) of (N, C, H, W)."""
        cells = levels.transpose(0, 1).flatten(1)  # (C, N * H * W)
        if self._mean is None or self._matrix is None:
            self._mean, self._matrix = self._fit(cells.double())
        components = self._matrix @ (cells - self._mean)  # (channels, N * H * W)
        return components.unflatten(1, (len(levels), *levels.shape[2:])).transpose(0, 1)

    def _fit(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = cells.mean(dim=1), cells.std(dim=1).clamp_min(_SMALLEST_DEVIATION)
        standard = (cells - mean[:, None]) / deviation[:, None]
        _, vectors = torch.linalg.eigh(standard @ standard.t())  # ascending
        return mean.float()[:, None], (vectors[:, -self._channels :].t() / deviation).float()


@dataclass(frozen=True)
class RegionMap:
    """Features of a square search region.

    Attributes:
        values: (C, H, W), standardised, on cells of 8 pixels of the resampled region.
        origin: image position (x, y) of the region's corner.
        scale: resampled pixels per image pixel.
        grid: bins per side of a sample.
    """

    values: Tensor
    origin: tuple[float, float]
    scale: float
    grid: int

    @stage("pooling")
    @torch.inference_mode()
    def samples(self, boxes: Boxes) -> Samples:
        """Samples of (N, 4) boxes in image pixels, features (N, C * grid * grid)."""
        channels, height, width = self.values.shape
        x, y, w, h = torch.from_numpy(boxes.T).to(self.values)
        factor = self.scale / _STRIDE
        x, y = (x - self.origin[0]) * factor - 0.5 / _STRIDE, (y - self.origin[1]) * factor - 0.5 / _STRIDE
        across = bin_weights(x, w * factor, self.grid, width)  # (N, grid, W)
        down = bin_weights(y, h * factor, self.grid, height)  # (N, grid, H)
        rows = down.flatten(0, 1) @ self.values.transpose(0, 1).flatten(1)  # (N * grid, C * W)
        rows = rows.view(len(boxes), self.grid * channels, width)  # (N, grid * C, W)
        cells = torch.bmm(rows, across.transpose(1, 2))  # (N, grid * C, grid)
        features = cells.view(len(boxes), self.grid, channels, self.grid).transpose(1, 2)  # (N, C, grid, grid)
        return Samples(features.flatten(1))


class RegionExtractor:
    """Search region to ``RegionMap``: crop, trunk, standardisation and projection fitted to the first frame.

    Args:
        trunk: images (N, 3, S, S) to the levels of stride 8 and 16.
        size: side S of the resampled region, pixels.
        scale: side of the region in the image, in units of the root of the target's area.
        channels: principal components of the first frame's features that samples keep.
        grid: bins per side of a sample.
        device: where the trunk runs.
    """

    def __init__(self, trunk: nn.Module, size: int, scale: float, channels: int, grid: int, device: torch.device):
        self._trunk, self._size, self._scale = trunk, size, scale
        self._grid, self._device = grid, device
        self._projection = Projection(channels)

    def frame(self, image: Image, box: Boxes, view: View | None = None) -> RegionMap:
        """Features around a box.

        The first call fixes the channels' statistics and their projection.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (4,), centre of the search region and measure of its size.
            view: how to change the region before the trunk sees it.
        """
        side = max(self._scale * np.sqrt(box[2] * box[3]), 1.5 * box[2:].max())
        patch, origin, scale = self._crop(image, box[:2] + box[2:] / 2, side * (view.zoom if view else 1.0))
        return RegionMap(self._features(_changed(patch, view) if view else patch), origin, scale, self._grid)

    def _crop(self, image: Image, centre: NDArray[np.float64], side: float) -> tuple[Image, tuple[float, float], float]:
        """Cut a square and resample it; what lies outside the image is grey.

        Returns:
            (S, S, 3) uint8, the image position of the square's corner, and the resampling factor.
        """
        n = max(round(side), 8)
        x, y = (round(c - n / 2) for c in centre)
        height, width = image.shape[:2]
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + n, width), min(y + n, height)
        if left >= right or top >= bottom:
            patch: Any = np.full((n, n, 3), _GREY, np.uint8)
        else:
            border = (top - y, y + n - bottom, left - x, x + n - right)
            patch = cv2.copyMakeBorder(image[top:bottom, left:right], *border, cv2.BORDER_CONSTANT, value=(_GREY,) * 3)
        interpolation = cv2.INTER_AREA if n > self._size else cv2.INTER_LINEAR
        patch = cv2.resize(patch, (self._size, self._size), interpolation=interpolation)
        return patch, (float(x), float(y)), self._size / n

    @stage("trunk")
    @torch.inference_mode()
    def _features(self, patch: Image) -> Tensor:
        """Standardised principal components of both levels, (C, S/8, S/8)."""
        pixels = torch.from_numpy(patch).to(self._device).permute(2, 0, 1)[None].float()  # (1, 3, S, S), channels last
        return self._projection(both_levels(self._trunk, pixels.sub_(127).div_(128)))[0]


def _changed(patch: Image, view: View) -> Any:
    """The patch (S, S, 3) turned, mirrored, blurred and brightened about its centre; its zoom is the crop's matter."""
    size = patch.shape[0]
    turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), view.angle, 1.0)
    turned = cv2.warpAffine(patch, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.blur(turned[:, ::-1] if view.mirrored else turned, view.blur)
    return cv2.convertScaleAbs(blurred, alpha=view.gain)
