from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import scenes
from tracker import cli
from tracker.commands import compare
from tracker.media import overlay
from tracker.media.video import open_source

FRAMES = 4


@pytest.fixture
def workspace(tmp_path):
    """Two trackers' results on two sequences of four frames: one exact, one that fails on frame 2."""
    folder = scenes.write_workspace(tmp_path / "w")
    sections = [f"[{name}]\nprotocol = traxpython\ncommand = tracker\n" for name in ("Exact", "Lost", "NoResults")]
    (folder / "trackers.ini").write_text("\n".join(sections))
    boxes = [",".join(map(str, box)) for box in scenes.boxes(FRAMES)]
    for name, lines in (("Exact", ["1", *boxes[1:]]), ("Lost", ["1", boxes[1], "2", "0"])):
        for sequence in ("one", "two"):
            results = folder / "results" / name / "baseline" / sequence
            results.mkdir(parents=True)
            (results / f"{sequence}_001.txt").write_text("\n".join(lines) + "\n")
    return folder


def run(workspace, *words):
    try:
        return cli.main(["compare", "--workspace", str(workspace), "--sequence", "two", *words])
    except SystemExit as stop:
        return stop.code


def page_data(path):
    return json.loads(re.search(r"const data = (\{.*\});\n", path.read_text())[1])


def test_video_of_all_trackers_with_results(workspace, tmp_path, capsys):
    out = tmp_path / "c.mp4"
    assert run(workspace, "--out", str(out)) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in printed] == [
        ["Exact", "accuracy", "-", "failures", "0"],  # every frame is within the 10 of the burn-in
        ["Lost", "accuracy", "-", "failures", "1"],
    ]
    frames = list(open_source(str(out)))
    assert len(frames) == FRAMES
    assert frames[0].shape == (scenes.SIZE[0] + compare.PLOT_HEIGHT, scenes.SIZE[1], 3)


def test_pictures_show_regions_labels_and_failures(workspace):
    from tracker.vot.tables import comparison

    found = comparison.load(workspace, "two", ["Exact", "Lost"])
    assert [run.name for run in found.runs] == ["Exact", "Lost"]
    exact, lost = found.runs
    assert exact.regions[0] is None
    assert exact.regions[1].tolist()[0] == [13, 30]
    assert (exact.overlaps[1:] > 0.9).all()  # a box and a polygon differ by a pixel
    assert np.isnan(exact.overlaps[0])
    assert lost.failures == [2]
    assert lost.starts == [0]
    pictures = list(compare.pictures(found))
    failed = {name: overlay.PALETTE[index] for index, name in enumerate(("Exact", "Lost"))}
    bottom = [picture[-20:] for picture in pictures]
    assert not (bottom[1] == failed["Lost"]).all(axis=2).any()
    assert (bottom[3] == failed["Lost"]).all(axis=2).any()


def test_labels_stay_inside_the_picture(workspace, monkeypatch):
    from tracker.vot.tables import comparison

    found = comparison.load(workspace, "two", ["Exact", "Lost"])
    many = replace(found, runs=[replace(run, name=f"{run.name}{n}") for n in range(2) for run in found.runs])
    ends, rows, draw = [], set(), overlay.draw_text

    def recorded(image, text, x, y, *rest, **options):
        ends.append(draw(image, text, x, y, *rest, **options))
        if image.shape[0] == 240:  # not the plot below
            rows.add(y)
        return ends[-1]

    monkeypatch.setattr(overlay, "draw_text", recorded)
    wide = np.zeros((240, 320, 3), np.uint8)
    monkeypatch.setattr(compare.images, "read", lambda path: wide.copy())
    assert len(list(compare.pictures(many))) == FRAMES
    assert max(ends) <= 320
    assert len(rows) == 2  # two labels in a row, and the same rows in every frame


