"""Bounding-box regression: ridge from a sample's features to the shift and log-scale that lead to the target.

As in R-CNN (Girshick et al., CVPR 2014, appendix C) and MDNet, trained on the first frame only; solved in its dual
form, since there are fewer samples than features.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tracker.core.boxes import Boxes, around, centre
from tracker.core.timing import stage


class BoxRegressor:
    """One ridge regression for each of dx, dy (in box sides), log dw and log dh.

    Args:
        features: (N, D) of training samples.
        boxes: (N, 4) of the same samples.
        target: (4,) ground truth.
        ridge: penalty of the squared weights.
        log_scale: largest change of a side, as difference of logarithms.
    """

    @stage("regression")
    @torch.inference_mode()
    def __init__(self, features: Tensor, boxes: Boxes, target: Boxes, ridge: float, log_scale: float):
        self._log_scale = log_scale
        shifts = (centre(target) - centre(boxes)) / boxes[:, 2:]
        goals = torch.from_numpy(np.concatenate([shifts, np.log(target[2:] / boxes[:, 2:])], axis=1)).to(features)
        self._mean_feature, self._mean_goal = features.mean(dim=0), goals.mean(dim=0)
        centred = features - self._mean_feature  # (N, D)
        kernel = centred @ centred.t()  # (N, N)
        kernel.diagonal().add_(ridge)
        self._weights = centred.t() @ torch.linalg.solve(kernel, goals - self._mean_goal)  # (D, 4)

    @stage("regression")
    @torch.inference_mode()
    def refine(self, features: Tensor, boxes: Boxes) -> Boxes:
        """Boxes (N, 4) moved and resized as their features (N, D) say."""
        change = ((features - self._mean_feature) @ self._weights + self._mean_goal).double().cpu().numpy()  # (N, 4)
        sizes = boxes[:, 2:] * np.exp(np.clip(change[:, 2:], -self._log_scale, self._log_scale))
        return around(centre(boxes) + change[:, :2] * boxes[:, 2:], sizes)
