"""Boxes as other tools write them: what is read, and what is refused with its place."""

from __future__ import annotations

import pytest

from tracker.formats import boxfiles

CVAT = """<?xml version="1.0"?>
<annotations><version>1.1</version>
<track id="0" label="car">
  <box frame="2" outside="0" occluded="0" keyframe="1" xtl="10" ytl="20" xbr="30" ybr="50"/>
  <box frame="6" outside="0" occluded="1" keyframe="1" xtl="18" ytl="20" xbr="38" ybr="58"/>
  <box frame="9" outside="1" occluded="0" keyframe="1" xtl="18" ytl="20" xbr="38" ybr="58"/>
  <box frame="12" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/>
</track>
<track id="1" label="bus"><box frame="0" outside="0" xtl="1" ytl="2" xbr="4" ybr="6"/></track>
</annotations>
"""


def read(tmp_path, text, target=None, name="b.txt"):
    file = tmp_path / name
    file.write_text(text)
    found = boxfiles.read(file, target)
    return found, {frame: box.tolist() for frame, box in found.boxes.items()}


def test_a_line_a_frame(tmp_path):
    _, boxes = read(tmp_path, "1,2,3,4\n0,0,0,0\n5;6;7;8;\n10,30,34,30,34,54,10,54\n")
    assert boxes == {0: [1, 2, 3, 4], 2: [5, 6, 7, 8], 3: pytest.approx([10, 30, 24, 24])}


def test_polygons_that_move_right_are_not_taken_for_mot(tmp_path):
    lines = [f"{x},30,{x + 24},30,{x + 24},54,{x},54\n" for x in (10, 13, 16)]
    _, boxes = read(tmp_path, "".join(lines))
    assert boxes[2] == pytest.approx([16, 30, 24, 24])
    assert set(boxes) == {0, 1, 2}


def test_what_track_writes(tmp_path):
    text = "frame,x,y,w,h,score,lost\n3,1,2,3,4,0.5,0\n4,1,2,3,4,-1,1\n"
    found, boxes = read(tmp_path, text, name="b.csv")
    assert boxes == {3: [1, 2, 3, 4], 4: [1, 2, 3, 4]}
    assert found.lost == [4]
    frames = '{"frames": [{"frame": 0, "x": 1, "y": 2, "w": 3, "h": 4, "lost": true}]}'
    found, boxes = read(tmp_path, frames, name="b.json")
    assert boxes == {0: [1, 2, 3, 4]}
    assert found.lost == [0]


def test_motchallenge_counts_from_one(tmp_path):
    text = "2,7,11,21,30,40,1,1,1\n1,7,10,20,30,40,1,1,1\n1,8,1,1,5,5,1,1,1\n"
    assert read(tmp_path, text, "7")[1] == {0: [9, 19, 30, 40], 1: [10, 20, 30, 40]}
    with pytest.raises(ValueError, match="has several targets, 7, 8: name one with --target"):
        read(tmp_path, text)
    with pytest.raises(ValueError, match=r"--target 9: .* has 7, 8"):
        read(tmp_path, text, "9")


def test_cvat_is_linear_between_key_frames_and_ends_where_the_target_leaves(tmp_path):
    found, boxes = read(tmp_path, CVAT, "car", "a.xml")
    assert set(boxes) == {2, 3, 4, 5, 6, 7, 8, 12}
    assert boxes[4] == [14, 20, 20, 34]
    assert boxes[8] == [18, 20, 20, 38]
    assert boxes[12] == [1, 2, 2, 2]
    assert found.occluded == [6, 7, 8]
    assert read(tmp_path, CVAT, "1", "a.xml")[1] == {0: [1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "b.txt is empty"),
        ("0,0,0,0\n", "holds no box"),
        ("1,2,3\n", r"b\.txt"),
        ("frame,x,y,w\n1,2,3,4\n", r"b\.txt, line 2: frame, x, y, w, h must be numbers"),
        ("frame,x,y,w,h\n1,2,3,4,5\n1,2,3,4,5\n", "line 3: a second box for frame 1"),
        ("frame,x,y,w,h\n-1,2,3,4,5\n", "there is no frame -1"),
        ("frame,x,y,w,h\n1,nan,3,4,5\n", "is not finite"),
        ("frame,x,y,w,h\n1.5,2,3,4,5\n", "frame 1.5 is no whole number"),
        ('{"boxes": []}', "is not what 'track --boxes' writes"),
        ("<annotations><image/></annotations>", "export as 'CVAT for video 1.1'"),
        ("<annotations><track>", "is no XML"),
        ('<a><track id="0"><box frame="x" xtl="1" ytl="1" xbr="2" ybr="2"/></track></a>', "track 0, frame x"),
    ],
)
def test_damage_is_named_with_its_place(tmp_path, text, message):
    with pytest.raises(OSError, match=message):
        read(tmp_path, text)
