"""What runs inside a Dask worker: one task, told of to the scheduler; ``--preload tracker.vot.worker`` warms it up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import vot
from distributed import get_worker

from tracker import __version__
from tracker.vot.evaluation.execute import execute
from tracker.vot.evaluation.plan import Outcome, Task

TOPIC = "reciprocative"
"""Events of this topic are ``{"task": name, "share": finished share, 0 to 1}``."""
INTERVAL = 0.5
"""Seconds between two messages, and between two looks whether somebody still waits for the task."""
_evaluations: set[str] = set()  # whose tasks this process runs


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the command that started the evaluation: a terminal sends it to all processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(directory: str, evaluation: str, task: Task, environment: Mapping[str, str | None]) -> Outcome:
    """Run a task; see :func:`tracker.vot.evaluation.execute.execute`."""
    worker = get_worker()
    following = 0.0

    def tell(share: float) -> None:
        """Log the share that is done, twice a second at most."""
        nonlocal following
        if (now := time.monotonic()) >= following:
            following = now + INTERVAL
            worker.log_event(TOPIC, {"task": task.name, "share": share})

    tell(0)
    with _running(evaluation), _stopping_when_released(worker.state.tasks, worker.get_current_task()):
        return execute(directory, evaluation, task, environment, tell)


def look(directory: str, marker: str) -> dict[str, Any]:
    """What the evaluation has to know of a worker: whether it sees the workspace, and its versions."""
    return {"sees": (Path(directory) / "config.yaml").is_file() and Path(marker).exists(), "versions": versions()}


def versions() -> str:
    """Releases of this package and of the toolkit in this process."""
    return f"reciprocative-tracker {__version__}, vot-toolkit {vot.toolkit_version()}"


def stop_trackers(evaluation: str) -> None:
    """End the tracker processes of this worker, and with them its task, if that is one of ``evaluation``."""
    if evaluation in _evaluations:
        _kill_trackers()


def _kill_trackers() -> None:
    for child in psutil.Process().children(recursive=True):
        try:
            if child.environ().get("TRAX") == "1":  # set by the toolkit for trackers, and for nothing else
                child.kill()
        except psutil.Error:
            pass


@contextmanager
def _running(evaluation: str) -> Iterator[None]:
    _evaluations.add(evaluation)
    try:
        yield
    finally:
        _evaluations.discard(evaluation)


@contextmanager
def _stopping_when_released(tasks: Mapping[Any, Any], key: Any) -> Iterator[None]:
    """End this worker's trackers when nobody waits for its task any more, as after the command was killed."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(INTERVAL):
            if key not in tasks or tasks[key].state != "executing":
                _kill_trackers()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
