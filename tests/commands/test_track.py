from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.helpers import scenes
from tracker import catalog, cli
from tracker.commands import track
from tracker.core.tracker import Result, Tracker
from tracker.media.video import open_source


class Fake(Tracker):
    """Follows the square exactly, is lost where told to, and checks what it is given."""

    def __init__(self, lost=(), fail_at=None):
        self.lost, self.fail_at, self.index = lost, fail_at, 0

    def init(self, image, box):
        assert image.shape == (*scenes.SIZE, 3)
        assert image.dtype == np.uint8
        assert box.shape == (4,)
        self.index = 0
        return Result(np.array(box, float), 2.0, False, seed=3, fingerprint="abc")

    def update(self, image):
        self.index += 1
        if self.index == self.fail_at:
            raise KeyboardInterrupt
        return Result(np.array(scenes.boxes(99)[self.index], float), -1.0, self.index in self.lost)

    def attention(self, image, box):
        return np.full((5, 5), 2, np.float32), np.ones((5, 5), np.float32)


@pytest.fixture
def sequence(tmp_path):
    return str(scenes.write_vot(tmp_path / "walk"))


@pytest.fixture
def fake(monkeypatch):
    made = []

    def create(name, **overrides):
        made.append((name, overrides))
        return Fake(lost=(4, 5))

    monkeypatch.setattr(catalog, "create", create)
    return made


def test_all_outputs_of_a_real_tracker(sequence, tmp_path, capsys):
    files = [str(tmp_path / f"b.{suffix}") for suffix in ("txt", "csv", "json")]
    argv = ["track", sequence, "--tracker", "NCC", "--out", str(tmp_path / "o.mp4")]
    assert cli.main([*argv, *(word for file in files for word in ("--boxes", file))]) == 0
    assert "12 frames, target lost in 0" in capsys.readouterr().err
    boxes = np.loadtxt(files[0], delimiter=",")
    assert np.allclose(boxes, scenes.boxes(12), atol=1.5)
    with open(files[1]) as handle:
        rows = list(csv.DictReader(handle))
    assert [int(row["frame"]) for row in rows] == list(range(12))
    assert rows[0]["lost"] == "0"
    document = json.loads((tmp_path / "b.json").read_text())
    assert document["tracker"] == "NCC"
    assert document["rate"] == 25
    assert len(document["frames"]) == 12
    video = open_source(str(tmp_path / "o.mp4"))
    assert video.length == 12
    assert video.rate == pytest.approx(25)


def test_attention_makes_the_picture_wider(sequence, tmp_path, fake):
    cli.main(["track", sequence, "--out", str(tmp_path / "plain.mp4")])
    cli.main(["track", sequence, "--out", str(tmp_path / "beside.mp4"), "--attention"])
    cli.main(["track", sequence, "--out", str(tmp_path / "over.mp4"), "--attention", "over"])
    plain, beside, over = (next(iter(open_source(str(tmp_path / f"{n}.mp4")))) for n in ("plain", "beside", "over"))
    assert beside.shape[1] > plain.shape[1] == over.shape[1]
    assert not np.array_equal(plain, over)


def test_options_reach_the_tracker(sequence, tmp_path, fake):
    argv = ["track", sequence, "--boxes", str(tmp_path / "b.json"), "--seed", "5", "--threads", "1", "--device", "cpu"]
    assert cli.main([*argv, "--tracker", "MDNet"]) == 0
    assert fake == [("MDNet", {"seed": 5, "threads": 1, "device": "cpu"})]
    document = json.loads((tmp_path / "b.json").read_text())
    assert (document["seed"], document["fingerprint"]) == (3, "abc")
    assert [frame["frame"] for frame in document["frames"] if frame["lost"]] == [4, 5]


def test_box_start_and_frames(sequence, tmp_path, fake):
    argv = [
        "track",
        sequence,
        "--box",
        "1,2,30,40",
        "--start",
        "3",
        "--frames",
        "4",
        "--boxes",
        str(tmp_path / "b.csv"),
    ]
    assert cli.main(argv) == 0
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows] == ["3", "4", "5", "6"]
    assert (rows[0]["x"], rows[0]["h"]) == ("1.0", "40.0")


def test_an_interrupted_run_keeps_its_frames(sequence, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalog, "create", lambda name, **_: Fake(fail_at=6))
    out, boxes = tmp_path / "o.mp4", tmp_path / "b.txt"
    assert cli.main(["track", sequence, "--out", str(out), "--boxes", str(boxes)]) == 130
    assert open_source(str(out)).length == 6
    assert len(boxes.read_text().splitlines()) == 6


