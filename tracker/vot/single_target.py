"""A runtime that speaks of one target, on toolkit releases (0.8 and later) whose runtimes speak of lists."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from vot.dataset import Frame
from vot.tracker import ObjectQuery, ObjectStatus, OnlineTrackerRuntime, RunResult, Tracker

from tracker.core.errors import InvalidValue


class SingleTargetRuntime(OnlineTrackerRuntime):
    """Wraps a runtime: one ``ObjectStatus`` in, one out.

    Args:
        runtime: a TraX runtime, or the toolkit's real-time simulation of one.
    """

    def __init__(self, runtime: Any) -> None:
        super().__init__(runtime.tracker)
        self._runtime = runtime

    def stop(self) -> None:
        """Stop the tracker."""
        self._runtime.stop()

    def restart(self) -> None:
        """Stop the tracker and start it anew."""
        self._runtime.restart()

    def initialize(self, frame: Frame, new: Any = None) -> tuple[ObjectStatus, float]:
        """Start on ``frame`` with one target; returns its status and the seconds this took."""
        status, elapsed = self._runtime.initialize(frame, new if isinstance(new, list) else [new])
        return _status(status), elapsed

    def update(self, frame: Frame, new: Any = None) -> tuple[ObjectStatus, float]:
        """Find the target in the next frame; returns its status and the seconds this took.

        Raises:
            ValueError: a new target is given after the first frame.
        """
        if new:
            raise InvalidValue(f"this runtime follows one target: {len(new)} new ones cannot be added; give None")
        status, elapsed = self._runtime.update(frame, [])
        return _status(status), elapsed

    def run(self, frames: Any, queries: list[ObjectQuery]) -> RunResult:
        """Track one target through ``frames``; as on 0.7.4 the first frame carries no properties."""
        (query,) = queries
        _, elapsed = self.initialize(frames.frame(0), ObjectStatus(query.state, query.properties))
        statuses, times = [ObjectStatus(query.state, {})], [elapsed]
        for index in range(1, len(frames)):
            status, elapsed = self.update(frames.frame(index))
            statuses.append(status)
            times.append(elapsed)
        return RunResult([statuses], times)


def single_target_runtime(tracker: Tracker, create: Callable[[Any], Any]) -> SingleTargetRuntime:
    """The runtime of one target, with the experiment's real-time simulation where it has one.

    The toolkit's simulation speaks of one target to what it wraps and is itself no online runtime: it gets an adapter
    on both sides.

    Args:
        tracker: the tracker to run.
        create: the toolkit's own ``_get_runtime``, called with something whose ``runtime()`` speaks of one target.
    """
    runtime = create(SimpleNamespace(runtime=lambda: SingleTargetRuntime(tracker.runtime())))
    return runtime if isinstance(runtime, SingleTargetRuntime) else SingleTargetRuntime(runtime)


def _status(status: Any) -> ObjectStatus:
    return status if isinstance(status, ObjectStatus) else status[0]
