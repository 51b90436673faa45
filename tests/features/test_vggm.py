"""VGG-M, its back-propagation as a linear map, and the regulariser's gradients at input, conv1 and features."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tracker.dat.attention import gradient_maps, head_gradients, regulariser
from tracker.dat.head import Head
from tracker.dat.learning import Learner
from tracker.dat.params import FAST, PAPER
from tracker.features.jacobian.linearisation import CHUNK, POINTS, Linearisation
from tracker.features.samples import Samples
from tracker.features.vggm import FEATURES, PAD, VGGM, normalise_channels

TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-3}
COUNT = CHUNK + 3  # a full chunk, and a part of one
HIDDEN = 24


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    result = {}
    for i, (outputs, inputs, k) in enumerate(((96, 3, 7), (256, 96, 5), (512, 256, 3)), 1):
        kernel = torch.randn(outputs, inputs, k, k, generator=generator) * (2 / (inputs * k * k)) ** 0.5
        result[f"conv{i}.weight"] = kernel.to(dtype)
        result[f"conv{i}.bias"] = (torch.randn(outputs, generator=generator) / 10).to(dtype)
    return result


def crops(count=COUNT):
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand(count, 3, 14, 14, generator=generator)
    images = F.interpolate(coarse, (107, 107), mode="bicubic").clamp(0, 1) * 255
    return images.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def conv1_of(pixels, w):
    return F.conv2d(pixels, w["conv1.weight"], w["conv1.bias"], 2)


def features_of(conv1, w):
    """The published network in PyTorch's own operators."""
    x = conv1
    for i in (2, 3):
        x = F.max_pool2d(F.local_response_norm(x.relu(), 5, alpha=5e-4, beta=0.75, k=2.0), 3, 2)
        x = F.conv2d(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"], 2 if i == 2 else 1)
    return x.relu().permute(0, 2, 3, 1).flatten(1)


def pixels_of(images, dtype):
    return (images.to(dtype) - 128).permute(0, 3, 1, 2)


def relative(a, b):
    return float((a - b).abs().max() / b.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normalisation_equals_pytorchs(dtype):
    x = torch.randn(3, 5, 4, 12, generator=torch.Generator().manual_seed(0), dtype=dtype) * 60  # (N, H, W, C)
    padded = F.pad(x, (0, PAD))
    ours = normalise_channels(padded, torch.empty_like(padded), torch.empty_like(padded))
    theirs = F.local_response_norm(x.permute(0, 3, 1, 2), 5, alpha=5e-4, beta=0.75, k=2.0).permute(0, 2, 3, 1)
    assert relative(theirs, x) > 0.1
    assert relative(ours, theirs) < (1e-6 if dtype == torch.float32 else 1e-14)


def test_features_equal_those_of_pytorchs_operators():
    images, w = crops(), weights()
    ours = VGGM(w).features(images)
    assert ours.shape == (COUNT, 512 * 3 * 3)
    assert relative(ours, features_of(conv1_of(pixels_of(images, torch.float32), w), w)) < 1e-5


def test_crops_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 3, 107, 107\); expected \(N, 107, 107, 3\)"):
        VGGM(weights()).features(torch.zeros(1, 3, 107, 107))


@pytest.mark.slow
@pytest.mark.parametrize("at", POINTS)
def test_maps_and_their_gradient_equal_autograds(at):
    images, w = crops(), weights(torch.float64)
    network = VGGM(w, dtype=torch.float64)
    linear = Linearisation(network, at, COUNT).fix(images, network.features(images))
    pixels = pixels_of(images, torch.float64).requires_grad_()
    conv1 = conv1_of(pixels, w)
    output = features_of(conv1, w)
    leaf = pixels if at == "input" else conv1
    generator = torch.Generator().manual_seed(3)
    seeds = torch.randn(2, COUNT, FEATURES, generator=generator, dtype=torch.float64).requires_grad_()
    factors = torch.randn(2, COUNT, leaf[0, 0].numel(), generator=generator, dtype=torch.float64)
    back = [torch.autograd.grad(output, leaf, seed, create_graph=True)[0] for seed in seeds]  # (N, C, H, W) each
    for sign in (1, -1):
        expected = torch.stack([(sign * one).relu().sum(1).flatten(1) for one in back])
        ours = linear.maps(sign * seeds)
        assert relative(ours, expected) < 1e-12
        gradients = [
            torch.autograd.grad((maps * factors).sum(), seeds, retain_graph=True)[0] for maps in (ours, expected)
        ]
        assert relative(*gradients) < 1e-10


def problem(dtype):
    """Images, their features, classes, dropout factors and a head whose attention is neither dead nor saturated."""
    images, w = crops(4), weights(dtype)
    network = VGGM(w, dtype=dtype)
    features = network.features(images)
    generator = torch.Generator().manual_seed(5)
    head = Head(FEATURES, HIDDEN, np.random.default_rng(5), dtype=dtype)
    head.layers.w5.mul_(30)
    head.layers.w6.mul_(30)
    dropout = tuple(2 * (torch.rand(4, HIDDEN, generator=generator) < 0.5).to(dtype) for _ in range(2))
    return images, w, network, features, head, dropout


POSITIVES = 2


def attention_at(at, network, count):
    """Attention as ``tracker.dat.backbone`` makes it: of a scale that keeps the regulariser's epsilon out of it."""
    linear = None if at == "features" else Linearisation(network, at, count)

    def maps(gradients, samples):
        if linear is None:
            found = gradient_maps(gradients, 9)
        else:
            found = linear.fix(samples.crops, samples.features).maps(gradients)
        return found / found.detach().mean()

    return maps


def our_gradient(at, images, network, features, head, dropout):
    params = replace(PAPER, hidden=HIDDEN, attention_weight=5.0)
    learner = Learner(head, attention_at(at, network, len(images)), params, None)
    learner._gradients.fill_(torch.nan)  # nothing of an earlier gradient may be left
    return learner.gradient(Samples(features, images), POSITIVES, dropout)[1][0]


def double_backward_gradient(at, images, w, head, dropout):
    """Eq. 5 as it is written: attention is the gradient of a score, the loss back-propagates through it."""
    leaves = [layer.clone().requires_grad_() for layer in head.layers]
    w4, b4, w5, b5, w6, b6 = leaves

    def logits(x, first=1, second=1):
        return (F.linear(F.linear(x, w4, b4).relu() * first, w5, b5).relu() * second) @ w6.t() + b6

    pixels = pixels_of(images, head.weights.dtype).requires_grad_()
    conv1 = conv1_of(pixels, w)
    features = features_of(conv1, w)
    positive = torch.arange(len(images)) < POSITIVES
    leaf = {"input": pixels, "conv1": conv1, "features": features}[at]
    scores = logits(features)
    penalty = 0
    for own, rows in ((1, positive), (0, ~positive)):
        maps = {}
        for column in (0, 1):
            attention = torch.autograd.grad(scores[:, column].sum(), leaf, create_graph=True)[0]
            attention = attention.unflatten(1, (3, 3, 512)).permute(0, 3, 1, 2) if at == "features" else attention
            maps[column] = attention[rows].clamp(min=0).sum(1).flatten(1)
        mean = {column: m.mean(1).sum() for column, m in maps.items()}
        deviation = {column: m.std(1, unbiased=False).sum() for column, m in maps.items()}
        penalty = penalty + deviation[own] / mean[own] + mean[1 - own] / deviation[1 - own]
    classification = F.cross_entropy(logits(features.detach(), *dropout), positive.long(), reduction="sum")
    return torch.autograd.grad(classification + 5 * penalty, leaves)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("at", ["input", "conv1", "features"])
def test_gradient_of_the_joint_loss_equals_a_double_backward(at, dtype):
    images, w, network, features, head, dropout = problem(dtype)
    ours = our_gradient(at, images, network, features, head, dropout)
    theirs = double_backward_gradient(at, images, w, head, dropout)
    assert max(relative(a, b) for a, b in zip(ours, theirs, strict=True)) < TOLERANCE[dtype]


class Regulariser:
    """R of eqs. 3-4 for the samples of ``problem``: its value, and the gradient that the learner makes of it alone."""

    def __init__(self, at, dtype):
        images, _, network, features, self.head, _ = problem(dtype)
        self.samples = Samples(features, images)
        linear = None if at == "features" else Linearisation(network, at, len(images)).fix(images, features)
        self.scale = None

        def maps(gradients, _):
            found = gradient_maps(gradients, 9) if linear is None else linear.maps(gradients)
            self.scale = self.scale or 1 / float(found.detach().mean())  # one and the same for all that is compared
            return found * self.scale

        self.learner = Learner(self.head, maps, replace(FAST, hidden=HIDDEN, attention_weight=1.0), None)

    def value(self):
        head, features = self.head, self.samples.features
        gradients = head_gradients(head, head.activations(head.forward(features).z4)).features
        return float(regulariser(self.learner.attention(gradients, self.samples), POSITIVES))

    def gradient(self):
        out = self.head.split(torch.zeros_like(self.head.weights))
        self.learner._add_penalty(self.samples, self.head.forward(self.samples.features).z4, POSITIVES, out)
        return out


@pytest.mark.parametrize("at", ["input", "conv1", "features"])
def test_gradient_of_the_regulariser_agrees_with_finite_differences(at):
    penalty = Regulariser(at, torch.float64)
    gradients = penalty.gradient()
    generator = torch.Generator().manual_seed(7)
    for parameter, gradient in list(zip(penalty.head.layers, gradients, strict=True))[::2]:
        assert float(gradient.abs().max()) > 0
        # Along its own gradient a step cannot vanish in noise; the random part makes the test one of direction.
        scale = float(gradient.norm()) / parameter.numel() ** 0.5
        direction = gradient + scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        step = 1e-7 * float(parameter.norm() / direction.norm())  # small enough to cross no kink
        values = []
        for sign in (1, -1):
            parameter += sign * step * direction
            values.append(penalty.value())
            parameter -= sign * step * direction
        numerical = (values[0] - values[1]) / (2 * step)
        assert numerical == pytest.approx(float((gradient * direction).sum()), rel=1e-5)


def test_the_regulariser_alone_trains_the_head_through_the_convolutions():
    penalty = Regulariser("input", torch.float32)
    before = penalty.head.weights.clone()
    values = []
    for _ in range(3):
        values.append(penalty.value())
        for parameter, gradient in list(zip(penalty.head.layers, penalty.gradient(), strict=True))[::2]:
            parameter -= 0.02 * parameter.norm() * gradient / gradient.norm()
    assert values[2] < values[1] < values[0]
    changed = penalty.head.split(before != penalty.head.weights)
    assert [bool(layer.any()) for layer in changed] == [True, False] * 3


def test_maps_do_not_depend_on_the_batch():
    images, network = crops(), VGGM(weights())
    seeds = torch.randn(2, COUNT, FEATURES, generator=torch.Generator().manual_seed(4))
    linear = Linearisation(network, "conv1", COUNT)
    features = network.features(images)
    together = linear.fix(images, features).maps(seeds)
    assert together.shape == (2, COUNT, 51 * 51) and float(together.min()) >= 0
    alone = linear.fix(images[-1:], features[-1:]).maps(seeds[:, -1:])
    np.testing.assert_allclose(alone[:, 0].numpy(), together[:, -1].numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("count", [5, 2, 1, 0])
def test_threads_share_the_crops(count):
    """Three threads, some of which may have fewer crops than others or none."""
    images, network = crops(count), VGGM(weights())
    features = network.features(images)
    generator = torch.Generator().manual_seed(4)
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        try:
            linear = Linearisation(network, "input", 5).fix(images, features)
            seeds = torch.randn(2, count, FEATURES, generator=generator.manual_seed(4)).requires_grad_()
            maps = linear.maps(seeds)
            (gradient,) = torch.autograd.grad(maps.square().sum(), seeds)
            assert len(linear._shares) == torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(1)
        found.append((maps.detach(), gradient))
    for alone, shared in zip(*found, strict=True):
        assert alone.shape == shared.shape
        torch.testing.assert_close(shared, alone, rtol=1e-3, atol=1e-4 * float(alone.abs().max() if count else 0))


def test_a_share_that_fails_is_told_when_all_have_ended():
    torch.set_num_threads(2)
    try:
        linear = Linearisation(VGGM(weights()), "conv1", 2).fix(crops(2), torch.ones(2, FEATURES))
        failed, ended = threading.Event(), []

        def work(share, rows):
            if rows.start == 0:
                failed.set()
                raise MemoryError("one share")
            assert failed.wait(60)
            time.sleep(0.1)  # time for the failure to be told too early, if it can
            ended.append(rows)

        with pytest.raises(MemoryError, match="one share"):
            linear._spread(work)
        assert ended == [slice(1, 2)] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_samples_have_to_be_those_of_the_crops():
    linear = Linearisation(VGGM(weights()), "conv1", 3)
    with pytest.raises(ValueError, match="features are those of 1 crops, there are 2"):
        linear.fix(crops(2), torch.ones(1, FEATURES))
    linear.fix(crops(2), torch.ones(2, FEATURES))
    for count in (1, 3):
        with pytest.raises(ValueError, match=f"{count} samples do not fit the 2 crops"):
            linear.maps(torch.ones(2, count, FEATURES))


def test_moving_on_before_backward_is_refused():
    linear = Linearisation(VGGM(weights()), "conv1", 2)
    seeds = torch.ones(2, 2, FEATURES, requires_grad=True)
    features = torch.ones(2, FEATURES)
    maps = linear.fix(crops(2), features).maps(seeds)
    linear.fix(crops(2), features)
    with pytest.raises(RuntimeError, match="fixed to other crops"):
        maps.sum().backward()


def test_wrong_point_and_too_many_crops_are_refused():
    with pytest.raises(ValueError, match="at is 'conv2'; expected one of input, conv1"):
        Linearisation(VGGM(weights()), "conv2", 2)
    with pytest.raises(ValueError, match="3 crops exceed the capacity of 2"):
        Linearisation(VGGM(weights()), "conv1", 2).fix(crops(3), torch.ones(3, FEATURES))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none")
def test_cuda_gives_the_same_maps():
    """In float64: float32 moves a few of the gates, on any device."""
    images, w = crops(), weights(torch.float64)
    seeds = torch.randn(2, COUNT, FEATURES, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    maps = []
    for device in ("cpu", "cuda"):
        network = VGGM(w, device, torch.float64)
        linear = Linearisation(network, "input", COUNT).fix(images, network.features(images))
        maps.append(linear.maps(seeds.to(device)).cpu())
    assert relative(maps[1], maps[0]) < 1e-10
