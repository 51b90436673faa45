"""Back-propagation through the frozen convolutions as a linear map (paper eq. 1 at the input or at conv1).

The attention of the paper is the gradient of a class score at the network's input; the published code takes it at the
output of conv1, before its ReLU. Below the classifier nothing is learned, so for a given crop the ReLU masks, pooling
choices and the Jacobian of the response normalisation are constants, and the way from the gradient at the features to
the attention is one linear map ``A = J^T G``. The regulariser's parameter gradient needs only its adjoint ``J``. Both
are applied from stored constants: no activation is computed twice and no second-order graph is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tracker.core.errors import InvalidValue
from tracker.features.jacobian.stage import CLASSES, Stage
from tracker.features.jacobian.winograd import RowFilter, Winograd
from tracker.features.vggm import ACTIVATIONS, CROP_SIZE, FEATURES, SHAPE, VGGM

POINTS = {"input": (CROP_SIZE, CROP_SIZE, 3), "conv1": ACTIVATIONS[0]}
CHUNK = 32
"""Largest number of samples that pass conv2 together."""
_PIECE = 1
"""Samples that a processor works on together at conv1, where two gradients of each take a megabyte: they should stay in
the cache. A GPU takes a chunk."""


class _Share:
    """The Jacobian at some of the crops, for one thread at a time; see ``Linearisation``."""

    def __init__(self, network: VGGM, at: str, capacity: int):
        like = network.biases[0]
        self._network, self._at, self._shape = network, at, POINTS[at]
        self._chunk = min(CHUNK, capacity)
        self._piece = self._chunk if like.is_cuda else _PIECE
        self._first = Stage(like, capacity, ACTIVATIONS[0], self._piece)
        self._second = Stage(like, capacity, ACTIVATIONS[1], self._chunk)
        self._alive = like.new_empty((capacity, FEATURES), dtype=torch.bool)
        self._positive = like.new_empty((CLASSES, capacity, *self._shape), dtype=torch.bool)
        self._tangent = like.new_empty(CLASSES * self._piece, *self._shape)
        self._count = 0
        _, kernel, last = network.kernels
        self._conv2 = Winograd(kernel, self._first.pooled[0], stride=2, tile=6, batch=CLASSES * self._chunk)
        self._conv3 = Winograd(last, self._second.pooled[0], stride=1, tile=3, batch=CLASSES * capacity)
        self._conv1 = RowFilter(network.kernels[0], ACTIVATIONS[0][0], stride=2, tile=4, batch=CLASSES * self._piece)
        self._ones = like.new_ones(self._shape[2])

    def fix(self, crops: Tensor, features: Tensor) -> None:
        """Linearise at these crops."""
        self._count = len(crops)
        torch.gt(features, 0, out=self._alive[: len(crops)])
        for rows in _split(slice(0, self._count), self._chunk):
            pooled = []
            for piece in _split(rows, self._piece):
                self._network.conv(0, self._network.normalise(crops[piece]), out=self._first.activation(piece))
                pooled.append(self._first.fix(piece))
            x = self._conv2.forward(torch.cat(pooled)).add_(self._network.biases[1])  # (n, 11, 11, 256)
            torch.clamp(x, min=0, out=self._second.activation(rows))
            self._second.fix(rows)

    def maps(self, gradients: Tensor, out: Tensor) -> None:
        """The positive part of ``J^T G``, summed over channels: gradients (2, N, 4608) to (2, N, H, W)."""
        for rows, attention in self._pull(gradients):  # (2, n, H, W, C)
            torch.gt(self._cropped(attention), 0, out=self._positive[:, rows])
            out[:, rows] = self._cropped(attention.relu_() @ self._ones)

    def adjoint_maps(self, gradient: Tensor, out: Tensor) -> None:
        """Adjoint of the last ``maps``: (2, N, H, W) to (2, N, 4608)."""
        top = gradient.new_empty(CLASSES, self._count, *self._second.pooled)
        for rows in _split(slice(0, self._count), self._chunk):
            pieces = []
            for piece in _split(rows, self._piece):
                v = self._tangents(gradient, piece)
                if self._at == "input":
                    v = _each(self._forward1, v)  # (2, n, 51, 51, 96)
                pieces.append(self._first.push(piece, v))
            v = _each(self._conv2.forward, torch.cat(pieces, 1))  # (2, n, 11, 11, 256)
            top[:, rows] = self._second.push(rows, v)  # (2, n, 5, 5, 256)
        top = _each(self._conv3.forward, top)  # (2, N, 3, 3, 512)
        torch.mul(top.flatten(2), self._alive[: self._count], out=out)

    def _pull(self, gradients: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Gradients (K, N, 4608) at the chosen point, a few samples at a time; each piece is valid until the next.

        Pieces (K, n, H, W, C) may have a row and a column too many.
        """
        top = (gradients * self._alive[: self._count]).unflatten(2, SHAPE)  # (K, N, 3, 3, 512)
        top = _each(self._conv3.adjoint, top)  # (K, N, 5, 5, 256)
        for rows in _split(slice(0, self._count), self._chunk):
            g = self._second.pull(rows, top[:, rows])  # (K, n, 11, 11, 256)
            g = _each(self._conv2.adjoint, g)  # (K, n, 25, 25, 96)
            for piece in _split(rows, self._piece):
                at_pooled = g[:, piece.start - rows.start : piece.stop - rows.start]
                if self._at == "conv1":
                    yield piece, self._first.pull(piece, at_pooled)
                else:
                    yield piece, self._pull_pixels(piece, at_pooled)

    def _pull_pixels(self, rows: slice, gradient: Tensor) -> Tensor:
        """From the first pooled output (K, n, 25, 25, 96) to (K, n, 108, 108, 3), a row and a column too many."""
        sizes = gradient.shape[:2]
        self._first.pull_rows(rows, gradient, [part[: sizes.numel()].unflatten(0, sizes) for part in self._conv1.rows])
        return self._conv1.adjoint()[: sizes.numel()].unflatten(0, sizes)

    def _cropped(self, piece: Tensor) -> Tensor:
        """A piece of ``_pull`` (K, n, H, W, ...) without a row and a column too many."""
        return piece[:, :, : self._shape[0], : self._shape[1]]

    def _forward1(self, x: Tensor) -> Tensor:
        """conv1 without bias: (N, 107, 107, 3) to (N, 51, 51, 96)."""
        y = F.conv2d(x.permute(0, 3, 1, 2), self._network.kernels[0], stride=2)
        return y.permute(0, 2, 3, 1).contiguous()

    def _tangents(self, gradient: Tensor, rows: slice) -> Tensor:
        """Adjoint of the last sum over channels: (2, N, H, W) to (2, n, H, W, C); valid until the next call."""
        positive = self._positive[:, rows].view(torch.uint8)
        into = self._tangent[: positive.shape[0] * positive.shape[1]].view(positive.shape)
        return torch.mul(gradient[:, rows, :, :, None], positive, out=into)


