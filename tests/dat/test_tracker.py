import inspect
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
import torch

import tracker
from tracker.core import boxes
from tracker.dat.params import FAST, MDNET, PRESETS, Params
from tracker.dat.tracker import ReciprocativeTracker

SMALL = replace(FAST, threads=1, device="cpu")
BOX = np.array([60.0, 50.0, 36.0, 28.0])


def scene(shift: tuple[float, float] = (0, 0), size: tuple[int, int] = (160, 200)) -> np.ndarray:
    """A textured object, moved by ``shift`` pixels, on a textured ground."""
    rng = np.random.default_rng(11)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (*size, 3), np.uint8), (0, 0), 3)
    target = cv2.GaussianBlur(rng.integers(0, 255, (28, 36, 3), np.uint8), (0, 0), 1.5)
    target[6:22, 8:28] = (220, 60, 30)
    place = np.array([[1, 0, BOX[0] + shift[0]], [0, 1, BOX[1] + shift[1]]], np.float64)
    layer = cv2.warpAffine(target, place, size[::-1])
    mask = cv2.warpAffine(np.ones((28, 36), np.float32), place, size[::-1])[..., None]
    return (mask * layer + (1 - mask) * ground).astype(np.uint8)


def moved(shift: tuple[float, float]) -> np.ndarray:
    return np.concatenate([BOX[:2] + shift, BOX[2:]])


@pytest.fixture(scope="module")
def dat() -> ReciprocativeTracker:
    return ReciprocativeTracker(SMALL)


def follow(dat: ReciprocativeTracker, shifts: list[tuple[float, float]]) -> list[tracker.Result]:
    return [dat.init(scene(), BOX), *(dat.update(scene(shift)) for shift in shifts)]


PATH = [(3.0 * t, 1.5 * t) for t in range(1, 13)]


def test_it_follows_a_moving_target(dat):
    results = follow(dat, PATH)
    overlaps = [boxes.overlap(r.box, moved(s)) for r, s in zip(results[1:], PATH, strict=True)]
    assert min(overlaps) > 0.6 and np.mean(overlaps) > 0.75
    assert not any(r.lost for r in results)
    assert all(r.box.shape == (4,) and r.box.dtype == np.float64 for r in results)


def test_it_finds_a_target_that_jumps(dat):
    results = follow(dat, [(40.0, 30.0)])
    assert boxes.overlap(results[-1].box, moved((40, 30))) > 0.5


def test_the_same_seed_gives_the_same_boxes_in_one_process(dat):
    first, second = follow(dat, PATH[:4]), follow(dat, PATH[:4])
    assert all(np.array_equal(a.box, b.box) and a.score == b.score for a, b in zip(first, second, strict=True))


def test_other_seeds_give_other_boxes_and_are_reported():
    runs = {seed: follow(ReciprocativeTracker(replace(SMALL, seed=seed)), PATH[:2]) for seed in (0, 1)}
    assert not np.array_equal(runs[0][-1].box, runs[1][-1].box)
    assert [run[-1].seed for run in runs.values()] == [0, 1]


def test_without_a_seed_one_is_drawn_at_each_init_and_repeats_the_run():
    free = ReciprocativeTracker(replace(SMALL, seed=None))
    run = follow(free, PATH[:2])
    drawn = run[-1].seed
    assert drawn is not None and follow(free, PATH[:2])[-1].seed != drawn
    again = follow(ReciprocativeTracker(replace(SMALL, seed=drawn)), PATH[:2])
    assert np.array_equal(run[-1].box, again[-1].box)


def test_the_fingerprint_tells_parameters_apart_but_not_seeds(dat):
    assert ReciprocativeTracker(replace(SMALL, seed=5)).fingerprint == dat.fingerprint
    assert ReciprocativeTracker(replace(SMALL, attention_weight=0.0)).fingerprint != dat.fingerprint
    assert follow(dat, [])[0].fingerprint == dat.fingerprint


def test_a_vanished_target_is_reported_and_found_again(dat):
    follow(dat, PATH[:3])
    empty = np.full((160, 200, 3), 127, np.uint8)
    gone = [dat.update(empty) for _ in range(3)]
    assert all(r.lost for r in gone)
    assert np.array_equal(gone[0].box, gone[2].box)
    back = dat.update(scene(PATH[2]))
    assert not back.lost and boxes.overlap(back.box, moved(PATH[2])) > 0.5


def test_a_target_that_leaves_the_image_never_raises(dat):
    dat.init(scene(), BOX)
    for step in range(1, 10):
        result = dat.update(scene((-14.0 * step, 0)))
        assert np.isfinite(result.box).all() and (result.box[2:] > 0).all()


def test_the_image_may_be_tiny_and_the_target_large_or_beyond_it(dat):
    image = np.random.default_rng(0).integers(0, 255, (24, 30, 3), np.uint8)
    for box in ([0, 0, 30, 24], [-20, -20, 60, 60], [28, 22, 5, 5], [10, 10, 1, 1], [0, 10, 30, 0.03]):
        dat.init(image, np.array(box, np.float64))
        assert np.isfinite(dat.update(image).box).all()


