"""The box estimator: what it is given, what it makes of it, and the weights that are shipped."""

import numpy as np
import pytest
import torch

from tests.dat.test_tracker import BOX, moved, scene
from tracker.core import boxes
from tracker.dat import backbone
from tracker.dat.params import FAST
from tracker.features.estimator import CHANNELS, CONTEXT, TEMPLATE, WINDOW, BoxEstimator, sampled, windows_of
from tracker.weights import registry


@pytest.fixture(scope="module")
def shipped() -> BoxEstimator:
    return BoxEstimator.of(registry.load("box-estimator").tensors)


@pytest.fixture(scope="module")
def extractor():
    return backbone.load(FAST, torch.device("cpu")).extractor


def test_samples_of_a_ramp_lie_where_the_box_is():
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    box, ramps = torch.tensor([[[2.0, 3.0, 8.0, 4.0]]]), torch.stack([columns, rows])[None]
    across, down = sampled(ramps, box, 4)[0, 0]
    assert across[0].tolist() == pytest.approx([3, 5, 7, 9])
    assert down[:, 0].tolist() == pytest.approx([3.5, 4.5, 5.5, 6.5])
    finer = sampled(ramps, box, 4, points=3)
    assert finer.shape == (1, 1, 2, 4, 4) and finer[0, 0, 0, 0].tolist() == pytest.approx([3, 5, 7, 9])


def test_boxes_are_sampled_from_their_own_maps():
    maps, boxes_of_maps = torch.randn(3, 2, 9, 9), 4 * torch.rand(3, 5, 4) + 1
    each = [sampled(maps[i : i + 1], boxes_of_maps[i : i + 1], 3, points=2)[0] for i in range(3)]
    torch.testing.assert_close(sampled(maps, boxes_of_maps, 3, points=2), torch.stack(each))


def test_samples_outside_the_map_are_zero():
    assert not sampled(torch.ones(1, 1, 5, 5), torch.tensor([[[20.0, 20.0, 4.0, 4.0]]]), 3).any()


def test_a_window_shares_the_centre_and_has_the_same_margin_on_all_sides():
    (window,) = windows_of(torch.tensor([[10.0, 20.0, 30.0, 10.0]]))
    margin = CONTEXT * 20
    assert window.tolist() == pytest.approx([10 - margin / 2, 20 - margin / 2, 30 + margin, 10 + margin])


def test_folding_changes_nothing_but_the_scale_of_the_map():
    torch.manual_seed(0)
    trained = BoxEstimator(batch_norm=True)
    with torch.no_grad():
        for _ in range(3):  # running statistics of its own
            trained(2 * torch.randn(8, CHANNELS, WINDOW, WINDOW), torch.randn(8, CHANNELS, TEMPLATE, TEMPLATE))
    trained.eval()
    fine, coarse = torch.randn(2, 40, 20, 20), torch.randn(2, 112, 10, 10)
    with torch.no_grad():
        folded = BoxEstimator.of(trained.folded(deviation=3.0))
        plain = trained.project(fine, coarse)
        torch.testing.assert_close(3.0 * folded.project(fine, coarse), plain)
        window = plain[:, :WINDOW, :WINDOW].permute(0, 3, 1, 2)
        template = plain[:, 5 : 5 + TEMPLATE, 6 : 6 + TEMPLATE].permute(0, 3, 1, 2)
        for mine, other in zip(folded(window / 3, template / 3), trained(window, template), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shift", [(0, 0), (9, -6), (-10, 7)])
@pytest.mark.parametrize("factor", [0.75, 1.0, 1.35])
def test_the_shipped_network_finds_the_sides_of_a_target_from_a_box_that_is_off(shipped, extractor, shift, factor):
    frames = extractor()
    template = shipped.template(frames.frame(scene(), BOX), BOX)
    image, target = scene((20, 12)), moved((20, 12))
    size = factor * target[2:]
    start = np.concatenate([boxes.centre(target) + shift - size / 2, size])
    refined, present = shipped.refine(frames.frame(image, start), start[None], template)
    assert boxes.overlap(refined[0], target) > 0.75
    assert present[0] > 0


def test_the_shipped_network_tells_the_target_from_the_ground(shipped, extractor):
    frames = extractor()
    first = frames.frame(scene(), BOX)
    template = shipped.template(first, BOX)
    _, present = shipped.refine(first, np.stack([BOX, moved((60, 60)), moved((-50, -40))]), template)
    assert present[0] > 2 and (present[1:] < 0).all()
