"""The training of the box estimator, on pictures made here: what clips show, and that a step learns from them."""

import numpy as np
import pytest
import torch

from tracker.core import boxes
from tracker.features.estimator import BoxEstimator
from training import cache, train
from training.pictures import Pictures
from training.rendering import SIDE, Renderer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Red discs with alpha, and dark noise."""
    y, x = np.mgrid[:120, :120] - 59.5
    disc = np.zeros((120, 120, 4), np.uint8)
    disc[..., 0], disc[..., 3] = 250, 255 * (np.hypot(x, y) < 59)
    noise = np.random.default_rng(0).integers(0, 40, (400, 500, 3), np.uint8)
    return Pictures([disc], [noise])


def plain(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole cut-outs in their own colours before a background without clutter."""
    monkeypatch.setattr(renderer, "_cutout", lambda: renderer._pictures.stamps[0])
    monkeypatch.setattr(renderer, "_background", lambda: renderer._patch(SIDE + 96, 1.0))
    monkeypatch.setattr(renderer, "_camouflaged", lambda target, background: target)
    monkeypatch.setattr(renderer, "_photographed", lambda canvas, light, number: canvas)
    monkeypatch.setattr(renderer, "_occlude", lambda canvas, box: np.zeros((SIDE, SIDE), np.float32))


def test_the_box_is_where_the_target_was_painted(pictures, monkeypatch):
    renderer = Renderer(pictures, np.random.default_rng(1))
    plain(renderer, monkeypatch)
    inside = 0
    for _ in range(10):
        clip = renderer.clip(3, others=0)
        for image, target in zip(clip.images, clip.targets, strict=True):
            if (target[:2] < 1).any() or (target[:2] + target[2:] > SIDE - 1).any():
                continue
            inside += 1
            painted = boxes.from_mask(image[..., 0] > 125)
            assert boxes.overlap(painted, target) > 0.9
    assert inside > 10


def test_clips_repeat_with_their_seed_and_say_what_is_hidden(pictures):
    first, again = (Renderer(pictures, np.random.default_rng(5)).clip(4, 3) for _ in range(2))
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.targets, again.targets)
    assert first.images.shape == (4, SIDE, SIDE, 3)
    assert first.others.shape == (4, 3, 4)
    many = [Renderer(pictures, np.random.default_rng(seed)).clip(3, 3) for seed in range(20)]
    visible = np.array([clip.visible for clip in many])
    assert ((visible >= 0) & (visible <= 1)).all()
    assert (visible < 0.95).any()
    assert (visible > 0.99).any()


@pytest.fixture(scope="module")
def cached(pictures, tmp_path_factory):
    """Features of a few clips, random but for the channels that mark the target."""
    folder = tmp_path_factory.mktemp("clips")
    rng, renderer = np.random.default_rng(2), Renderer(pictures, np.random.default_rng(2))
    clips = [renderer.clip(cache.FRAMES, cache.OTHERS) for _ in range(12)]
    for name, shape in cache._shapes(len(clips)).items():
        level = rng.standard_normal(shape).astype(np.float16)
        step = SIDE // shape[-1]
        for row, clip in enumerate(clips):
            red = np.stack([image[::step, ::step, 0] > 125 for image in clip.images])
            level[row, :, :8] += 4 * red[:, None]
        np.save(folder / name, level)
    kept = {name: np.stack([getattr(clip, name) for clip in clips]) for name in ("targets", "visible", "others")}
    np.savez(folder / "boxes.npz", **kept)
    return folder


def test_a_few_steps_learn_and_every_weight_has_a_part_in_it(cached):
    torch.manual_seed(0)
    pairs = train.Draws(cached, seed=0, batch=12, steps=1).pairs(np.arange(12))
    levels = train.Features(cached).of(pairs)
    model = BoxEstimator(batch_norm=True)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    values = []
    for _ in range(12):
        loss, named = train.losses(model, pairs, levels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
    assert values[-1] < 0.8 * values[0]
    assert set(named) == {"iou", "box", "present", "right", "quality", "contrast"}


def test_windows_without_the_target_do_not_touch_it(cached):
    drawn = train.Draws(cached, seed=3, batch=12, steps=1)
    for target in drawn._targets[:, 0]:
        windows, alike, unlike = drawn._boxes(target, drawn._others[0, 0])
        assert (boxes.overlap(windows[train.POSITIVES :], target) < 0.15).all()
        assert (boxes.overlap(alike, target) > 0.7).all()
        assert (boxes.overlap(unlike, target) < 0.45).all()
