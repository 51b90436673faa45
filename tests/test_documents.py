"""What the documents show is run, what they name exists."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml

from tests.helpers import scenes
from tracker import cli
from tracker.core.paths import PROJECT
from tracker.media.video import VideoWriter

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])


def blocks(page, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```$", (PROJECT / page).read_text(), re.MULTILINE | re.DOTALL)


def run(code):
    names = {"__name__": "example"}
    exec(compile(code, "example", "exec"), names)
    return names


def test_the_readme_s_quick_start_runs_and_is_short(tmp_path, monkeypatch, capsys):
    code, _ = blocks("README.md")
    assert len(code.splitlines()) <= 20
    scenes.write_vot(tmp_path / "vot_workspace" / "sequences" / "camera", 4)
    monkeypatch.chdir(tmp_path)
    run(code)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for line, truth in zip(lines, scenes.boxes(4)[1:], strict=True):
        assert np.abs(np.array([float(word) for word in line.split()[1:3]]) - truth[:2]).max() < SIDE_TOLERANCE


SIDE_TOLERANCE = 12  # pixels: it follows


def test_the_readme_s_own_tracker_on_an_own_video(tmp_path, monkeypatch):
    from vot.workspace import Workspace

    _, code = blocks("README.md")
    (lines,) = [block for block in blocks("README.md", "sh") if "mine:Mine" in block]
    commands = {words[1]: words[1:] for words in (shlex.split(line, comments=True) for line in lines.splitlines())}
    (tmp_path / "mine.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with VideoWriter(tmp_path / "clip.mp4", 25) as video:
        for image in scenes.frames(30) * 2:
            video.write(image)
    rows = [f"{frame},{x},{y},{w},{h}\n" for frame, (x, y, w, h) in enumerate(scenes.boxes(30) * 2)]
    (tmp_path / "clip.csv").write_text("frame,x,y,w,h\n" + "".join(rows))
    assert cli.main(commands["init"]) == 0 and cli.main(commands["import-video"]) == 0
    workspace = Workspace.load("my_vot")
    assert {"DAT", "Mine"} <= set(workspace.registry.identifiers())
    assert len(workspace.dataset["clip"]) == 60


def test_the_example_of_a_baseline():
    tracker = run(blocks("CONTRIBUTING.md")[0])["Still"]()
    image = scenes.frames(1)[0]
    tracker.init(image, np.array([1.0, 2, 3, 4]))
    assert tracker.update(image).box.tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError):
        tracker.init(image, np.array([1.0, 2, 0, 4]))


def test_the_example_of_an_analysis(tmp_path, monkeypatch):
    from vot.analysis import Sorting
    from vot.workspace import Workspace

    code = blocks("CONTRIBUTING.md")[1]
    analysis = run(code)["FramesToFailure"]()
    folder = scenes.write_workspace(tmp_path / "w")
    (folder / "trackers.ini").write_text("[A]\ncommand = x\nprotocol = traxpython\n")
    box = "1,2,3,4"
    for sequence, lines in (("one", ["1", box, "2", "0"]), ("two", ["1", box, box, box])):
        results = folder / "results" / "A" / "baseline" / sequence
        results.mkdir(parents=True)
        (results / f"{sequence}_001.txt").write_text("\n".join(lines) + "\n")
    workspace = Workspace.load(str(folder))
    experiment = workspace.stack.experiments["baseline"]
    (row,) = analysis.rows(experiment, list(workspace.registry), list(workspace.dataset))
    assert row == (3.0,)  # frame 2, and the whole length 4
    assert analysis.describe()[0].direction == Sorting.DESCENDING


def test_the_example_of_a_backbone(monkeypatch):
    from tracker import FAST
    from tracker.dat import backbone
    from tracker.dat.tracker import ReciprocativeTracker

    monkeypatch.setattr(backbone, "BUILDERS", {**backbone.BUILDERS})
    run(blocks("CONTRIBUTING.md")[2])
    tracker = ReciprocativeTracker(replace(FAST, threads=1, backbone="edges"))
    images, boxes = scenes.frames(3), scenes.boxes(3)
    tracker.init(images[0], np.array(boxes[0], float))
    for image, truth in zip(images[1:], boxes[1:], strict=True):
        assert np.abs(tracker.update(image).box[:2] - truth[:2]).max() < SIDE_TOLERANCE


@pytest.mark.parametrize("page", ["CONTRIBUTING.md"])
def test_each_example_is_short(page):
    assert all(len(code.splitlines()) < 50 for code in blocks(page))


def test_exit_codes_are_those_of_the_command():
    table = dict(re.findall(r"^\| (\d+) \| (.+) \|$", (PROJECT / "docs/commands.md").read_text(), re.MULTILINE))
    assert {int(code): meaning for code, meaning in table.items()} == cli.EXIT_CODES


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_that_are_shown_exist(page):
    shown = set(re.findall(r"(?:^|\$ |`)reciprocative ([a-z][a-z-]+)", page.read_text(), re.MULTILINE))
    assert shown <= cli.COMMANDS.keys()


def test_every_command_is_in_the_documents():
    text = (PROJECT / "docs" / "commands.md").read_text()
    assert all(re.search(rf"\b{name}\b", text) for name in cli.COMMANDS)


def test_pictures_are_small():
    pictures = [path for path in (PROJECT / "docs" / "images").iterdir() if path.suffix in (".png", ".jpg", ".webp")]
    assert sum(path.stat().st_size for path in pictures) < 300_000


def test_the_map_of_the_code_is_true():
    (tree,) = re.findall(r"^```\n(tracker/\n.*?)^```$", (PROJECT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    named = {name for name in re.findall(r"\b(\w+)\.py\b", tree)}
    there = {path.stem for path in (PROJECT / "tracker").glob("*.py")}
    assert named == there - {"__main__"}


def test_citation_is_valid_yaml_and_versions_agree():
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    project = re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    from tracker import __version__

    assert project and citation["version"] == project[1] == __version__
    assert f"## {__version__}" in (PROJECT / "CHANGELOG.md").read_text()
