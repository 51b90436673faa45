"""`vot analysis` and `vot report`, judged by what they leave, since their exit code is 0 on errors.

They run without the toolkit's cache on disk, which does not notice that result files have changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tracker.core.errors import ResourceError
from tracker.core.paths import PROJECT

NAME = "reciprocative"
"""Name of the analysis and of the report."""


class MissingArtefact(ResourceError):
    """A command of the toolkit did not leave what it should have; the message ends with its last lines."""


def environment() -> dict[str, str]:
    """This process's environment, in which this package can be imported whether it is installed or not."""
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def analyse(workspace: Path | str, trackers: Sequence[str], name: str = NAME) -> Path:
    """Run ``vot analysis``; returns the JSON file.

    Raises:
        MissingArtefact: the file was not written.
    """
    return _vot("analysis", workspace, trackers, name, Path(workspace, "analysis", f"{name}.json"))


def report(workspace: Path | str, trackers: Sequence[str], name: str = NAME) -> Path:
    """Run ``vot report``; returns the HTML file.

    Raises:
        MissingArtefact: the file was not written.
    """
    return _vot("report", workspace, trackers, name, Path(workspace, "reports", name, "report.html"))


def _vot(action: str, workspace: Path | str, trackers: Sequence[str], name: str, artefact: Path) -> Path:
    begin = time.time()
    command = [sys.executable, "-m", "vot", action, *trackers, "--workspace", str(workspace), "--name", name]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "matplotlibrc")
        settings.write_text("svg.hashsalt: vot\n")  # else every report has other identifiers in its figures
        done = subprocess.run(
            command,
            env={**environment(), "MATPLOTLIBRC": str(settings), "VOT_PERSISTENT_CACHE": "false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or not artefact.exists() or artefact.stat().st_mtime < begin - 1:
        tail = "\n".join(f"  | {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-12:])
        raise MissingArtefact(f"'vot {action} {' '.join(trackers)}' did not write {artefact}:\n{tail}")
    return artefact