def test_attention_is_a_map_over_the_sample_and_depends_on_training(dat):
    follow(dat, [])
    own, background = dat.attention(scene(), BOX)
    assert own.shape == background.shape == (FAST.grid, FAST.grid)
    assert own.min() >= 0 and own.max() > 0
    other = ReciprocativeTracker(replace(SMALL, attention_weight=0.0))
    other.init(scene(), BOX)
    assert not np.allclose(other.attention(scene(), BOX)[0], own)


def never_finite(gradients, samples):
    return gradients[:, :, : FAST.grid**2] * float("nan")


def test_updates_that_do_not_stay_finite_leave_the_head_as_it_was(caplog):
    dat = ReciprocativeTracker(replace(SMALL, update_interval=2, update_stop=0.0))
    dat.init(scene(), BOX)
    head = dat.target.head
    learned = head.weights.clone()
    dat.target.learner.attention = never_finite
    results = [dat.update(scene(shift)) for shift in PATH]
    assert [result.faults for result in results] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert torch.equal(head.weights, learned)
    assert min(boxes.overlap(r.box, moved(s)) for r, s in zip(results, PATH, strict=True)) > 0.5
    assert caplog.text.count("training undone: the loss or its gradient was not finite") == 6


def test_a_head_that_overflows_goes_back_to_what_it_had_learned(dat):
    follow(dat, PATH[:2])
    dat.target.head.weights.mul_(1e30)
    overflown = dat.update(scene(PATH[2]))
    assert overflown.lost and overflown.faults == 1 and np.isfinite(overflown.score)
    after = dat.update(scene(PATH[3]))
    assert not after.lost and after.faults == 1 and boxes.overlap(after.box, moved(PATH[3])) > 0.6
    assert follow(dat, [])[0].faults == 0


def test_a_frame_whose_features_are_not_finite_is_passed_over(dat, monkeypatch):
    follow(dat, PATH[:2])
    seen = dat.target.extractor.frame(scene(PATH[2]), moved(PATH[2]))
    damaged = replace(seen, values=torch.full_like(seen.values, float("nan")))
    with monkeypatch.context() as patched:
        patched.setattr(dat.target.extractor, "frame", lambda *_: damaged)
        passed = dat.update(scene(PATH[2]))
    assert passed.lost and passed.faults == 1 and np.isfinite([*passed.box, passed.score]).all()
    assert boxes.overlap(dat.update(scene(PATH[3])).box, moved(PATH[3])) > 0.6


def test_a_first_training_that_does_not_stay_finite_is_tried_again_more_slowly(dat, monkeypatch):
    sound, calls = dat.backbone.attention, []

    def attention(gradients, samples):
        calls.append(len(calls))
        return sound(gradients, samples) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(dat, "backbone", replace(dat.backbone, attention=attention))
    results = follow(dat, PATH)
    assert [result.faults for result in results] == [1] * len(results)
    assert min(boxes.overlap(r.box, moved(s)) for r, s in zip(results[1:], PATH, strict=True)) > 0.5


def test_a_first_training_that_never_stays_finite_is_an_error(dat, monkeypatch):
    monkeypatch.setattr(dat, "backbone", replace(dat.backbone, attention=never_finite))
    with pytest.raises(RuntimeError, match=r"at rates from 0.0005 to 5e-06; lower attention_weight, which is 1, or"):
        dat.init(scene(), BOX)


@pytest.mark.parametrize(
    ("image", "box", "error", "message"),
    [
        (np.zeros((40, 40), np.uint8), [1, 1, 9, 9], ValueError, r"shape \(40, 40\); give RGB"),
        (np.zeros((40, 40, 4), np.uint8), [1, 1, 9, 9], ValueError, "give RGB"),
        (np.zeros((0, 40, 3), np.uint8), [1, 1, 9, 9], ValueError, "give RGB"),
        (np.zeros((40, 40, 3), np.float32), [1, 1, 9, 9], TypeError, "float32; give uint8"),
        (np.zeros((40, 40, 3), np.uint8), [1, 1, 0, 9], ValueError, "no area"),
        (np.zeros((40, 40, 3), np.uint8), [1, float("nan"), 9, 9], ValueError, "not finite"),
        (np.zeros((40, 40, 3), np.uint8), [50, 1, 9, 9], ValueError, "outside the image"),
        (np.zeros((40, 40, 3), np.uint8), [1, 9, 9], ValueError, "four numbers"),
        (np.zeros((40, 40, 3), np.uint8), [-300, 1, 401, 9], ValueError, "over 10 times the sides of the image of 40"),
    ],
)
def test_bad_input_is_refused(dat, image, box, error, message):
    with pytest.raises(error, match=message):
        dat.init(image, np.array(box, np.float64))


def test_a_preset_may_be_named():
    assert ReciprocativeTracker("MDNET").params == MDNET
    with pytest.raises(ValueError, match="params is 'mdnet'; the presets are FAST, MDNET, PAPER, CROPS"):
        ReciprocativeTracker("mdnet")


