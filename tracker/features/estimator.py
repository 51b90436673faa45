"""The box estimator: where the target's sides lie around a candidate, and whether it is the target at all.

A small network, trained offline on rendered clips (``training/``), the same for every target. It sees a window of the
search region's map, a little larger than a candidate, and how like the cells of that window are to the cells of the
target in the first frame: the pixel-wise correlation and corner maps of Alpha-Refine (Yan et al., CVPR 2021). What it
compares with never changes, so a box that has gone wrong is not confirmed by what was learned from it.

Its first layer projects the frozen trunk's channels to those of the map; the online classifier sees the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.core.boxes import Boxes, around, centre
from tracker.core.timing import stage
from tracker.features.efficientnet import CHANNELS as LEVELS
from tracker.features.region import RegionMap, upsampled

CHANNELS = 64
CONTEXT = 1.2  # what a window has beyond its box, in mean sides
WINDOW = 18  # cells of a window along each axis
TEMPLATE = 7  # cells of a template along each axis
TEMPLATE_SCALE = 1.4  # size of the template relative to the box: a cell of background all around
WIDTH = 48
DILATIONS = (1, 2, 4, 1)
_TEMPLATE_POINTS = 2  # samples along each axis of a template's cell
_SMALLEST_SIDE = 0.3  # of an estimated box, cells


class Estimate(NamedTuple):
    """What the network says of N windows.

    Attributes:
        edges: (N, 4), left, top, right, bottom in units of the window, 0 to 1.
        present: (N,), logit of the target being there at all.
        quality: (N,), expected overlap of the edges with the target; it only helps the training.
    """

    edges: Tensor
    present: Tensor
    quality: Tensor


class BoxEstimator(nn.Module):
    """Windows and a template to edges.

    Args:
        batch_norm: whether its layers have batch normalisation, for training; without, it is folded into them.
    """

    def __init__(self, batch_norm: bool = False):
        super().__init__()
        self.of_fine = nn.Linear(LEVELS[0], CHANNELS, bias=False)
        self.of_coarse = nn.Linear(LEVELS[1], CHANNELS)
        self.modulation = nn.Sequential(nn.Linear(CHANNELS, CHANNELS), nn.ReLU(), nn.Linear(CHANNELS, CHANNELS))
        self.temperature = nn.Parameter(torch.tensor([4.0]))
        self.enter = _layer(CHANNELS + TEMPLATE**2, WIDTH, 1, batch_norm)
        self.tower = nn.ModuleList(_layer(WIDTH, WIDTH, dilation, batch_norm) for dilation in DILATIONS)
        self.corners = nn.Conv2d(WIDTH, 2, 1)
        self.verdict = nn.Linear(2 * WIDTH, 2)

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> BoxEstimator:
        """The trained network, frozen, from what ``folded`` gave."""
        network = cls()
        network.load_state_dict(dict(weights))
        return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def folded(self, deviation: float) -> dict[str, Tensor]:
        """The weights of this network without batch normalisation, its map divided by its standard ``deviation``."""
        state = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith(("enter", "tower"))}
        for name in ("of_fine.weight", "of_coarse.weight", "of_coarse.bias"):
            state[name] = state[name] / deviation
        for name in ("modulation.0.weight", "modulation.2.weight", "modulation.2.bias"):
            state[name] = state[name] * deviation
        layers: dict[str, Any] = {"enter": self.enter} | {f"tower.{i}": layer for i, layer in enumerate(self.tower)}
        for name, (convolution, norm, _) in layers.items():
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            state[f"{name}.0.weight"] = convolution.weight * scale[:, None, None, None]
            state[f"{name}.0.bias"] = norm.bias - norm.running_mean * scale
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def project(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """The map (N, H, W, CHANNELS) of the trunk's levels (N, 40, H, W) and (N, 112, h, w) of strides 8 and 16."""
        # Projection and interpolation are linear: fewer channels are interpolated after the projection than before.
        small = self.of_coarse(coarse.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # (N, CHANNELS, h, w)
        return self.of_fine(fine.permute(0, 2, 3, 1)) + upsampled(small, *fine.shape[2:]).permute(0, 2, 3, 1)

    def forward(self, windows: Tensor, templates: Tensor) -> Estimate:
        """Estimate the edges in each window.

        Args:
            windows: (N, CHANNELS, WINDOW, WINDOW), samples of the map over ``windows_of`` boxes.
            templates: (N, CHANNELS, TEMPLATE, TEMPLATE), the first frame around the target.
        """
        cells = F.normalize(windows, dim=1).flatten(2)  # (N, C, K * K)
        tokens = F.normalize(templates, dim=1).flatten(2)  # (N, C, T * T)
        likeness = self.temperature * (tokens.transpose(1, 2) @ cells)  # (N, T * T, K * K)
        inner = templates[:, :, 1:-1, 1:-1].mean(dim=(2, 3))  # (N, C)
        weighed = windows * self.modulation(inner)[:, :, None, None]
        x = self.enter(torch.cat([weighed, likeness.unflatten(2, windows.shape[2:])], dim=1))  # (N, WIDTH, K, K)
        for layer in self.tower:
            x = x + layer(x)
        shares = self.corners(x).flatten(2).softmax(dim=2).unflatten(2, windows.shape[2:])  # (N, 2, K, K)
        steps = (torch.arange(WINDOW, device=x.device, dtype=x.dtype) + 0.5) / WINDOW
        across, down = (shares.sum(dim=2) * steps).sum(dim=2), (shares.sum(dim=3) * steps).sum(dim=2)  # (N, 2)
        edges = torch.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1]], dim=1)
        present, quality = self.verdict(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)).unbind(dim=1)
        return Estimate(edges, present, quality)

    @torch.inference_mode()
    def template(self, frame: RegionMap, box: Boxes) -> Tensor:
        """What ``refine`` compares with: (1, CHANNELS, TEMPLATE, TEMPLATE) of a frame around a box (4,)."""
        wide = _cells(frame, around(centre(box), box[2:] * TEMPLATE_SCALE)[None])
        return sampled(frame.plain.permute(2, 0, 1)[None], wide[None], TEMPLATE, _TEMPLATE_POINTS)[0]

    @stage("estimator")
    @torch.inference_mode()
    def refine(self, frame: RegionMap, boxes: Boxes, template: Tensor) -> tuple[Boxes, NDArray[np.float64]]:
        """The target's box (N, 4) as it seems around each of the boxes (N, 4), and the logit (N,) of it being there."""
        windows = windows_of(_cells(frame, boxes))  # (N, 4)
        seen = sampled(frame.plain.permute(2, 0, 1)[None], windows[None], WINDOW)[0]
        estimate = self(seen, template.expand(len(boxes), -1, -1, -1))
        low, high = (estimate.edges[:, part] * windows[:, 2:] + windows[:, :2] for part in (slice(2), slice(2, 4)))
        refined = torch.cat([low, (high - low).clamp_min(_SMALLEST_SIDE)], dim=1)
        return frame.to_pixels(refined.cpu().numpy()), estimate.present.double().cpu().numpy()


