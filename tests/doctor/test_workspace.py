from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.helpers import scenes
from tracker.doctor import workspace
from tracker.vot.results.annotations import annotations_of
from tracker.vot.workspace import load_workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def good(tmp_path):
    return scenes.write_workspace(tmp_path / "w")


def test_nothing_is_found_in_good_workspaces(good):
    assert list(workspace.check_workspace(good, "0.7.4")) == []
    (good / "config.yaml").write_text("registry: [trackers.ini]\nsequences: sequences\nstack: vot2016/rgb\n")
    assert list(workspace.check_workspace(good, "0.7.4")) == []  # a stack of the toolkit's own


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_bytes(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


FAULTS = {
    "no config": (lambda w: (w / "config.yaml").unlink(), "has no config.yaml"),
    "config is no mapping": (lambda w: (w / "config.yaml").write_text("- a\n"), "not a mapping"),
    "config is no YAML": (lambda w: (w / "config.yaml").write_text("a: [\n"), "not a mapping"),
    "no stack": (lambda w: edit(w / "config.yaml", "stack: stacks/small.yaml\n", ""), "names no stack"),
    "stack without folder": (
        lambda w: edit(w / "config.yaml", "stacks/small.yaml", "vot2016"),
        "vot2016 does not",
    ),
    "no registry": (lambda w: edit(w / "config.yaml", "registry:\n- trackers.ini\n", ""), "names no trackers.ini"),
    "empty registry": (lambda w: edit(w / "config.yaml", "registry:\n- trackers.ini", "registry: []"), "names no"),
    "absent registry": (lambda w: (w / "trackers.ini").unlink(), "names no trackers.ini: there is no"),
    "stack in config is a list": (lambda w: edit(w / "config.yaml", "stacks/small.yaml", "[a]"), "does not exist"),
    "stack is a list": (lambda w: (w / "stacks/small.yaml").write_text("- a\n"), "has no experiments"),
    "experiments is a list": (
        lambda w: (w / "stacks/small.yaml").write_text("experiments: [a]\n"),
        "has no experiments by name",
    ),
    "experiment is a number": (
        lambda w: (w / "stacks/small.yaml").write_text("experiments: {baseline: 3}\n"),
        "cannot load this workspace",
    ),
    "unknown experiment": (
        lambda w: edit(w / "stacks/small.yaml", "tracker.vot.reset_based.ResetBased", "nosuch"),
        "'nosuch' not found",
    ),
    "unknown analysis": (
        lambda w: edit(w / "stacks/small.yaml", "1\n", "1\n    analyses: [{type: nosuch_analysis}]\n"),
        "'nosuch_analysis' not found",
    ),
    "repetitions": (lambda w: edit(w / "stacks/small.yaml", "repetitions: 1", "repetitions: x"), "repetitions"),
    "Latin-1 config": (
        lambda w: (w / "config.yaml").write_bytes((w / "config.yaml").read_bytes() + b"# \xe9\n"),
        "config.yaml is not UTF-8 text",
    ),
    "Latin-1 sequence": (
        lambda w: edit_bytes(w / "sequences/two/sequence", b"name=two", b"name=tw\xf6"),
        "two/sequence is not UTF-8 text",
    ),
    "pattern without a number": (
        lambda w: edit(w / "sequences/two/sequence", "%08d", "one"),
        "channels.color = color/one.jpg has not one number",
    ),
    "tag": (lambda w: (w / "sequences/two/occlusion.tag").write_text("0\nx\n0\n0\n"), "occlusion.tag, line 2"),
    "short thresholds": (
        lambda w: (w / "sequences/two/practical.value").write_text("0.1\n"),
        "two/practical.value, line 2: 1 lines",
    ),
    "negative width": (
        lambda w: edit(w / "sequences/two/groundtruth.txt", "13,30,37,30,37,54,13,54", "1,2,-3,4"),
        "two/groundtruth.txt, line 2: width and height",
    ),
    "empty stack": (lambda w: (w / "stacks/small.yaml").write_text("title: x\n"), "has no experiments"),
    "no list": (lambda w: (w / "sequences/list.txt").unlink(), "has no list.txt"),
    "empty list": (lambda w: (w / "sequences/list.txt").write_text("\n"), "list.txt is empty"),
    "absent sequence": (lambda w: shutil.rmtree(w / "sequences/two"), "two of list.txt does not exist"),
    "no sequence file": (
        lambda w: (w / "sequences/two/sequence").unlink(),
        "there is no 00000001.jpg, but color/00000001.jpg to color/00000004.jpg",
    ),
    "no images": (lambda w: shutil.rmtree(w / "sequences/two/color"), "nor any other image with a number"),
    "gap": (lambda w: (w / "sequences/two/color/00000003.jpg").unlink(), "00000003.jpg is missing"),
    "broken image": (lambda w: (w / "sequences/two/color/00000004.jpg").write_bytes(b"x"), "00000004.jpg"),
    "short ground truth": (
        lambda w: (w / "sequences/two/groundtruth.txt").write_text("1,2,3,4\n" * 3),
        "groundtruth.txt has 3 lines for 4 frames",
    ),
    "malformed truth": (lambda w: edit(w / "sequences/two/groundtruth.txt", "13,30", "x,30"), "line 2"),
    "no ground truth": (lambda w: (w / "sequences/two/groundtruth.txt").unlink(), "groundtruth.txt"),
    "no first region": (
        lambda w: (w / "sequences/two/groundtruth.txt").write_text("0\n" + "1,2,3,4\n" * 3),
        "line 1: no region",
    ),
    "long tags": (lambda w: (w / "sequences/two/occlusion.tag").write_text("0\n" * 9), "9 lines for 4 frames"),
}


def planted(good, plant, what):
    """The findings in a workspace with a fault, which is among them."""
    plant(good)
    findings = list(workspace.check_workspace(good, "0.7.4"))
    assert any(what in finding.what for finding in findings), findings
    return findings


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(good, fault):
    plant, what = FAULTS[fault]
    findings = planted(good, plant, what)
    assert all(finding.why and finding.fails for finding in findings)


def rename(w, old, new, first=1):
    """Rename the four images of sequence two."""
    for index in range(4) if first < 1 else reversed(range(4)):
        (w / "sequences/two" / (old % (index + 1))).rename(w / "sequences/two" / (new % (index + first)))


def truth(w, text):
    data = text if isinstance(text, bytes) else text.encode()
    (w / "sequences/two/groundtruth.txt").write_bytes(data)


def move(w, folder, sequence_file=True):
    (w / "sequences/two/color").rename(w / "sequences/two/images")
    (w / "sequences/two" / folder).mkdir(parents=True)
    for path in (w / "sequences/two/images").iterdir():
        path.rename(w / "sequences/two" / folder / path.name)
    if not sequence_file:
        (w / "sequences/two/sequence").unlink()


BOM = b"\xef\xbb\xbf"
FOUR = "1,2,30,40\n2,2,30,40\n3,2,30,40\n4,2,30,40\n"
MENDED = {
    "images of another suffix": (lambda w: rename(w, "color/%08d.jpg", "color/%08d.JPG"), "color/00000001.JPG"),
    "images of another suffix, named": (
        lambda w: (rename(w, "color/%08d.jpg", "color/%08d.JPEG"), edit(w / "sequences/two/sequence", ".jpg", ".JPEG")),
        "its images are color/00000001.JPEG",
    ),
    "images of another format": (lambda w: rename(w, "color/%08d.jpg", "color/%08d.png"), "color/00000004.png"),
    "images of four digits": (lambda w: rename(w, "color/%08d.jpg", "color/%04d.jpg"), "color/0001.jpg"),
    "images without zeros": (lambda w: rename(w, "color/%08d.jpg", "color/frame_%d.jpg"), "color/frame_1.jpg"),
    "folder in a folder": (lambda w: move(w, "color/color"), "color/color/00000001.jpg"),
    "images in img": (lambda w: move(w, "img"), "img/00000001.jpg"),
    "images in rgb, no sequence file": (lambda w: move(w, "rgb", sequence_file=False), "rgb/00000001.jpg"),
    "a sequence file without channels": (
        lambda w: (move(w, "img"), (w / "sequences/two/sequence").write_text("fps=30")),
        "img/00000001.jpg",
    ),
    "numbered from 0": (
        lambda w: rename(w, "color/%08d.jpg", "color/%08d.jpg", first=0),
        "numbered from 0 on: color/00000000.jpg to color/00000003.jpg",
    ),
    "numbered from 0, another name": (
        lambda w: rename(w, "color/%08d.jpg", "color/f%04d.png", first=0),
        "numbered from 0 on",
    ),
    "numbered from 17": (lambda w: rename(w, "color/%08d.jpg", "color/%08d.jpg", first=17), "numbered from 17 on"),
    "byte order mark": (lambda w: truth(w, BOM + FOUR.encode()), "line 1: a byte order mark"),
    "UTF-16": (lambda w: truth(w, FOUR.encode("utf-16")), "line 1: a byte order mark"),
    "trailing commas": (lambda w: truth(w, FOUR.replace("\n", ",\n")), "line 1-4: a separator at the end"),
    "trailing separators, Windows": (lambda w: truth(w, FOUR.replace("\n", ", \r\n")), "line 1-4: a separator"),
    "tabs": (lambda w: truth(w, FOUR.replace(",", "\t")), "line 1-4: numbers separated by"),
    "semicolons and spaces": (lambda w: truth(w, FOUR.replace(",", " ; ")), "line 1-4: numbers separated by"),
    "one odd line": (lambda w: truth(w, FOUR.replace("3,2,", " 3\t2,")), "line 3: numbers separated by"),
    "mark and tabs": (lambda w: truth(w, BOM + FOUR.replace(",", "\t").encode()), "line 1: a byte order mark"),
    "empty lines at the end": (lambda w: truth(w, FOUR + "\n \n"), "line 5-6: an empty line"),
    "empty lines between": (lambda w: truth(w, FOUR.replace("\n", "\n\n")), "line 2, 4, 6, 8: an empty line"),
    "an empty line for an absent target": (
        lambda w: truth(w, FOUR.replace("3,2,30,40", "")),
        "line 3: an empty line",
    ),
    "NaN alone": (lambda w: truth(w, FOUR.replace("3,2,30,40", "NaN")), "line 3: NaN alone"),
    "too many lines": (lambda w: truth(w, FOUR * 2), "has 8 lines for 4 frames"),
    "list with empty lines": (lambda w: (w / "sequences/list.txt").write_text("one\n\ntwo\n\n"), "line 2, 4: an empty"),
    "list with a mark": (lambda w: (w / "sequences/list.txt").write_bytes(BOM + b"one\ntwo\n"), "list.txt begins with"),
    "list with an absent sequence": (
        lambda w: (w / "sequences/list.txt").write_text("one\ntw\ntwo\n"),
        "tw of list.txt does not exist",
    ),
    "sequence file with a mark": (
        lambda w: edit_bytes(w / "sequences/two/sequence", b"channels", BOM + b"channels"),
        "two/sequence begins with a byte order mark",
    ),
    "Latin-1 sequence": (
        lambda w: edit_bytes(w / "sequences/two/sequence", b"name=two", b"name=tw\xf6"),
        "two/sequence is not UTF-8 text",
    ),
    "tag with a mark": (
        lambda w: (w / "sequences/two/occlusion.tag").write_bytes(BOM + b"1\n0\n0\n0\n"),
        "occlusion.tag begins with a byte order mark",
    ),
    "long tags": (lambda w: (w / "sequences/two/occlusion.tag").write_text("0\n" * 9), "9 lines for 4 frames"),
}


@pytest.mark.parametrize("fault", MENDED)
def test_a_mend_mends(good, fault):
    """What doctor prints is run in a shell; then it finds nothing more, and the toolkit loads all."""
    plant, what = MENDED[fault]
    findings = planted(good, plant, what)
    for _ in range(3):
        for mend in {finding.mend.partition("   (")[0] for finding in findings if finding.fails}:
            subprocess.run(["sh", "-e", "-c", mend], cwd=good, check=True)
        findings = list(workspace.check_workspace(good, "0.7.4"))
    assert [finding for finding in findings if finding.fails] == []
    for sequence in load_workspace(good).dataset:
        assert len(sequence) == 4
        assert len(annotations_of(sequence)) == 4
        assert os.path.getsize(sequence.frame(3).filename())


def test_numbering_from_1_keeps_the_order(good):
    before = [path.read_bytes() for path in sorted((good / "sequences/two/color").iterdir())]
    rename(good, "color/%08d.jpg", "color/%08d.jpg", first=0)
    (finding,) = workspace.check_workspace(good, "0.7.4")
    subprocess.run(["sh", "-e", "-c", finding.mend], check=True)
    after = sorted((good / "sequences/two/color").iterdir())
    assert after[0].name == "00000001.jpg"
    assert [path.read_bytes() for path in after] == before


def test_images_that_no_renaming_mends(good):
    rename(good, "color/%08d.jpg", "color/%08d.bmp")
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert "color/00000001.bmp" in finding.what
    assert finding.mend is None
    assert ".jpg or .png" in finding.why


LOADED = {
    "rectangles": FOUR,
    "triangles": "1,2,30,2,30,40\n" * 4,
    "polygons of seven corners": "1,2,30,2,40,9,30,40,20,44,10,40,0,9\n" * 4,
    "masks": "m10,20,4,3,1,2,1,4,1,2,1\n" * 4,
    "Windows": FOUR.replace("\n", "\r\n"),
    "old Mac": FOUR.replace("\n", "\r"),
    "spaces": FOUR.replace(",", ", "),
    "no newline at the end": FOUR.rstrip(),
    "all of these": "m10,20,4,3,1,2,1,4,1,2,1\r\n1,2,3,4\n1,2,30,2,30,40\n2,2,2,2",
}


@pytest.mark.parametrize("form", LOADED)
def test_what_the_toolkit_loads_is_good(good, form):
    truth(good, LOADED[form])
    assert list(workspace.check_workspace(good, "0.7.4")) == []


ABSENT = ["nan,nan,nan,nan", "0,0,0,0", "-1,-1,-1,-1", "0", "m0,0,2,2,4"]


@pytest.mark.parametrize("line", ABSENT)
def test_absent_targets_are_told(good, line):
    truth(good, FOUR.replace("2,2,30,40\n3,2,30,40", f"{line}\n{line}"))
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert not finding.fails
    assert "sequence two: groundtruth.txt, line 2-3: no region" in finding.what
    edit(good / "stacks/small.yaml", "tracker.vot.reset_based.ResetBased", "supervised")
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert finding.fails
    assert "experiment baseline is of the toolkit's own type" in finding.why
    edit(good / "stacks/small.yaml", "type: supervised", finding.mend.partition("   (")[0])
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert not finding.fails


def test_the_first_line_only_and_short_tags_are_notes(good):
    truth(good, "1,2,30,40\n")
    (good / "sequences/two/occlusion.tag").write_text("1\n")
    findings = list(workspace.check_workspace(good, "0.7.4"))
    assert [finding.what.rpartition("/")[2] for finding in findings] == [
        "sequence two: groundtruth.txt has 1 lines for 4 frames",
        "occlusion.tag: 1 lines for 4 frames",
    ]
    assert not any(finding.fails for finding in findings)


def test_several_targets_are_read_like_one(good):
    (good / "sequences/two/groundtruth.txt").rename(good / "sequences/two/groundtruth_1.txt")
    (good / "sequences/two/groundtruth_2.txt").write_text(FOUR.replace("\n", ",\n"))
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert "groundtruth_2.txt, line 1-4: a separator at the end" in finding.what


def test_what_file_managers_leave_is_no_data(good):
    for name in ("color/._00000001.jpg", "._occlusion.tag", "._groundtruth_1.txt", ".DS_Store", "__MACOSX/color/1.jpg"):
        path = good / "sequences/two" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x00\x05\x16\x07\xff")
    assert list(workspace.check_workspace(good, "0.7.4")) == []


def test_pictures_that_are_no_frames_leave_no_gap(good):
    for name in ("cover.jpg", "preview_00000009.jpg", "00000009.png"):
        shutil.copy(good / "sequences/two/color/00000001.jpg", good / "sequences/two/color" / name)
    assert list(workspace.check_workspace(good, "0.7.4")) == []


def test_non_ascii_paths(tmp_path):
    good = scenes.write_workspace(tmp_path / "köln")
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert "non-ASCII" in finding.what
    assert "protocol error" in finding.why
    assert not finding.fails


def test_a_non_ascii_folder_in_a_sequence(good):
    edit(good / "sequences/two/sequence", "color/", "cölor/")
    (good / "sequences/two/color").rename(good / "sequences/two/cölor")
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert "cölor/%08d.jpg has non-ASCII" in finding.what
    assert not finding.fails


def test_a_registry_that_does_not_exist_beside_one_that_does_is_good(good):
    edit(good / "config.yaml", "- trackers.ini", "- ./absent.ini\n- trackers.ini")
    assert list(workspace.check_workspace(good, "0.7.4")) == []


def test_a_folder_that_cannot_be_written(good, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root, who can write anywhere
    assert any("cannot be written" in finding.what for finding in workspace.check_workspace(good, "0.7.4"))


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("supervised", "tracker.vot.reset_based.ResetBased"),
        ("multistart", "tracker.vot.reset_based.MultiStart"),
        ("unsupervised", None),
        ("tracker.vot.reset_based.ResetBased", None),
    ],
)
def test_experiments_that_newer_toolkits_break(good, kind, found):
    edit(good / "stacks/small.yaml", "tracker.vot.reset_based.ResetBased", kind)
    edit(good / "stacks/small.yaml", "    repetitions: 1\n", "")
    assert list(workspace.check_workspace(good, "0.7.4")) == []
    findings = list(workspace.check_workspace(good, "0.9.0"))
    assert (found is None and not findings) or found in findings[0].mend


def test_hundreds_of_findings_are_cut_short(good):
    (good / "sequences" / "list.txt").write_text("\n".join(f"absent{n}" for n in range(40)))
    findings = list(workspace.check_workspace(good, "0.7.4"))
    assert len(findings) == 6
    assert "35 more" in findings[-1].what


def test_data_without_images_is_good(good):
    shutil.rmtree(good / "sequences/two/color")
    (good / "sequences/two/sequence").write_text("length=4\nwidth=128\nheight=96\nfps=30\n")
    assert list(workspace.check_workspace(good, "0.7.4")) == []


def test_registries_are_relative_to_the_workspace(good):
    assert workspace.registries(good) == [good / "trackers.ini"]
    edit(good / "config.yaml", "- trackers.ini", "- .")
    assert workspace.registries(good) == [good / "trackers.ini"]
