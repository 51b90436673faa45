"""Boxes against independent implementations, and the conversions from polygons and masks."""

import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core import boxes

COORDINATES = st.floats(-1e3, 1e3)
SIDES = st.floats(0.5, 1e3)
BOXES = st.tuples(COORDINATES, COORDINATES, SIDES, SIDES).map(np.array)


def scalar_overlap(a, b):
    """Intersection over union, worked out interval by interval."""

    def shared(start, length, other_start, other_length):
        return max(0.0, min(start + length, other_start + other_length) - max(start, other_start))

    intersection = shared(a[0], a[2], b[0], b[2]) * shared(a[1], a[3], b[1], b[3])
    union = a[2] * a[3] + b[2] * b[3] - intersection
    return intersection / union


def test_overlap_agrees_with_two_other_implementations_on_1000_pairs():
    rng = np.random.default_rng(0)
    a, b = (np.column_stack([rng.uniform(0, 60, (1000, 2)), rng.uniform(1, 50, (1000, 2))]) for _ in range(2))
    ours = boxes.overlap(a, b)
    assert ours.shape == (1000,)
    assert ours.dtype == np.float64
    assert 0.3 < np.mean(ours > 0) < 0.9  # the pairs test both outcomes
    assert ours == pytest.approx([scalar_overlap(x, y) for x, y in zip(a, b, strict=True)], abs=1e-12)
    polygons = [[boxes.corners(x).astype(np.float32) for x in pair] for pair in zip(a, b, strict=True)]
    shared = np.array([cv2.intersectConvexConvex(x, y)[0] for x, y in polygons])
    assert ours == pytest.approx(shared / (boxes.area(a) + boxes.area(b) - shared), abs=1e-4)


def test_overlap_broadcasts():
    a, b = np.random.default_rng(1).uniform(1, 20, (2, 7, 4))
    table = boxes.overlap(a[:, np.newaxis], b)
    assert table.shape == (7, 7)
    assert table[2].tolist() == boxes.overlap(a[2], b).tolist()
    assert boxes.overlap(a[0], a[0]) == pytest.approx(1)
    assert f"{boxes.overlap(a[0], b[0]):.3f}"  # one pair gives a number
    assert boxes.overlap(np.empty((0, 4)), a[0]).shape == (0,)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param([0, 0, 4, 4], 1.0, id="same"),
        pytest.param([4, 0, 4, 4], 0.0, id="touching"),
        pytest.param([1, 1, 2, 2], 0.25, id="inside"),
        pytest.param([2, 0, 4, 4], 1 / 3, id="half"),
        pytest.param([0, 0, 0, 4], 0.0, id="no-area"),
        pytest.param([3, 3, -2, -2], 0.0, id="negative"),
    ],
)
def test_overlap_of_known_pairs(other, expected):
    assert boxes.overlap([0, 0, 4, 4], other) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_results_are_float64_whatever_comes_in(dtype):
    """The area of the box is no float32: 4097 * 4099 = 2 ** 24 + 16387."""
    box = np.array([3, 5, 4097, 4099], dtype)
    assert float(boxes.area(box)) == 4097 * 4099
    results = (boxes.centre(box), boxes.clip(box, 10000, 10000), boxes.corners(box), boxes.overlap([box], [box]))
    for result in (
        *results,
        boxes.from_polygon(boxes.corners(box).astype(dtype)),
        boxes.from_mask(np.eye(3, dtype=dtype)),
    ):
        assert result.dtype == np.float64


def test_the_right_edge_of_a_float32_box_keeps_its_digits():
    box = np.array([2**24, 0, 1, 1], np.float32)  # 2 ** 24 + 1 is no float32
    assert boxes.clip(box, 2**25, 10).tolist() == [2**24, 0, 1, 1]
    assert boxes.overlap(box, box) == 1


