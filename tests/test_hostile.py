"""Hostile images and boxes: a tracker refuses them at ``init`` with a ValueError, or answers with sensible boxes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tracker import catalog
from tracker.core import boxes
from tracker.dat.params import FAST
from tracker.dat.tracker import ReciprocativeTracker

pytestmark = pytest.mark.slow

BRIEF = replace(
    FAST,
    threads=1,
    device="cpu",
    region_size=96,
    grid=3,
    hidden=16,
    reach=1.0,
    peaks=2,
    initial_positives=32,
    initial_negatives=64,
    initial_iterations=3,
    views=FAST.views[:1],
    update_iterations=2,
    update_interval=2,
    batch_positives=8,
    batch_negatives=16,
    attention_negatives=8,
)
"""All of the tracker in a fiftieth of its time."""

KINDS = ("noise", "grey noise", "black", "grey", "white", "stripes", "target", "other scene")
SIDE = st.one_of(st.integers(1, 24), st.integers(25, 160))
IMAGES = st.tuples(st.sampled_from(KINDS), SIDE, SIDE)
FRAMES = st.one_of(
    st.lists(IMAGES, min_size=2, max_size=6),  # the size may change with every frame
    st.tuples(SIDE, SIDE, st.lists(st.sampled_from(KINDS), min_size=2, max_size=6)).map(
        lambda drawn: [(kind, *drawn[:2]) for kind in drawn[2]]
    ),
)
SHARE = st.floats(0, 1)
BOX = st.tuples(SHARE, SHARE, SHARE, SHARE, st.floats(-9, 1), st.floats(-5, 5))
"""A point of the box in the image, the same point in the box, log2 of its size over the image's, log2 of its aspect."""


def draw(kind: str, height: int, width: int, step: int) -> np.ndarray:
    """An image (height, width, 3); ``step`` moves the target out of it to the right."""
    rng = np.random.default_rng([height, width, kind == "other scene"])
    noise = rng.integers(0, 256, (height, width, 3), np.uint8)
    if kind == "noise":
        return noise
    if kind == "grey noise":
        return np.ascontiguousarray(np.broadcast_to(noise[..., :1], noise.shape))
    if kind in ("black", "grey", "white"):
        return np.full_like(noise, {"black": 0, "grey": 127, "white": 255}[kind])
    if kind == "stripes":
        return np.ascontiguousarray(
            np.broadcast_to(((np.arange(width) // 2 + step) % 2 * 255)[:, None], noise.shape), np.uint8
        )
    image = cv2.GaussianBlur(noise, (0, 0), 3)
    if kind == "target":
        left, size = width // 3 + step * width // 4, max(min(height, width) // 4, 1)
        image[height // 3 : height // 3 + size, left : left + size] = (250, 40, 10)
    return image


def placed(box, height: int, width: int) -> np.ndarray:
    """The box (4,) in pixels of an image, between 2 pixels and twice the image's mean side."""
    x, y, u, v, size, aspect = box
    side = max((height * width) ** 0.5 * 2**size, 2.0)
    w, h = side * 2 ** (aspect / 2), side / 2 ** (aspect / 2)
    return np.array([x * width - u * w, y * height - v * h, w, h])


def follow(tracker, frames, box) -> None:
    """Track all frames and check every answer."""
    shapes = [frame[1:] for frame in frames]
    height, width = np.max(shapes, axis=0)
    first = placed(box, *shapes[0])
    images = [draw(*frame, step) for step, frame in enumerate(frames)]
    try:
        results = [tracker.init(images[0], first)]
    except ValueError as error:
        assert str(error).startswith(("box ", "OpenCV's MIL cannot start on box"))
        return
    results += [tracker.update(image) for image in images[1:]]
    assert np.array_equal(results[0].box, first)
    for result in results:
        assert result.box.shape == (4,)
        assert np.isfinite([*result.box, result.score]).all()
        assert result.faults == 0
        assert (result.box[2:] > 0).all()
        assert (result.box[2:] <= np.maximum([2 * width, 2 * height], first[2:])).all()
        assert (boxes.centre(result.box) >= -first[2:]).all()
        assert (boxes.centre(result.box) <= first[2:] + np.array([width, height])).all()


def hostile(examples: int):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


@pytest.fixture(scope="module")
def trackers():
    return {"DAT": ReciprocativeTracker(BRIEF), "NCC": catalog.create("NCC"), "MIL": catalog.create("MIL")}


@hostile(60)
@given(FRAMES, BOX)
def test_dat_follows_anything(trackers, frames, box):
    follow(trackers["DAT"], frames, box)


@hostile(150)
@given(FRAMES, BOX)
def test_ncc_follows_anything(trackers, frames, box):
    follow(trackers["NCC"], frames, box)


@hostile(25)
@given(FRAMES, BOX)
def test_mil_follows_anything(trackers, frames, box):
    assume(box[4] < -2)  # it takes seconds for a large box
    follow(trackers["MIL"], frames, box)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "examples"), [("DAT", 2000), ("NCC", 10_000), ("MIL", 300)])
def test_they_follow_thousands_of_sequences(trackers, name, examples):
    @hostile(examples)
    @given(FRAMES, BOX)
    def long(frames, box):
        follow(trackers[name], frames, box)

    long()


@pytest.mark.parametrize("name", ["DAT", "MDNet"])
def test_the_presets_follow_a_cut_a_change_of_size_and_a_target_that_leaves(name):
    frames = [
        ("target", 120, 160),
        ("target", 120, 160),
        ("other scene", 120, 160),
        ("black", 90, 200),
        ("noise", 8, 8),
    ]
    follow(catalog.create(name, threads=1), frames, (0.4, 0.4, 0.0, 0.5, -1.0, 5.0))


@pytest.mark.parametrize("box", [[3000.0, 2000, 64, 48], [0.0, 0, 7680, 4320], [-7680.0, 2000, 7690, 260]])
def test_frames_of_8k(trackers, box):
    image = np.random.default_rng(0).integers(0, 256, (4320, 7680, 3), np.uint8)
    trackers["DAT"].init(image, np.array(box))
    result = trackers["DAT"].update(image)
    assert np.isfinite(result.box).all()
    assert boxes.overlap(result.box, box) > 0.3


@pytest.mark.parametrize(
    "change",
    [
        {"initial_rate": 100 * FAST.initial_rate, "update_rate": 100 * FAST.update_rate},
        {"attention_weight": 1000 * FAST.attention_weight},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("kind", ["target", "grey"])
def test_boxes_stay_finite_with_absurd_parameters(change, kind):
    wild = ReciprocativeTracker(replace(BRIEF, initial_iterations=50, update_iterations=15, **change))
    wild.init(draw(kind, 120, 160, 0), np.array([53.0, 40, 30, 30]))
    for _ in range(8):
        result = wild.update(draw(kind, 120, 160, 0))
        assert np.isfinite([*result.box, result.score]).all()
