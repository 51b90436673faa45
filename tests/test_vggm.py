"""VGG-M, its back-propagation as a linear map, and the regulariser's gradients at input, conv1 and features."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tracker.attention import feature_maps, head_gradients, regulariser
from tracker.backprop import CHUNK, POINTS, Linearisation
from tracker.head import Head
from tracker.vggm import FEATURES, VGGM, normalise_channels

TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-3}
COUNT = CHUNK + 3  # a full chunk, and a part of one that ends within a piece
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
    ours = normalise_channels(x, torch.empty_like(x), torch.empty_like(x))
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


@pytest.mark.parametrize("at", POINTS)
def test_pullback_equals_autograd_and_pushforward_is_its_adjoint(at):
    images, w = crops(), weights(torch.float64)
    network = VGGM(w, dtype=torch.float64)
    linear = Linearisation(network, at, COUNT).fix(images, network.features(images))
    pixels = pixels_of(images, torch.float64).requires_grad_()
    conv1 = conv1_of(pixels, w)
    output = features_of(conv1, w)
    generator = torch.Generator().manual_seed(3)
    seeds = torch.randn(2, COUNT, FEATURES, generator=generator, dtype=torch.float64)
    leaf = pixels if at == "input" else conv1
    expected = torch.stack([torch.autograd.grad(output, leaf, seed, retain_graph=True)[0] for seed in seeds])
    ours = linear.pullback(seeds)
    assert relative(ours, expected.permute(0, 1, 3, 4, 2)) < 1e-12
    tangents = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
    left, right = (ours * tangents).sum(), (seeds * linear.pushforward(tangents)).sum()
    assert float(left) == pytest.approx(float(right), rel=1e-10)


def problem(dtype):
    """Images, their features, classes, dropout factors and a head whose attention is neither dead nor saturated."""
    images, w = crops(4), weights(dtype)
    network = VGGM(w, dtype=dtype)
    features = network.features(images)
    generator = torch.Generator().manual_seed(5)
    head = Head(FEATURES, HIDDEN, generator)
    for name in ("w4", "b4", "w5", "b5", "w6", "b6"):
        value = getattr(head, name).detach() * (30 if name.startswith("w") and name != "w4" else 1)
        setattr(head, name, value.to(dtype).requires_grad_())
    positive = torch.tensor([True, True, False, False])
    dropout = tuple(2 * (torch.rand(4, HIDDEN, generator=generator) < 0.5).to(dtype) for _ in range(2))
    return images, w, network, features, head, positive, dropout


def our_loss(at, images, network, features, head, positive, dropout):
    gradients = head_gradients(head, head.activations(features))
    if at == "features":
        maps = feature_maps(gradients, 9)
    else:
        maps = Linearisation(network, at, len(images)).fix(images, features).maps(gradients)
    classification = F.cross_entropy(head.logits(features, dropout), positive.long(), reduction="sum")
    return classification + 5 * regulariser(maps / maps.detach().mean(), positive)


def double_backward_loss(at, images, w, head, positive, dropout):
    """Eq. 5 as it is written: attention is the gradient of a score, the loss back-propagates through it."""
    pixels = pixels_of(images, head.w4.dtype).requires_grad_()
    conv1 = conv1_of(pixels, w)
    features = features_of(conv1, w)
    leaf = {"input": pixels, "conv1": conv1, "features": features}[at]
    scores = head.logits(features)
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
    classification = F.cross_entropy(head.logits(features.detach(), dropout), positive.long(), reduction="sum")
    return classification + 5 * penalty


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("at", ["input", "conv1", "features"])
def test_gradient_of_the_joint_loss_equals_a_double_backward(at, dtype):
    images, w, network, features, head, positive, dropout = problem(dtype)
    ours = torch.autograd.grad(our_loss(at, images, network, features, head, positive, dropout), head.parameters)
    loss = double_backward_loss(at, images, w, head, positive, dropout)
    theirs = torch.autograd.grad(loss, head.parameters)
    assert max(relative(a, b) for a, b in zip(ours, theirs, strict=True)) < TOLERANCE[dtype]


@pytest.mark.parametrize("at", ["input", "conv1", "features"])
def test_gradient_of_the_regulariser_agrees_with_finite_differences(at):
    images, _, network, features, head, positive, _ = problem(torch.float64)
    linear = None if at == "features" else Linearisation(network, at, len(images)).fix(images, features)

    def penalty():
        gradients = head_gradients(head, head.activations(features))
        maps = feature_maps(gradients, 9) if linear is None else linear.maps(gradients)
        return regulariser(maps * 1e4, positive)

    trained = [head.w4, head.w5, head.w6]
    gradients = torch.autograd.grad(penalty(), trained)
    assert all(float(g.abs().max()) > 0 for g in gradients)
    generator = torch.Generator().manual_seed(7)
    for parameter, gradient in zip(trained, gradients, strict=True):
        # Along its own gradient a step cannot vanish in noise; the random part makes the test one of direction.
        scale = float(gradient.norm()) / parameter.numel() ** 0.5
        direction = gradient + scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        step = 1e-7 * float(parameter.detach().norm() / direction.norm())  # small enough to cross no kink
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * step * direction
                values.append(float(penalty()))
                parameter -= sign * step * direction
        numerical = (values[0] - values[1]) / (2 * step)
        assert numerical == pytest.approx(float((gradient * direction).sum()), rel=1e-5)


def test_the_regulariser_alone_trains_the_head_through_the_convolutions():
    images, _, network, features, head, positive, _ = problem(torch.float32)
    linear = Linearisation(network, "input", len(images)).fix(images, features)
    before = [p.detach().clone() for p in head.parameters]
    values = []
    for _ in range(3):
        maps = linear.maps(head_gradients(head, head.activations(features)))
        loss = regulariser(maps / maps.detach().mean(), positive)
        values.append(loss.item())
        gradients = torch.autograd.grad(loss, [head.w4, head.w5, head.w6])
        with torch.no_grad():
            for parameter, gradient in zip((head.w4, head.w5, head.w6), gradients, strict=True):
                parameter -= 0.02 * parameter.norm() * gradient / gradient.norm()
    assert values[2] < values[1] < values[0]
    assert all(not torch.equal(a, b) for a, b in zip(before[::2], head.parameters[::2], strict=True))


def test_maps_do_not_depend_on_the_batch():
    images, network = crops(), VGGM(weights())
    seeds = torch.randn(2, COUNT, FEATURES, generator=torch.Generator().manual_seed(4))
    linear = Linearisation(network, "conv1", COUNT)
    features = network.features(images)
    together = linear.fix(images, features).maps(seeds)
    assert together.shape == (2, COUNT, 51 * 51) and float(together.min()) >= 0
    alone = linear.fix(images[-1:], features[-1:]).maps(seeds[:, -1:])
    np.testing.assert_allclose(alone[:, 0].numpy(), together[:, -1].numpy(), rtol=1e-4, atol=1e-6)


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
    images, seeds = crops(), torch.randn(2, COUNT, FEATURES, generator=torch.Generator().manual_seed(4))
    maps = []
    for device in ("cpu", "cuda"):
        network = VGGM(weights(), device)
        linear = Linearisation(network, "input", COUNT).fix(images, network.features(images))
        maps.append(linear.maps(seeds.to(device)).cpu())
    assert relative(maps[1], maps[0]) < 1e-3
