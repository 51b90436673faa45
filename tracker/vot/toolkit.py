"""The toolkit's commands, `vot analysis` and `vot report` judged by what they leave: their exit code is 0 on errors.

Both run without the toolkit's cache on disk, which does not notice that result files have changed.
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


def run_vot(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the toolkit, with more variables in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "vot", *map(str, words)],
        env={**environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def tail(log: str, lines: int = 12) -> str:
    """The last lines of what a program said, for the end of a message."""
    return "".join(f"\n  | {line}" for line in log.strip().splitlines()[-lines:])


def analyse(workspace: Path | str, trackers: Sequence[str], name: str = NAME) -> Path:
    """Run ``vot analysis``; returns the JSON file.

    Raises:
        MissingArtefact: the file was not written.
    """
    return _artefact("analysis", workspace, trackers, name, Path(workspace, "analysis", f"{name}.json"))


def report(workspace: Path | str, trackers: Sequence[str], name: str = NAME) -> Path:
    """Run ``vot report``; returns the HTML file.

    Raises:
        MissingArtefact: the file was not written.
    """
    return _artefact("report", workspace, trackers, name, Path(workspace, "reports", name, "report.html"))


def _artefact(action: str, workspace: Path | str, trackers: Sequence[str], name: str, artefact: Path) -> Path:
    begin = time.time()
    words = (action, *trackers, "--workspace", str(workspace), "--name", name)
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "matplotlibrc")
        settings.write_text("svg.hashsalt: vot\n")  # else every report has other identifiers in its figures
        process = run_vot(*words, MATPLOTLIBRC=str(settings), VOT_PERSISTENT_CACHE="false")
    if process.returncode or not artefact.exists() or artefact.stat().st_mtime < begin - 1:
        log = tail(process.stdout + process.stderr)
        raise MissingArtefact(f"'vot {action} {' '.join(trackers)}' did not write {artefact}:{log}")
    return artefact
