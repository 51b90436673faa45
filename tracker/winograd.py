"""Convolution by minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016).

A convolution is read as ``Y = Q [sum_c U_c * (P X_c P^T)] Q^T``: along each axis P takes the input to points of
polynomials, where a convolution is a product, and Q takes the products to the output. With stride s the s x s phases of
the input, each convolved with stride 1, count as channels. What is left to do is one product of matrices for each pair
of points, with a third of the multiplications of the direct sum. The adjoint is the same, read backwards.

Worth it where channels are many and an axis is a few tiles long.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Finite points, to which infinity is added; more of them would cost float32 its precision."""


class Winograd:
    """A convolution without padding and bias, and its adjoint, on square maps of one size.

    Args:
        kernel: (O, C, k, k).
        size: H = W of the input.
        stride: s.
        tile: outputs along an axis that share their points, ``tile + ceil(k / s) - 1`` in all.
        batch: largest number of maps. Buffers for them are allocated once: fresh pages cost more than the arithmetic.

    Raises:
        ValueError: ``tile`` needs more than 8 points.
    """

    def __init__(self, kernel: Tensor, size: int, stride: int, tile: int, batch: int):
        outputs, channels, side, _ = kernel.shape
        taps = -(-side // stride)
        if tile + taps - 2 > len(_POINTS):
            raise ValueError(f"tile is {tile}; with {taps} taps of stride {stride} it may be {len(_POINTS) + 2 - taps}")
        self._points, self._stride = tile + taps - 1, stride
        self._size, self._output = size, (size - side) // stride + 1
        self._tiles = -(-self._output // tile)
        finite = torch.tensor(_POINTS[: self._points - 1], dtype=torch.float64)
        powers = torch.zeros(self._points, self._points, dtype=torch.float64)  # the last row is infinity
        powers[:-1] = finite[:, None] ** torch.arange(self._points)
        powers[-1, -1] = 1
        to_points = torch.linalg.inv(powers)  # (place in the tile's input, point)
        of_taps = powers[:, :taps].clone()
        of_outputs = powers[:, :tile].clone()
        of_taps[-1], of_outputs[-1] = torch.eye(taps)[-1], torch.eye(tile)[-1]

        p = torch.zeros(self._points, self._tiles, stride, size, dtype=torch.float64)
        q = torch.zeros(self._output, self._points, self._tiles, dtype=torch.float64)
        for t in range(self._tiles):
            for place in range(self._points):
                for phase in range(stride):
                    if (pixel := stride * (tile * t + place) + phase) < size:
                        p[:, t, phase, pixel] = to_points[place]
            for place in range(min(tile, self._output - tile * t)):
                q[tile * t + place, :, t] = of_outputs[:, place]
        padded = kernel.new_zeros(outputs, channels, taps * stride, taps * stride, dtype=torch.float64)
        padded[:, :, :side, :side] = kernel
        phases = padded.unflatten(3, (taps, stride)).unflatten(2, (taps, stride))  # (O, C, taps, s, taps, s)
        of_taps = of_taps.to(kernel.device)
        kernels = torch.einsum("yj,ocjpkq,xk->yxpqco", of_taps, phases, of_taps)
        self._p, self._q = p.flatten(0, 2).to(kernel), q.flatten(1).to(kernel)
        self._kernels = kernels.flatten(2, 4).flatten(0, 1).to(kernel.dtype)  # (points^2, s^2 C, O)
        places = batch * (self._points * self._tiles) ** 2
        self._buffers = kernel.new_empty(2, places * max(stride**2 * channels, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) to (N, h, w, O), contiguous."""
        x = self._both_axes(self._p, x, 0, 1)  # (N, points * tiles * s, points * tiles * s, C)
        shape = (self._points, self._tiles, self._stride)
        x = x.unflatten(2, shape).unflatten(1, shape)  # (N, point, tile, phase, point, tile, phase, C)
        x = self._moved(x, (1, 4, 0, 2, 5, 3, 6, 7), 0)
        sizes = (*x.shape[:5], self._kernels.shape[2])
        y = self._buffer(1, len(self._kernels), math.prod(sizes[2:5]), sizes[5])
        torch.bmm(x.view(*y.shape[:2], -1), self._kernels, out=y)
        y = self._moved(y.view(sizes), (2, 0, 3, 1, 4, 5), 0)  # (N, point, tile, point, tile, O)
        return self._both_axes(self._q, y.flatten(3, 4).flatten(1, 2), 1, None)

    def adjoint(self, y: Tensor) -> Tensor:
        """(N, h, w, O) to (N, H, W, C), contiguous: the convolution transposed."""
        y = self._both_axes(self._q.T, y, 0, 1)
        shape = (self._points, self._tiles)
        y = self._moved(y.unflatten(2, shape).unflatten(1, shape), (1, 3, 0, 2, 4, 5), 0)
        sizes = (*y.shape[:5], self._stride, self._stride, self._kernels.shape[1] // self._stride**2)
        x = self._buffer(1, len(self._kernels), math.prod(sizes[2:5]), self._kernels.shape[1])
        torch.bmm(y.view(*x.shape[:2], -1), self._kernels.transpose(1, 2), out=x)
        x = self._moved(x.view(sizes), (2, 0, 3, 5, 1, 4, 6, 7), 0)
        return self._both_axes(self._p.T, x.flatten(4, 6).flatten(1, 3), 1, None)

    def _buffer(self, which: int, *sizes: int) -> Tensor:
        return self._buffers[which][: math.prod(sizes)].view(sizes)

    def _moved(self, x: Tensor, order: tuple[int, ...], which: int) -> Tensor:
        """``x`` with its axes in another order, contiguous, in a buffer that it does not lie in."""
        x = x.permute(order)
        return self._buffer(which, *x.shape).copy_(x)

    def _both_axes(self, matrix: Tensor, x: Tensor, first: int, second: int | None) -> Tensor:
        """``matrix`` (m, s) applied to both axes of (N, s, s, C): (N, m, m, C), by way of two buffers.

        ``x`` does not lie in the first one; without a second one the result is a tensor of its own.
        """
        (rows, side), (count, *_, channels) = matrix.shape, x.shape
        once = self._buffer(first, count * side, rows, channels)
        torch.matmul(matrix, x.reshape(count * side, side, channels), out=once)
        shape = (count, rows, rows * channels)
        twice = x.new_empty(shape) if second is None else self._buffer(second, *shape)
        return torch.matmul(matrix, once.view(count, side, -1), out=twice).view(count, rows, rows, channels)
