"""A workspace in one command: what it holds is what the toolkit runs."""

from __future__ import annotations

import pytest
import yaml

from tracker import cli
from tracker.core.paths import REGISTRY, STACKS


def test_trackers_may_stand_behind_options(tmp_path, capsys):
    assert cli.main(["init", str(tmp_path / "w"), "--stack", "vot2016", "NCC", "MDNet"]) == 0
    assert "with NCC, MDNet," in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["init", str(tmp_path / "v"), "--stack", "vot2016", "NCC", "--no-such-option"])
    assert "unrecognized arguments: NCC --no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["vot2016", "own"])
def test_a_stack_by_its_name(tmp_path, name, capsys):
    assert cli.main(["init", str(tmp_path / "w"), "--stack", name]) == 0
    config = yaml.safe_load((tmp_path / "w" / "config.yaml").read_text())
    assert config["registry"] == ["./trackers.ini", str(REGISTRY)]
    assert (tmp_path / "w" / config["stack"]).read_text() == (STACKS / f"{name}.yaml").read_text()
    assert config["report"]["index"][0]["type"] == "tracker.vot.report.ProtocolReport"
    first = capsys.readouterr().out.splitlines()[1]
    assert ("import-video" in first) == (name == "own")
    assert ("downloads" in first) == (name != "own")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--stack", "vot2106"], 2, "did you mean 'vot201"),
        (["DTA"], 2, "unknown tracker 'DTA'; did you mean 'DAT'?"),
        (["no_such:Class"], 4, "no module no_such"),
        (["NCC", "NCC"], 2, "equal names"),
        (["--sequences", "{empty}"], 3, "no folder there has a groundtruth.txt"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path, capsys, words, code, message):
    (tmp_path / "empty").mkdir()
    words = [word.format(empty=tmp_path / "empty") for word in words]
    assert cli.main(["init", str(tmp_path / "w"), *words]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_a_workspace_is_never_overwritten(tmp_path, capsys):
    assert cli.main(["init", str(tmp_path / "w")]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "w").rglob("*") if path.is_file()}
    assert cli.main(["init", str(tmp_path / "w"), "NCC"]) == 3
    assert "is a workspace already" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in (tmp_path / "w").rglob("*") if path.is_file()}
