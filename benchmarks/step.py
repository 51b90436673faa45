"""One training step of PAPER: the reference formulation against ours, VGG-M shapes, random weights.

Reference formulation, as the published code runs it: for both classes of the positives and of the negatives one forward
pass from the image (four in all), ``autograd.grad(..., create_graph=True)`` at the input or at conv1, the regulariser
on it, and a second back-propagation through the whole network, convolutions included. "Tuned autograd" is the same
without what can be left out: convolutions frozen, one shared forward pass, conv1's output as the leaf, the
normalisation as a sliced sum. Ours: the head's closed form and ``tracker.features.jacobian.linearisation``.

All three time a whole step (constants of the crops, losses, gradients, clipping, SGD) on the same crops, weights and
dropout factors, interleaved. Compare ratios within a run, not seconds between runs.

    python -m benchmarks.step [--threads 2 1] [--repeats 3] [--at input conv1]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import tables
from tracker.dat.head import Head
from tracker.dat.learning import Learner
from tracker.dat.params import PAPER
from tracker.dat.sampling import gaussian
from tracker.features.crops import CropExtractor
from tracker.features.jacobian.linearisation import POINTS, Linearisation
from tracker.features.samples import Samples
from tracker.features.vggm import FEATURES, VGGM

POSITIVES = NEGATIVES = 32
EXACT = 4
"""Positives, and negatives, of the float64 comparison, which is about gradients and not about time."""
PARAMS = replace(PAPER, attention_negatives=NEGATIVES)


@dataclass(frozen=True)
class Problem:
    """What both formulations start from; ``features`` are those of ``crops``, as the sample memory holds them."""

    weights: dict[str, Tensor]
    crops: Tensor
    features: Tensor
    targets: Tensor
    dropout: tuple[Tensor, Tensor]
    head: Head


def random_weights(dtype: torch.dtype) -> dict[str, Tensor]:
    """VGG-M conv1 to conv3 with He's initialisation, which keeps about half of the units alive."""
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for layer, (outputs, inputs, kernel) in enumerate(((96, 3, 7), (256, 96, 5), (512, 256, 3)), 1):
        shape = (outputs, inputs, kernel, kernel)
        scale = (2 / (inputs * kernel**2)) ** 0.5
        weights[f"conv{layer}.weight"] = (torch.randn(shape, generator=generator, dtype=torch.float64) * scale).to(
            dtype
        )
        weights[f"conv{layer}.bias"] = (torch.randn(outputs, generator=generator, dtype=torch.float64) * 0.1).to(dtype)
    return weights


def make_problem(dtype: torch.dtype, positives: int = POSITIVES, negatives: int = NEGATIVES) -> Problem:
    """Smooth random crops, so that pooling and masks behave as on images."""
    generator = torch.Generator().manual_seed(0)
    count = positives + negatives
    coarse = torch.rand(count, 3, 14, 14, generator=generator)
    crops = (F.interpolate(coarse, (107, 107), mode="bicubic").clamp(0, 1) * 255).round().to(torch.uint8)
    crops = crops.permute(0, 2, 3, 1).contiguous()  # (N, 107, 107, 3)
    weights = random_weights(dtype)
    features = VGGM(weights, dtype=dtype).features(crops)
    head = Head(FEATURES, PARAMS.hidden, np.random.default_rng(0), dtype=dtype)
    # Features of random networks have no useful scale; trained ones keep the classifier's units half alive.
    head.layers.w4.div_(features.std())
    dropout = (
        torch.bernoulli(torch.full((count, PARAMS.hidden), 0.5), generator=generator).to(dtype) * 2,
        torch.bernoulli(torch.full((count, PARAMS.hidden), 0.5), generator=generator).to(dtype) * 2,
    )
    return Problem(weights, crops, features, torch.arange(count) < positives, dropout, head)


class Ours:
    """The learner's step, with the linear back-propagation."""

    def __init__(self, problem: Problem, at: str):
        linearisation = Linearisation(VGGM(problem.weights, dtype=problem.features.dtype), at, len(problem.crops))

        def attention(gradients: Tensor, samples: Samples) -> Tensor:
            assert samples.crops is not None
            maps = linearisation.fix(samples.crops, samples.features).maps(gradients)
            # The regulariser is a sum of ratios: a common factor cancels, and keeps tiny gradients off its epsilon.
            return maps / maps.detach().mean()

        self._batch = Samples(problem.features, problem.crops)
        self._problem = problem
        self._learner = Learner(problem.head, attention, PARAMS, np.random.default_rng(0))

    def gradient(self) -> list[Tensor]:
        """Gradient of eq. 5 in the head's weights."""
        problem = self._problem
        return list(self._learner.gradient(self._batch, int(problem.targets.sum()), problem.dropout)[1][0])

    def step(self) -> None:
        """One step of SGD; at rate 0 the weights stay, so that every step solves the same problem."""
        self.gradient()
        self._learner.descend(rate=0.0)


