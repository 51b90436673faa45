"""Where the time of a frame goes: named stages of the tracker, timed only while somebody records.

The tracker marks its stages, as decorator or as block; a benchmark listens:

>>> @stage("trunk")
... def features(image):
...     with stage("read"):
...         pass
>>> with recording() as times:
...     features(None)
>>> sorted(times.seconds)
['read', 'trunk']

A second inside an inner stage counts for the inner one alone, so that the stages add up to no more than the whole.
Without a recorder a stage costs two comparisons. Recording is for one thread of one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from time import perf_counter


class StageTimes:
    """Own seconds and number of calls of each stage, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._open: list[str] = []
        self._since = 0.0

    def _enter(self, name: str) -> None:
        self._charge()
        self._open.append(name)
        self.calls[name] = self.calls.get(name, 0) + 1

    def _leave(self) -> None:
        self._charge()
        self._open.pop()

    def _charge(self) -> None:
        now = perf_counter()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now


_recorder: StageTimes | None = None


class stage(ContextDecorator):
    """Marks a function (``@stage("head")``) or a block (``with stage("head"):``) as one stage of the tracker."""

    def __init__(self, name: str) -> None:
        """Name the stage; stages of one name are added up."""
        self.name = name

    def __enter__(self) -> None:
        if _recorder is not None:
            _recorder._enter(self.name)

    def __exit__(self, *_: object) -> None:
        if _recorder is not None:
            _recorder._leave()


@contextmanager
def recording() -> Iterator[StageTimes]:
    """Time all stages that begin and end within the block.

    Raises:
        RuntimeError: if a recording is already running.
    """
    global _recorder
    if _recorder is not None:
        raise RuntimeError("stages are already being recorded; end that recording before starting another")
    _recorder = StageTimes()
    try:
        yield _recorder
    finally:
        _recorder = None