def test_boxes_without_area_overlap_by_nothing():
    points = np.random.default_rng(0).uniform(0, 9, (1000, 4)) * [1, 1, 0, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not boxes.overlap(points, points).any()


def test_centre_of_known_boxes():
    assert boxes.centre([[0, 0, 4, 6], [-1, 2, 3, 1]]).tolist() == [[2, 3], [0.5, 2.5]]


@given(BOXES, BOXES)
def test_overlap_is_symmetric_and_at_most_one(a, b):
    assert boxes.overlap(a, b) == boxes.overlap(b, a)
    assert 0 <= boxes.overlap(a, b) <= 1 + 1e-12


@given(BOXES)
def test_a_box_is_its_own_polygon(box):
    assert boxes.from_polygon(boxes.corners(box)) == pytest.approx(box.tolist(), rel=1e-9, abs=1e-9)


@given(BOXES, st.floats(0, 6.3), st.permutations(range(4)).filter(lambda p: (p[0] - p[2]) % 4 == 2))
def test_a_rotated_rectangle_keeps_centre_and_area(box, angle, order):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    polygon = boxes.centre(box) + (boxes.corners(box) - boxes.centre(box)) @ turn.T
    upright = boxes.from_polygon(polygon[list(order)])  # any first corner, either direction
    assert boxes.centre(upright) == pytest.approx(boxes.centre(box).tolist(), rel=1e-9, abs=1e-6)
    assert boxes.area(upright) == pytest.approx(boxes.area(box), rel=1e-6)
    assert upright[2] / upright[3] == pytest.approx(np.divide(*np.ptp(polygon, axis=0)), rel=1e-6)


def test_polygon_as_vot_integrations_convert_it():
    """Centre: mean of the corners; area: product of two sides; proportions: those of the bounding box."""
    x = np.array([130.0, 170.0, 150.0, 110.0])  # a rotated rectangle, 40 x 20 and 20 x 40 along its sides
    y = np.array([80.0, 100.0, 140.0, 120.0])
    scale = np.sqrt(np.hypot(40, 20) * np.hypot(20, 40) / (np.ptp(x) * np.ptp(y)))
    w, h = scale * np.ptp(x), scale * np.ptp(y)
    expected = [x.mean() - w / 2, y.mean() - h / 2, w, h]
    assert boxes.from_polygon(np.column_stack([x, y])) == pytest.approx(expected, abs=1e-12)


def test_a_polygon_far_from_the_origin_keeps_its_area():
    near = boxes.from_polygon([[0, 5], [5, 0], [10, 5], [5, 10]])
    far = boxes.from_polygon(np.array([[0, 5], [5, 0], [10, 5], [5, 10]]) + 1e8)
    assert (far - [1e8, 1e8, 0, 0]).tolist() == pytest.approx(near.tolist(), abs=1e-6)


@pytest.mark.parametrize("length", [1e-2, 1, 1e4])
def test_whether_a_polygon_has_area_is_a_matter_of_its_shape_not_its_size(length):
    thin = [0, 0, length, 1e-8 * length]
    assert boxes.from_polygon(boxes.corners(thin)) == pytest.approx(thin, rel=1e-6, abs=1e-12)
    with pytest.raises(ValueError, match="no area"):
        boxes.from_polygon(boxes.corners([0, 0, length, 1e-10 * length]))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        pytest.param([[0, 0], [1, 1]], "at least 3 points", id="two-points"),
        pytest.param([0, 0, 1, 0, 1, 1], "at least 3 points", id="flat-list"),
        pytest.param([[0, 0], [1, 1], [2, 2]], "has no area", id="line"),
        pytest.param([[3, 3]] * 4, "has no area", id="point"),
        pytest.param([[0, 0], [1, 0], [1, np.nan]], "not finite", id="nan"),
    ],
)
def test_bad_polygons(points, message):
    with pytest.raises(ValueError, match=message):
        boxes.from_polygon(points)


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 10), st.integers(1, 10), st.integers(-5, 5))
def test_mask_of_a_box_gives_the_box(x, y, w, h, shift):
    mask = np.zeros((25, 25), bool)
    mask[y : y + h, x : x + w] = True
    mask[y : y + h, x : x + w][1:-1, 1:-1] = False  # only the outline counts
    assert boxes.from_mask(mask, (shift, -shift)).tolist() == [x + shift, y - shift, w, h]


