"""The default trunk: levels, and that fusion changes nothing but rounding."""

import pytest
import torch

from tracker.features.efficientnet import CHANNELS, STRIDES, EfficientNetLite0, fused
from tracker.weights import registry


@pytest.fixture(scope="module")
def trunk():
    return EfficientNetLite0(registry.load("efficientnet-lite0").tensors)


def images(size):
    noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return noise.to(memory_format=torch.channels_last)


def test_levels_have_their_strides_and_channels(trunk):
    for level, stride, channels in zip(trunk(images(96)), STRIDES, CHANNELS, strict=True):
        assert level.shape == (1, channels, 96 // stride, 96 // stride)


def test_fusion_changes_nothing_but_rounding_and_gives_one_result(trunk):
    pixels = images(96)
    quick = fused(trunk, 96)
    with torch.inference_mode():
        first, second = quick(pixels), quick(pixels)
        for ours, again, reference in zip(first, second, trunk(pixels), strict=True):
            assert torch.equal(ours, again)
            torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-3)
