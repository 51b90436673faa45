"""Train the box estimator on cached features of rendered clips.

``python -m training.train FOLDER --out estimator.npz`` learns three things at once: the edges of the target in windows
around it (overlap and distance), whether the target is there at all, and channels in which the target's samples in two
frames are more alike than the target is to its neighbours (contrastive, each clip a domain of its own).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tracker.core.boxes import overlap
from tracker.features.estimator import TEMPLATE, TEMPLATE_SCALE, WINDOW, BoxEstimator, Estimate, sampled, windows_of
from training.rendering import SIDE

STRIDE = 8
POSITIVES, NEGATIVES = 3, 2  # windows a clip
ALIKE, UNLIKE = 2, 14  # samples a clip
GRID = 5
HELD_OUT = 200  # clips, the last ones
SOFTNESS = 0.07
WARM_UP = 200  # steps


class Pairs(NamedTuple):
    """What a step learns from, all boxes in cells, (x, y, w, h)."""

    clips: Tensor  # (2 B,), of all templates, then of all searches
    frames: Tensor  # (2 B,), in these clips
    templates: Tensor  # (B, 4)
    targets: Tensor  # (B, 4)
    visible: Tensor  # (B,)
    windows: Tensor  # (B, POSITIVES + NEGATIVES, 4)
    alike: Tensor  # (B, ALIKE, 4)
    unlike: Tensor  # (B, UNLIKE, 4)


class Features:
    """Features of cached clips.

    Args:
        folder: what ``training.cache`` wrote.
        device: where they are kept; on the CPU they stay in their files.
    """

    def __init__(self, folder: Path, device: torch.device | str = "cpu"):
        files = [np.load(folder / name, mmap_mode="c") for name in ("fine.npy", "coarse.npy")]
        self._levels = [torch.from_numpy(level).to(device) for level in files]

    def of(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Both levels, (2 B, 40, H, W) and (2 B, 112, h, w), first of all templates, then of all searches."""
        fine, coarse = (level[pairs.clips, pairs.frames].float() for level in self._levels)
        return fine, coarse


class Draws(Dataset[Pairs]):
    """What each step learns from; step i draws the same in any process.

    Args:
        folder: what ``training.cache`` wrote.
        seed: source of randomness.
        batch: pairs a step.
        steps: their number.
    """

    def __init__(self, folder: Path, seed: int, batch: int, steps: int):
        with np.load(folder / "boxes.npz") as boxes:
            self._targets, self._visible, self._others = boxes["targets"], boxes["visible"], boxes["others"]
        self._seed, self._batch, self._steps = seed, batch, steps
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Pairs:
        self._rng = np.random.default_rng([self._seed, step])
        return self.pairs(self._rng.integers(0, len(self._targets) - HELD_OUT, self._batch))

    def held_out(self) -> Pairs:
        """Pairs of clips that no step draws, always the same."""
        self._rng = np.random.default_rng(self._seed)
        return self.pairs(np.arange(len(self._targets))[-HELD_OUT:])

    def pairs(self, clips: np.ndarray) -> Pairs:
        """One pair of frames of each of the clips."""
        frames = np.array([self._rng.permutation(self._targets.shape[1])[:2] for _ in clips])
        template, search = frames[:, 0], frames[:, 1]
        targets = self._targets[clips, search]
        others = self._others[clips, search]
        drawn = [self._boxes(target, beside) for target, beside in zip(targets, others, strict=True)]
        windows, alike, unlike = (_cells(np.stack(part)) for part in zip(*drawn, strict=True))
        return Pairs(
            torch.from_numpy(np.tile(clips, 2)),
            torch.from_numpy(frames.T.ravel()),
            _cells(self._targets[clips, template]),
            _cells(targets),
            torch.from_numpy(self._visible[clips, search]).float(),
            windows,
            alike,
            unlike,
        )

    def _boxes(self, target: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = self._rng
        near = _jittered(rng, target, POSITIVES, 0.22, 0.25, 0.15)
        beside = others[(others[:, 2] > 8) & (overlap(others, target) < 0.3)]
        away = [self._away(target, beside) for _ in range(NEGATIVES)]
        drawn = _jittered(rng, target, 40, 0.08, 0.08, 0.06)
        alike = drawn[overlap(drawn, target) > 0.7][:ALIKE]
        alike = np.concatenate([alike, target[None].repeat(ALIKE - len(alike), 0)])
        off = _jittered(rng, target, 40, 0.5, 0.4, 0.3)
        share = overlap(off, target)
        partly = off[(share > 0.1) & (share < 0.45)][: UNLIKE // 3]
        neighbours = UNLIKE // 2 if len(beside) else 0
        picked = beside[rng.integers(0, max(len(beside), 1), neighbours)]
        close = [_jittered(rng, one, 1, 0.1, 0.1, 0.1)[0] for one in picked]
        far = [self._away(target, beside[:0]) for _ in range(UNLIKE - neighbours - len(partly))]
        unlike = np.concatenate([partly, *(one[None] for one in close + far)])
        return np.concatenate([near, np.stack(away)]), alike, unlike

    def _away(self, target: np.ndarray, beside: np.ndarray) -> np.ndarray:
        """A box on something else: another object if there is one, or anywhere."""
        rng = self._rng
        for _ in range(20):
            if len(beside) and rng.random() < 0.6:
                box = _jittered(rng, beside[rng.integers(len(beside))], 1, 0.15, 0.2, 0.1)[0]
            else:
                size = target[2:] * np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15, 2))
                box = np.concatenate([rng.uniform(0, SIDE, 2) - size / 2, size])
            if overlap(box[None], target)[0] < 0.15:
                return box
        return np.array([-400.0, -400.0, target[2], target[3]])


