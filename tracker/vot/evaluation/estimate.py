"""What an evaluation will take, from a few frames of each tracker: time, disk, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker.vot.evaluation.plan import Task
from tracker.vot.evaluation.probe import Probe

PROBE_FRAMES = 10
WORKER_MEMORY = 260e6
"""Resident bytes of a Dask worker that has the toolkit loaded (measured on toolkit 0.7.4)."""
RECTANGLE_BYTES = 17
"""A rectangle in the toolkit's binary form; polygons take 3 + 8 bytes a corner."""
VALUE_BYTES = 20
"""A line of a property file: 17 digits, a point, a sign, a newline."""
RUNS_IF_DETERMINISTIC = 3
TASK_OVERHEAD = 1.0
"""Seconds between two tasks of a worker, beside the start of the tracker."""


@dataclass(frozen=True)
class Estimate:
    """Totals of an evaluation.

    Attributes:
        tasks: number of tasks.
        seconds: expected wall time if no tracker repeats itself exactly: all repetitions are run.
        seconds_deterministic: if all do: three repetitions are run.
        disk: bytes of results, all repetitions.
        memory: largest resident bytes at a time, workers and trackers.
    """

    tasks: int
    seconds: float
    seconds_deterministic: float
    disk: float
    memory: float


def estimate(tasks: Sequence[Task], probes: Mapping[str, Probe], workers: int) -> Estimate:
    """Add up what ``tasks`` will take on ``workers`` workers, by a probe with frames of each tracker.

    Re-initialisations after failures are not foreseen: a tracker that fails every 50 frames pays its initialisation
    that often.
    """
    seconds = seconds_deterministic = disk = 0.0
    for task in tasks:
        probe = probes[task.tracker]
        share = 1 if task.alone else 1 / workers
        one_run = task.frames / task.runs * probe.update + probe.init
        seconds += share * (TASK_OVERHEAD + probe.start + task.runs * one_run)
        runs = min(task.runs, RUNS_IF_DETERMINISTIC)
        seconds_deterministic += share * (TASK_OVERHEAD + probe.start + runs * one_run)
        disk += task.frames * (RECTANGLE_BYTES + VALUE_BYTES * probe.values)
    memory = workers * (WORKER_MEMORY + max((probe.memory for probe in probes.values()), default=0))
    return Estimate(len(tasks), seconds, seconds_deterministic, disk, memory)
