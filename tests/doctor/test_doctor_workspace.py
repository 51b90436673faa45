from __future__ import annotations

import os
import shutil

import pytest
import scenes

from tracker.doctor import workspace


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
    "no sequence file": (lambda w: (w / "sequences/two/sequence").unlink(), "there is no 00000001.jpg"),
    "gap": (lambda w: (w / "sequences/two/color/00000003.jpg").unlink(), "00000003.jpg is missing"),
    "broken image": (lambda w: (w / "sequences/two/color/00000004.jpg").write_bytes(b"x"), "00000004.jpg"),
    "short ground truth": (
        lambda w: (w / "sequences/two/groundtruth.txt").write_text("1,2,3,4\n"),
        "1 lines of",
    ),
    "malformed truth": (lambda w: edit(w / "sequences/two/groundtruth.txt", "13,30", "x,30"), "line 2"),
    "no ground truth": (lambda w: (w / "sequences/two/groundtruth.txt").unlink(), "groundtruth.txt"),
    "no first region": (
        lambda w: (w / "sequences/two/groundtruth.txt").write_text("0\n" + "1,2,3,4\n" * 3),
        "first region",
    ),
    "long tags": (lambda w: (w / "sequences/two/occlusion.tag").write_text("0\n" * 9), "9 lines for 4 frames"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(good, fault):
    plant, what = FAULTS[fault]
    plant(good)
    findings = list(workspace.check_workspace(good, "0.7.4"))
    assert any(what in finding.what for finding in findings), findings
    assert all(finding.why and finding.mend and finding.fails for finding in findings)


def test_non_ascii_paths(tmp_path):
    good = scenes.write_workspace(tmp_path / "köln")
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert "non-ASCII" in finding.what and "protocol error" in finding.why and not finding.fails


def test_a_non_ascii_folder_in_a_sequence(good):
    edit(good / "sequences/two/sequence", "color/", "cölor/")
    (good / "sequences/two/color").rename(good / "sequences/two/cölor")
    (finding,) = workspace.check_workspace(good, "0.7.4")
    assert "cölor/%08d.jpg has non-ASCII" in finding.what and not finding.fails


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
    assert len(findings) == 6 and "35 more" in findings[-1].what


def test_data_without_images_is_good(good):
    shutil.rmtree(good / "sequences/two/color")
    (good / "sequences/two/sequence").write_text("length=4\nwidth=128\nheight=96\nfps=30\n")
    assert list(workspace.check_workspace(good, "0.7.4")) == []


def test_registries_are_relative_to_the_workspace(good):
    assert workspace.registries(good) == [good / "trackers.ini"]
    edit(good / "config.yaml", "- trackers.ini", "- .")
    assert workspace.registries(good) == [good / "trackers.ini"]
