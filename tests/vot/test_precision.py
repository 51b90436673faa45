"""The one-pass measures: closed forms, and a second implementation that goes frame by frame."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vot.region import Polygon, Rectangle, Special

from tracker.vot import precision
from tracker.vot.precision import ERRORS, OVERLAPS, boxes, measures


def frame_by_frame(predicted, truth):
    """OTB's description in plain loops: last known box, then distances and overlaps one at a time."""
    errors, shares, last = [], [], truth[0]
    for index, target in enumerate(truth):
        if index and not any(map(math.isnan, predicted[index])):
            last = predicted[index]
        if any(map(math.isnan, target)):
            continue
        (x, y, w, h), (u, v, s, t) = last, target
        errors.append(math.dist((x + (w - 1) / 2, y + (h - 1) / 2), (u + (s - 1) / 2, v + (t - 1) / 2)))
        width = max(0, min(x + w, u + s) - max(x, u))
        height = max(0, min(y + h, v + t) - max(y, v))
        shares.append(width * height / (w * h + s * t - width * height))
    n = len(errors)
    return (
        sum(errors) / n,
        [sum(error <= limit for error in errors) / n for limit in range(51)],
        [sum(share > limit / 20 for share in shares) / n for limit in range(21)],
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_two_implementations_agree(seed):
    rng = np.random.default_rng(seed)
    truth = np.column_stack([rng.uniform(0, 60, (30, 2)), rng.uniform(5, 40, (30, 2))])
    predicted = truth + rng.normal(0, 8, truth.shape)
    predicted[:, 2:] = np.abs(predicted[:, 2:]) + 1
    predicted[rng.random(30) < 0.2] = np.nan
    truth[1:][rng.random(29) < 0.2] = np.nan
    error, precise, success = measures(predicted, truth)
    expected = frame_by_frame(predicted.tolist(), truth.tolist())
    assert error == pytest.approx(expected[0])
    assert precise == pytest.approx(expected[1])
    assert success == pytest.approx(expected[2])


def test_a_constant_shift_has_a_closed_form():
    """12 right, 16 down of a 40 x 40 box: 20 px away, 28 x 24 in common; the first frame counts as right."""
    truth = np.tile([10.0, 10.0, 40.0, 40.0], (10, 1))
    error, precise, success = measures(truth + np.array([12, 16, 0, 0]), truth)
    assert error == pytest.approx(0.9 * 20)
    assert precise[20] == 1
    assert precise[19] == pytest.approx(0.1)
    overlap = 28 * 24 / (3200 - 28 * 24)
    assert success == pytest.approx([0.1 + 0.9 * (overlap > limit) if limit < 1 else 0 for limit in OVERLAPS])


def test_a_perfect_run_has_everything_but_overlap_above_one():
    truth = np.tile([0.0, 0.0, 8.0, 8.0], (5, 1))
    error, precise, success = measures(truth, truth)
    assert error == 0
    assert set(precise) == {1.0}
    assert success.mean() == pytest.approx(20 / 21)
    assert success[-1] == 0


def test_the_size_of_a_box_moves_its_centre():
    truth = np.tile([0.0, 0.0, 11.0, 11.0], (2, 1))
    error, _, _ = measures(truth + np.array([0, 0, 10, 0]), truth)
    assert error == pytest.approx(5 / 2)


def test_where_the_tracker_gave_no_box_the_one_before_stands():
    truth = np.tile([0.0, 0.0, 10.0, 10.0], (4, 1))
    predicted = truth + np.array([3, 4, 0, 0])
    predicted[[1, 3]] = np.nan
    assert measures(predicted, truth)[0] == pytest.approx((0 + 0 + 5 + 5) / 4)


def test_frames_without_ground_truth_are_left_out():
    truth = np.tile([0.0, 0.0, 10.0, 10.0], (4, 1))
    predicted = truth + np.array([3, 4, 0, 0])
    truth[2] = np.nan
    assert measures(predicted, truth)[0] == pytest.approx((0 + 5 + 5) / 3)


def test_polygons_count_as_their_bounding_rectangle_and_codes_as_nothing():
    polygon = Polygon([(2, 3), (10, 1), (12, 9), (4, 11)])
    found = boxes([polygon, Special(1), Rectangle(1, 2, 3, 4), Rectangle(1, 2, 0, 4)])
    assert found[0].tolist() == [2, 1, 10, 10]
    assert np.isnan(found[[1, 3]]).all()
    assert found[2].tolist() == [1, 2, 3, 4]


def test_thresholds_are_those_of_otb():
    assert ERRORS.tolist() == list(range(51))
    assert pytest.approx([index / 20 for index in range(21)]) == OVERLAPS
    assert OVERLAPS[10] == precision.OS_OVERLAP
