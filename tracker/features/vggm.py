"""VGG-M conv1 to conv3, the backbone of MDNet and DAT, frozen.

Architecture: Chatfield et al., "Return of the Devil in the Details" (BMVC 2014), cut after conv3 as in MDNet (Nam and
Han, CVPR 2016): conv 7x7/2 96, conv 5x5/2 256 (each with ReLU, local response normalisation, max pooling 3/2), conv 3x3
512 with ReLU. A 107 x 107 crop becomes 512 x 3 x 3 features.

Activations are kept channels-last, (N, H, W, C): the layout in which the CPU's convolutions and poolings are fastest.
Samples are processed a few at a time, so that a layer's activations stay in the processor's cache; buffers are
allocated once, since fresh pages cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

CROP_SIZE = 107
MEAN = 128.0
SHAPE = (3, 3, 512)
FEATURES = 3 * 3 * 512
ACTIVATIONS = ((51, 51, 96), (11, 11, 256))
POOLED = (5, 5, 256)

_CHUNK = 4
_CHUNK_OF_A_GPU = 128

LRN_SIZE = 5
LRN_OFFSET = 2.0
LRN_ALPHA = 1e-4
LRN_BETA = 0.75
PAD = LRN_SIZE // 2
"""Zero channels after the last one of padded maps, so that sums over neighbouring channels run through flat memory."""


def window_sum_(x: Tensor, scratch: Tensor) -> Tensor:
    """Replace each channel by the sum over itself and its two neighbours on either side.

    Args:
        x: (..., C + 2), contiguous, the last two channels 0; changed in place, what these two become means nothing.
        scratch: as large as ``x``, contiguous, is overwritten.

    Returns:
        ``x``.
    """
    flat, pairs = x.view(-1), scratch.view(-1)[:-1]
    torch.add(flat[:-1], flat[1:], out=pairs)
    flat[1] += flat[0]
    flat[:-2] += pairs[1:]
    flat[2:-1] += pairs[:-2]
    return x


def without_pad(buffer: Tensor) -> Tensor:
    """A contiguous (..., C) in the memory of a contiguous (..., C + 2), whose values it does not keep."""
    shape = buffer[..., :-PAD].shape
    return buffer.view(-1)[: shape.numel()].view(shape)


def normalise_channels(x: Tensor, root: Tensor, scratch: Tensor) -> Tensor:
    """Local response normalisation ``x * s ** -0.75`` with ``s = 2 + 1e-4 * window_sum(x^2)``.

    Equals ``F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2)`` on channels-first input: PyTorch divides alpha by
    the window's size, MatConvNet and the published code do not. Two square roots are several times faster than a power.

    Args:
        x: (..., C + 2), contiguous, the last two channels 0.
        root: (..., C + 2), contiguous, receives ``s ** -0.5``.
        scratch: as large as ``x``, contiguous, is overwritten.

    Returns:
        (..., C), a view of ``scratch``.
    """
    window_sum_(torch.mul(x, x, out=root), scratch)
    torch.rsqrt(root.mul_(LRN_ALPHA).add_(LRN_OFFSET), out=root)
    y = without_pad(scratch)
    torch.sqrt(root[..., :-PAD], out=y)
    return y.mul_(root[..., :-PAD]).mul_(x[..., :-PAD])


class VGGM:
    """The frozen network.

    Args:
        weights: ``conv1.weight`` (96, 3, 7, 7), ``conv1.bias`` (96,), and so on for conv2 and conv3, as the loaders of
            ``tracker.weights.registry`` return them.
        device: where it runs.
        dtype: float32, or float64 to check gradients.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ):
        def frozen(name: str) -> Tensor:
            tensor = weights[name].detach().to(device, dtype)
            return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

        self.kernels = [frozen(f"conv{i}.weight") for i in (1, 2, 3)]
        self.biases = [frozen(f"conv{i}.bias") for i in (1, 2, 3)]
        self.device, self.dtype = torch.device(device), dtype

    def conv(self, layer: int, x: Tensor, out: Tensor | None = None) -> Tensor:
        """ReLU of convolution ``layer`` (0, 1 or 2): (N, H, W, C) to (N, H', W', C')."""
        stride = 1 if layer == 2 else 2
        y = F.conv2d(x.permute(0, 3, 1, 2), self.kernels[layer], self.biases[layer], stride)
        return torch.clamp(y.permute(0, 2, 3, 1), min=0, out=out)

    def normalise(self, crops: Tensor) -> Tensor:
        """Network input, (N, 107, 107, 3) minus 128, from RGB crops (N, 107, 107, 3), uint8 or float."""
        if crops.shape[1:] != (CROP_SIZE, CROP_SIZE, 3):
            raise ValueError(f"crops has shape {tuple(crops.shape)}; expected (N, {CROP_SIZE}, {CROP_SIZE}, 3), RGB")
        return crops.to(self.device, self.dtype) - MEAN

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """The conv3 activation (N, 4608), channels last, of RGB crops (N, 107, 107, 3), 0..255, uint8 or float."""
        pooled = torch.empty(len(crops), *POOLED, device=self.device, dtype=self.dtype)
        chunk = _CHUNK_OF_A_GPU if pooled.is_cuda else _CHUNK
        buffers = [pooled.new_zeros(3, chunk, h, w, channels + PAD) for h, w, channels in ACTIVATIONS]
        for start in range(0, len(crops), chunk):
            x = self.normalise(crops[start : start + chunk])  # (n, 107, 107, 3)
            for layer, buffer in enumerate(buffers):
                padded, root, scratch = buffer[:, : len(x)]
                self.conv(layer, x, out=padded[..., :-PAD])  # (n, 51, 51, 96); (n, 11, 11, 256)
                y = normalise_channels(padded, root, scratch)
                x = F.max_pool2d(y.permute(0, 3, 1, 2), 3, 2).permute(0, 2, 3, 1)  # (n, 25, 25, 96); (n, 5, 5, 256)
            pooled[start : start + chunk] = x
        return self.conv(2, pooled).flatten(1)
