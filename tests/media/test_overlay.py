from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import scenes
from tracker.core.tracker import Result
from tracker.media import overlay

BOX = np.array([40.0, 30, 24, 24])


def result(lost=False, score=1.0):
    return Result(BOX, score, lost)


def shows(image, colour):
    """Whether some pixel is of this colour, but for the smoothing of its edges."""
    return bool((np.abs(image.astype(int) - colour).max(axis=2) < 40).any())


def test_a_region_is_outlined_in_its_colour_and_nowhere_else():
    image = np.zeros((80, 120, 3), np.uint8)
    overlay.draw_region(image, BOX, (0, 255, 0), 1)
    assert image[42, 38:42, 1].max() > 150
    assert not image[..., 0].any()
    assert not image[35:50, 46:60].any()
    assert not image[:25].any()


@pytest.mark.parametrize("region", [[-1e9, 0, 2e9, 10], [np.nan, 0, 1, 1], [500, 500, 10, 10]])
def test_regions_far_outside_do_no_harm(region):
    image = np.zeros((80, 120, 3), np.uint8)
    overlay.draw_region(image, np.array(region), (0, 255, 0))
    assert image.shape == (80, 120, 3)


def test_annotator_shows_lost_and_found_again():
    annotate, frame = overlay.Annotator("T"), scenes.frames(1)[0]
    before = frame.copy()
    states = [False, True, True] + [False] * (overlay.FOUND_FRAMES + 1)
    pictures = [annotate(frame, result(lost, -1.0 if lost else 1.0), beside=False) for lost in states]
    assert len({picture.shape for picture in pictures}) == 1
    box = [picture[32:52, 36:70] for picture in pictures]
    for index, colour in ((0, overlay.TRACKED), (1, overlay.LOST), (3, overlay.FOUND), (-1, overlay.TRACKED)):
        assert shows(box[index], colour)
    assert not shows(box[3], overlay.LOST)
    strip = pictures[-1][scenes.SIZE[0] :]
    assert all(shows(strip, colour) for colour in (overlay.TRACKED, overlay.LOST, overlay.FOUND))  # its history
    assert np.array_equal(frame, before)


def test_pictures_keep_their_size_with_and_without_attention():
    annotate, frame = overlay.Annotator("T"), scenes.frames(1)[0]
    maps = (np.ones((5, 5), np.float32), np.zeros((5, 5), np.float32))
    assert annotate(frame, result(), attention=maps).shape == annotate(frame, result(), attention=None).shape


def test_both_maps_share_one_scale():
    box = np.array([0.0, 0, 24, 24])
    strong, weak = np.full((5, 5), 4.0, np.float32), np.full((5, 5), 1.0, np.float32)
    image = np.zeros((*scenes.SIZE, 3), np.uint8)
    bright = overlay.attention_tile(image, box, strong, 4.0, 40)
    dark = overlay.attention_tile(image, box, weak, 4.0, 40)
    assert bright.mean() > 2 * dark.mean()


def test_attention_is_drawn_where_it_is():
    values = np.zeros((4, 4), np.float32)
    values[0, 0] = 1
    tile = overlay.attention_tile(np.zeros((*scenes.SIZE, 3), np.uint8), BOX, values, 1.0, 40).sum(axis=2)
    assert tile[:10, :10].mean() > 4 * tile[20:, 20:].mean()
    image = np.full((*scenes.SIZE, 3), 128, np.uint8)
    overlay.tint_attention(image, BOX, values, np.zeros((4, 4), np.float32))
    red, _, blue = image[33, 43].tolist()
    assert red > 150 > blue  # orange in the first quarter of the box
    assert image[50, 60].tolist() == [128, 128, 128]


def test_attention_of_zero_and_a_box_outside_the_image():
    image = scenes.frames(1)[0]
    zero = (np.zeros((5, 5), np.float32),) * 2
    assert overlay.attention_panel(image, np.array([-500.0, 0, 3, 90]), zero, 200).shape[0] == 200
    overlay.tint_attention(image, np.array([-500.0, 0, 3, 90]), *zero)


def test_heat_is_monotone():
    ramp = np.linspace(0, 1, 32, dtype=np.float32)[None]
    light = overlay.heat(ramp, 1.0).astype(int).sum(axis=2)[0]
    assert (np.diff(light) >= 0).all()
    assert light[-1] > light[0] + 300


def test_crop_resamples_exactly_the_box():
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:20, 10:20] = 200
    assert (overlay.crop(image, np.array([10.0, 10, 10, 10]), 10, 10) == 200).all()
    assert (overlay.crop(image, np.array([12.0, 12, 6, 6]), 30, 30) == 200).all()


def test_overlap_plot_ends_now_and_marks_failures():
    overlaps = np.array([np.nan, 0.9, 0.8, np.nan, np.nan, 0.7])
    curve = (overlaps, [0, 4], [3], (255, 0, 0))
    early, late = (overlay.overlap_plot([curve], now, 200, 80) for now in (2, 5))
    assert (late == (255, 0, 0)).all(axis=2).sum() > (early == (255, 0, 0)).all(axis=2).sum()
    assert (late[-22:] == (255, 0, 0)).all(axis=2).any()
    assert not (early[-22:] == (255, 0, 0)).all(axis=2).any()


def test_grid_places_titles_and_pictures():
    cell = np.full((30, 40, 3), 200, np.uint8)
    picture = overlay.grid(["a", "b"], [("first", [cell, cell]), ("second", [cell, cell])])
    assert (picture == 200).all(axis=2).sum() >= 4 * 30 * 40