def test_a_source_damaged_half_way_keeps_its_frames(tmp_path, fake, capsys):
    folder = scenes.write_vot(tmp_path / "walk")
    (folder / "color" / "00000008.jpg").write_bytes(b"nothing")
    assert cli.main(["track", str(folder), "--boxes", str(tmp_path / "b.txt")]) == 3
    assert "00000008.jpg" in capsys.readouterr().err
    assert len((tmp_path / "b.txt").read_text().splitlines()) == 7


REFUSALS = [
    (["--box", "1,2,3"], 2, "four numbers in pixels"),
    (["--box", "1,2,0,9"], 2, "no area"),
    (["--box", "900,2,10,9", "--boxes", "n.txt"], 2, "lies outside the image"),
    (["--box", "1,1,9,9", "--select"], 2, "not allowed with"),
    (["--start", "99", "--boxes", "n.txt"], 2, "behind the last frame"),
    (["--start", "-1", "--boxes", "n.txt"], 2, "at least 0"),
    (["--frames", "0", "--boxes", "n.txt"], 2, "at least 1"),
    ([], 2, "nothing would be kept of this run: give --out VIDEO, --boxes FILE or --show"),
    (["--tracker", "SuperTracker"], 2, "unknown tracker"),
    (["--attention"], 2, "give --out FILE or --show"),
    (["--out", "absent/o.mp4"], 3, "does not exist; make it first"),
    (["--out", "o.gif"], 2, "must end in one of"),
    (["--boxes", "b.xls"], 2, "must end in one of"),
    (["--boxes", "b.txt", "--boxes", "./b.txt"], 2, "same name"),
    (["--boxes", "taken.txt"], 3, "give --overwrite"),
    (["--show"], 2, "needs a display"),
    (["--select", "--boxes", "n.txt"], 2, "needs a display"),
    (["--out", "o.mp4", "--attention", "--tracker", "NCC"], 2, "NCC has no attention"),
]


@pytest.mark.parametrize(("options", "code", "message"), REFUSALS, ids=[" ".join(words) for words, *_ in REFUSALS])
def test_refusals(sequence, tmp_path, monkeypatch, capsys, options, code, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (tmp_path / "taken.txt").write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    try:
        found = cli.main(["track", sequence, "--tracker", "NCC", *options])
    except SystemExit as stop:  # argparse's own
        found = stop.code
    assert found == code
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "taken.txt").read_text() == "mine"


def test_refusals_of_the_source(tmp_path, capsys):
    kept = ["--tracker", "NCC", "--boxes", str(tmp_path / "b.txt")]
    assert cli.main(["track", str(tmp_path / "absent.mp4"), *kept]) == 3
    plain = scenes.write_vot(tmp_path / "plain")
    (plain / "groundtruth.txt").unlink()
    assert cli.main(["track", str(plain), *kept]) == 2
    assert "give --box x,y,w,h, or --select" in capsys.readouterr().err
    for damage in (b"1,2,x,4\n", b"\xff\xfe"):
        (plain / "groundtruth.txt").write_bytes(damage)
        assert cli.main(["track", str(plain), *kept]) == 3
        assert f"{plain / 'groundtruth.txt'}" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert cli.main(["track", str(tmp_path / "empty"), *kept]) == 3


def test_the_source_is_never_overwritten(tmp_path, capsys, fake):
    from tests.media.test_video import write_video

    path = write_video(tmp_path / "v.mp4")
    before = path.read_bytes()
    assert cli.main(["track", str(path), "--box", "10,30,24,24", "--out", str(path), "--overwrite"]) == 2
    assert path.read_bytes() == before


def test_overwrite_replaces(sequence, tmp_path, fake):
    (tmp_path / "b.txt").write_text("old")
    assert cli.main(["track", sequence, "--boxes", str(tmp_path / "b.txt"), "--overwrite"]) == 0
    assert len((tmp_path / "b.txt").read_text().splitlines()) == 12


def test_show_ends_when_the_window_says_so(sequence, tmp_path, fake, monkeypatch):
    shown = []
    monkeypatch.setattr(track.window, "require_display", lambda option: None)
    monkeypatch.setattr(track.window.Viewer, "show", lambda _, picture: shown.append(picture.shape) or len(shown) < 3)
    monkeypatch.setattr(track.window, "select_box", lambda image: np.array([5.0, 6, 20, 20]))
    assert cli.main(["track", sequence, "--show", "--select", "--boxes", str(tmp_path / "b.txt")]) == 0
    lines = (tmp_path / "b.txt").read_text().splitlines()
    assert len(shown) == len(lines) == 3
    assert lines[0].startswith("5.0000,6.0000,20.0000")
