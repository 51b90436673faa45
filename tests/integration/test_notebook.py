"""The notebook runs, cell by cell, and what it shows are tables and figures; evaluation from Python."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys

import pytest
from matplotlib.figure import Figure

import tracker
from tests.helpers import workspaces
from tracker.core.paths import PROJECT
from tracker.vot.evaluation.session import IncompleteResults
from tracker.vot.tables.notebook import Evaluation
from tracker.vot.toolkit import environment

EXAMPLES = PROJECT / "examples"
NOTEBOOK = EXAMPLES / "notebook.ipynb"


def cells():
    return [cell["source"] for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def shown(source, names):
    """Run a cell; the value of its last line, which a notebook would show."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.mark.integration
def test_the_notebook_runs_cell_by_cell(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names: dict = {}
    values = [value for source in cells() if (value := shown(source, names)) not in (None, 0)]
    result, failures, table, figure, dat, (box, found) = values
    assert isinstance(result, Evaluation)
    assert result._repr_html_().count("<table>") == 2
    assert table._repr_html_().startswith("<table><caption>baseline: Failures per sequence")
    assert failures["Still"] > failures["NCC"]
    assert table.columns == ["NCC", "Still"]
    assert isinstance(figure, Figure)
    assert "MDNET" in repr(dat)
    assert box.shape == (4,)
    assert found


@pytest.mark.integration
def test_the_notebook_runs_in_jupyter(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    kinds = [set(output.data) for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    assert any("text/html" in kind for kind in kinds)
    assert any("image/png" in kind for kind in kinds)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = workspaces.write_workspace(tmp_path_factory.mktemp("python") / "w")
    config = folder / "config.yaml"
    config.write_text(config.read_text() + "report:\n  index:\n  - type: tracker.vot.report.ProtocolReport\n")
    return folder


@pytest.mark.integration
def test_evaluate_runs_what_is_missing_and_reads_all(workspace, capsys):
    result = tracker.evaluate(workspace, ["Dummy"], workers=1)
    assert "tasks run" in capsys.readouterr().out
    assert result.trackers == ("Dummy",)
    assert "| Dummy" in repr(result)
    assert "<th>Dummy</th>" in result._repr_html_()
    again = tracker.evaluate(workspace, quiet=True)
    assert capsys.readouterr().out == ""
    assert again.rows[0].tracker == "Dummy"


@pytest.mark.integration
def test_a_script_needs_no_guard_and_a_running_event_loop_is_no_obstacle(workspace, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio, sys, tracker\n"
        "async def cell():\n"
        "    return tracker.evaluate(sys.argv[1], ['Dummy'], workers=1, sequences=['right'], redo_stale=True)\n"
        "print('trackers', asyncio.run(cell()).trackers)\n"
    )
    shutil.rmtree(workspace / "results", ignore_errors=True)
    done = subprocess.run([sys.executable, script, workspace], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tasks run, 0 were complete before, 0 failed") == done.stdout.count("trackers (") == 1


@pytest.mark.integration
def test_what_is_missing_is_told_in_the_error(workspace):
    registry = workspace / "trackers.ini"
    registry.write_text(registry.read_text() + "[Broken]\ncommand = no-such-command\nprotocol = trax\n")
    with pytest.raises(IncompleteResults, match="tracker Broken does not run"):
        tracker.evaluate(workspace, ["Broken"], quiet=True)


@pytest.mark.parametrize(
    ("place", "trackers", "error", "message"),
    [
        ("w", ["Dumy"], ValueError, "no tracker named Dumy"),
        ("nowhere", [], OSError, "no config.yaml"),
    ],
)
def test_evaluate_raises_what_the_command_says(workspace, place, trackers, error, message):
    with pytest.raises(error, match=message):
        tracker.evaluate(workspace.parent / place, trackers, quiet=True)
