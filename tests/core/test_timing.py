from __future__ import annotations

import pytest

from tracker.core import timing
from tracker.core.timing import recording, stage


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when told to."""
    now = [0.0]
    monkeypatch.setattr(timing, "perf_counter", lambda: now[0])

    def spend(seconds):
        now[0] += seconds

    return spend


def test_inner_stage_is_not_counted_twice(clock):
    @stage("outer")
    def outer():
        clock(1)
        with stage("inner"):
            clock(2)
        clock(4)

    with recording() as times:
        clock(100)
        outer()
        outer()
    assert times.seconds == {"outer": 10, "inner": 4}
    assert times.calls == {"outer": 2, "inner": 2}


def test_time_is_charged_when_a_stage_raises(clock):
    with recording() as times:
        with pytest.raises(ZeroDivisionError), stage("bad"):
            clock(3)
            raise ZeroDivisionError
        clock(5)
        with stage("good"):
            clock(7)
    assert times.seconds == {"bad": 3, "good": 7}


def test_nothing_is_recorded_outside_a_recording():
    with recording() as times:
        pass
    with stage("late"):
        pass
    assert not times.seconds


def test_decorated_function_keeps_its_result_and_name():
    @stage("trunk")
    def double(x: int, *, plus: int = 0) -> int:
        return 2 * x + plus

    assert double(3, plus=1) == 7
    assert double.__name__ == "double"
    with recording():
        assert double(3, plus=1) == 7


def test_recordings_do_not_nest_and_end_after_an_error():
    with recording(), pytest.raises(RuntimeError, match="already being recorded"), recording():
        pass
    with recording() as times, stage("again"):
        pass
    assert times.calls == {"again": 1}
