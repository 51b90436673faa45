from __future__ import annotations

import re
import tempfile

import pytest

from tests.helpers import scenes
from tracker import cli
from tracker.commands import doctor
from tracker.core.paths import REGISTRY
from tracker.doctor import packages


@pytest.fixture
def good_packages(monkeypatch):
    """The packages have tests of their own; importing them all takes seconds each time."""
    monkeypatch.setattr(packages, "check_packages", lambda versions: [])
    monkeypatch.setattr(packages, "check_imports", lambda: [])


def test_nothing_is_found_in_a_good_set_up(tmp_path, capsys, good_packages):
    folder = scenes.write_workspace(tmp_path / "w")
    section = "[NCC]\nprotocol = traxpython\ncommand = tracker\nenv_RECIPROCATIVE_TRACKER = NCC\n"
    (folder / "trackers.ini").write_text(f"{section}paths = {REGISTRY.parent.parent}\n")
    assert cli.main(["doctor", "NCC", "--workspace", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "nothing found" in out
    assert "FAIL" not in out
    assert "note" not in out
    assert re.search(r"tracker NCC answers: handshake [\d.]+ s, first frame [\d.]+ s", out)


def test_the_real_packages_and_the_packaged_registry(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok    import numpy, cv2, torch, trax, vot" in out
    assert "trackers.ini" in out


def test_findings_say_what_why_and_mend_and_the_exit_code(tmp_path, capsys, good_packages):
    folder = scenes.write_workspace(tmp_path / "w")
    (folder / "sequences" / "list.txt").unlink()
    (folder / "trackers.ini").write_text("[NCC]\nprotocol = traxpython\ncommand = no_such_module\n")
    assert cli.main(["doctor", "NCC", "--workspace", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    fails = [index for index, line in enumerate(lines) if line.startswith("  FAIL  ")]
    assert len(fails) == 2  # the list, and the command that does not start
    for index in fails:
        assert lines[index + 1].startswith("        why:  ")
        assert lines[index + 2].startswith("        mend: ")
    assert any("| " in line and "No module named no_such_module" in line for line in lines)  # its real stderr
    assert lines[-1] == "2 would make a run fail, 0 worth knowing"


def test_a_broken_registry_is_mended_before_anything_is_started(tmp_path, capsys, good_packages):
    (tmp_path / "trackers.ini").write_text("[NCC]\nlabel = 5%\nprotocol = traxpython\ncommand = tracker\n")
    assert cli.main(["doctor", "NCC", "--registry", str(tmp_path)]) == 1
    assert "NCC was not started" in capsys.readouterr().out


def test_without_a_temporary_folder_everything_else_is_looked_at(tmp_path, capsys, monkeypatch, good_packages):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    (tmp_path / "trackers.ini").write_text("[NCC]\nprotocol = traxpython\ncommand = tracker\n")
    assert cli.main(["doctor", "NCC", "--registry", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "no temporary folder can be written" in out
    assert "NCC was not started: there is no temporary folder" in out
    assert out.splitlines()[-1].startswith("1 would make a run fail")


def test_every_registry_of_a_workspace_is_looked_at(tmp_path, capsys, good_packages):
    folder = scenes.write_workspace(tmp_path / "w")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("- trackers.ini", "- twice.ini\n- trackers.ini"))
    (folder / "twice.ini").write_text("[Other]\ncommand =\n[Other]\ncommand =\n")
    assert cli.main(["doctor", "NCC", "--workspace", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "twice.ini, line 3: a second section [Other]" in out
    assert "NCC was not started" in out


def test_an_unknown_tracker_is_told_those_of_the_workspace(tmp_path, capsys, good_packages):
    folder = scenes.write_workspace(tmp_path / "w")
    assert cli.main(["doctor", "NOPE", "--workspace", str(folder)]) == 1
    out = capsys.readouterr().out
    assert f"no tracker NOPE in {folder}/trackers.ini; known: NCC" in out
    assert str(REGISTRY) in out


def test_a_workspace_without_a_registry_is_not_given_another(tmp_path, capsys, good_packages):
    folder = scenes.write_workspace(tmp_path / "w")
    (folder / "trackers.ini").unlink()
    assert cli.main(["doctor", "NCC", "--workspace", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "names no trackers.ini" in out
    assert f"mend: registry: [{REGISTRY}]" in out
    assert "tracker NCC" not in out


def test_results_without_a_tracker_are_good(tmp_path, capsys, good_packages):
    (tmp_path / "trackers.ini").write_text("[Published]\ncommand =\n")
    assert cli.main(["doctor", "Published", "--registry", str(tmp_path / "trackers.ini")]) == 0
    assert "has no command" in capsys.readouterr().out


def test_the_first_usable_sequence_is_shown_to_the_tracker(tmp_path):
    folder = scenes.write_workspace(tmp_path / "w")
    (folder / "sequences" / "one" / "groundtruth.txt").write_text("0\n" * 4)
    found = doctor._frames(folder)
    assert found is not None
    assert found[0][0].parent.parent.name == "two"
    assert len(found[0]) == 3
    assert doctor._frames(None) is None
