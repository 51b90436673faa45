"""A crop per sample: what is cut, and the paper's scheme from end to end."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.dat.test_tracker import BOX, moved, scene
from tests.features.test_vggm import weights as random_weights
from tests.weights.test_registry import write_mat
from tracker.core import boxes
from tracker.dat.params import CROPS, PAPER, View
from tracker.dat.tracker import ReciprocativeTracker
from tracker.features.crops import CropExtractor, cut
from tracker.weights import registry

SHORT = {
    "threads": 1,
    "device": "cpu",
    "initial_positives": 24,
    "initial_negatives": 60,
    "initial_iterations": 3,
    "near_candidates": 24,
    "update_positives": 6,
    "update_negatives": 12,
    "update_iterations": 1,
    "update_interval": 2,
    "batch_positives": 6,
    "batch_negatives": 6,
    "attention_negatives": 6,
    "mined_negatives": 6,
    "regression_samples": 30,
}


def gradient(height, width):
    """An image whose red is the column and whose green is the row."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return image


def test_a_crop_is_the_box_and_its_context():
    box = np.array([[60.0, 40.0, 75.0, 75.0]])  # 75 of 107 pixels are box, the rest context: 107 / 75 of the box is cut
    crop = cut(gradient(200, 250), box)[0].astype(float)
    context = 16 / 107 * 75
    assert crop.shape == (107, 107, 3)
    assert crop[53, 53, :2] == pytest.approx([60 + 37.5, 40 + 37.5], abs=1.5)
    assert crop[50, 0, 0] == pytest.approx(60 - context, abs=1.5)
    assert crop[106, 50, 1] == pytest.approx(40 + 75 + context, abs=1.5)


@pytest.mark.parametrize(
    ("box", "inside"),
    [((-30, -30, 60, 60), (100, 100)), ((190, 140, 60, 60), (5, 5)), ((-20, 40, 300, 30), (53, 53))],
    ids=["upper left", "lower right", "wider than the image"],
)
def test_what_lies_outside_the_image_is_the_networks_zero(box, inside):
    crop = cut(np.full((150, 200, 3), 7, np.uint8), np.array([box], float))[0]
    assert set(np.unique(crop)) >= {7, 128}
    assert (crop[inside] == 7).all()


@pytest.mark.parametrize("box", [(500, 500, 20, 20), (-90, 10, 20, 20), (10, 10, 0.01, 0.01), (3, 3, 1e4, 1e4)])
def test_boxes_far_away_tiny_and_huge_give_crops(box):
    assert cut(np.full((30, 40, 3), 9, np.uint8), np.array([box], float)).shape == (1, 107, 107, 3)


def test_no_boxes_give_no_crops():
    assert cut(np.zeros((30, 40, 3), np.uint8), np.empty((0, 4))).shape == (0, 107, 107, 3)


def test_changed_views_are_refused():
    with pytest.raises(ValueError, match=r"set views=\(\)"):
        CropExtractor(lambda crops: crops, keep=False).frame(scene(), BOX, View(angle=15))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A weights folder with a VGG-M of random weights in the published layout."""
    folder = tmp_path_factory.mktemp("weights")
    w = random_weights()
    tensors = [
        (w[f"conv{i}.weight"].numpy().transpose(2, 3, 1, 0), w[f"conv{i}.bias"].numpy()[:, None]) for i in (1, 2, 3)
    ]
    write_mat(folder / "imagenet-vgg-m.mat", tensors)
    return folder


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none")


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("at", ["input", "conv1", "features"])
def test_paper_runs_on_a_mat_file(folder, monkeypatch, at, device):
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(folder))
    tracker = ReciprocativeTracker(replace(PAPER, attention_at=at, **SHORT | {"device": device}))
    runs = []
    for _ in range(2):
        first = tracker.init(scene(), BOX)
        runs.append([first, *(tracker.update(scene((2.0 * t, 1.0 * t))) for t in (1, 2, 3))])
    assert all(np.isfinite(result.box).all() and np.isfinite(result.score) for result in runs[0])
    assert boxes.overlap(runs[0][-1].box, moved((6, 3))) > 0.3
    assert all(np.array_equal(a.box, b.box) for a, b in zip(*runs, strict=True))
    own, background = tracker.attention(scene(), BOX)
    side = {"input": 107, "conv1": 51, "features": 3}[at]
    assert own.shape == background.shape == (side, side)
    assert own.min() >= 0 and own.max() > 0 and background.max() > 0


def test_lambda_changes_what_paper_learns(folder, monkeypatch):
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(folder))
    scores = []
    for weight in (0.0, 5.0):
        tracker = ReciprocativeTracker(replace(PAPER, attention_weight=weight, **SHORT))
        scores.append(tracker.init(scene(), BOX).score)
    assert scores[0] != scores[1]


def test_crops_of_the_bundled_backbone_follow_the_target_without_any_download():
    tracker = ReciprocativeTracker(replace(CROPS, **SHORT | {"initial_iterations": 20}))
    tracker.init(scene(), BOX)
    results = [tracker.update(scene((2.0 * t, 1.0 * t))) for t in (1, 2, 3)]
    assert boxes.overlap(results[-1].box, moved((6, 3))) > 0.5


def test_paper_without_its_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(tmp_path))
    with pytest.raises(registry.WeightsError, match=r"imagenet-vgg-m\.mat is missing.*vlfeat.*FAST, needs no download"):
        ReciprocativeTracker(PAPER)


def test_samples_keep_crops_only_for_attention_below_the_features():
    images = np.zeros((40, 50, 3), np.uint8)
    for keep in (True, False):
        extractor = CropExtractor(lambda crops: crops.flatten(1)[:, :4].float(), keep)
        samples = extractor.frame(images, BOX).samples(np.array([[1.0, 2, 10, 10]] * 3))
        assert samples.features.shape == (3, 4)
        assert (samples.crops is not None) == keep
        assert not keep or (samples.crops.shape == (3, 107, 107, 3) and samples.crops.dtype == torch.uint8)
