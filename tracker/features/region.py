"""Boxes to features the fast way: one trunk pass over the search region, samples pooled from its map.

Pooling integrates the bilinear interpolant of the map exactly over each bin: a weighted sum of the few cells that the
bin touches, wherever between them the box lies. RT-MDNet (Jung et al., ECCV 2018) introduced samples from a shared map;
its adaptive RoIAlign is approximated by fewer points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tracker.core.boxes import Boxes, centre
from tracker.core.timing import stage
from tracker.features.efficientnet import STRIDES, Trunk
from tracker.features.samples import Samples
from tracker.features.view import View

Image = NDArray[np.uint8]

_STRIDE = STRIDES[0]
_GREY = 127
_SMALLEST_DEVIATION = 1e-2  # of a channel that the first frame leaves constant
_LARGEST_PADDED = 4096  # side of a region, pixels, up to which what lies outside is added before it is resampled


def bin_weights(
    low: NDArray[np.float32], size: NDArray[np.float32], bins: int, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Weights that average a linear interpolant over equal bins of intervals.

    Args:
        low: (N,) start of each interval in cell coordinates (cell i is centred on i).
        size: (N,) length of each interval.
        bins: bins per interval.
        cells: length of the axis.

    Returns:
        Cells and their weights in each bin, (N, bins, R), R as the widest bin needs it. What lies outside the axis has
        weight 0.
    """
    width = size / bins
    edges = low[:, None] + width[:, None] * np.arange(bins + 1, dtype=low.dtype)  # (N, bins + 1)
    steps = np.arange(math.ceil(width.max()) + 2, dtype=low.dtype)
    at = np.ceil(edges[:, :-1, None]) - 1 + steps  # (N, bins, R)
    start, end = (_tent_integral(edge[:, :, None] - at) for edge in (edges[:, :-1], edges[:, 1:]))
    weights = (end - start) / width[:, None, None] * ((at >= 0) & (at < cells))
    return at.clip(0, cells - 1).astype(np.int64), weights.astype(low.dtype, copy=False)


def _tent_integral(u: NDArray[np.float32]) -> NDArray[np.float32]:
    """Integral of the unit tent function up to ``u``, less a constant."""
    u = u.clip(-1, 1)
    return u - 0.5 * u * np.abs(u)


def upsampled(coarse: Tensor, height: int, width: int) -> Tensor:
    """The level of stride 16, (N, C, h, w), on the cells (height, width) of that of stride 8."""
    # Cell i of the coarse level is centred on cell 2 i of the fine one: resample with aligned corners.
    size = (2 * coarse.shape[2] - 1, 2 * coarse.shape[3] - 1)
    fine = F.interpolate(coarse, size, mode="bilinear", align_corners=True)
    return F.pad(fine, (0, width - size[1], 0, height - size[0]), mode="replicate")


@dataclass(frozen=True)
class RegionMap:
    """Features of a square search region.

    Attributes:
        values: (H, W, C), standardised, on cells of 8 pixels of the resampled region; what samples are pooled from.
        plain: (H, W, C), the same before it was standardised.
        origin: image position (x, y) of the region's corner.
        scale: resampled pixels per image pixel.
        grid: bins per side of a sample.
    """

    values: Tensor
    plain: Tensor
    origin: tuple[float, float]
    scale: float
    grid: int

    @stage("pooling")
    @torch.inference_mode()
    def samples(self, boxes: Boxes) -> Samples:
        """Samples of (N, 4) boxes in image pixels, features (N, grid * grid * C)."""
        height, width, channels = self.values.shape
        x, y, w, h = self.to_cells(boxes).T
        columns, across = bin_weights(x, w, self.grid, width)  # (N, grid, R)
        rows, down = bin_weights(y, h, self.grid, height)  # (N, grid, Q)
        cells = rows[:, :, None, :, None] * width + columns[:, None, :, None, :]  # (N, grid, grid, Q, R)
        weights = down[:, :, None, :, None] * across[:, None, :, None, :]
        bags = cells.shape[0] * self.grid**2, -1
        features = F.embedding_bag(
            torch.from_numpy(cells.reshape(bags)).to(self.values.device),
            self.values.view(-1, channels),
            per_sample_weights=torch.from_numpy(weights.reshape(bags)).to(self.values),
            mode="sum",
        )  # (N * grid * grid, C)
        return Samples(features.view(len(boxes), -1))

    def to_cells(self, boxes: Boxes) -> NDArray[np.float32]:
        """Boxes (N, 4) in image pixels as boxes in cells, where cell i is centred on i."""
        x, y, w, h = boxes.T.astype(np.float32)
        factor = self.scale / _STRIDE
        x, y = (x - self.origin[0]) * factor - 0.5 / _STRIDE, (y - self.origin[1]) * factor - 0.5 / _STRIDE
        return np.stack([x, y, w * factor, h * factor], axis=1)

    def to_pixels(self, cells: NDArray[np.float32]) -> Boxes:
        """The inverse of ``to_cells``."""
        x, y, w, h = cells.astype(np.float64).T
        factor = _STRIDE / self.scale
        x, y = (x + 0.5 / _STRIDE) * factor + self.origin[0], (y + 0.5 / _STRIDE) * factor + self.origin[1]
        return np.stack([x, y, w * factor, h * factor], axis=1)


