"""The target: search region -> candidates -> scores -> box -> refinement, and what is learned on the way.

After a confident frame its samples go to memory; every few frames, or when the target was not found, the learner trains
the head on them. Only the learner knows of attention.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.core.boxes import Boxes, around, centre
from tracker.core.errors import Failed
from tracker.core.tracker import Maps
from tracker.dat import sampling
from tracker.dat.attention import head_gradients
from tracker.dat.backbone import Backbone
from tracker.dat.head import Head
from tracker.dat.learning import Learner
from tracker.dat.params import Params
from tracker.features.samples import Frame, Memory, Samples


class Target:
    """One object that is followed, learned from the first frame.

    Args:
        backbone: the frozen network, shared by all targets.
        params: of this target.
        image: (H, W, 3) uint8 RGB, the first frame.
        box: (4,), the target in it; it may reach beyond the image.

    Attributes:
        params: as they are in the present frame.
        seed: that its generators were started from.
        box: (4,), the state, around which the next frame is searched.
        reported: (4,), of the last frame in which the target was found.
        score: of the present frame; see :class:`tracker.core.tracker.Result`.
        frames: that it was followed through.
        lost: frames in a row in which it was not found.
        extractor, head, learner, search: its own.

    Raises:
        RuntimeError: the head cannot learn the target, as its numbers do not stay finite.
    """

    def __init__(self, backbone: Backbone, params: Params, image: NDArray[np.uint8], box: Boxes):
        self._backbone, self._scheduled = backbone, params
        self.params = p = params.at(0)
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if p.seed is None else p.seed
        self._rng = np.random.default_rng(self.seed)
        self.extractor = backbone.extractor()
        self.box = self.reported = box
        self.frames = self.lost = 0

        frames = [self.extractor.frame(image, box), *(self.extractor.frame(image, box, view) for view in p.views)]
        positives, negatives = self._first_samples(frames, image.shape[1], image.shape[0])
        self.head = Head(positives.features.shape[1], p.hidden, self._rng, positives.features.device, params=p)
        self.learner = Learner(self.head, backbone.attention, p, self._rng)
        self._learn_first(positives, negatives)
        self.search = backbone.search(frames[0], box, self._rng)

        self._positives = Memory(p.long_memory, p.update_positives)
        self._negatives = Memory(p.short_memory, p.update_negatives)
        self._positives.add(positives)
        self._negatives.add(negatives.take(slice(0, p.remembered_negatives * p.update_negatives)))
        self.score = float(self.head.margins(frames[0].samples(box[None]).features)[0])

    def follow(self, image: NDArray[np.uint8]) -> None:
        """Find the target in the next frame, (H, W, 3) uint8 RGB, and learn from it."""
        self.frames += 1
        self.params = self.learner.params = self.search.params = p = self._scheduled.at(self.frames)
        frame = self.extractor.frame(image, self.box)
        found = self.search.find(frame, self.box, self.head, self._rng, self.lost)
        self.score = found.score
        if not math.isfinite(found.score):
            self.learner.undo("the score of the best candidates")
            self.score = p.success_score
        self.lost = self.lost + 1 if self.score <= p.success_score else 0
        if self.lost:
            if (self.lost - 1) % p.lost_interval == 0:
                self._learn(p.short_memory)
            return
        self.reported, self.box = self._inside(found.box, image), self._inside(found.state, image)
        self._remember(frame)
        if self.frames % p.update_interval == 0:
            self._learn(p.long_memory)

    def attention(self, image: NDArray[np.uint8], box: Boxes) -> Maps:
        """Attention of the present head for one sample, see ``ReciprocativeTracker.attention``."""
        samples = self.extractor.frame(image, box).samples(box[None])
        with torch.no_grad():
            z4 = self.head.forward(samples.features).z4
            gradients = head_gradients(self.head, self.head.activations(z4)).features
            background, own = self._backbone.attention(gradients, samples)[:, 0].cpu().numpy()  # (cells,)
        side = round(len(own) ** 0.5)
        return own.reshape(side, side), background.reshape(side, side)

    def _first_samples(self, frames: list[Frame], width: int, height: int) -> tuple[Samples, Samples]:
        """Positives and negatives of the first frame, then of its changed views."""
        p, rng, box = self.params, self._rng, self.box
        count = p.initial_positive_draws * p.initial_positives
        shape = p.positive_translation, p.positive_scale, p.initial_positive_aspect
        near = sampling.gaussian(rng, box, count, *shape)
        positives = sampling.select(near, box, p.positive_overlap, 1, p.initial_positives)
        count = p.negative_draws * p.initial_negatives
        anywhere = round(count * p.whole_image_share)
        drawn = self._background(count - anywhere)
        drawn = np.concatenate([drawn, sampling.whole_image(rng, box, anywhere, p.negative_scale, width, height)])
        negatives = sampling.select(rng.permutation(drawn), box, 0, p.initial_negative_overlap, p.initial_negatives)

        def seen(boxes: Boxes) -> Samples:
            parts = [boxes, *[boxes[: int(p.view_share * len(boxes))]] * (len(frames) - 1)]  # some have none
            return Samples.join([frame.samples(part) for frame, part in zip(frames, parts, strict=True) if len(part)])

        return seen(positives), seen(negatives)

    def _background(self, count: int) -> Boxes:
        """Boxes (count, 4) around the target, some of them Gaussian, then some uniform."""
        p = self.params
        some = int((1 - p.uniform_share) * count)
        shape = p.negative_translation, p.negative_scale, p.negative_aspect
        gaussian = sampling.gaussian(self._rng, self.box, some, *shape)
        return np.concatenate(
            [gaussian, sampling.uniform(self._rng, self.box, count - some, p.reach, p.negative_scale)]
        )

    def _learn_first(self, positives: Samples, negatives: Samples) -> None:
        """Train on the first frame; after a training that had to be undone, again at a lower rate."""
        p = self.params
        rates = [p.initial_rate / p.retry_divisor**attempt for attempt in range(p.initial_trainings)]
        if not any(self.learner.train(positives, negatives, rate, p.initial_iterations) for rate in rates):
            raise Failed(
                f"the first training does not stay finite at rates from {rates[0]:g} to {rates[-1]:g}; lower "
                f"attention_weight, which is {p.attention_weight:g}, or check the weights file of the backbone"
            )

    def _inside(self, box: Boxes, image: NDArray[np.uint8]) -> Boxes:
        """``box`` with its sides and its centre inside the image, so that a target which leaves can return."""
        bounds = np.array(image.shape[1::-1])  # width, height
        size = np.clip(box[2:], self.params.smallest_side, self.params.largest_side * bounds)
        return around(np.clip(centre(box), 0, bounds), size)

    def _remember(self, frame: Frame) -> None:
        """Put this frame's samples into memory."""
        p = self.params
        count = p.update_positive_draws * p.update_positives
        near = sampling.gaussian(self._rng, self.box, count, p.positive_translation, p.positive_scale)
        positives = sampling.select(near, self.box, p.positive_overlap, 1, p.update_positives)
        drawn = self._rng.permutation(self._background(p.negative_draws * p.update_negatives))
        negatives = sampling.select(drawn, self.box, 0, p.update_negative_overlap, p.update_negatives)
        self._positives.add(frame.samples(positives))
        self._negatives.add(frame.samples(negatives))

    def _learn(self, frames: int) -> None:
        p = self.params
        positives, negatives = self._positives.recent(frames), self._negatives.recent(p.short_memory)
        self.learner.train(positives, negatives, p.update_rate, p.update_iterations, p.update_stop)