@pytest.mark.parametrize(
    ("mask", "message"), [(np.zeros((4, 6)), "6 x 4 pixels is empty"), (np.ones((2, 2, 3)), "single-channel")]
)
def test_bad_masks(mask, message):
    with pytest.raises(ValueError, match=message):
        boxes.from_mask(mask)


@given(BOXES, st.integers(1, 500), st.integers(1, 500))
def test_clipped_boxes_lie_inside_and_keep_what_was_inside(box, width, height):
    image = np.array([0.0, 0.0, width, height])
    clipped = boxes.clip(box, width, height)
    assert (clipped[2:] >= 0).all()
    assert (clipped[:2] >= 0).all()
    assert (clipped[:2] + clipped[2:] <= image[2:] + 1e-9).all()
    union = boxes.area(box) + boxes.area(image) - boxes.area(clipped)
    assert boxes.overlap(box, image) == pytest.approx(boxes.area(clipped) / union, abs=1e-9)


def test_several_boxes_are_clipped_at_once():
    clipped = boxes.clip([[-5, 5, 20, 100], [90, -10, 20, 5], [1, 2, 3, 4]], width=100, height=50)
    assert clipped.tolist() == [[0, 5, 15, 45], [90, 0, 10, 0], [1, 2, 3, 4]]


def test_boxes_smaller_than_a_pixel_can_be_tracked():
    assert boxes.checked([1, 2, 0.5, 0.25], 10, 10).tolist() == [1, 2, 0.5, 0.25]


def test_checked_copies_and_converts():
    given_box = np.array([1, 2, 3, 4], np.int64)
    box = boxes.checked(given_box, 10, 10)
    assert box.dtype == np.float64
    assert box.tolist() == [1, 2, 3, 4]
    assert not np.shares_memory(box, given_box)
    assert boxes.checked([-5.0, -5.0, 5.5, 5.5], 10, 10).tolist() == [-5, -5, 5.5, 5.5]  # partly outside is allowed


@pytest.mark.parametrize(
    ("box", "message"),
    [
        pytest.param([1, 2, 3], r"shape \(3,\)", id="three-numbers"),
        pytest.param([[1, 2, 3, 4]], r"shape \(1, 4\)", id="two-dimensions"),
        pytest.param([1, 2, np.nan, 4], r"box \(1, 2, nan, 4\) is not finite", id="nan"),
        pytest.param([1, 2, 0, 4], "has no area; width and height must be positive", id="no-width"),
        pytest.param([1, 2, 3, 0], "has no area; width and height must be positive", id="no-height"),
        pytest.param([1, 2, 3, -4], "has no area", id="negative"),
        pytest.param([10, 2, 3, 4], "outside the image of 10 x 8", id="right-of-it"),
        pytest.param([1, -4, 3, 4], "outside the image of 10 x 8", id="above-it"),
    ],
)
def test_checked_refuses(box, message):
    with pytest.raises(ValueError, match=message):
        boxes.checked(box, width=10, height=8)


@pytest.mark.parametrize("box", [[1, 2, 400, 1], [1, 2, 1, 300]])
def test_a_box_may_have_ten_times_the_sides_of_the_image_and_no_more(box):
    assert boxes.checked(box, 40, 30).tolist() == box
    larger = [side + 0.1 * (side == max(box)) for side in box]
    with pytest.raises(ValueError) as caught:
        boxes.checked(larger, 40, 30)
    text = ", ".join(f"{value:g}" for value in larger)
    assert str(caught.value) == (
        f"box ({text}) has over 10 times the sides of the image of 40 x 30 pixels; give it in pixels of this image"
    )
