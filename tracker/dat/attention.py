"""Attention maps from back-propagation and the regulariser of reciprocative learning (paper eqs. 1-4).

The attention of class c is the gradient of its score with respect to the sample, ``A_c = df_c/dI`` (eqs. 1-2), of which
the positive part counts. Where samples are given by signed features the sign of one gradient means nothing; there the
attention of a cell is its evidence, what it adds to the score: its part of ``A_c^T I`` in the expansion of eq. 1.

The head is piecewise linear, so its part of the gradient has a closed form, ``G_c = W4^T D4 W5^T D5 w_c`` with the ReLU
masks D4 and D5. The masks are constant almost everywhere, so the adjoint of this expression gives the regulariser's
exact parameter gradient, and no second-order pass is needed. Below the head nothing is learned, so attention at conv1
or at the input is a linear map of ``G_c`` (``features/jacobian``).

Where paper and published code disagree: channels of gradients are reduced by summing the positive part (paper; the code
sums squares), a batch is combined as the ratio of sums of sigma and mu (code; the paper's formula is per sample).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from tracker.dat.head import Activations, Head, Layers

EPSILON = 1e-12
"""Added to the denominators' sums and to the variance: a map may vanish altogether."""


class HeadGradients(NamedTuple):
    """Gradients of both class scores, background first, of N samples.

    Attributes:
        g5: (2, N, hidden), before the ReLU of fc5.
        g4: (2, N, hidden), before the ReLU of fc4.
        features: (2, N, D), at the features.
    """

    g5: Tensor
    g4: Tensor
    features: Tensor


def head_gradients(head: Head, activations: Activations) -> HeadGradients:
    """Gradients of both class scores in closed form; differentiable in the head's weights."""
    _, _, w5, _, w6, _ = head.layers
    g5 = w6[:, None, :] * activations.mask5  # (2, N, hidden)
    g4 = _times(g5, w5) * activations.mask4  # (2, N, hidden)
    return HeadGradients(g5, g4, _times(g4, head.layers.w4))


def add_penalty_gradient(
    head: Head, activations: Activations, gradients: HeadGradients, penalty: Tensor, out: Layers
) -> None:
    """Add the gradient of a penalty in the head's weights to ``out``, given that in ``gradients.features``, (2, N, D).

    The adjoint of ``head_gradients``; biases only move the masks and have no part in it.
    """
    w4, w5 = head.layers.w4, head.layers.w5
    out.w4.addmm_(gradients.g4.flatten(0, 1).t(), penalty.flatten(0, 1))
    at4 = _times(penalty, w4.t()).mul_(activations.mask4)  # (2, N, hidden)
    out.w5.addmm_(gradients.g5.flatten(0, 1).t(), at4.flatten(0, 1))
    out.w6.add_(_times(at4, w5.t()).mul_(activations.mask5).sum(dim=1))


def _times(batch: Tensor, matrix: Tensor) -> Tensor:
    """(2, N, A) by (A, B) as one matrix product: (2, N, B)."""
    return (batch.flatten(0, 1) @ matrix).unflatten(0, batch.shape[:2])


def gradient_maps(gradients: Tensor, cells: int) -> Tensor:
    """Attention at features that are not negative: the gradient's positive part, summed over channels.

    Args:
        gradients: (2, N, cells * C), all channels of the first cell, then those of the next.
        cells: number of spatial positions.

    Returns:
        (2, N, cells).
    """
    return gradients.relu().unflatten(2, (cells, -1)).sum(dim=3)


def evidence_maps(gradients: Tensor, features: Tensor, cells: int) -> Tensor:
    """Attention at signed features: what each cell adds to the score, where that is positive.

    Args:
        gradients: (2, N, cells * C), all channels of the first cell, then those of the next.
        features: (N, cells * C), of the same layout.
        cells: number of spatial positions.

    Returns:
        (2, N, cells).
    """
    return (gradients * features).unflatten(2, (cells, -1)).sum(dim=3).relu()


def regulariser(maps: Tensor, positives: int) -> Tensor:
    """R of a batch, eqs. 3-4: sigma/mu should be small for a sample's own class and large for the other one.

    Args:
        maps: (2, N, cells), attention of the background (0) and of the target (1).
        positives: how many of the samples, the first ones, show the target.

    Returns:
        Scalar: R(y=1) of the positives plus R(y=0) of the negatives; a class without samples adds nothing.
    """
    mu = maps.mean(dim=2)  # (2, N)
    sigma = (maps.var(dim=2, unbiased=False) + EPSILON).sqrt()  # (2, N)
    total = maps.new_zeros(())
    for own, other, rows in ((1, 0, slice(positives)), (0, 1, slice(positives, None))):
        if mu[own, rows].numel():
            total = total + sigma[own, rows].sum() / (mu[own, rows].sum() + EPSILON)
            total = total + mu[other, rows].sum() / (sigma[other, rows].sum() + EPSILON)
    return total