def test_a_backbone_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="backbone is 'resnet'; choose one of efficientnet-lite0, vgg-m"):
        ReciprocativeTracker(replace(SMALL, backbone="resnet"))


def test_update_before_init_is_refused():
    with pytest.raises(RuntimeError, match="call init"):
        ReciprocativeTracker(SMALL).update(scene())


def test_warm_up_leaves_no_target():
    warm = ReciprocativeTracker(SMALL)
    warm.warm_up()
    assert warm.target is None
    with pytest.raises(RuntimeError, match="call init"):
        warm.update(scene())


def test_presets_differ_where_they_say():
    assert replace(MDNET, attention_weight=FAST.attention_weight) == FAST
    assert set(PRESETS) == {"FAST", "MDNET", "PAPER", "CROPS"}
    assert PRESETS["PAPER"].attention_weight == 5 and PRESETS["PAPER"].initial_iterations == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": "tpu"}, "device is 'tpu'; choose one of auto, cpu, cuda"),
        ({"attention_at": "conv1"}, "attention_at is 'conv1', which needs"),
        ({"backbone": "vgg-m"}, "region', which backbone 'vgg-m' does not give; set features='crops'"),
        ({"device": 0}, "device is 0; give a text"),
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"threads": 1.5}, "threads is 1.5; give a whole number"),
        ({"hidden": True}, "hidden is True; give a whole number"),
        ({"region_size": "288"}, "region_size is '288'; give a whole number"),
        ({"peaks": -5}, "peaks is -5; it must be at least 1"),
        ({"update_iterations": -1}, "update_iterations is -1; it must be at least 0"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"attention_weight": -1.0}, "attention_weight is -1.0; it must be at least 0"),
        ({"attention_weight": float("nan")}, "attention_weight is nan; give a finite number"),
        ({"initial_rate": float("inf")}, "initial_rate is inf; give a finite number"),
        ({"success_score": None}, "success_score is None; give a finite number"),
        ({"positive_overlap": 2}, r"positive_overlap is 2; it must lie in \[0, 1\]"),
        ({"momentum": 5}, r"momentum is 5; it must lie in \[0, 1\)"),
        ({"dropout": 1.0}, r"dropout is 1.0; it must lie in \[0, 1\)"),
        ({"clip_apart": 1}, "clip_apart is 1; give True or False"),
        ({"regression_ridge": 0.0}, "regression_ridge is 0.0; it must be above 0"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(FAST, **change)


def test_the_reason_of_every_parameter_stands_beside_it():
    lines = inspect.getsource(Params).splitlines()
    for field in fields(Params):
        (index,) = [i for i, line in enumerate(lines) if line.startswith(f"    {field.name}: ")]
        assert "  # " in lines[index] or lines[index - 1].startswith("    # "), field.name


@pytest.mark.slow
def test_numbers_of_sampling_and_search_decide_boxes_and_scores():
    brief = replace(SMALL, initial_iterations=2, initial_negatives=200, views=SMALL.views[:1])
    plain = follow(ReciprocativeTracker(brief), PATH[:2])
    for name, value in {
        "fc5_deviation": 0.05,
        "hidden_bias": 0.2,
        "initial_positive_draws": 9,
        "initial_positive_aspect": 1.1,
        "positive_translation": 0.3,
        "negative_aspect": 1.4,
        "negative_translation": 1.0,
        "negative_draws": 3,
        "region_margin": 6.0,
        "uniform_share": 0.2,
        "view_share": 0.5,
        "dropout_steps": 3,
        "smallest_side": 60.0,
        "largest_side": 0.1,
    }.items():
        changed = follow(ReciprocativeTracker(replace(brief, **{name: value})), PATH[:2])
        assert [(*a.box, a.score) for a in changed] != [(*b.box, b.score) for b in plain], name


def test_cuda_without_a_device_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ImportError, match="torch finds none"):
        ReciprocativeTracker(replace(SMALL, device="cuda"))


def test_cuda_follows_as_the_cpu_does():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    results = follow(ReciprocativeTracker(replace(SMALL, device="cuda")), PATH)
    assert min(boxes.overlap(r.box, moved(s)) for r, s in zip(results[1:], PATH, strict=True)) > 0.6


def test_cuda_gives_the_same_boxes_for_the_same_seed():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    first, second = (follow(ReciprocativeTracker(replace(SMALL, device="cuda")), PATH) for _ in range(2))
    assert all(np.array_equal(a.box, b.box) and a.score == b.score for a, b in zip(first, second, strict=True))


def test_a_fork_follows_a_target_of_its_own_with_the_same_weights(dat):
    alone = follow(dat, PATH[:3])
    first, second = dat.fork(), dat.fork()
    first.init(scene(), BOX)
    second.init(scene((5, 5)), moved((-30, -20)))  # something else
    between = []
    for shift in PATH[:3]:
        between.append(first.update(scene(shift)))
        second.update(scene(shift))
    assert first.backbone is second.backbone is dat.backbone
    assert all(np.array_equal(a.box, b.box) for a, b in zip(alone[1:], between, strict=True))
