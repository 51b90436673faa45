"""The dense search: what its grid covers, which peaks it takes, and that neither verdict can outvote the other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.dat.dense import DenseSearch
from tracker.dat.params import FAST
from tracker.features.region import RegionMap
from tracker.features.samples import Samples

STATE = np.array([100.0, 80.0, 40.0, 40.0])


class Estimator:
    """Leaves boxes where they are, with sides that many times as long; the verdict is given for each centre."""

    def __init__(self, present=lambda box: 0.0, factor=1.0):
        self.present, self.factor, self.asked = present, factor, []

    def template(self, frame, box):
        return None

    def refine(self, frame, boxes, template):
        self.asked.append(boxes)
        size = boxes[:, 2:] * self.factor
        middle = boxes[:, :2] + boxes[:, 2:] / 2
        return np.concatenate([middle - size / 2, size], axis=1), np.array([self.present(box) for box in boxes])


class Frame:
    """Samples are the boxes themselves."""

    def samples(self, boxes):
        return Samples(torch.from_numpy(boxes))


class Head:
    def __init__(self, margin):
        self.margin = margin

    def margins(self, features):
        return torch.tensor([float(self.margin(box)) for box in features.numpy()])


def found(margin, present=lambda box: 0.0, factor=1.0, **changes):
    estimator = Estimator(present, factor)
    search = DenseSearch(replace(FAST, **changes), estimator, Frame(), STATE)
    return search.find(Frame(), STATE, Head(margin), np.random.default_rng(0), 0), estimator.asked


def at(x, y, high, low=-10.0):
    """A margin that is high within 6 pixels of a box whose corner lies at (x, y)."""
    return lambda box: high if np.hypot(box[0] - x, box[1] - y) < 6 else low


def test_it_sees_everything_within_reach():
    for x, y in ((100, 80), (164, 144), (36, 16), (164, 16), (130, 110)):
        best, _ = found(at(x, y, 3.0), motion_penalty=0.0)
        assert np.hypot(*(best.box[:2] - (x, y))) <= 7.1 and best.score > 0


def test_a_look_alike_must_be_better_by_what_its_way_costs():
    def margin(box):
        return max(at(100, 80, 1.0)(box), at(140, 80, 1.5)(box))

    assert found(margin, motion_penalty=0.0)[0].box[0] == 140
    assert found(margin, motion_penalty=1.0)[0].box[0] == 100


@pytest.mark.parametrize("apart", [0.45, 0.9])
def test_peaks_are_apart_and_no_more_than_asked_for(apart):
    _, asked = found(lambda box: -abs(box[0] - 100) - abs(box[1] - 80), peaks=3, peak_distance=apart)
    first = asked[0]
    assert len(first) == 3
    assert first[0].tolist() == STATE.tolist()
    distances = [np.abs(a[:2] - b[:2]).max() for k, a in enumerate(first) for b in first[:k]]
    assert min(distances) >= apart * 40


def test_a_head_that_is_very_sure_does_not_outvote_the_estimator():
    def margin(box):
        return max(at(100, 80, 5.0)(box), at(140, 80, 500.0)(box))

    best, _ = found(margin, lambda box: 4.0 if box[0] < 120 else -4.0, motion_penalty=0.0)
    assert best.box[0] == 100


@pytest.mark.parametrize("factor", [0.2, 0.99, 1.01, 5.0])
def test_the_box_keeps_its_centre_and_changes_little_in_size(factor):
    best, _ = found(at(100, 80, 3.0), factor=factor, size_step=0.05)
    assert best.box[:2] + best.box[2:] / 2 == pytest.approx([120, 100])
    estimated = 2 * np.log(factor)  # the best box is refined twice
    change = np.log(best.box[2:] / STATE[2:])
    assert change == pytest.approx([0.05 * np.tanh(estimated / 0.05)] * 2)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 4.0), (0.5, 2.0), (1.0, 1.0)])
def test_proportions_are_between_what_is_seen_and_the_first_frames(share, expected):
    best, _ = found(at(100, 80, 3.0), factor=np.array([2**0.5, 2**-0.5]), size_step=100.0, first_aspect_share=share)
    width, height = best.box[2:]  # seen twice, each time twice as wide for its height; square at first
    assert width / height == pytest.approx(expected, rel=1e-3)
    assert width * height == pytest.approx(STATE[2:].prod(), rel=1e-3)


def test_both_against_it_is_not_found():
    best, _ = found(lambda box: -1.0, lambda box: -1.0)
    assert best.score < FAST.success_score


def test_values_that_are_not_finite_leave_the_state_and_say_so():
    values = torch.full((36, 36, 64), float("nan"))
    frame = RegionMap(values, values, (0.0, 0.0), 1.0, 5)
    estimator = Estimator()
    estimator.refine = lambda frame, boxes, template: (np.full_like(boxes, np.nan), np.full(len(boxes), np.nan))
    search = DenseSearch(FAST, estimator, frame, STATE)
    best = search.find(frame, STATE, Head(lambda box: np.nan), np.random.default_rng(0), 0)
    assert np.isnan(best.score) and best.box.tolist() == STATE.tolist()


@pytest.mark.parametrize("name", ["bound", "size_step", "reach", "grid_step", "peaks"])
def test_impossible_parameters_of_the_search_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0; it must be (above 0|at least 1)"):
        replace(FAST, **{name: 0})
