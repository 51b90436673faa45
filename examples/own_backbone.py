"""A backbone of one's own: a trunk that maps the search region to two levels, of stride 8 and 16."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from tracker import FAST, ReciprocativeTracker
from tracker.dat import attention
from tracker.dat.backbone import BUILDERS, Backbone
from tracker.dat.drawn import DrawnSearch
from tracker.features.crops import Projection
from tracker.features.region import RegionExtractor


class Edges(nn.Module):
    """Colour and its differences, averaged over 8 and 16 pixels: no weights, no training, no match for a network."""

    def forward(self, images):  # (N, 3, S, S), (pixel - 127) / 128
        """Levels (N, 9, S / 8, S / 8) and (N, 9, S / 16, S / 16)."""
        across = F.pad(images.diff(dim=3), (0, 1)).abs()
        down = F.pad(images.diff(dim=2), (0, 0, 0, 1)).abs()
        levels = torch.cat([images, across, down], dim=1)  # (N, 9, S, S)
        return F.avg_pool2d(levels, 8), F.avg_pool2d(levels, 16)


def edges(params, device):
    """What a tracker needs of this trunk."""

    def extractor():
        projection = Projection(params.channels)
        square = params.region_size, params.region_scale, params.region_margin
        return RegionExtractor(Edges(), projection, *square, params.grid, device)

    def evidence(gradients, samples):
        return attention.evidence_maps(gradients, samples.features, params.grid**2)

    search = partial(DrawnSearch, params)
    return Backbone(extractor, search, evidence, sha256="none")


BUILDERS["edges"] = edges


def tracker(**parameters):
    """DAT on this trunk."""
    return ReciprocativeTracker(replace(FAST, backbone="edges", **parameters))
