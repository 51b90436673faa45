"""fc4 to fc6: the online classifier of MDNet and DAT on frozen features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tracker.core.timing import stage
from tracker.dat.params import FAST, Params


class Layers(NamedTuple):
    """Weights (outputs, inputs) and biases (outputs,) of the layers, or the gradients of a loss in them."""

    w4: Tensor
    b4: Tensor
    w5: Tensor
    b5: Tensor
    w6: Tensor
    b6: Tensor


class Activations(NamedTuple):
    """What a pass without dropout leaves behind for attention: the ReLU masks, (N, hidden) bool each."""

    mask4: Tensor
    mask5: Tensor


class Pass(NamedTuple):
    """What a pass with dropout leaves behind for ``Head.backward``.

    Attributes:
        z4: (N, hidden), output of fc4 before ReLU and dropout.
        h4: (N, hidden), input of fc5.
        h5: (N, hidden), input of fc6.
        logits: (N, 2).
    """

    z4: Tensor
    h4: Tensor
    h5: Tensor
    logits: Tensor


class Head:
    """Three fully connected layers; output 0 is background, output 1 is target.

    Args:
        inputs: length D of a sample's features.
        hidden: width of fc4 and fc5.
        rng: source of the initial weights.
        device: where the weights live.
        dtype: float32, or float64 to check gradients.
        params: deviations and biases of the initial weights.

    Attributes:
        weights: (P,), all weights and biases.
        layers: views of them.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        rng: np.random.Generator,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        params: Params = FAST,
    ):
        self._shapes = ((hidden, inputs), (hidden,), (hidden, hidden), (hidden,), (2, hidden), (2,))
        self.weights = torch.empty(sum(map(_size, self._shapes)), dtype=dtype, device=device)
        self.layers = self.split(self.weights)
        deviations = params.fc4_deviation, params.fc5_deviation, params.fc6_deviation
        biases = params.hidden_bias, params.hidden_bias, 0.0
        for weight, bias, deviation, value in zip(self.layers[::2], self.layers[1::2], deviations, biases, strict=True):
            weight.copy_(torch.from_numpy(rng.standard_normal(weight.shape, np.float32) * np.float32(deviation)))
            bias.fill_(value)

    def split(self, flat: Tensor) -> Layers:
        """Views of a vector (P,), laid out as ``weights``."""
        parts = flat.split([_size(shape) for shape in self._shapes])
        return Layers(*(part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)))

    def forward(self, features: Tensor, dropout: tuple[Tensor, Tensor] | None = None) -> Pass:
        """Class scores of features (N, D).

        Args:
            features: the samples.
            dropout: factors of the outputs of fc4 and fc5, (N, hidden) each; None switches dropout off.
        """
        w4, b4, w5, b5, w6, b6 = self.layers
        z4 = torch.addmm(b4, features, w4.t())  # (N, hidden)
        h4 = z4.relu()
        h4 = h4 if dropout is None else h4 * dropout[0]
        h5 = torch.addmm(b5, h4, w5.t()).relu()  # (N, hidden)
        h5 = h5 if dropout is None else h5 * dropout[1]
        return Pass(z4, h4, h5, torch.addmm(b6, h5, w6.t()))

    def backward(
        self, features: Tensor, passed: Pass, gradient: Tensor, dropout: tuple[Tensor, Tensor] | None, out: Layers
    ) -> None:
        """Write the gradient of a loss in the weights to ``out``, given that in the logits, (N, 2), of a pass."""
        w5, w6 = self.layers.w5, self.layers.w6
        z5 = (gradient @ w6).mul_(passed.h5 > 0)  # (N, hidden)
        z5 = z5 if dropout is None else z5.mul_(dropout[1])
        z4 = (z5 @ w5).mul_(passed.z4 > 0)
        z4 = z4 if dropout is None else z4.mul_(dropout[0])
        for outgoing, incoming, weight, bias in (
            (gradient, passed.h5, out.w6, out.b6),
            (z5, passed.h4, out.w5, out.b5),
            (z4, features, out.w4, out.b4),
        ):
            torch.mm(outgoing.t(), incoming, out=weight)
            torch.sum(outgoing, 0, out=bias)

    @torch.no_grad()
    def activations(self, z4: Tensor) -> Activations:
        """ReLU masks in a pass without dropout, given the output of fc4 before ReLU, (N, hidden)."""
        z5 = torch.addmm(self.layers.b5, z4.relu(), self.layers.w5.t())
        return Activations(z4 > 0, z5 > 0)

    @stage("head")
    @torch.inference_mode()
    def margins(self, features: Tensor) -> Tensor:
        """Target logit minus background logit, (N,), of features (N, D)."""
        logits = self.forward(features).logits
        return logits[:, 1] - logits[:, 0]


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))
