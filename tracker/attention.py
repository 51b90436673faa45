"""Attention maps from back-propagation and the regulariser of reciprocative learning (paper eqs. 1-5).

The attention of class c is the gradient of its score with respect to the sample, ``A_c = df_c/dI`` (eqs. 1-2), of which
the positive part counts. The head is piecewise linear, so its part of the gradient has a closed form,
``G_c = W4^T D4 W5^T D5 w_c`` with the ReLU masks D4 and D5. The masks are constant almost everywhere: one ordinary
back-propagation through this expression is the regulariser's exact parameter gradient, and no second-order pass is
needed. Below the head nothing is learned, so attention at conv1 or at the input is a linear map of ``G_c``
(``backprop.py``).

Where paper and published code disagree: channels are reduced by summing the positive part (paper; the code sums
squares), a batch is combined as the ratio of sums of sigma and mu (code; the paper's formula is per sample).
"""

from __future__ import annotations

from torch import Tensor

from tracker.head import Activations, Head

EPSILON = 1e-12
"""Added to the denominators' sums and to the variance: a map may vanish altogether."""


def head_gradients(head: Head, activations: Activations) -> Tensor:
    """Gradients of both class scores with respect to the features, in closed form.

    Args:
        head: the classifier.
        activations: of N samples.

    Returns:
        (2, N, D), background first; differentiable in the head's weights.
    """
    v5 = head.w6[:, None, :] * activations.mask5  # (2, N, hidden)
    v4 = (v5 @ head.w5) * activations.mask4  # (2, N, hidden)
    return v4 @ head.w4  # (2, N, D)


def feature_maps(gradients: Tensor, cells: int) -> Tensor:
    """Attention at the features themselves: positive part, summed over channels.

    Args:
        gradients: (2, N, cells * C), all channels of the first cell, then those of the next.
        cells: number of spatial positions.

    Returns:
        (2, N, cells).
    """
    return gradients.relu().unflatten(2, (cells, -1)).sum(dim=3)


def regulariser(maps: Tensor, positive: Tensor) -> Tensor:
    """R of a batch, eqs. 3-4: sigma/mu should be small for a sample's own class and large for the other one.

    Args:
        maps: (2, N, cells), attention of the background (0) and of the target (1).
        positive: (N,) bool, which samples show the target.

    Returns:
        Scalar: R(y=1) of the positives plus R(y=0) of the negatives; a class without samples adds nothing.
    """
    mu = maps.mean(dim=2)  # (2, N)
    sigma = (maps.var(dim=2, unbiased=False) + EPSILON).sqrt()  # (2, N)
    total = maps.new_zeros(())
    for own, other, rows in ((1, 0, positive), (0, 1, ~positive)):
        if rows.any():
            total = total + sigma[own, rows].sum() / (mu[own, rows].sum() + EPSILON)
            total = total + mu[other, rows].sum() / (sigma[other, rows].sum() + EPSILON)
    return total