def _jittered(
    rng: np.random.Generator, box: np.ndarray, count: int, shift: float, scale: float, aspect: float
) -> np.ndarray:
    size = box[2:] * np.exp(rng.normal(0, scale, (count, 1)))
    stretch = np.exp(rng.normal(0, aspect, (count, 1)))
    size = size * np.concatenate([stretch, 1 / stretch], axis=1)
    offset = np.clip(rng.normal(0, shift, (count, 2)), -0.6, 0.6) * box[2:].mean()
    return np.concatenate([box[:2] + box[2:] / 2 + offset - size / 2, size], axis=1)


def _cells(boxes: np.ndarray) -> Tensor:
    """Boxes in pixels of the region as boxes in cells of its map."""
    shifted = boxes / STRIDE
    shifted[..., :2] -= 0.5 / STRIDE
    return torch.from_numpy(shifted).float()


def losses(model: BoxEstimator, pairs: Pairs, levels: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """The loss of a step on pairs with these features, and what it is made of."""
    count = len(pairs.targets)
    maps = model.project(*levels).permute(0, 3, 1, 2)
    first, second = maps[:count], maps[count:]
    size = pairs.templates[:, 2:] * TEMPLATE_SCALE
    wide = torch.cat([pairs.templates[:, :2] + pairs.templates[:, 2:] / 2 - size / 2, size], dim=1)
    templates = sampled(first, wide[:, None], TEMPLATE, 2)[:, 0]
    per_clip = pairs.windows.shape[1]
    frames = windows_of(pairs.windows)
    windows = sampled(second, frames, WINDOW)
    estimate = model(windows.flatten(0, 1), templates.repeat_interleave(per_clip, 0))
    edges = Estimate(*(part.unflatten(0, (count, per_clip)) for part in estimate))

    frames = frames[:, :POSITIVES]
    low = edges.edges[:, :POSITIVES, :2] * frames[..., 2:] + frames[..., :2]
    high = edges.edges[:, :POSITIVES, 2:] * frames[..., 2:] + frames[..., :2]
    goal_low = pairs.targets[:, None, :2].expand_as(low)
    goal_high = goal_low + pairs.targets[:, None, 2:]
    sides = pairs.targets[:, None, 2:]
    seen = (pairs.visible > 0.3).float()[:, None].expand(-1, POSITIVES)
    distance = (((low - goal_low).abs() + (high - goal_high).abs()) / sides).clamp_max(3).mean(dim=2)
    inner = (torch.minimum(high, goal_high) - torch.maximum(low, goal_low)).clamp_min(0).prod(dim=2)
    area = (high - low).clamp_min(0).prod(dim=2)
    union = area + sides.prod(dim=2) - inner
    hull = (torch.maximum(high, goal_high) - torch.minimum(low, goal_low)).prod(dim=2)
    shared = inner / union.clamp_min(1e-6)
    box = ((1 - shared + (hull - union) / hull.clamp_min(1e-6) + distance) * seen).sum() / seen.sum().clamp_min(1)
    quality = (((edges.quality[:, :POSITIVES] - shared.detach()) ** 2) * seen).sum() / seen.sum().clamp_min(1)

    clear = ((pairs.visible > 0.3) | (pairs.visible < 0.1)).float()[:, None]
    truth = F.pad(seen, (0, NEGATIVES))
    weight = F.pad(clear.expand(-1, POSITIVES), (0, NEGATIVES), value=1.0)
    present = F.binary_cross_entropy_with_logits(edges.present, truth, weight)
    right = (((edges.present > 0) == (truth > 0.5)).float() * weight).sum() / weight.sum()

    own = sampled(first, pairs.templates[:, None], GRID, 2).flatten(2)  # (B, 1, D)
    samples = sampled(second, torch.cat([pairs.alike, pairs.unlike], dim=1), GRID, 2).flatten(2)
    likeness = F.cosine_similarity(own, samples, dim=2) / SOFTNESS  # (B, ALIKE + UNLIKE)
    against = likeness[:, ALIKE:].logsumexp(dim=1, keepdim=True)
    contrast = (F.softplus(against - likeness[:, :ALIKE]) * (pairs.visible > 0.5).float()[:, None]).mean()
    total = box + present + quality + 0.5 * contrast
    iou = (shared * seen).sum() / seen.sum().clamp_min(1)
    named = {"iou": iou, "box": box, "present": present, "right": right, "quality": quality, "contrast": contrast}
    return total, dict(zip(named, torch.stack(list(named.values())).tolist(), strict=True))


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda, whose memory then holds the features (cpu)")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw boxes meanwhile (0)")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    features, draws = Features(args.folder, args.device), Draws(args.folder, args.seed, args.batch, args.steps)
    held_out = _on(args.device, draws.held_out())
    model = BoxEstimator(batch_norm=True)
    model.to(args.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(model.parameters(), args.rate, weight_decay=1e-3)
    started = time.monotonic()
    mean: dict[str, float] = {}
    for step, drawn in enumerate(DataLoader(draws, batch_size=None, num_workers=args.workers)):
        for group in optimiser.param_groups:
            group["lr"] = args.rate * _schedule(step / args.steps, step / WARM_UP)
        model.train()
        pairs = _on(args.device, drawn)
        loss, named = losses(model, pairs, features.of(pairs))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        for key, value in named.items():
            mean[key] = 0.98 * mean.get(key, value) + 0.02 * value
        if step % 100 == 99:
            print(f"{step + 1} {time.monotonic() - started:.0f} s {_text(mean)}", flush=True)
        if step % 500 == 499 or step + 1 == args.steps:
            model.eval()
            with torch.no_grad():
                levels = features.of(held_out)
                print("  held out:", _text(losses(model, held_out, levels)[1]), flush=True)
                deviation = float(model.project(*levels).std())
            arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in model.folded(deviation).items()}
            np.savez(args.out, **arrays)
    return 0


def _on(device: str, pairs: Pairs) -> Pairs:
    return Pairs(*(part.to(device) for part in pairs))


def _schedule(share: float, warm: float) -> float:
    return min(1.0, warm) * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))


def _text(values: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
