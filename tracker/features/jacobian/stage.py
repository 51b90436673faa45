"""The Jacobian of what follows a convolution of VGG-M: ReLU, response normalisation, max pooling.

With ``y_i = x_i s_i^-b``, ``s_i = k + a sum_j x_j^2`` over the window of i, the Jacobian of the normalisation is
``dy_i/dx_j = s_i^-b [i = j] - 2 a b x_i x_j s_i^(-b-1)``; only the channels that win a pooling window carry gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from tracker.features.vggm import LRN_ALPHA, LRN_BETA, PAD, normalise_channels, window_sum_, without_pad

CLASSES = 2
_SLOPE = -2 * LRN_ALPHA * LRN_BETA


class Stage:
    """Jacobian of the ReLU, normalisation and max pooling that follow a convolution, for a batch of samples.

    Args:
        like: gives dtype and device.
        capacity: number of samples N.
        shape: (H, W, C) of the convolution's output.
        piece: largest number of samples worked on at a time.
    """

    def __init__(self, like: Tensor, capacity: int, shape: tuple[int, int, int], piece: int):
        height, width, channels = shape
        padded = (height, width, channels + PAD)
        self.pooled = ((height - 1) // 2, (width - 1) // 2, channels)  # (h, w, C)
        outputs = self.pooled[0] * self.pooled[1] * channels
        self._activation = like.new_zeros(capacity, *padded)  # the ReLU's output, x
        self._coupling = like.new_zeros(capacity, *padded)  # x / s
        self._winners = like.new_empty((capacity, outputs), dtype=torch.int64)  # of the pooling, in flat padded maps
        self._gain = like.new_empty(capacity, outputs)  # s^-b at the winners, 0 where a whole window is dead
        self._scratch = like.new_empty(3, CLASSES * piece, *padded)
        self._channels = torch.arange(channels, device=like.device)

    def activation(self, rows: slice) -> Tensor:
        """Where the ReLU's output (n, H, W, C) has to be written before ``fix``."""
        return self._activation[rows][..., :-PAD]

    def _buffers(self, *sizes: int) -> list[Tensor]:
        """Three buffers (*sizes, H, W, C + 2), valid until the next call."""
        used = self._scratch[:, : torch.Size(sizes).numel()]
        return [buffer.view(*sizes, *buffer.shape[1:]) for buffer in used]

    def fix(self, rows: slice) -> Tensor:
        """Take the constants of some samples from their activations; returns the pooled output (n, h, w, C)."""
        x, coupling = self._activation[rows], self._coupling[rows]
        root, scratch, _ = self._buffers(len(x))
        y = normalise_channels(x, root, scratch)
        output, cells = F.max_pool2d(y.permute(0, 3, 1, 2), 3, 2, return_indices=True)  # (n, C, h, w)
        output, cells = output.permute(0, 2, 3, 1), cells.permute(0, 2, 3, 1)  # (n, h, w, C)
        winners, gain = self._winners[rows], self._gain[rows]
        torch.add(self._channels, cells, alpha=x.shape[3], out=winners.view(cells.shape))
        at_winners = root.flatten(1).gather(1, winners)  # (n, h * w * C), s^-0.5
        torch.sqrt(at_winners, out=gain).mul_(at_winners).mul_(output.flatten(1).sign())
        torch.mul(root.square_(), x, out=coupling)
        return output

    def pull(self, rows: slice, gradient: Tensor) -> Tensor:
        """Gradient at the pooled output (K, n, h, w, C) to the gradient before the ReLU (K, n, H, W, C)."""
        result = without_pad(self._buffers(*gradient.shape[:2])[2])
        self.pull_rows(rows, gradient, [result])
        return result

    def pull_rows(self, rows: slice, gradient: Tensor, out: Sequence[Tensor]) -> None:
        """``pull``, of which row y is written to ``out[y % len(out)]``."""
        direct, across, scratch = self._buffers(*gradient.shape[:2])
        scaled = gradient.flatten(2) * self._gain[rows]  # (K, n, h * w * C)
        self._scatter(self._winners[rows].expand(scaled.shape), scaled, direct.zero_().flatten(2))
        window_sum_(torch.mul(direct, self._coupling[rows], out=across), scratch)
        direct, across, activation = direct[..., :-PAD], across[..., :-PAD], self.activation(rows)
        for j, part in enumerate(out):
            every = slice(j, None, len(out))
            torch.addcmul(direct[:, :, every], across[:, :, every], activation[:, every], value=_SLOPE, out=part)

    def _scatter(self, winners: Tensor, values: Tensor, into: Tensor) -> None:
        """Add values (K, n, h * w * C) at the winners of their windows to flat padded maps.

        On a GPU additions to one place come in any order, and sums differ from run to run: there, every second window
        along each axis at a time, which have no place in common.
        """
        apart = 2 if into.is_cuda else 1
        winners, values = winners.unflatten(2, self.pooled), values.unflatten(2, self.pooled)
        for row in range(apart):
            for column in range(apart):
                windows = (..., slice(row, None, apart), slice(column, None, apart), slice(None))
                into.scatter_add_(2, winners[windows].flatten(2), values[windows].flatten(2))

    def push(self, rows: slice, tangent: Tensor) -> Tensor:
        """Adjoint of ``pull``: (K, n, H, W, C) to (K, n, h, w, C)."""
        across, total, scratch = self._buffers(*tangent.shape[:2])
        torch.mul(tangent, self.activation(rows), out=across[..., :-PAD])
        across[..., -PAD:] = 0
        window_sum_(across, scratch)
        coupling = self._coupling[rows][..., :-PAD]
        torch.addcmul(tangent, across[..., :-PAD], coupling, value=_SLOPE, out=total[..., :-PAD])
        winners = self._winners[rows].expand(len(tangent), -1, -1)
        return total.flatten(2).gather(2, winners).mul_(self._gain[rows]).unflatten(2, self.pooled)
