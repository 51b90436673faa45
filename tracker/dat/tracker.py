"""The tracker: image -> search region -> candidates -> scores -> box -> refinement -> Result (Pu et al., NIPS 2018).

After a confident frame its samples go to memory; every few frames, or when the target was not found, the learner trains
the head on them. Only the learner knows of attention.
"""

from __future__ import annotations

import hashlib
import math
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.core.boxes import Boxes, centre, checked
from tracker.core.errors import Failed, InvalidType, InvalidValue, MissingPackage
from tracker.core.tracker import Result
from tracker.dat import backbone, sampling
from tracker.dat.attention import head_gradients
from tracker.dat.head import Head
from tracker.dat.learning import Learner
from tracker.dat.params import FAST, PRESETS, Params
from tracker.dat.schedule import Scheduled
from tracker.dat.search import Search
from tracker.features.samples import Frame, Memory, Samples

_SMALLEST_SIDE = 4.0
_FIRST_TRAININGS = 3


@dataclass
class _Target:
    """All that belongs to the target being followed; ``init`` makes it anew."""

    rng: np.random.Generator
    extractor: backbone.Extractor
    head: Head
    learner: Learner
    search: Search[Any]
    positives: Memory
    negatives: Memory
    box: Boxes  # the state, around which the next frame is searched
    reported: Boxes  # the box of the last frame in which the target was found
    frames: int = 0
    lost: int = 0  # frames in a row in which the target was not found


