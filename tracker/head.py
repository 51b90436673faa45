"""fc4 to fc6: the online classifier of MDNet and DAT on frozen features."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tracker.stages import stage

DEVIATIONS = (0.01, 0.044, 0.01)
"""Standard deviations of the initial weights; py-MDNet: 0.01, but features here have another scale than VGG-M's."""
BIASES = (0.1, 0.1, 0.0)


class Activations(NamedTuple):
    """What a pass without dropout leaves behind for attention: the ReLU masks, (N, hidden) bool each."""

    mask4: Tensor
    mask5: Tensor


class Head:
    """Three fully connected layers; output 0 is background, output 1 is target.

    Args:
        inputs: length D of a sample's features.
        hidden: width of fc4 and fc5.
        generator: source of the initial weights, on the CPU.
        device: where the weights live.

    Attributes:
        w4, b4, w5, b5, w6, b6: the weights (outputs, inputs) and biases (outputs,), in float32.
    """

    def __init__(self, inputs: int, hidden: int, generator: torch.Generator, device: torch.device | str = "cpu"):
        sizes = ((hidden, inputs), (hidden, hidden), (2, hidden))
        weights = [
            (torch.randn(size, generator=generator) * deviation).to(device).requires_grad_()
            for size, deviation in zip(sizes, DEVIATIONS, strict=True)
        ]
        biases = [
            torch.full(size[:1], bias, device=device).requires_grad_() for size, bias in zip(sizes, BIASES, strict=True)
        ]
        self.w4, self.w5, self.w6 = weights
        self.b4, self.b5, self.b6 = biases

    @property
    def parameters(self) -> list[Tensor]:
        """w4, b4, w5, b5, w6, b6."""
        return [self.w4, self.b4, self.w5, self.b5, self.w6, self.b6]

    def logits(self, features: Tensor, dropout: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Class scores (N, 2) of features (N, D).

        Args:
            features: the samples.
            dropout: factors of the outputs of fc4 and fc5, (N, hidden) each; None switches dropout off.
        """
        h4 = torch.addmm(self.b4, features, self.w4.t()).relu()  # (N, hidden)
        h4 = h4 if dropout is None else h4 * dropout[0]
        h5 = torch.addmm(self.b5, h4, self.w5.t()).relu()  # (N, hidden)
        h5 = h5 if dropout is None else h5 * dropout[1]
        return torch.addmm(self.b6, h5, self.w6.t())  # (N, 2)

    @torch.no_grad()
    def activations(self, features: Tensor) -> Activations:
        """ReLU masks of features (N, D) in a pass without dropout."""
        h4 = torch.addmm(self.b4, features, self.w4.t()).relu_()
        z5 = torch.addmm(self.b5, h4, self.w5.t())
        return Activations(h4 > 0, z5 > 0)

    @stage("head")
    @torch.inference_mode()
    def margins(self, features: Tensor) -> Tensor:
        """Target logit minus background logit, (N,), of features (N, D)."""
        logits = self.logits(features)
        return logits[:, 1] - logits[:, 0]