def _cells(frame: RegionMap, boxes: Boxes) -> Tensor:
    return torch.from_numpy(frame.to_cells(boxes)).to(frame.plain.device)


def _layer(inputs: int, outputs: int, dilation: int, batch_norm: bool) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=not batch_norm)
    norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
    return nn.Sequential(convolution, *norm, nn.ReLU(inplace=True))


def windows_of(boxes: Tensor) -> Tensor:
    """The windows (..., 4), (x, y, w, h), that the estimator sees for boxes (..., 4)."""
    margin = CONTEXT * boxes[..., 2:].mean(dim=-1, keepdim=True)  # (..., 1)
    return torch.cat([boxes[..., :2] - margin / 2, boxes[..., 2:] + margin], dim=-1)


def sampled(cells: Tensor, boxes: Tensor, side: int, points: int = 1) -> Tensor:
    """Bilinear samples of maps on a regular grid over each box; what lies outside a map is 0.

    Args:
        cells: (B, C, H, W).
        boxes: (B, N, 4) of each map, (x, y, w, h) in cells, where cell i is centred on i.
        side: samples along each axis.
        points: along each axis of a sample, averaged.

    Returns:
        (B, N, C, side, side).
    """
    count = side * points
    steps = (torch.arange(count, device=cells.device, dtype=cells.dtype) + 0.5) / count
    height, width = cells.shape[2:]
    x = (2 * (boxes[..., 0, None] + boxes[..., 2, None] * steps) + 1) / width - 1  # (B, N, count)
    y = (2 * (boxes[..., 1, None] + boxes[..., 3, None] * steps) + 1) / height - 1
    grid = torch.stack([x[:, :, None].expand(-1, -1, count, -1), y[..., None].expand(-1, -1, -1, count)], dim=4)
    values = F.grid_sample(cells, grid.flatten(1, 2), align_corners=False)  # (B, C, N * count, count)
    values = values.unflatten(2, (-1, count)).transpose(1, 2)  # (B, N, C, count, count)
    return F.avg_pool2d(values.flatten(0, 1), points).unflatten(0, values.shape[:2]) if points > 1 else values
