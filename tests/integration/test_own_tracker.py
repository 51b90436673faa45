"""A tracker of one's own by way of examples/: served, evaluated beside the others, compared, tried by the doctor."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.helpers import scenes
from tests.helpers.workspaces import run
from tracker import cli
from tracker.core.paths import PROJECT
from tracker.vot.toolkit import analyse, report
from tracker.vot.workspace import load_workspace

EXAMPLES = PROJECT / "examples"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    folder = scenes.write_workspace(tmp_path / "w")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("- trackers.ini", f"- {EXAMPLES}/trackers.ini"))
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return folder


@pytest.mark.integration
def test_the_example_runs_in_the_toolkit(workspace):
    done = run("vot", "evaluate", "--workspace", workspace, "Still", "Drifting")
    assert "Evaluation concluded" in done.stderr + done.stdout
    x, y, *_ = scenes.boxes(1)[0]
    for name, drift in (("Still", 0), ("Drifting", 1)):
        (file,) = (workspace / "results" / name / "baseline" / "one").glob("one_001.*[nt]")
        from vot.region.io import read_trajectory

        regions = read_trajectory(str(file))
        assert len(regions) == 4
        last = regions[-1].convert(regions[-1].type).bounds()
        assert list(last)[:2] == pytest.approx([x + 3 * drift, y], abs=1)


@pytest.mark.parametrize("words", [["Drifting", "--registry", "."], ["own_tracker:Still", "--set", "drift=1"]])
def test_track_takes_it(tmp_path, monkeypatch, words):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sequence = scenes.write_vot(tmp_path / "walk", 5)
    assert cli.main(["track", str(sequence), "--boxes", str(tmp_path / "b.json"), "--tracker", *words]) == 0
    document = json.loads((tmp_path / "b.json").read_text())
    assert [frame["x"] for frame in document["frames"]] == [10, 11, 12, 13, 14]
    assert document["tracker"] == " ".join([words[0], *(["drift=1.0"] if "--set" in words else [])])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--tracker", "Stil"], 2, "unknown tracker 'Stil', did you mean 'Still'?"),
        (["--tracker", "Still", "--registry", "nowhere"], 3, "--registry nowhere does not exist"),
        (["--tracker", "Still", "--set", "drift=1"], 2, "which has its parameters"),
        (["--tracker", "own_tracker:Still", "--set", "drif=1"], 2, "no parameter 'drif'; did you mean 'drift'?"),
        (["--tracker", "own_tracker:Still", "--set", "drift=far"], 2, "drift is 'far'; give a number"),
        (["--tracker", "own_tracker:tracker"], 2, "is no tracker"),
        (["--tracker", "Broken", "--registry", "{broken}"], 3, "No module named no_such_module"),
    ],
)
def test_what_track_refuses(tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    broken = tmp_path / "broken.ini"
    broken.write_text("[Broken]\nprotocol = traxpython\ncommand = no_such_module\n")
    sequence = scenes.write_vot(tmp_path / "walk", 3)
    words = [word.format(broken=broken) for word in words]
    assert cli.main(["track", str(sequence), "--boxes", str(tmp_path / "b.txt"), *words]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "b.txt").exists()


def test_the_doctor_tries_it(monkeypatch, capsys):
    from tracker.doctor import packages

    monkeypatch.setattr(packages, "check_packages", lambda versions: [])
    monkeypatch.setattr(packages, "check_imports", lambda: [])
    monkeypatch.chdir(EXAMPLES)
    for words in (["own_tracker:Still"], ["Drifting", "--registry", "."]):
        assert cli.main(["doctor", *words]) == 0
        assert re.search(r"tracker \w+ answers: handshake", capsys.readouterr().out)


def test_compare_runs_it_now(workspace, tmp_path, capsys):
    page = tmp_path / "page.html"
    words = ["own_tracker:Still", "Drifting", "--registry", ".", "--html", str(page)]
    assert cli.main(["compare", "--workspace", str(workspace), "--sequence", "two", *words]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["Still", "Drifting"]
    assert page.is_file()
    assert not (workspace / "results").exists()


@pytest.mark.integration
def test_a_workspace_of_init_runs_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    data, folder = tmp_path / "data", tmp_path / "w"
    for name, count in (("one", 14), ("two", 18), ("three", 22)):
        scenes.write_vot(data / name, count)
    assert cli.main(["init", str(folder), "NCC", "own_tracker:Still", "--sequences", str(data)]) == 0
    assert (data / "list.txt").read_text() == "one\nthree\ntwo\n"
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in printed[-3:]] == [
        ["reciprocative", name] for name in ("doctor", "evaluate", "table")
    ]
    done = run("vot", "evaluate", "--workspace", folder, "NCC", "Still")
    assert "Evaluation concluded" in done.stdout + done.stderr
    assert "vot-toolkit's own EAO" in report(folder, ["NCC", "Still"]).read_text()
    assert json.loads(analyse(folder, ["NCC", "Still"]).read_text())["results"]
    assert "mbedded" not in load_workspace(folder).stack.title
