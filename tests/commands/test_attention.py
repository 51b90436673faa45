from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import scenes
from tracker import catalog, cli
from tracker.commands import attention
from tracker.core import images
from tracker.core.tracker import Result
from tracker.dat.params import FAST


class Fake:
    """Attention of the target is even with the regulariser and uneven without it."""

    def __init__(self, name, **overrides):
        self.params = replace(FAST, **overrides)
        self.updates = 0

    def init(self, image, box):
        return Result(np.array(box, float), 1.0, False)

    def update(self, image):
        assert self.params.initial_iterations > 0, "an untrained head has nothing to follow with"
        self.updates += 1
        return Result(np.array(scenes.boxes(99)[self.updates], float), 1.0, False)

    def attention(self, image, box):
        even = np.ones((5, 5), np.float32)
        uneven = np.eye(5, dtype=np.float32) + 0.01
        return (even, uneven) if self.params.attention_weight else (uneven, even)


@pytest.fixture
def sequence(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "create", Fake)
    return str(scenes.write_vot(tmp_path / "walk"))


def test_picture_and_figures(sequence, tmp_path, capsys):
    out = tmp_path / "a.png"
    assert cli.main(["attention", sequence, "4", "--out", str(out)]) == 0
    picture = images.read(out)
    assert picture.shape[0] > 4 * attention.TILE
    assert picture.shape[1] > 4 * attention.TILE
    output = capsys.readouterr()
    assert "before training: 0 of 5\ntrained, lambda 0: 0 of 5\ntrained, lambda 1: 0 of 5\n" in output.err
    lines = output.out.splitlines()
    assert [line[:22].strip() for line in lines] == ["", "before training", "trained, lambda 0", "trained, lambda 1"]
    without, regularised = (float(line.split()[-2]) for line in lines[2:])
    assert regularised < without  # R(y=1) rewards even target and spread background attention


def test_default_name_is_in_the_working_folder(sequence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["attention", sequence, "0"]) == 0
    assert (tmp_path / "walk_0_attention.png").is_file()


def test_background_is_on_the_side_with_more_room():
    left = attention._beside(np.array([80.0, 10, 20, 30]), 128)
    right = attention._beside(np.array([10.0, 10, 20, 30]), 128)
    assert left[0] < 80 - 20
    assert right[0] > 10 + 20


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["12"], 2, "behind the last frame of walk, 11"),
        (["-1"], 2, "at least 0"),
        (["x"], 2, "invalid int"),
        (["3", "--tracker", "NCC"], 2, "'NCC' has no preset"),
        (["3", "--tracker", "none"], 2, "DAT, DAT-paper, DAT-crops, MDNet"),
        (["3", "--out", "a.pdf"], 2, "must end in one of"),
    ],
)
def test_refusals(sequence, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    try:
        found = cli.main(["attention", sequence, *words])
    except SystemExit as stop:
        found = stop.code
    assert found == code
    assert message in capsys.readouterr().err


def test_lambda_0_has_nothing_to_compare(sequence, capsys):
    assert cli.main(["attention", sequence, "1", "--tracker", "MDNet"]) == 2
    assert "lambda 0" in capsys.readouterr().err


def test_no_ground_truth_needs_a_box(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalog, "create", Fake)
    folder = scenes.write_vot(tmp_path / "walk")
    (folder / "groundtruth.txt").unlink()
    assert cli.main(["attention", str(folder), "1", "--out", str(tmp_path / "a.png")]) == 2
    assert "give --box" in capsys.readouterr().err
    assert cli.main(["attention", str(folder), "1", "--out", str(tmp_path / "a.png"), "--box", "10,30,24,24"]) == 0
