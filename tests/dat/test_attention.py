"""Attention and regulariser: small cases by hand, gradients against PyTorch's double back-propagation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tracker.dat.attention import add_penalty_gradient, evidence_maps, gradient_maps, head_gradients, regulariser
from tracker.dat.head import Head

COUNT, CELLS, CHANNELS, HIDDEN = 5, 4, 3, 8
POSITIVES = 2


@pytest.fixture
def head():
    """Weights large enough for units of both layers to be alive in some samples and dead in others."""
    head = Head(CELLS * CHANNELS, HIDDEN, np.random.default_rng(3), dtype=torch.float64)
    for weight in head.layers[::2]:
        weight.div_(weight.std())
    return head


@pytest.fixture
def features():
    return torch.randn(COUNT, CELLS * CHANNELS, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def scores(layers, x):
    """Class scores (N, 2), in PyTorch's own operators."""
    w4, b4, w5, b5, w6, b6 = layers
    return F.linear(F.linear(F.linear(x, w4, b4).relu(), w5, b5).relu(), w6, b6)


def by_autograd(layers, features):
    """(2, N, D), gradients of both class scores, differentiable in the weights."""
    leaf = features.clone().requires_grad_()
    result = scores(layers, leaf)
    return torch.stack([torch.autograd.grad(result[:, c].sum(), leaf, create_graph=True)[0] for c in (0, 1)])


def test_gradients_of_both_scores_are_autograds(head, features):
    activations = head.activations(head.forward(features).z4)
    alive = torch.stack([activations.mask4, activations.mask5]).double().mean(dim=(1, 2))
    assert ((alive > 0.2) & (alive < 0.8)).all()  # the masks matter
    found = head_gradients(head, activations)
    torch.testing.assert_close(found.features, by_autograd(head.layers, features), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(found.features[0], -found.features[1], atol=0.1)


def test_a_penaltys_gradient_is_that_of_a_double_backward_and_is_added(head, features):
    penalty = torch.randn(2, COUNT, CELLS * CHANNELS, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    leaves = [layer.clone().requires_grad_() for layer in head.layers]
    expected = torch.autograd.grad((by_autograd(leaves, features) * penalty).sum(), leaves[::2])
    out = head.split(torch.full_like(head.weights, 7.0))
    activations = head.activations(head.forward(features).z4)
    add_penalty_gradient(head, activations, head_gradients(head, activations), penalty, out)
    for found, wanted in zip(out[::2], expected, strict=True):
        torch.testing.assert_close(found - 7, wanted, rtol=1e-10, atol=1e-10)
    assert all(bool((bias == 7).all()) for bias in out[1::2])


def one_sample(*cells):
    """(2, 1, cells * channels): the same channels of each cell for both classes, those of the target negated."""
    values = torch.tensor(cells, dtype=torch.float64).flatten()
    return torch.stack([values, -values])[:, None]


def test_attention_at_features_sums_the_positive_channels_of_each_cell():
    maps = gradient_maps(one_sample([1, -2, 3], [-1, -1, 0.5]), cells=2)
    assert maps.tolist() == [[[4, 0.5]], [[2, 2]]]


def test_evidence_is_the_positive_part_of_each_cells_sum():
    """Not the sum of positive parts: a channel against the class takes from what the others say for it."""
    gradients = one_sample([1, -2, 3], [-1, -1, 0.5])
    features = torch.tensor([[2.0, 1.0, 1.0, 1.0, -4.0, 2.0]], dtype=torch.float64)
    # cells of class 0: 2 - 2 + 3 = 3 and -1 + 4 + 1 = 4; class 1 sees the negatives of both
    assert evidence_maps(gradients, features, cells=2).tolist() == [[[3, 4]], [[0, 0]]]
    assert evidence_maps(gradients, -features, cells=2).tolist() == [[[0, 0]], [[3, 4]]]


def maps_of(background, target):
    return torch.tensor([background, target], dtype=torch.float64)


def test_the_regulariser_of_a_positive_and_of_a_negative_by_hand():
    """Maps (1, 3): mu 2, sigma 1 of the population. Maps (0, 8): mu 4, sigma 4."""
    low, high = [1.0, 3.0], [0.0, 8.0]
    as_positive = regulariser(maps_of([low], [high]), positives=1)  # own: target, 4/4; other: background, 2/1
    assert float(as_positive) == pytest.approx(1 + 2, rel=1e-9)
    as_negative = regulariser(maps_of([low], [high]), positives=0)  # own: background, 1/2; other: target, 4/4
    assert float(as_negative) == pytest.approx(0.5 + 1, rel=1e-9)


def test_a_batch_is_the_ratio_of_sums_and_the_classes_are_added():
    """Means of ratios would give 0.75 + 1.5 of the positives."""
    low, high, flat = [1.0, 3.0], [0.0, 8.0], [5.0, 7.0]
    positives = maps_of([low, high], [high, low])
    expected = (4 + 1) / (4 + 2) + (2 + 4) / (1 + 4)
    assert float(regulariser(positives, positives=2)) == pytest.approx(expected, rel=1e-9)
    with_a_negative = maps_of([low, high, flat], [high, low, low])
    assert float(regulariser(with_a_negative, positives=2)) == pytest.approx(expected + 1 / 6 + 2 / 1, rel=1e-9)


def test_maps_that_vanish_or_are_flat_give_finite_values_and_gradients():
    for value in (0.0, 3.0):
        maps = torch.full((2, 3, CELLS), value, dtype=torch.float64, requires_grad=True)
        penalty = regulariser(maps, POSITIVES)
        penalty.backward()
        assert torch.isfinite(penalty) and penalty > 0 and torch.isfinite(maps.grad).all()


def test_a_class_without_samples_adds_nothing():
    maps = maps_of([[1.0, 3.0]], [[0.0, 8.0]])
    assert float(regulariser(maps[:, :0], positives=0)) == 0


def test_float32_maps_give_a_float32_scalar():
    penalty = regulariser(torch.rand(2, 3, CELLS, generator=torch.Generator().manual_seed(0)), POSITIVES)
    assert penalty.shape == () and penalty.dtype == torch.float32
