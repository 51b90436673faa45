"""What a worker does with its trackers when an evaluation is stopped, or when nobody waits for its task any more."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tracker.vot.evaluation import worker
from tracker.vot.evaluation.scheduler import _Batches


@pytest.fixture
def tracker():
    """A process that looks like one that the toolkit started."""
    command = [sys.executable, "-c", "print(flush=True); input()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env={**os.environ, "TRAX": "1"}, **pipes) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_only_trackers_of_that_evaluation_are_stopped(tracker):
    with worker._running("mine"):
        worker.stop_trackers("other")
        assert tracker.poll() is None
        worker.stop_trackers("mine")
        assert tracker.wait(30) == -9
    assert not worker._evaluations


def test_stopping_names_the_evaluation():
    calls = []
    client = SimpleNamespace(
        status="running", cancel=lambda futures: None, run=lambda *arguments, on_error: calls.append(arguments)
    )
    batches = _Batches(client, "workspace", observer=None)
    batches.stop()
    assert calls == [(worker.stop_trackers, batches._evaluation)]


@pytest.mark.parametrize("tasks", [{}, {"key": SimpleNamespace(state="cancelled")}], ids=["forgotten", "cancelled"])
def test_tracker_is_stopped_when_nobody_waits_for_its_task(tracker, monkeypatch, tasks):
    monkeypatch.setattr(worker, "INTERVAL", 0.01)
    with worker._stopping_when_released(tasks, "key"):
        assert tracker.wait(30) == -9


def test_tracker_goes_on_while_somebody_waits(tracker, monkeypatch):
    monkeypatch.setattr(worker, "INTERVAL", 0.01)
    looks = []

    class Tasks(dict):
        def __getitem__(self, key):
            looks.append(key)
            return super().__getitem__(key)

    with worker._stopping_when_released(Tasks(key=SimpleNamespace(state="executing")), "key"):
        while len(looks) < 3:
            assert tracker.poll() is None
    assert tracker.poll() is None
