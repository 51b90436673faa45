"""MDNet's search: candidates drawn around the previous box, the mean of the best, a regression that is only reported.

Numbers and order are py-MDNet's and the published code's; ``PAPER`` and ``CROPS`` use it.
"""

from __future__ import annotations

import numpy as np

from tracker.core.boxes import Boxes
from tracker.dat import sampling
from tracker.dat.head import Head
from tracker.dat.params import Params
from tracker.dat.regression import BoxRegressor
from tracker.dat.search import Found
from tracker.features.samples import Frame


class DrawnSearch:
    """Random candidates, and a ridge regression learned around the target at a box (4,) in the first frame."""

    def __init__(self, params: Params, frame: Frame, box: Boxes, rng: np.random.Generator):
        self.params = params
        count = params.regression_draws * params.regression_samples
        shape = params.regression_translation, params.regression_scale, params.regression_aspect
        drawn = sampling.gaussian(rng, box, count, *shape)
        boxes = sampling.select(drawn, box, params.regression_overlap, 1, params.regression_samples)
        features = frame.samples(boxes).features
        self._regressor = BoxRegressor(features, boxes, box, params.regression_ridge, params.regression_log_scale)

    def find(self, frame: Frame, state: Boxes, head: Head, rng: np.random.Generator, lost: int) -> Found:
        """See ``tracker.dat.search.Search``."""
        p = self.params
        spread = p.near_translation * (p.lost_spread if lost else 1)
        around = sampling.gaussian(rng, state, p.near_candidates, spread, p.candidate_scale)
        candidates = np.concatenate([state[None], around])
        features = frame.samples(candidates).features
        best = head.margins(features).topk(min(p.best_candidates, len(candidates)))
        rows = best.indices.cpu().numpy()
        refined = self._regressor.refine(features[best.indices], candidates[rows])
        return Found(refined.mean(axis=0), candidates[rows].mean(axis=0), float(best.values.mean()))
