import numpy as np
import pytest
import torch

from tracker.dat import sampling
from tracker.dat.regression import BoxRegressor

TARGET = np.array([50.0, 40.0, 30.0, 20.0])


def linear_features(boxes: np.ndarray, mixing: np.ndarray) -> torch.Tensor:
    """Features that tell where the target is, relative to the box, in a mixture of 40 numbers."""
    shift = (TARGET[:2] + TARGET[2:] / 2 - boxes[:, :2] - boxes[:, 2:] / 2) / boxes[:, 2:]
    return torch.from_numpy(np.concatenate([shift, np.log(TARGET[2:] / boxes[:, 2:])], axis=1) @ mixing)


def test_it_learns_a_linear_relation_and_moves_new_boxes_onto_the_target():
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((4, 40))
    train, test = (sampling.gaussian(rng, TARGET, count, 0.4, 1.3, 1.1) for count in (300, 20))
    regressor = BoxRegressor(linear_features(train, mixing), train, TARGET, ridge=1e-6, log_scale=0.5)
    assert regressor.refine(linear_features(test, mixing), test) == pytest.approx(np.tile(TARGET, (20, 1)), abs=1e-3)


def test_a_large_penalty_leaves_boxes_almost_where_they_are():
    rng = np.random.default_rng(1)
    train = sampling.gaussian(rng, TARGET, 500, 0.4, 1.3)
    features = torch.from_numpy(rng.standard_normal((500, 40)))
    refined = BoxRegressor(features, train, TARGET, ridge=1e9, log_scale=0.5).refine(features, train)
    assert np.abs(refined - train).max() < 0.05 * TARGET[2:].max()


def test_a_size_cannot_explode():
    rng = np.random.default_rng(2)
    train = sampling.gaussian(rng, TARGET, 100, 0.4, 1.3)
    features = linear_features(train, rng.standard_normal((4, 40)))
    refined = BoxRegressor(features, train, TARGET, ridge=1e-6, log_scale=0.5).refine(features * 1e3, train)
    assert (refined[:, 2:] / train[:, 2:]).max() <= np.exp(0.5) + 1e-9