class RegionExtractor:
    """Search region to ``RegionMap``: crop, trunk, projection, standardisation by the first frame; for one target.

    Args:
        trunk: images (N, 3, S, S) to the levels of stride 8 and 16.
        projection: both levels, (N, C, H, W) and (N, c, h, w), to the map's channels, (N, H, W, channels).
        size: side S of the resampled region, pixels.
        scale: side of the region in the image, in units of the root of the target's area.
        margin: its side at least, in units of the target's longer side.
        grid: bins per side of a sample.
        device: where the trunk runs.
    """

    def __init__(
        self,
        trunk: Trunk,
        projection: Callable[[Tensor, Tensor], Tensor],
        size: int,
        scale: float,
        margin: float,
        grid: int,
        device: torch.device,
    ):
        self._trunk, self._projection, self._size, self._scale = trunk, projection, size, scale
        self._margin, self._grid, self._device = margin, grid, device
        self._statistics: tuple[Tensor, Tensor] | None = None

    def frame(self, image: Image, box: Boxes, view: View | None = None) -> RegionMap:
        """Features around a box (4,) of an image (H, W, 3) uint8 RGB; the first call fixes the statistics."""
        side = max(self._scale * np.sqrt(box[2] * box[3]), self._margin * box[2:].max())
        patch, origin, scale = self._crop(image, centre(box), side * (view.zoom if view else 1.0))
        plain = self._features(_changed(patch, view) if view else patch)
        if self._statistics is None:
            cells = plain.flatten(0, 1)
            self._statistics = cells.mean(dim=0), cells.std(dim=0).clamp_min(_SMALLEST_DEVIATION)
        mean, deviation = self._statistics
        return RegionMap((plain - mean) / deviation, plain, origin, scale, self._grid)

    def _crop(self, image: Image, centre: NDArray[np.float64], side: float) -> tuple[Image, tuple[float, float], float]:
        """A square (S, S, 3), grey outside the image, the image position of its corner, and the resampling factor."""
        n = max(round(side), 8)
        x, y = (round(c - n / 2) for c in centre)
        height, width = image.shape[:2]
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + n, width), min(y + n, height)
        scale = self._size / n
        if left >= right or top >= bottom:
            patch: Any = np.full((self._size, self._size, 3), _GREY, np.uint8)
        elif n > _LARGEST_PADDED:
            patch = np.full((self._size, self._size, 3), _GREY, np.uint8)
            u, v, u_end, v_end = (round(edge * scale) for edge in (left - x, top - y, right - x, bottom - y))
            if u < u_end and v < v_end:
                size = (u_end - u, v_end - v)
                patch[v:v_end, u:u_end] = cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        else:
            border = (top - y, y + n - bottom, left - x, x + n - right)
            patch = cv2.copyMakeBorder(image[top:bottom, left:right], *border, cv2.BORDER_CONSTANT, value=(_GREY,) * 3)
            interpolation = cv2.INTER_AREA if n > self._size else cv2.INTER_LINEAR
            patch = cv2.resize(patch, (self._size, self._size), interpolation=interpolation)
        return patch, (float(x), float(y)), scale

    @stage("trunk")
    @torch.inference_mode()
    def _features(self, patch: Image) -> Tensor:
        """The map of a region, (S/8, S/8, C)."""
        pixels = torch.from_numpy(patch).to(self._device).permute(2, 0, 1)[None].float()  # (1, 3, S, S), channels last
        return self._projection(*self._trunk(pixels.sub_(127).div_(128)))[0].contiguous()


def _changed(patch: Image, view: View) -> Any:
    """The patch (S, S, 3) turned, mirrored, blurred and brightened about its centre; its zoom is the crop's matter."""
    size = patch.shape[0]
    turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), view.angle, 1.0)
    turned = cv2.warpAffine(patch, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.blur(turned[:, ::-1] if view.mirrored else turned, view.blur)
    return cv2.convertScaleAbs(blurred, alpha=view.gain)
