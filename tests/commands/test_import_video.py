"""A video and boxes become a sequence that the toolkit loads and the doctor finds nothing wrong with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers import scenes
from tests.media.test_video import write_video
from tracker import cli
from tracker.doctor import packages
from tracker.media.video import open_source
from tracker.vot.workspace import load_workspace


@pytest.fixture
def workspace(tmp_path):
    assert cli.main(["init", str(tmp_path / "w"), "NCC"]) == 0
    return tmp_path / "w"


@pytest.fixture
def clip(tmp_path):
    return write_video(tmp_path / "clip.mp4")


def boxes(tmp_path, first=0, count=8):
    lines = [f"{frame},{10 + frame},30,24,24,1,{int(frame == 5)}\n" for frame in range(first, first + count)]
    (tmp_path / "b.csv").write_text("frame,x,y,w,h,score,lost\n" + "".join(lines))
    return tmp_path / "b.csv"


def test_two_commands_make_annotated_data(workspace, clip, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(packages, "check_packages", lambda versions: [])
    monkeypatch.setattr(packages, "check_imports", lambda: [])
    made = tmp_path / "b.json"
    assert cli.main(["track", str(clip), "--box", "10,30,24,24", "--tracker", "NCC", "--boxes", str(made)]) == 0
    frames = len(json.loads(made.read_text())["frames"])
    sequence = workspace / "sequences" / "clip"
    assert cli.main(["import-video", str(clip), "--boxes", str(made), str(sequence), "--tag", "occlusion=1-2,4"]) == 0
    capsys.readouterr()
    assert cli.main(["doctor", "--workspace", str(workspace)]) == 0
    out = capsys.readouterr().out
    assert f"ok    workspace {workspace}" in out
    assert "nothing found" in out
    (loaded,) = load_workspace(workspace).dataset
    assert loaded.name == "clip"
    assert len(loaded) == frames
    assert float(loaded.metadata("fps")) == pytest.approx(open_source(str(clip)).rate, rel=1e-3)
    assert [index for index in range(frames) if "occlusion" in loaded.tags(index)] == [1, 2, 4]
    original, copied = (next(iter(open_source(str(path)))) for path in (clip, sequence))
    assert np.abs(original.astype(int) - copied).mean() < 3


def test_the_sequence_is_cut_to_the_boxes_and_says_what_to_look_at(workspace, clip, tmp_path, capsys):
    file = boxes(tmp_path, first=2, count=6)
    file.write_text(file.read_text().replace("4,14,30,24,24,1,0\n", ""))
    sequence = workspace / "sequences" / "part"
    assert cli.main(["import-video", str(clip), "--boxes", str(file), str(sequence)]) == 0
    told = capsys.readouterr().err
    assert "6 frames, those from 2 to 7" in told
    assert "lost the target in 1 frames (5" in told
    assert "no box in 1" in told
    lines = (sequence / "groundtruth.txt").read_text().splitlines()
    assert len(lines) == 6
    assert lines[0] == "12.0000,30.0000,24.0000,24.0000"
    assert lines[2].startswith("nan")
    images = list(open_source(str(clip)))
    assert np.abs(next(iter(open_source(str(sequence)))).astype(int) - images[2]).mean() < 3
    assert (workspace / "sequences" / "list.txt").read_text() == "part\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--boxes", "{many}"], 2, "has boxes for frames 0 to 499, and"),
        (["--boxes", "{outside}"], 2, "the first box, of frame 0: "),
        (["--boxes", "{good}", "--tag", "occlusion=5-99"], 2, "the boxes are of frames 0 to 7"),
        (["--boxes", "{good}", "--tag", "occlusion"], 2, "is not NAME=FRAMES"),
        (["--boxes", "{good}", "--start", "3"], 2, "numbers its frames"),
        (["--boxes", "{none}"], 3, "No such file"),
    ],
)
def test_refusals_leave_nothing(workspace, clip, tmp_path, capsys, words, code, message):
    good = boxes(tmp_path).read_text()
    files = {name: tmp_path / f"{name}.csv" for name in ("good", "many", "outside", "none")}
    files["good"].write_text(good.replace("0,10,30", "0,10,30"))
    files["outside"].write_text(good.replace("0,10,30,24,24", "0,900,30,24,24"))
    files["many"].write_text(boxes(tmp_path, count=500).read_text())
    if "--start" in words:
        files["good"].write_text(boxes(tmp_path, first=4, count=3).read_text())
    words = [word.format(**files) for word in words]
    assert cli.main(["import-video", str(clip), str(workspace / "sequences" / "new"), *words]) == code
    assert message in capsys.readouterr().err
    assert list((workspace / "sequences").iterdir()) == []


def test_a_sequence_is_never_replaced(workspace, clip, tmp_path, capsys):
    words = ["import-video", str(clip), "--boxes", str(boxes(tmp_path)), str(workspace / "sequences" / "one")]
    assert cli.main(words) == 0
    assert cli.main(words) == 3
    assert "give another name" in capsys.readouterr().err


def test_boxes_of_a_folder_of_images(workspace, tmp_path):
    folder = scenes.write_otb(tmp_path / "otb")
    (tmp_path / "b.txt").write_text("".join(f"{x},{y},{w},{h}\n" for x, y, w, h in scenes.boxes(5)))
    sequence = workspace / "sequences" / "otb"
    assert (
        cli.main(["import-video", str(folder), "--boxes", str(tmp_path / "b.txt"), str(sequence), "--start", "2"]) == 0
    )
    first = next(iter(open_source(str(sequence))))
    assert np.abs(first.astype(int) - list(open_source(str(folder)))[2]).mean() < 3