class Autograd:
    """The same step by PyTorch's automatic differentiation of a loss, ``loss(problem, leaves, at)``."""

    def __init__(self, loss: Callable[[Problem, list[Tensor], str], Tensor], problem: Problem, at: str):
        self._leaves = [layer.clone().requires_grad_() for layer in problem.head.layers]
        self._loss = partial(loss, problem, self._leaves, at)
        self._sgd = torch.optim.SGD(self._leaves, lr=0.0, momentum=PARAMS.momentum, weight_decay=PARAMS.weight_decay)

    def gradient(self) -> list[Tensor]:
        """Gradient of the loss in the head's weights."""
        return list(torch.autograd.grad(self._loss(), self._leaves))

    def step(self) -> None:
        """One step of SGD at rate 0."""
        self._sgd.zero_grad()
        self._loss().backward()
        torch.nn.utils.clip_grad_norm_(self._leaves, PARAMS.gradient_clip)
        self._sgd.step()


def _logits(leaves: list[Tensor], x: Tensor, dropout: tuple[Tensor, Tensor] | None = None) -> Tensor:
    w4, b4, w5, b5, w6, b6 = leaves
    first, second = dropout or (1.0, 1.0)
    return F.linear(F.linear(F.linear(x, w4, b4).relu() * first, w5, b5).relu() * second, w6, b6)


def _stage(x: Tensor, norm: Callable[[Tensor], Tensor]) -> Tensor:
    return F.max_pool2d(norm(x.relu()), 3, 2)


def _published_norm(x: Tensor) -> Tensor:
    return F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)


def _sliced_norm(x: Tensor) -> Tensor:
    squares = F.pad(x.square(), (0, 0, 0, 0, 2, 2))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(5))
    return x * (2 + 1e-4 * total) ** -0.75


def _scores(
    leaves: list[Tensor], conv1: Tensor, weights: dict[str, Tensor], norm: Callable[[Tensor], Tensor]
) -> Tensor:
    x = _stage(F.conv2d(_stage(conv1, norm), weights["conv2.weight"], weights["conv2.bias"], 2), norm)
    x = F.conv2d(x, weights["conv3.weight"], weights["conv3.bias"]).relu().permute(0, 2, 3, 1).flatten(1)
    return _logits(leaves, x)


def _ratios(own: Tensor, other: Tensor) -> Tensor:
    """sigma/mu of one class plus mu/sigma of the other, ratios of batch sums, for (N, C, H, W) gradients."""
    own, other = own.relu().sum(1).flatten(1), other.relu().sum(1).flatten(1)
    deviation, other_deviation = own.std(1, unbiased=False), other.std(1, unbiased=False)
    return deviation.sum() / own.mean(1).sum() + other.mean(1).sum() / other_deviation.sum()


def _images(problem: Problem) -> Tensor:
    return (problem.crops.to(problem.features) - 128).permute(0, 3, 1, 2).contiguous()


def reference_loss(problem: Problem, leaves: list[Tensor], at: str) -> Tensor:
    """Joint loss by double autograd through the whole network, a forward pass per set of samples and class."""
    weights = {name: tensor.detach().requires_grad_() for name, tensor in problem.weights.items()}
    logits = _logits(leaves, problem.features, problem.dropout)
    loss = F.cross_entropy(logits, problem.targets.long(), reduction="sum")
    images = _images(problem)

    def attention(chosen: Tensor, column: int) -> Tensor:
        pixels = images[chosen].requires_grad_()
        conv1 = F.conv2d(pixels, weights["conv1.weight"], weights["conv1.bias"], 2)
        score = _scores(leaves, conv1, weights, _published_norm)[:, column].sum()
        return torch.autograd.grad(score, pixels if at == "input" else conv1, create_graph=True)[0]

    positive, negative = problem.targets, ~problem.targets
    penalty = _ratios(attention(positive, 1), attention(positive, 0))
    penalty = penalty + _ratios(attention(negative, 0), attention(negative, 1))
    return loss + PARAMS.attention_weight * penalty


