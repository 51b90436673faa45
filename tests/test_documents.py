"""What the documents show is run, what they name exists."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys

import numpy as np
import pytest
import yaml

from tests.helpers import scenes
from tracker import cli
from tracker.core.paths import PROJECT
from tracker.media.video import VideoWriter

FOLDERS = (".", "docs", "benchmarks", "training")
PAGES = sorted(page for folder in FOLDERS for page in (PROJECT / folder).glob("*.md"))


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
    assert cli.main(commands["init"]) == 0
    assert cli.main(commands["import-video"]) == 0
    workspace = Workspace.load("my_vot")
    assert {"DAT", "Mine"} <= set(workspace.registry.identifiers())
    assert len(workspace.dataset["clip"]) == 60


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
    named = {name for line in tree.splitlines() for name in re.findall(r"\b(\w+)(?:/|\.py) ", line[:30])}
    there = {path.stem for path in (PROJECT / "tracker").glob("[a-z]*") if path.is_dir() or path.suffix == ".py"}
    assert there <= named, there - named
    assert all((PROJECT / name).exists() for name in named - there), named - there


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_and_modules_that_are_named_exist(page):
    measured = r"<!-- begin (\w+) -->.*?<!-- end \1 -->"  # names what there was then
    text = re.sub(measured, "", page.read_text(), flags=re.DOTALL)
    for name in re.findall(r"\b((?:tracker|tests|benchmarks|training|examples|env)/[\w/]+\.\w+)", text):
        assert (PROJECT / name).exists(), name
    for name in re.findall(r"`((?:\w+/)*test_\w+\.py)`", text):
        assert (PROJECT / "tests" / name).exists() or (PROJECT / name).exists(), name
    for name in re.findall(r"(?:from|import|`-m|-m) (tracker(?:\.\w+)+)", text):
        assert importlib.util.find_spec(name), name


def test_citation_is_valid_yaml_and_versions_agree():
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    project = re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    from tracker import __version__

    assert project
    assert citation["version"] == project[1] == __version__
    assert f"## {__version__}" in (PROJECT / "CHANGELOG.md").read_text()
