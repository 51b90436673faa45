"""Which line of which ground truth file belongs to which image."""

from __future__ import annotations

import pytest

from tests.helpers import scenes
from tracker import cli
from tracker.media.video import open_source

RECTANGLES = [",".join(map(str, box)) for box in scenes.boxes(12)]


@pytest.fixture
def folder(tmp_path):
    return scenes.write_vot(tmp_path / "walk")


def annotate(folder, lines, name="groundtruth.txt"):
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


def track(*arguments):
    return cli.main(["track", *map(str, arguments), "--tracker", "NCC", "--overwrite"])


@pytest.mark.parametrize("count", [1, 6, 8, 11])
def test_lines_count_as_far_as_they_go(folder, count, capsys):
    """GOT-10k's test sets ship the first line only."""
    annotate(folder, RECTANGLES[:count])
    truth = open_source(str(folder)).ground_truth
    assert [region is not None for region in truth] == [index < count for index in range(12)]
    assert truth[count - 1][0].tolist() == list(scenes.boxes(12)[count - 1][:2])
    assert track(folder, "--boxes", folder / "b.txt") == 0
    assert f"{count} lines for 12 images" in capsys.readouterr().err


def test_more_lines_than_images(folder, capsys):
    annotate(folder, RECTANGLES * 2)
    assert len(open_source(str(folder)).ground_truth) == 12
    assert track(folder, "--boxes", folder / "b.txt") == 0
    assert "24 lines for 12 images" in capsys.readouterr().err


def test_a_frame_behind_the_lines_tells_both_counts(folder, capsys):
    annotate(folder, RECTANGLES[:3])
    assert track(folder, "--start", 5, "--boxes", folder / "b.txt") == 2
    message = capsys.readouterr().err
    assert "no ground truth for frame 5" in message
    assert "3 lines for 12 images" in message


def test_lines_that_begin_later(folder, capsys):
    """OTB's David is annotated from its image 300 on."""
    annotate(folder, RECTANGLES[4:])
    truth = open_source(str(folder), truth_start=4).ground_truth
    assert truth[3] is None
    assert truth[4][0].tolist() == list(scenes.boxes(12)[4][:2])
    assert track(folder, "--truth-start", 4, "--boxes", folder / "b.txt") == 2
    assert "the first frame with a region is 4" in capsys.readouterr().err
    assert track(folder, "--truth-start", 4, "--start", 4, "--boxes", folder / "b.txt") == 0
    assert track(folder, "--truth-start", -1, "--boxes", folder / "b.txt") == 2


@pytest.mark.parametrize(
    ("names", "origin"), [(("groundtruth_rect.{}.txt", "groundtruth_rect.{}.txt"), 1), (("groundtruth_{}.txt",) * 2, 0)]
)
def test_several_targets(folder, names, origin, capsys):
    (folder / "groundtruth.txt").unlink()
    for number, name in enumerate(names, start=1):
        annotate(folder, [f"{10 * number},20,9,9"] * 12, name.format(number))
    assert track(folder, "--boxes", folder / "b.txt") == 3
    assert "several targets, 1, 2: name one with --target" in capsys.readouterr().err
    assert open_source(str(folder), "2").ground_truth[0][0].tolist() == [20 - origin, 20 - origin]
    assert track(folder, "--target", 2, "--boxes", folder / "b.txt") == 0
    assert track(folder, "--target", 7, "--boxes", folder / "b.txt") == 2
    assert "--target 7: the folder has 1, 2" in capsys.readouterr().err


def test_the_only_numbered_target_needs_no_name(folder):
    (folder / "groundtruth.txt").unlink()
    annotate(folder, RECTANGLES, "groundtruth_rect.1.txt")
    assert open_source(str(folder)).ground_truth[0][0].tolist() == [9, 29]


@pytest.mark.parametrize("damage", [b"1,2,x,4\n", b"\x89PNG", b"", b"1,2,3\n"])
def test_with_a_box_the_file_is_optional(folder, damage, capsys):
    (folder / "groundtruth.txt").write_bytes(damage)
    assert track(folder, "--boxes", folder / "b.txt") == 3
    assert track(folder, "--box", "10,30,24,24", "--boxes", folder / "b.txt", "--out", folder / "b.mp4") == 0
    assert "note: no ground truth is drawn: " in capsys.readouterr().err
    assert len((folder / "b.txt").read_text().splitlines()) == 12


def test_a_mask_is_started_on_and_drawn(folder):
    annotate(folder, [f"m{x},{y},{w},{h},0,{w * h}" for x, y, w, h in scenes.boxes(12)])
    assert track(folder, "--boxes", folder / "b.txt") == 0
    assert (folder / "b.txt").read_text().startswith("10.0000,30.0000,24.0000,24.0000")


def test_absent_at_first_is_told(folder, capsys):
    annotate(folder, ["0,0,0,0"] * 3 + RECTANGLES[3:])
    assert track(folder, "--boxes", folder / "b.txt") == 2
    assert "the first frame with a region is 3" in capsys.readouterr().err


def test_what_file_managers_leave_is_no_data(folder):
    for name in ("color/._00000001.jpg", "._groundtruth.txt", ".DS_Store", "color/.hidden.png"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07")
    (folder / "__MACOSX").mkdir()
    source = open_source(str(folder))
    assert source.length == 12
    assert len(list(source)) == 12
    assert len(source.ground_truth) == 12
