from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
import types

import pytest

from tracker import __version__, cli
from tracker.core import errors


def fake(monkeypatch, run, name="track"):
    module = types.ModuleType("fake_command")
    module.add_arguments = lambda parser: parser.add_argument("--number", type=int)
    module.run = run
    monkeypatch.setitem(sys.modules, "fake_command", module)
    monkeypatch.setitem(cli.COMMANDS, name, ("fake_command", "a fake"))


def raises(error):
    def run(args):
        raise error

    return run


def test_the_command_line_loads_nothing_heavy():
    code = "import sys, tracker.cli; print([m for m in ('torch', 'cv2', 'vot', 'av', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_names_what_decides_results(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    line = capsys.readouterr().out
    assert line.startswith(f"reciprocative {__version__} (Python ")
    assert "vot-toolkit" in line
    assert "torch" in line


def test_help_lists_every_command_and_exit_code(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name, (_, summary) in cli.COMMANDS.items():
        assert f"{name} {summary}" in text
    for code, meaning in cli.EXIT_CODES.items():
        assert f"{code} {meaning}" in text


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_exists(name):
    assert importlib.util.find_spec(cli.COMMANDS[name][0]) is not None


@pytest.mark.parametrize("argv", [[], ["fly"], ["track", "--number", "x"], ["track", "--colour"]])
def test_wrong_usage_is_2(monkeypatch, argv):
    fake(monkeypatch, lambda args: 0)
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2


def test_the_result_of_the_command_is_the_exit_code(monkeypatch):
    fake(monkeypatch, lambda args: args.number)
    assert cli.main(["track", "--number", "1"]) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidValue("--seed x"), 2),
        (errors.InvalidType("no tracker"), 2),
        (errors.MissingFile("no weights"), 3),
        (errors.MissingPackage("no torch"), 4),
        (errors.Failed("the tracker ended"), 1),
        (PermissionError(errno.EACCES, "Permission denied", "closed.txt"), 3),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_known_errors_are_one_line_and_a_code(monkeypatch, capsys, error, code):
    fake(monkeypatch, raises(error))
    assert cli.main(["track"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("interrupted\n" if code == 130 else f"error: {error}\n")


def test_no_space_left_names_the_places(monkeypatch, capsys):
    fake(monkeypatch, raises(OSError(errno.ENOSPC, "No space left on device")))
    assert cli.main(["track"]) == 3
    error = capsys.readouterr().err
    assert "No space left on device: free some space" in error
    assert "TMPDIR" in error


def test_traceback_on_request(monkeypatch):
    fake(monkeypatch, raises(errors.InvalidValue("x")))
    with pytest.raises(errors.InvalidValue):
        cli.main(["--traceback", "track"])


@pytest.mark.parametrize(
    "bug",
    [
        "numpy.zeros(3) + numpy.zeros(4)",
        "{}['stack']",
        "int('x')",
        "__import__('tracker.core.nothing')",
    ],
)
def test_a_bug_shows_its_traceback_and_ends_with_1(bug, tmp_path):
    command = "def add_arguments(parser): pass\ndef run(args): " + bug
    (tmp_path / "broken.py").write_text(f"import numpy\n{command}\n")
    code = (
        "import sys; from tracker import cli; cli.COMMANDS['paper'] = 'broken', 'fake'; sys.exit(cli.main(['paper']))"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "broken.py" in done.stderr


def test_a_module_that_is_absent_does_not_break_the_others(monkeypatch, capsys):
    fake(monkeypatch, lambda args: 0)
    monkeypatch.setitem(cli.COMMANDS, "paper", ("tracker.commands.absent", "absent"))
    assert cli.main(["paper"]) == 4
    assert "'paper' is not in this installation" in capsys.readouterr().err
    assert cli.main(["track"]) == 0


def test_a_package_that_is_absent_is_named(monkeypatch, capsys, tmp_path):
    (tmp_path / "needs_more.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.COMMANDS, "paper", ("needs_more", "needs more"))
    assert cli.main(["paper"]) == 4
    assert "'a_package_that_nobody_has'" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error():
    code = "import sys; from tracker import cli; sys.exit(cli.main(['registry']))"
    script = f'{sys.executable} -c "{code}" | true; exit ${{PIPESTATUS[0]}}'
    assert subprocess.run(["bash", "-c", script]).returncode == 0