def test_trackers_without_this_run_are_left_out_unless_they_are_named(workspace, tmp_path, capsys):
    results = workspace / "results"
    shutil.copytree(results / "Exact" / "baseline", results / "NoResults" / "unsupervised")
    two = results / "Lost" / "baseline" / "two"
    shutil.copy(two / "two_001.txt", two / "two_002.txt")
    stack = workspace / "stacks" / "small.yaml"
    stack.write_text(stack.read_text().replace("repetitions: 1", "repetitions: 2"))
    assert run(workspace, "--html", str(tmp_path / "a.html")) == 0
    assert [line["name"] for line in page_data(tmp_path / "a.html")["runs"]] == ["Exact", "Lost"]
    assert run(workspace, "--repetition", "2", "--html", str(tmp_path / "b.html")) == 0
    assert [line["name"] for line in page_data(tmp_path / "b.html")["runs"]] == ["Lost"]
    capsys.readouterr()
    assert run(workspace, "Exact", "--repetition", "2", "--html", str(tmp_path / "c.html")) == 2
    assert "Exact has 1 repetitions on two, not 2" in capsys.readouterr().err


def test_page_is_one_file_with_everything_in_it(workspace, tmp_path):
    out = tmp_path / "c.html"
    assert run(workspace, "Exact", "Lost", "--html", str(out)) == 0
    text = out.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']|@import|url\(|https?://(?!www\.w3\.org/2000/svg)""", text)
    data = page_data(out)
    assert len(data["images"]) == FRAMES
    assert data["images"][0].startswith("data:image/jpeg;base64,")
    assert data["tags"] == {"occlusion": [[1, 2]]}
    lost = data["runs"][1]
    assert (lost["name"], lost["failures"], lost["starts"]) == ("Lost", [2], [0])
    assert [value is None for value in lost["overlaps"]] == [True, False, True, True]
    assert lost["regions"][2] is None
    assert data["truth"][0] == [[10, 30], [34, 30], [34, 54], [10, 54]]


def test_nothing_in_the_data_can_end_the_script(workspace):
    from tracker.vot.tables import comparison

    found = comparison.load(workspace, "two", ["Exact"])
    hostile = replace(found, sequence="</script><b>")
    assert "</script><b>" not in compare.page(hostile)


def test_wide_images_are_made_smaller_in_the_page(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "PAGE_WIDTH", 64)
    assert run(workspace, "--html", str(tmp_path / "c.html")) == 0
    assert page_data(tmp_path / "c.html")["scale"] == 0.5


def test_the_default_is_a_video_named_after_the_sequence(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace.rename(tmp_path / "vot_workspace")
    assert cli.main(["compare", "--sequence", "one", "Exact"]) == 0
    assert (tmp_path / "one.mp4").is_file()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--sequence", "three"], 2, "no sequence 'three'"),
        (["SiamFC"], 2, "no tracker named SiamFC"),
        (["NoResults"], 3, "evaluate or import NoResults"),
        (["--experiment", "realtime"], 2, "choose one of baseline"),
        (["--repetition", "2"], 2, "no tracker has run 2 on two in experiment baseline"),
        (["--repetition", "0"], 2, "not 0"),
        (["--out", "c.gif"], 2, "must end in one of"),
        (["--html", "c.pdf"], 2, "must end in one of"),
        (["--html", "taken.html"], 3, "give --overwrite"),
    ],
)
def test_refusals(workspace, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.html").write_text("mine")
    assert run(workspace, *words) == code
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken.html", "w"]


def test_not_a_workspace_and_damaged_results(workspace, tmp_path, capsys):
    assert run(tmp_path / "absent") == 3
    file = workspace / "results" / "Exact" / "baseline" / "two" / "two_001.txt"
    file.write_text("1\nnan,1,2,3\n")
    assert run(workspace, "Exact", "--out", str(tmp_path / "c.mp4")) == 3
    assert "two_001.txt, line 2" in capsys.readouterr().err


def test_data_without_images_has_nothing_to_draw_on(workspace, tmp_path, capsys):
    shutil.rmtree(workspace / "sequences" / "two" / "color")
    (workspace / "sequences" / "two" / "sequence").write_text("length=4\nwidth=128\nheight=96\nfps=30\n")
    assert run(workspace, "Exact", "--out", str(tmp_path / "c.mp4")) == 2
    assert "nothing to draw on" in capsys.readouterr().err