class Linearisation:
    """J, the Jacobian of the conv3 features with respect to the input or conv1, at fixed crops.

    One object serves a whole training: ``fix`` moves it to other crops within the same buffers. Crops are independent,
    so each of torch's threads works on a share of them; results for another number of threads differ by rounding.

    Args:
        network: the frozen convolutions.
        at: "input" for the paper's attention, on 107 x 107 cells of 3 channels; "conv1" for the published code's,
            before the ReLU, on 51 x 51 cells of 96 channels.
        capacity: largest number of crops.

    Raises:
        ValueError: ``at`` is neither.
    """

    def __init__(self, network: VGGM, at: str, capacity: int):
        if at not in POINTS:
            raise InvalidValue(f"at is {at!r}; expected one of {', '.join(POINTS)}")
        self.capacity, self.shape = capacity, POINTS[at]
        threads = max(1, min(torch.get_num_threads(), capacity)) if network.device.type == "cpu" else 1
        self._shares = [_Share(network, at, -(-capacity // threads)) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads)
        self._version = self._count = 0

    def __len__(self) -> int:
        return self._count

    def fix(self, crops: Tensor, features: Tensor) -> Linearisation:
        """Linearise at RGB crops (N, 107, 107, 3), of which ``VGGM.features`` gave (N, 4608); returns itself.

        Raises:
            ValueError: more crops than the capacity, or features of another number of crops.
        """
        if len(crops) > self.capacity:
            raise InvalidValue(f"{len(crops)} crops exceed the capacity of {self.capacity}")
        if len(features) != len(crops):
            raise InvalidValue(f"features are those of {len(features)} crops, there are {len(crops)}")
        self._version, self._count = self._version + 1, len(crops)
        self._spread(lambda share, rows: share.fix(crops[rows], features[rows]))
        return self

    def maps(self, gradients: Tensor) -> Tensor:
        """Attention maps: the positive part of ``J^T G``, summed over channels.

        Args:
            gradients: (2, N, 4608) of the class scores at the features; the result is differentiable in them, until
                ``fix`` is called again.

        Returns:
            (2, N, H * W).

        Raises:
            ValueError: N is not the number of crops.
        """
        if gradients.shape[1] != self._count:
            raise InvalidValue(f"{gradients.shape[1]} samples do not fit the {self._count} crops of the last fix()")
        return _Maps.apply(gradients, self)  # type: ignore[no-untyped-call]

    def _spread(self, work: Callable[[_Share, slice], None]) -> None:
        """Do the work of all shares, each in a thread of its own."""
        size = max(1, -(-self._count // len(self._shares)))
        tasks = list(zip(self._shares, _split(slice(0, self._count), size), strict=False))
        run = torch.no_grad()(work)  # in each thread: the mode of this one does not reach them
        threads = torch.get_num_threads()
        if len(tasks) <= 1 or threads == 1:
            for task in tasks:
                run(*task)
            return
        torch.set_num_threads(1)
        try:
            running = [self._pool.submit(run, *task) for task in tasks]
            wait(running)
        finally:
            torch.set_num_threads(threads)
        for one in running:
            one.result()


def _split(rows: slice, size: int) -> list[slice]:
    return [slice(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size)]


def _each(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of (N, ...) on (K, n, ...)."""
    return function(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class _Maps(torch.autograd.Function):
    """Positive part of ``J^T G`` summed over channels; backward is one application of ``J``."""

    @staticmethod
    def forward(ctx: Any, gradients: Tensor, linearisation: Linearisation) -> Tensor:
        maps = gradients.new_empty(*gradients.shape[:2], *linearisation.shape[:2])
        linearisation._spread(lambda share, rows: share.maps(gradients[:, rows], maps[:, rows]))
        ctx.linearisation, ctx.version = linearisation, linearisation._version
        return maps.flatten(2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        linearisation = ctx.linearisation
        if ctx.version != linearisation._version:
            raise RuntimeError("the linearisation was fixed to other crops before backward(); call backward() first")
        gradient = gradient.unflatten(2, linearisation.shape[:2])  # (2, N, H, W)
        result = gradient.new_empty(*gradient.shape[:2], FEATURES)
        linearisation._spread(lambda share, rows: share.adjoint_maps(gradient[:, rows], result[:, rows]))
        return result, None