def tuned_loss(problem: Problem, leaves: list[Tensor], at: str) -> Tensor:
    """Joint loss by double autograd, frozen convolutions, one forward pass."""
    weights = problem.weights
    logits = _logits(leaves, problem.features, problem.dropout)
    loss = F.cross_entropy(logits, problem.targets.long(), reduction="sum")
    pixels = _images(problem).requires_grad_(at == "input")
    conv1 = F.conv2d(pixels, weights["conv1.weight"], weights["conv1.bias"], 2)
    leaf = pixels if at == "input" else conv1.requires_grad_()
    scores = _scores(leaves, conv1, weights, _sliced_norm)
    background, target = (torch.autograd.grad(scores[:, i].sum(), leaf, create_graph=True)[0] for i in (0, 1))
    positive, negative = problem.targets, ~problem.targets
    penalty = _ratios(target[positive], background[positive]) + _ratios(background[negative], target[negative])
    return loss + PARAMS.attention_weight * penalty


def difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Largest difference of two lists of gradients, each tensor relative to its own largest element."""
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True))


@dataclass
class Measured:
    """One formulation: wall-clock and CPU seconds of its steps, and the gradients of each precision."""

    wall: list[float]
    cpu: list[float]
    gradients: dict[torch.dtype, list[Tensor]]


def compare(at: str, repeats: int) -> dict[str, Measured]:
    """Run all formulations side by side, attention at "input" or "conv1"; "ours" comes first."""
    measured: dict[str, Measured] = {}
    for dtype in (torch.float32, torch.float64):
        problem = make_problem(dtype) if dtype == torch.float32 else make_problem(dtype, EXACT, EXACT)
        formulations: dict[str, Ours | Autograd] = {
            "ours": Ours(problem, at),
            "tuned autograd": Autograd(tuned_loss, problem, at),
            "reference": Autograd(reference_loss, problem, at),
        }
        for _ in range(repeats + 1 if dtype == torch.float32 else 0):
            for name, formulation in formulations.items():
                entry = measured.setdefault(name, Measured([], [], {}))
                wall, cpu = time.perf_counter(), time.process_time()
                formulation.step()
                entry.wall.append(time.perf_counter() - wall)
                entry.cpu.append(time.process_time() - cpu)
        for name, formulation in formulations.items():
            measured[name].gradients[dtype] = formulation.gradient()
    return measured


def frame_seconds(repeats: int) -> float:
    """Median seconds of a frame of PAPER without update: crops, features and scores of all candidates."""
    rng = np.random.default_rng(0)
    network = VGGM(random_weights(torch.float32))
    head = Head(FEATURES, PARAMS.hidden, rng)
    extractor = CropExtractor(network.features, keep=True)
    image = rng.integers(0, 256, (480, 640, 3), np.uint8)
    box = np.array([280.0, 200.0, 80.0, 80.0])
    candidates = gaussian(rng, box, PARAMS.near_candidates, PARAMS.near_translation, PARAMS.candidate_scale)
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        head.margins(extractor.frame(image, box).samples(candidates).features)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def render(options: argparse.Namespace) -> str:
    """The comparison as markdown."""
    rows, frames = [], []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for at in options.at:
            measured = compare(at, options.repeats)
            ours = measured["ours"]
            for name, theirs in measured.items():
                row = [f"{name}, {at}", str(threads)]
                for own, other in ((ours.wall, theirs.wall), (ours.cpu, theirs.cpu)):
                    seconds = statistics.median(other[1:])
                    row += [f"{seconds:.2f}", f"{seconds / statistics.median(own[1:]):.1f}"]
                row += [
                    f"{difference(ours.gradients[dtype], theirs.gradients[dtype]):.0e}"
                    for dtype in (torch.float32, torch.float64)
                ]
                rows.append(row)
                print(*row, file=sys.stderr, flush=True)
        frames.append(f"{frame_seconds(options.repeats):.2f} s with {threads} thread{'s' * (threads > 1)}")
    header = ["formulation, attention at", "threads", "s a step", "ratio", "CPU s", "ratio", "float32", "float64"]
    return "\n\n".join(
        [
            tables.table(header, rows),
            f"{POSITIVES} + {NEGATIVES} samples a step, median of {options.repeats} interleaved repetitions. Ratio: "
            "over ours. float32, float64: largest relative difference of the head's gradients from ours.",
            f"A frame without update ({PARAMS.near_candidates} candidates, a crop each): {', '.join(frames)}.",
            tables.provenance(),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1], help="of every formulation (2, then 1)")
    parser.add_argument("--repeats", type=int, default=3, help="interleaved repetitions after one to warm up (3)")
    parser.add_argument("--at", nargs="+", choices=list(POINTS), default=list(POINTS), help="where attention is taken")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the file's markers 'step'")
    options = parser.parse_args(arguments)
    report = render(options)
    print(report)
    if options.write:
        tables.write_between(options.write, "step", report)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