class ReciprocativeTracker:
    """DAT: ``init(image, box)`` on the first frame, then ``update(image)`` for each one.

    Images are (H, W, 3) uint8 RGB, boxes (x, y, w, h) in 0-based float pixels. The number of CPU threads is set for the
    whole process, as torch knows no other way.

    Args:
        params: a preset, its name, ``dataclasses.replace`` of one, or :func:`tracker.dat.schedule.scheduled`.

    Attributes:
        params: what it was made with.
        seed: of the current target; None before ``init``.
        fingerprint: of parameters (but the seed) and weights.

    Raises:
        tracker.weights.registry.WeightsError: a weights file is missing or not what its name says.
        MissingPackage: ``params.device`` is "cuda" and there is none.
        ValueError: no preset has that name.

    >>> ReciprocativeTracker("MDNET").params.attention_weight
    0.0
    """

    def __init__(self, params: Params | str = FAST):
        if isinstance(params, str):
            if params not in PRESETS:
                raise InvalidValue(f"params is {params!r}; the presets are {', '.join(PRESETS)}")
            params = PRESETS[params]
        self.params = params
        self.device = _device(params.device)
        torch.set_num_threads(params.threads)
        self._backbone = backbone.load(params, self.device)
        settings = repr(replace(params, seed=None, device=self.device.type))
        self.fingerprint = hashlib.sha256(f"{settings} {self._backbone.sha256}".encode()).hexdigest()[:16]
        self.seed: int | None = None
        self._target: _Target | None = None

    def warm_up(self) -> None:
        """Learn and follow briefly, so that the first frame does not pay for what torch does at first use."""
        image = np.zeros((96, 128, 3), np.uint8)
        brief = copy(self)
        p = self.params
        brief.params = replace(
            p,
            initial_positives=p.batch_positives,
            initial_negatives=4 * p.batch_negatives,
            initial_iterations=2,
            views=p.views[:1],
            regression_samples=64,
            update_iterations=1,
        )
        brief.init(image, np.array([40.0, 30.0, 40.0, 30.0]))
        brief.update(image)

    def init(self, image: NDArray[np.uint8], box: Boxes) -> Result:
        """Learn the target from the first frame; the one before is forgotten.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (4,) target, (x, y, w, h); it may reach beyond the image.

        Returns:
            The box itself, with the margin that the trained head gives it.

        Raises:
            TypeError: the image is not uint8.
            ValueError: the image is not (H, W, 3), or the box has no area, is not finite or lies outside the image.
            RuntimeError: the head cannot learn the target, as its numbers do not stay finite.
        """
        height, width = _checked_image(image)
        box = checked(box, width, height)
        p = self.params
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if p.seed is None else p.seed
        rng = np.random.default_rng(self.seed)
        self._target = None  # its memory is free for the new one
        self._go_to(0)
        extractor = self._backbone.extractor()

        frames: list[Frame] = [extractor.frame(image, box), *(extractor.frame(image, box, view) for view in p.views)]
        positives, negatives = self._first_samples(rng, frames, box, width, height)
        head = Head(positives.features.shape[1], p.hidden, rng, self.device)
        learner = Learner(head, self._backbone.attention, p, rng)
        self._learn_first(learner, positives, negatives)
        search = self._backbone.search(frames[0], box, rng)

        memories = Memory(p.long_memory, p.update_positives), Memory(p.short_memory, p.update_negatives)
        target = _Target(rng, extractor, head, learner, search, *memories, box, box)
        target.positives.add(positives)
        target.negatives.add(negatives.take(slice(0, 2 * p.update_negatives)))
        self._target = target
        margin = head.margins(frames[0].samples(box[None]).features)
        return self._result(box, float(margin[0]), lost=False)

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in the next frame and learn from it.

        Args:
            image: (H, W, 3) uint8 RGB.

        Raises:
            RuntimeError: ``init`` has not been called.
            TypeError: the image is not uint8.
            ValueError: the image is not (H, W, 3).
        """
        height, width = _checked_image(image)
        target, p = self._started(), self.params
        target.frames += 1
        self._go_to(target.frames)
        frame = target.extractor.frame(image, target.box)
        found = target.search.find(frame, target.box, target.head, target.rng, target.lost)
        score = found.score
        if not math.isfinite(score):
            target.learner.undo("the score of the best candidates")
            score = p.success_score
        target.lost = target.lost + 1 if score <= p.success_score else 0
        if not target.lost:
            target.reported, target.box = _kept(found.box, width, height), _kept(found.state, width, height)
            self._remember(frame)
        if target.lost:
            if (target.lost - 1) % p.lost_interval == 0:
                self._learn(p.short_memory)
        elif target.frames % p.update_interval == 0:
            self._learn(p.long_memory)
        return self._result(target.reported, score, target.lost > 0)

    def attention(self, image: NDArray[np.uint8], box: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Attention of the present head for one sample, eqs. 1-2.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (4,) of the sample.

        Returns:
            Maps of the target's and of the background's score over the sample, (h, w) float32 each, h and w as
            ``params.attention_at`` has it.

        Raises:
            RuntimeError: ``init`` has not been called.
        """
        height, width = _checked_image(image)
        box = checked(box, width, height)
        target = self._started()
        samples = target.extractor.frame(image, box).samples(box[None])
        with torch.no_grad():
            z4 = target.head.forward(samples.features).z4
            gradients = head_gradients(target.head, target.head.activations(z4)).features
            background, own = self._backbone.attention(gradients, samples)[:, 0].cpu().numpy()  # (cells,)
        side = round(len(own) ** 0.5)
        return own.reshape(side, side), background.reshape(side, side)

    def __repr__(self) -> str:
        """How it was made, and of which code."""
        preset = next((name for name, params in PRESETS.items() if params == self.params), None)
        changed = [] if preset else [field.name for field in fields(FAST) if self._differs(field.name)]
        made = repr(preset) if preset else ", ".join(f"{name}={getattr(self.params, name)!r}" for name in changed)
        state = f"following, frame {self._target.frames}" if self._target else "no target"
        return f"{type(self).__name__}({made}) on {self.device}, fingerprint {self.fingerprint}, {state}"

    def _differs(self, name: str) -> bool:
        return bool(getattr(self.params, name) != getattr(FAST, name))

    def _go_to(self, frame: int) -> None:
        if isinstance(self.params, Scheduled):
            self.params.at(frame)

    def _started(self) -> _Target:
        if self._target is None:
            raise RuntimeError("the tracker follows no target yet: call init(image, box) first")
        return self._target

    def _result(self, box: Boxes, score: float, lost: bool) -> Result:
        faults = self._started().learner.faults
        return Result(box.copy(), score, lost, faults=faults, seed=self.seed, fingerprint=self.fingerprint)

    def _first_samples(
        self, rng: np.random.Generator, frames: list[Frame], box: Boxes, width: int, height: int
    ) -> tuple[Samples, Samples]:
        """Positives and negatives of the first frame, then of its changed views."""
        p = self.params
        near = sampling.gaussian(rng, box, 8 * p.initial_positives, 0.2, 1.2, 1.2)
        positives = sampling.select(near, box, p.positive_overlap, 1, p.initial_positives)
        anywhere = round(2 * p.initial_negatives * p.whole_image_share)
        drawn = self._background(rng, box, 2 * p.initial_negatives - anywhere)
        drawn = np.concatenate([drawn, sampling.whole_image(rng, box, anywhere, p.negative_scale, width, height)])
        negatives = sampling.select(rng.permutation(drawn), box, 0, p.initial_negative_overlap, p.initial_negatives)

        def seen(boxes: Boxes) -> Samples:
            return _joined(frames, [boxes, *[boxes[: len(boxes) // 4]] * (len(frames) - 1)])

        return seen(positives), seen(negatives)

    def _background(self, rng: np.random.Generator, box: Boxes, count: int) -> Boxes:
        """Boxes around the target, half of them Gaussian and half uniform."""
        p = self.params
        return np.concatenate(
            [
                sampling.gaussian(rng, box, count // 2, 2.0, p.negative_scale, 1.2),
                sampling.uniform(rng, box, count - count // 2, p.reach, p.negative_scale),
            ]
        )

    def _learn_first(self, learner: Learner, positives: Samples, negatives: Samples) -> None:
        """Train on the first frame; after a training that had to be undone, at a tenth of the rate."""
        p = self.params
        rates = [p.initial_rate / 10**attempt for attempt in range(_FIRST_TRAININGS)]
        if not any(learner.train(positives, negatives, rate, p.initial_iterations) for rate in rates):
            raise Failed(
                f"the first training does not stay finite at rates from {rates[0]:g} to {rates[-1]:g}; lower "
                f"attention_weight, which is {p.attention_weight:g}, or check the weights file of the backbone"
            )

    def _remember(self, frame: Frame) -> None:
        """Put this frame's samples into memory."""
        p, target = self.params, self._started()
        near = sampling.gaussian(target.rng, target.box, 4 * p.update_positives, 0.2, 1.2)
        positives = sampling.select(near, target.box, p.positive_overlap, 1, p.update_positives)
        drawn = target.rng.permutation(self._background(target.rng, target.box, 2 * p.update_negatives))
        negatives = sampling.select(drawn, target.box, 0, p.update_negative_overlap, p.update_negatives)
        target.positives.add(frame.samples(positives))
        target.negatives.add(frame.samples(negatives))

    def _learn(self, frames: int) -> None:
        p, target = self.params, self._started()
        positives, negatives = target.positives.recent(frames), target.negatives.recent(p.short_memory)
        target.learner.train(positives, negatives, p.update_rate, p.update_iterations, p.update_stop)


def _joined(frames: list[Frame], parts: list[Boxes]) -> Samples:
    """Samples of each frame at its part of the boxes, which may have none."""
    return Samples.join([frame.samples(part) for frame, part in zip(frames, parts, strict=True) if len(part)])


def _kept(box: Boxes, width: int, height: int) -> Boxes:
    """``box`` with its sides and its centre inside the image, so that a target which leaves can return."""
    size = np.clip(box[2:], _SMALLEST_SIDE, [2.0 * width, 2.0 * height])
    middle = np.clip(centre(box), 0, [width, height])
    return np.concatenate([middle - size / 2, size])


def _checked_image(image: NDArray[np.uint8]) -> tuple[int, int]:
    if image.dtype != np.uint8:
        raise InvalidType(f"image has dtype {image.dtype}; give uint8 RGB")
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InvalidValue(f"image has shape {image.shape}; give RGB, (H, W, 3)")
    return image.shape[0], image.shape[1]


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise MissingPackage(
            "device is 'cuda', but torch finds none; set device='cpu' or install a CUDA build of torch"
        )
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)
