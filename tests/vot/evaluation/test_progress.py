"""The live table: counts, failures, speed and time left."""

import io
import time

import pytest
from rich.console import Console

from tracker.vot.evaluation import progress, scheduler
from tracker.vot.evaluation.estimate import TASK_OVERHEAD, estimate
from tracker.vot.evaluation.plan import Outcome, Task, by_length
from tracker.vot.evaluation.probe import Probe
from tracker.vot.evaluation.progress import ProgressTable
from tracker.vot.results.provenance import Provenance
from tracker.vot.results.runfiles import RunFile

WHO = Provenance(None, {}, {}, "")


def task(sequence, frames=100, tracker="DAT", experiment="baseline", alone=False, runs=1):
    return Task(tracker, experiment, sequence, sequence, frames, runs, alone, WHO)


def outcome(sequence, failures=2, seconds=10.0, error=None):
    runs = (RunFile(f"{sequence}_001", 100, 100, 20.0, failures, 1), RunFile(f"{sequence}_002", 100, 100, 20.0, 0, 1))
    return Outcome(task(sequence), () if error else runs, seconds, error)


def text(table, width=120):
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


def test_counts_failures_speed_and_time_left():
    console = Console(file=io.StringIO(), width=120)
    with ProgressTable([task("a"), task("b", 300)], [outcome("kept", failures=4)], workers=2, console=console) as table:
        assert "1/3" in text(table.table())
        assert "?" in text(table.table())
        table.progress("DAT/baseline/b", 0.5)
        table.finished(outcome("a"))
        shown = text(table.table())
    assert "2/3" in shown
    assert "3.0" in shown  # (4 + 0) / 2 failures of what was kept, (2 + 0) / 2 of what ended
    assert "5.0" in shown  # 100 frames in 20 s
    assert "8 s left" in shown  # 150 frames at 0.1 s of wall time each, on two workers
    assert "DAT/baseline/a: 2 runs, 2 failures, 10.0 s" in console.file.getvalue()


def test_broken_tasks_are_counted_and_told():
    console = Console(file=io.StringIO(), width=120)
    with ProgressTable([task("a")], [], 1, console) as table:
        table.retry(outcome("a", error="timeout"))
        table.finished(outcome("a", error="timeout"))
        assert "0/1, 1 broken" in text(table.table())
    printed = console.file.getvalue()
    assert "failed and is run once more: timeout" in printed
    assert "DAT/baseline/a failed: timeout" in printed


def test_errors_are_printed_as_they_are():
    console = Console(file=io.StringIO(), width=120)
    with ProgressTable([task("a")], [], 1, console) as table:
        table.retry(outcome("a", error="no file [/data/x] [red]"))
        table.finished(outcome("a", error="no file [/data/y]"))
    printed = console.file.getvalue()
    assert "once more: no file [/data/x] [red]" in printed
    assert "failed: no file [/data/y]" in printed


def test_progress_of_unknown_tasks_is_ignored():
    """Events of an earlier evaluation on the same cluster may still arrive."""
    table = ProgressTable([task("a")], [], 1, Console(file=io.StringIO()))
    table.progress("other/baseline/z", 0.3)
    assert "0/1" in text(table.table())


def test_longest_tasks_start_first_and_alone_ones_last():
    tasks = [task("short", 10), task("alone", 900, alone=True), task("long", 500), task("also", 500)]
    assert [item.sequence for item in sorted(tasks, key=by_length)] == ["also", "long", "short", "alone"]


@pytest.mark.parametrize(
    ("asked", "threads", "cores", "expected"),
    [(None, 1, 8, 8), (None, 3, 8, 2), (3, 1, 8, 3), (16, 2, 8, 4), (1, 4, 2, 1), (None, 4, 2, 1)],
)
def test_workers_are_bounded_by_cores_over_threads(asked, threads, cores, expected):
    assert scheduler.fitting_workers(asked, threads, cores) == expected


def test_estimate_adds_up():
    probes = {"DAT": Probe(None, 10, start=3, init=2, update=0.5, memory=1_000_000_000, values=2)}
    tasks = [task("a", frames=15 * 100, runs=15), task("b", frames=100, alone=True)]
    made = estimate(tasks, probes, workers=2)
    one_run = 100 * 0.5 + 2
    assert made.seconds == pytest.approx((TASK_OVERHEAD + 3 + 15 * one_run) / 2 + TASK_OVERHEAD + 3 + one_run)
    assert made.seconds_deterministic == pytest.approx(
        (TASK_OVERHEAD + 3 + 3 * one_run) / 2 + TASK_OVERHEAD + 3 + one_run
    )
    assert made.disk == 1600 * (17 + 2 * 20)
    assert made.memory > 2e9


def test_without_a_terminal_something_is_said_from_the_first_second_on(monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.05)
    console = Console(file=io.StringIO(), width=120)
    with ProgressTable([task("a"), task("b", 300)], [], workers=2, console=console) as table:
        assert "2 tasks, 400 frames, 2 at a time" in console.file.getvalue()
        table.progress("DAT/baseline/b", 0.5)
        deadline = time.monotonic() + 20
        while "b 50%" not in console.file.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "0 of 2 tasks done; DAT/baseline/b 50%" in console.file.getvalue()


def test_what_is_over_has_no_time_left():
    console = Console(file=io.StringIO(), width=120)
    with ProgressTable([task("a")], [], 1, console) as table:
        table.finished(outcome("a"))
        assert "so far" in text(table.table())
        assert "left" not in text(table.table()).split("so far")[1]
