import numpy as np
import pytest

from tracker.core import boxes
from tracker.dat import sampling

BOX = np.array([40.0, 30.0, 20.0, 10.0])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_gaussian_boxes_stay_within_two_deviations(rng):
    drawn = sampling.gaussian(rng, BOX, 5000, translation=0.6, scale=1.2, aspect=1.1)
    offsets = (boxes.centre(drawn) - boxes.centre(BOX)) / BOX[2:].mean()
    scales = np.sqrt(boxes.area(drawn) / boxes.area(BOX))
    assert np.abs(offsets).max() == pytest.approx(0.6)
    assert offsets.std() == pytest.approx(0.3, rel=0.08)
    assert scales.max() == pytest.approx(1.2)
    assert scales.min() == pytest.approx(1 / 1.2)
    aspects = drawn[:, 2] / drawn[:, 3] / 2
    assert aspects.max() == pytest.approx(1.1**2)
    assert aspects.min() == pytest.approx(1.1**-2)


def test_uniform_boxes_fill_the_square(rng):
    drawn = sampling.uniform(rng, BOX, 5000, translation=1.5, scale=1.3)
    offsets = (boxes.centre(drawn) - boxes.centre(BOX)) / BOX[2:].mean()
    assert np.abs(offsets).max() == pytest.approx(1.5, abs=0.01)
    assert offsets.std() == pytest.approx(1.5 / np.sqrt(3), rel=0.03)
    assert drawn[:, 2].max() / drawn[:, 2].min() == pytest.approx(1.3**2, rel=0.01)
    assert np.allclose(drawn[:, 2] / drawn[:, 3], 2)


def test_whole_image_boxes_lie_inside_it(rng):
    drawn = sampling.whole_image(rng, BOX, 1000, scale=1.6, width=200, height=100)
    assert (drawn[:, :2] >= 0).all()
    assert (drawn[:, :2] + drawn[:, 2:] <= [200, 100]).all()
    assert boxes.centre(drawn)[:, 0].min() < 30
    assert boxes.centre(drawn)[:, 0].max() > 170


def test_select_keeps_the_range_of_overlaps_in_order(rng):
    drawn = sampling.gaussian(rng, BOX, 500, 1.0, 1.3)
    chosen = sampling.select(drawn, BOX, 0.3, 0.6, 40)
    share = boxes.overlap(drawn, BOX)
    assert len(chosen) == 40
    assert np.array_equal(chosen, drawn[(share >= 0.3) & (share <= 0.6)][:40])


def test_select_falls_back_on_the_target_where_it_may_be_chosen(rng):
    far = sampling.gaussian(rng, BOX + np.array([500.0, 0, 0, 0]), 50, 0.1, 1.1)
    assert np.array_equal(sampling.select(far, BOX, 0.7, 1, 40), BOX[None])
    assert sampling.select(far, BOX, 0.3, 0.6, 40).shape == (0, 4)
