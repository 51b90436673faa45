"""The scripts of examples/ run and do what they say; own_tracker.py and the notebook have tests of their own."""

from __future__ import annotations

import runpy
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import scenes
from tracker.core.paths import PROJECT

EXAMPLES = PROJECT / "examples"
SIDE_TOLERANCE = 12  # pixels: it follows


def names(script):
    return runpy.run_path(str(EXAMPLES / script))


def test_the_quick_start(tmp_path, monkeypatch, capsys):
    sequence = scenes.write_vot(tmp_path / "walk", 4)
    monkeypatch.setattr(sys, "argv", ["quickstart.py", str(sequence)])
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for line, truth in zip(lines, scenes.boxes(4)[1:], strict=True):
        assert np.abs(np.array([float(word) for word in line.split()[1:3]]) - truth[:2]).max() < SIDE_TOLERANCE


@pytest.mark.slow
def test_the_quick_start_renders_a_sequence(tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "quickstart.py"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PROJECT)},
    )
    assert len(done.stdout.splitlines()) == 59


def test_a_baseline():
    tracker = names("own_baseline.py")["Still"]()
    image = scenes.frames(1)[0]
    tracker.init(image, np.array([1.0, 2, 3, 4]))
    assert tracker.update(image).box.tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="box"):
        tracker.init(image, np.array([1.0, 2, 0, 4]))


def test_an_analysis(tmp_path):
    from vot.analysis import Sorting
    from vot.workspace import Workspace

    analysis = names("own_analysis.py")["FramesToFailure"]()
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


def test_a_backbone(monkeypatch):
    from tracker.dat import backbone

    monkeypatch.setattr(backbone, "BUILDERS", dict(backbone.BUILDERS))
    tracker = names("own_backbone.py")["tracker"](threads=1)
    images, boxes = scenes.frames(3), scenes.boxes(3)
    tracker.init(images[0], np.array(boxes[0], float))
    for image, truth in zip(images[1:], boxes[1:], strict=True):
        assert np.abs(tracker.update(image).box[:2] - truth[:2]).max() < SIDE_TOLERANCE


@pytest.mark.integration
def test_an_evaluation(tmp_path):
    command = [sys.executable, EXAMPLES / "evaluate.py", tmp_path / "w"]
    done = subprocess.run(command, cwd=EXAMPLES, env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| Still" in done.stdout
    assert "NCC: EAO 0." in done.stdout
    assert (tmp_path / "w" / "curve.png").stat().st_size > 1000


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_each_is_short(script):
    assert len(script.read_text().splitlines()) < 60
