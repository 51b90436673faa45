from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tracker.features import region
from tracker.features.region import RegionExtractor, RegionMap, _changed, bin_weights, upsampled
from tracker.features.view import View


class Identity(nn.Module):
    """Stands for the trunk: averages of 8 and 16 pixel blocks, padded as convolutions pad."""

    def forward(self, x):
        def level(stride, channels):
            mean = nn.functional.avg_pool2d(x, 1, stride)
            return torch.cat([mean] * channels, dim=1)

        return level(8, 2), level(16, 1)


def numeric_average(values: np.ndarray, low: float, high: float) -> float:
    """Mean of the linear interpolant of ``values`` (zero beyond its cells), by dense sampling."""
    points = np.linspace(low, high, 200001)
    padded = np.concatenate([[0.0], values, [0.0]])
    return float(np.interp(points, np.arange(-1, len(values) + 1), padded, left=0, right=0).mean())


@pytest.mark.parametrize(("low", "size"), [(0.3, 4.1), (-2.5, 3.0), (6.0, 5.5), (2.0, 0.2), (20.0, 3.0)])
def test_bin_weights_average_the_linear_interpolant(low, size):
    values = np.random.default_rng(0).standard_normal(9)
    cells, weights = bin_weights(np.array([low]), np.array([size]), 5, 9)
    edges = low + size * np.arange(6) / 5
    expected = [numeric_average(values, a, b) for a, b in pairwise(edges)]
    assert (weights[0] * values[cells[0]]).sum(axis=1) == pytest.approx(expected, abs=1e-4)


def test_samples_of_a_ramp_are_where_the_box_is():
    # Cell i is centred on pixel 8 i of the resampled region, that is on its continuous coordinate 8 i + 0.5.
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    values = torch.stack([8 * columns + 0.5, 8 * rows + 0.5], 2) / 2
    region = RegionMap(values, values, (100.0, 50.0), 2.0, 3)
    region = region.samples(np.array([[110.0, 60.0, 30.0, 15.0]])).features.unflatten(1, (3, 3, 2))[0].numpy()
    assert region[..., 0] == pytest.approx(np.tile([15.0, 25.0, 35.0], (3, 1)), abs=1e-4)
    assert region[..., 1] == pytest.approx(np.tile([[12.5], [17.5], [22.5]], (1, 3)), abs=1e-4)


def both(fine, coarse):
    """All channels of both levels, unchanged."""
    return torch.cat([fine, upsampled(coarse, *fine.shape[2:])], dim=1).permute(0, 2, 3, 1)


def extractor(size=64) -> RegionExtractor:
    return RegionExtractor(Identity(), both, size, 4.0, 1.5, 5, torch.device("cpu"))


def test_region_beyond_the_image_is_finite():
    image = np.full((40, 60, 3), 255, np.uint8)
    for box in ([-30.0, -30.0, 20.0, 20.0], [55.0, 35.0, 30.0, 30.0], [1000.0, 1000.0, 10.0, 10.0]):
        samples = extractor().frame(image, np.array(box)).samples(np.array([box]))
        assert torch.isfinite(samples.features).all()


def test_crop_takes_the_right_pixels():
    image = np.random.default_rng(1).integers(0, 255, (100, 120, 3), np.uint8)
    patch, origin, scale = extractor(size=32)._crop(image, np.array([50.0, 40.0]), 32.0)
    assert np.array_equal(patch, image[24:56, 34:66])
    assert (origin, scale) == ((34.0, 24.0), 1.0)
    patch, origin, _ = extractor(size=32)._crop(image, np.array([0.0, 40.0]), 32.0)
    assert origin == (-16.0, 24.0)
    assert (patch[:, :16] == 127).all() and np.array_equal(patch[:, 16:], image[24:56, :16])


@pytest.mark.parametrize("centre", [(150.0, 100.0), (20.0, 180.0), (-90.0, 100.0)])
def test_a_region_too_large_to_be_padded_looks_the_same(monkeypatch, centre):
    image = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 255, (200, 300, 3), np.uint8), (0, 0), 8)
    padded = extractor(size=96)._crop(image, np.array(centre), 480.0)
    monkeypatch.setattr(region, "_LARGEST_PADDED", 479)
    reduced = extractor(size=96)._crop(image, np.array(centre), 480.0)
    assert reduced[1:] == padded[1:]
    assert np.abs(reduced[0].astype(int) - padded[0]).mean() < 1
    assert (reduced[0] != 127).any()


def test_a_region_much_larger_than_the_image_takes_little_memory(monkeypatch):
    monkeypatch.setattr(cv2, "copyMakeBorder", None)
    image = np.full((100, 100, 3), 255, np.uint8)
    patch, _, scale = extractor(size=64)._crop(image, np.array([50.0, 50.0]), 1e9)
    assert patch.shape == (64, 64, 3) and (patch == 127).all() and scale == 64e-9


def test_views_change_the_patch_about_its_centre():
    patch = np.random.default_rng(2).integers(0, 120, (33, 33, 3), np.uint8)
    assert np.array_equal(_changed(patch, View()), patch)
    assert np.array_equal(_changed(patch, View(mirrored=True)), patch[:, ::-1])
    assert np.array_equal(_changed(patch, View(angle=90)), np.rot90(patch))
    assert np.array_equal(_changed(patch, View(gain=2)), 2 * patch)
    blurred = _changed(patch, View(blur=(3, 1)))
    assert blurred[5, 5] == pytest.approx(patch[5, 4:7].mean(axis=0), abs=0.51)


def test_the_first_frame_fixes_mean_and_deviation():
    rng = np.random.default_rng(4)
    first, second = rng.integers(0, 255, (2, 80, 80, 3), np.uint8)
    box = np.array([30.0, 30.0, 16.0, 16.0])
    fitted = extractor()
    seen = fitted.frame(first, box)
    assert seen.values.flatten(0, 1).mean(dim=0) == pytest.approx(0, abs=1e-5)
    assert seen.values.flatten(0, 1).std(dim=0) == pytest.approx(1, abs=1e-5)
    after = fitted.frame(second, box).values
    assert not torch.allclose(after, extractor().frame(second, box).values)
    assert torch.equal(after, fitted.frame(second, box).values)
    assert torch.equal(fitted.frame(second, box).plain, extractor().frame(second, box).plain)


def test_boxes_go_to_cells_and_back():
    region = RegionMap(torch.zeros(36, 36, 1), torch.zeros(36, 36, 1), (-20.5, 31.0), 1.7, 5)
    given = np.array([[3.0, 40.0, 20.0, 31.0], [-80.0, 200.0, 4.0, 300.0]])
    assert region.to_pixels(region.to_cells(given)) == pytest.approx(given, rel=1e-5, abs=1e-4)
