"""Convolution by minimal filtering (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016).

A convolution is read as ``Y = Q [sum_c U_c * (P X_c P^T)] Q^T``: along each axis P takes the input to points of
polynomials, where a convolution is a product, and Q takes the products to the output. With stride s the s x s phases of
the input, each convolved with stride 1, count as channels. What is left to do is one product of matrices for each pair
of points, with a third of the multiplications of the direct sum. The adjoint is the same, read backwards.

Worth it where channels are many and an axis is a few tiles long (``Winograd``). Where one side has few channels, points
along both axes cost more in memory traffic than they save in multiplications; along one of them they pay
(``RowFilter``).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Finite points, to which infinity is added; more of them would cost float32 its precision."""


def _filter(taps: int, tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """For ``tile`` outputs, stride 1: P (points, inputs), a kernel's (points, taps), Q (outputs, points); float64."""
    if tile + taps - 2 > len(_POINTS):
        raise ValueError(f"tile is {tile}; with {taps} taps it may be {len(_POINTS) + 2 - taps}")
    points = tile + taps - 1
    powers = torch.zeros(points, points, dtype=torch.float64)  # of each point, the last of which is infinity
    powers[:-1] = torch.tensor(_POINTS[: points - 1], dtype=torch.float64)[:, None] ** torch.arange(points)
    powers[-1, -1] = 1
    of_taps, of_outputs = powers[:, :taps].clone(), powers[:, :tile].clone()
    of_taps[-1], of_outputs[-1] = torch.eye(taps)[-1], torch.eye(tile)[-1]
    return torch.linalg.inv(powers).T, of_taps, of_outputs.T


def _at_tiles(to_points: Tensor, tile: int, tiles: int, size: int) -> Tensor:
    """P of every tile of an axis of ``size`` inputs: (points, tiles, size), float64."""
    p = torch.zeros(len(to_points), tiles, size, dtype=torch.float64)
    for t in range(tiles):
        inputs = min(to_points.shape[1], size - tile * t)
        p[:, t, tile * t : tile * t + inputs] = to_points[:, :inputs]
    return p


def _phases(kernel: Tensor, taps: int, stride: int) -> Tensor:
    """A kernel (O, C, k, k) by phase, float64: (O, C, taps, s, taps, s)."""
    side = kernel.shape[2]
    padded = kernel.new_zeros(*kernel.shape[:2], taps * stride, taps * stride, dtype=torch.float64)
    padded[:, :, :side, :side] = kernel
    return padded.unflatten(3, (taps, stride)).unflatten(2, (taps, stride))


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
        to_points, of_taps, to_output = _filter(taps, tile)
        self._points, self._stride = len(to_points), stride
        self._size, self._output = size, (size - side) // stride + 1
        self._tiles = -(-self._output // tile)
        blocks = -(-size // stride)
        p = torch.zeros(self._points, self._tiles, stride, blocks, stride, dtype=torch.float64)
        for phase in range(stride):
            p[:, :, phase, :, phase] = _at_tiles(to_points, tile, self._tiles, blocks)
        q = torch.zeros(self._output, self._points, self._tiles, dtype=torch.float64)
        for t in range(self._tiles):
            for place in range(min(tile, self._output - tile * t)):
                q[tile * t + place, :, t] = to_output[place]
        of_taps = of_taps.to(kernel.device)
        kernels = torch.einsum("yj,ocjpkq,xk->yxpqco", of_taps, _phases(kernel, taps, stride), of_taps)
        self._p, self._q = p.flatten(3)[..., :size].flatten(0, 2).to(kernel), q.flatten(1).to(kernel)
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


class RowFilter:
    """The adjoint of a convolution of few input channels, with minimal filtering of the rows.

    Args:
        kernel: (O, C, k, k).
        size: h = w of the convolution's output.
        stride: s.
        tile: rows of that output which share their points.
        batch: number of maps.

    Attributes:
        rows: where the maps (batch, h, w, O) that ``adjoint`` takes have to be written: row y is
            ``rows[y % tile][:, y // tile]``.

    Raises:
        ValueError: ``tile`` needs more than 8 points.
    """

    def __init__(self, kernel: Tensor, size: int, stride: int, tile: int, batch: int):
        outputs, channels, side, _ = kernel.shape
        self._taps = -(-side // stride)
        to_points, of_taps, to_output = _filter(self._taps, tile)
        points, tiles = len(to_points), -(-size // tile)
        self._side, self._block = size + self._taps - 1, (stride, stride, channels)  # of blocks of pixels; of a block
        p = _at_tiles(to_points, tile, tiles, self._side)
        kernels = torch.einsum("yj,ocjpkq->yokpqc", of_taps.to(kernel.device), _phases(kernel, self._taps, stride))
        self._kernels = kernels.flatten(2).to(kernel.dtype)  # (points, O, taps * s * s * C)
        self._from_points, self._of_tile = p.flatten(0, 1).T.to(kernel), to_output.T.to(kernel)
        self._tiled = kernel.new_zeros(tile, batch, tiles, size, outputs)  # rows beyond the maps stay 0
        self.rows = [rows[:, : len(range(j, size, tile))] for j, rows in enumerate(self._tiled)]
        self._at_points = kernel.new_empty(points, batch * tiles * size, outputs)
        self._products = kernel.new_empty(points, batch * tiles * size, self._kernels.shape[2])
        self._columns = kernel.new_empty(batch, points, tiles, self._side, self._kernels.shape[2] // self._taps)

    def adjoint(self) -> Tensor:
        """The maps transposed: (batch, H', H', C), H' = s (h + taps - 1); beyond H it is 0 but for rounding."""
        tile, batch, tiles, size, _ = self._tiled.shape
        torch.mm(self._of_tile, self._tiled.view(tile, -1), out=self._at_points.view(len(self._at_points), -1))
        torch.bmm(self._at_points, self._kernels, out=self._products)
        products = self._products.view(-1, batch, tiles, size, self._taps, self._columns.shape[4])
        self._columns.zero_()
        for tap in range(self._taps):
            self._columns[:, :, :, tap : tap + size] += products[..., tap, :].transpose(0, 1)
        x = self._from_points @ self._columns.flatten(3).flatten(1, 2)  # (batch, blocks, blocks * s * s * C)
        x = x.view(batch, self._side, self._side, *self._block).transpose(2, 3)
        return x.flatten(3, 4).flatten(1, 2)
