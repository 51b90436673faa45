"""The search of ``FAST``, in two stages as in the paper: candidates on a grid, then the box estimator around the best.

Nothing is drawn at random and nothing within reach is left out: the head scores the previous box at every step of a
grid; around each of the highest peaks the estimator says where the target's sides would lie, and whether this is the
target; the head scores these boxes in turn. So the box comes from the first frame's features, and the decision from
two sources, what was learned offline for all targets and what was learned since for this one. Either is bounded before
they are added: a classifier that is very sure cannot outvote the other, nor the way from the previous box. So is the
change of a side from frame to frame, and the proportions are drawn to those of the first frame: the box cannot run away
while something hides the target, or a part of it, or stands beside it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import Boxes, around, centre
from tracker.dat.head import Head
from tracker.dat.params import Params
from tracker.dat.search import Found
from tracker.features.estimator import BoxEstimator
from tracker.features.region import RegionMap


class DenseSearch:
    """A grid of candidates, and the box estimator around them, for the target at a box (4,) in the first frame."""

    def __init__(self, params: Params, estimator: BoxEstimator, frame: RegionMap, box: Boxes):
        self.params, self._estimator = params, estimator
        self._template = estimator.template(frame, box)
        self._aspect = box[2] / box[3]

    def find(self, frame: RegionMap, state: Boxes, head: Head, rng: np.random.Generator, lost: int) -> Found:
        """See ``tracker.dat.search.Search``; ``rng`` and ``lost`` have no part in it."""
        candidates = self._grid(state)
        peaks = candidates[self._peaks(candidates, self._margins(frame, candidates, state, head))]
        boxes, present = self._estimator.refine(frame, peaks, self._template)
        if not np.isfinite(boxes).all():
            return Found(state, state, math.nan)
        best = [int((self._margins(frame, boxes, state, head) + self._bounded(present)).argmax())]
        refined, present = self._estimator.refine(frame, boxes[best], self._template)
        box = self._steadied(refined, state)
        score = float((self._margins(frame, box, state, head) + self._bounded(present))[0])
        return Found(box[0], box[0], score)

    def _steadied(self, boxes: Boxes, state: Boxes) -> Boxes:
        """The boxes (N, 4) about their centres, with proportions nearer to the first frame's and no sudden sides.

        Args:
            boxes: (N, 4), as the estimator sees them.
            state: (4,), the previous box.
        """
        most = self.params.size_step
        stretch = (self._aspect * boxes[:, 3] / boxes[:, 2]) ** (self.params.first_aspect_share / 2)  # (N,)
        sides = boxes[:, 2:] * np.stack([stretch, 1 / stretch], axis=1)
        size = state[2:] * np.exp(most * np.tanh(np.log(sides / state[2:]) / most))
        return around(centre(boxes), size)

    def _grid(self, state: Boxes) -> Boxes:
        """The box (4,) at every step within reach, (N, 4)."""
        p = self.params
        count = round(p.reach / p.grid_step)
        offsets = np.arange(-count, count + 1) * p.grid_step * state[2:].mean()
        across, down = np.meshgrid(offsets, offsets)
        moved = np.stack([across.ravel(), down.ravel()], axis=1) + state[:2]
        return np.concatenate([moved, np.broadcast_to(state[2:], moved.shape)], axis=1)

    def _margins(self, frame: RegionMap, boxes: Boxes, state: Boxes, head: Head) -> NDArray[np.float64]:
        """Bounded margins (N,) less what the way from the previous box (4,) to the boxes (N, 4) costs."""
        way = (centre(boxes) - centre(state)) / np.sqrt(state[2:].prod())  # (N, 2)
        margins = head.margins(frame.samples(boxes).features).double().cpu().numpy()
        return self._bounded(margins) - self.params.motion_penalty * (way**2).sum(axis=1)

    def _bounded(self, verdicts: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.params.bound * np.tanh(verdicts / self.params.bound)

    def _peaks(self, boxes: Boxes, scores: NDArray[np.float64]) -> list[int]:
        """Rows of the highest scores, none of them close to a higher one."""
        left, rows = scores.copy(), []
        reach = self.params.peak_distance * boxes[0, 2:].mean()
        for _ in range(self.params.peaks):
            rows.append(int(left.argmax()))
            near = np.abs(centre(boxes) - centre(boxes[rows[-1]])).max(axis=1) < reach
            left[near] = -np.inf
        return rows
