"""How far a command is: on a terminal something that moves, elsewhere lines."""

import io

import pytest
from rich.console import Console

from tracker.commands import progress


@pytest.fixture
def terminal(monkeypatch):
    """What is written to a terminal."""
    file = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=file, force_terminal=True, width=80))
    return file


def test_a_bar_goes_through_everything(terminal, capsys):
    assert list(progress.bar("abc", "letters [/x]", 3)) == ["a", "b", "c"]
    assert "letters [/x]" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert capsys.readouterr().err == ""


def test_without_a_terminal_a_bar_is_a_line_now_and_then(monkeypatch, capsys):
    assert list(progress.bar("abc", "letters", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "letters: 0 of 3\n"
    monkeypatch.setattr(progress, "INTERVAL", 0)
    assert list(progress.bar("abc", "letters", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "letters: 0 of 3\nletters: 1 of 3\nletters: 2 of 3\n"


def test_steps_stand_beside_a_spinner(terminal):
    with progress.steps() as step:
        step("reading [/data/x]")
        step("writing")
    assert "writing" in terminal.getvalue()


def test_without_a_terminal_steps_are_lines(capsys):
    with progress.steps() as step:
        step("reading [/data/x]")
        step("writing")
    assert capsys.readouterr().err == "reading [/data/x]\nwriting\n"
