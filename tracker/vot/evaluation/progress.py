"""The live table of an evaluation: per tracker and experiment what is done, failures, frames per second, time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tracker.vot.evaluation.plan import Outcome, Task

INTERVAL = 10.0
"""Seconds between two lines where there is no terminal to draw a table on."""

Watching = TypeVar("Watching", bound="ProgressTable")


@dataclass
class _Row:
    """One tracker in one experiment."""

    tasks: int = 0
    done: int = 0
    broken: int = 0
    failures: float = 0.0
    timed: int = 0
    seconds: float = 0.0
    todo_frames: int = 0
    ended_frames: int = 0
    ended_wall: float = 0.0
    shares: dict[str, tuple[int, float]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.shares.pop(outcome.task.name, None)
        if outcome.error:
            self.broken += 1
            return
        self.done += 1
        self.failures += sum(run.failures for run in outcome.runs) / max(len(outcome.runs), 1)
        self.timed += sum(run.timed for run in outcome.runs)
        self.seconds += sum(run.seconds for run in outcome.runs)

    def left(self) -> float | None:
        """Seconds of work for one worker; None as long as nothing is known of the speed."""
        if self.todo_frames <= 0:
            return 0.0
        if not self.ended_wall:
            return None
        running = sum(frames * share for frames, share in self.shares.values())
        return max(self.todo_frames - running, 0) * self.ended_wall / self.ended_frames


class ProgressTable:
    """Watches an evaluation of tasks beside kept outcomes: a live table, or without a terminal a line for each task."""

    def __init__(self, todo: Iterable[Task], kept: Iterable[Outcome], workers: int, console: Console | None = None):
        self._console = console or Console()
        self._workers = workers
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], _Row] = {}
        self._tasks = {task.name: task for task in todo}
        self._begin = time.monotonic()
        for outcome in kept:
            row = self._row(outcome.task)
            row.tasks += 1
            row.add(outcome)
        for task in self._tasks.values():
            row = self._row(task)
            row.tasks += 1
            row.todo_frames += task.frames
        self._over = threading.Event()
        self._live = Live(get_renderable=self.table, console=self._console, refresh_per_second=2)

    def __enter__(self: Watching) -> Watching:
        if self._console.is_terminal:
            self._live.start()
        else:
            frames = sum(row.todo_frames for row in self._rows.values())
            self._print(f"{len(self._tasks)} tasks, {frames} frames, {self._workers} at a time")
            threading.Thread(target=self._print_progress, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._console.print(self.table())

    def progress(self, task: str, share: float) -> None:
        """A share (0 to 1) of the task of this name is done."""
        with self._lock:
            if known := self._tasks.get(task):
                self._row(known).shares[task] = known.frames, share

    def retry(self, outcome: Outcome) -> None:
        """A task has failed and is run once more."""
        self._print(f"{outcome.task.name} failed and is run once more: {outcome.error}", style="yellow")

    def finished(self, outcome: Outcome) -> None:
        """A task is complete, or has failed for good."""
        with self._lock:
            row = self._row(outcome.task)
            self._tasks.pop(outcome.task.name, None)
            row.todo_frames -= outcome.task.frames
            row.ended_frames += outcome.task.frames
            row.ended_wall += outcome.seconds
            row.add(outcome)
        if outcome.error:
            self._print(f"{outcome.task.name} failed: {outcome.error}", style="red")
        elif not self._console.is_terminal:
            failures = sum(run.failures for run in outcome.runs)
            self._print(f"{outcome.task.name}: {len(outcome.runs)} runs, {failures} failures, {outcome.seconds:.1f} s")

    def table(self) -> Table:
        """What is known now."""
        with self._lock:
            elapsed = time.monotonic() - self._begin
            lefts = [row.left() for row in self._rows.values()]
            known = sum(left for left in lefts if left is not None) / self._workers
            caption = f"{duration(elapsed)} so far"
            if self._tasks and None not in lefts:
                caption += f", {duration(known)} left"
            table = Table(caption=caption, caption_justify="left")
            for name in ("tracker", "experiment"):
                table.add_column(name)
            for name in ("sequences", "failures", "fps", "time left"):
                table.add_column(name, justify="right")
            for (tracker, experiment), row in self._rows.items():
                left = row.left()
                table.add_row(
                    tracker,
                    experiment,
                    f"{row.done}/{row.tasks}" + (f", {row.broken} broken" if row.broken else ""),
                    f"{row.failures:.1f}",
                    f"{row.timed / row.seconds:.1f}" if row.seconds else "-",
                    "?" if left is None else duration(left / self._workers) if left else "-",
                )
        return table

    def _print_progress(self) -> None:
        """Say now and then how far the running tasks are, as long as there is nothing else to read."""
        while not self._over.wait(INTERVAL):
            with self._lock:
                shares = [(name, share[1]) for row in self._rows.values() for name, share in row.shares.items()]
                done = sum(row.done + row.broken for row in self._rows.values())
                tasks = sum(row.tasks for row in self._rows.values())
                elapsed = duration(time.monotonic() - self._begin)
            running = ", ".join(f"{name} {share:.0%}" for name, share in shares[:4]) or (
                "starting" if done < tasks else "all are over"
            )
            self._print(f"{elapsed}: {done} of {tasks} tasks done; {running}{', ...' if len(shares) > 4 else ''}")

    def _print(self, text: str, style: str | None = None) -> None:
        """Print text of others as it is: what stands in brackets is no markup."""
        self._console.print(text, style=style, markup=False, highlight=False)

    def _row(self, task: Task) -> _Row:
        return self._rows.setdefault((task.tracker, task.experiment), _Row())


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(4), duration(250), duration(7300), duration(200000)
    ('4 s', '4 min 10 s', '2 h 1 min', '2 d 7 h')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"
