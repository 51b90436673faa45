"""The live table of an evaluation: per tracker and experiment what is done, failures, frames per second, time left."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    """One tracker in one experiment: outcomes from before and of now, and the tasks that are not over."""

    kept: list[Outcome] = field(default_factory=list)
    ended: list[Outcome] = field(default_factory=list)
    todo: list[Task] = field(default_factory=list)

    def left(self, shares: Mapping[str, float]) -> float | None:
        """Seconds of work for one worker, ``shares`` done of what runs; None as long as nothing is known of the speed.

        Tasks that are broken take their time, too.
        """
        if not self.todo:
            return 0.0
        seconds = sum(outcome.seconds for outcome in self.ended)
        frames = sum(task.frames * (1 - shares.get(task.name, 0)) for task in self.todo)
        return frames * seconds / sum(outcome.task.frames for outcome in self.ended) if seconds else None


class ProgressTable:
    """Watches an evaluation of tasks beside kept outcomes: a live table, or without a terminal a line for each task."""

    def __init__(self, todo: Iterable[Task], kept: Iterable[Outcome], workers: int, console: Console | None = None):
        self._console = console or Console()
        self._workers = workers
        self._lock = threading.Lock()
        self._kept = list(kept)
        self._tasks = {task.name: task for task in todo}
        self._ended: dict[str, Outcome] = {}
        self._shares: dict[str, float] = {}
        self._begin = time.monotonic()
        self._over = threading.Event()
        self._live = Live(get_renderable=self.table, console=self._console, refresh_per_second=2)

    def __enter__(self: Watching) -> Watching:
        if self._console.is_terminal:
            self._live.start()
        else:
            frames = sum(task.frames for task in self._tasks.values())
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
            if task in self._tasks and task not in self._ended:
                self._shares[task] = share

    def retry(self, outcome: Outcome) -> None:
        """A task has failed and is run once more."""
        self._print(f"{outcome.task.name} failed and is run once more: {outcome.error}", style="yellow")

    def finished(self, outcome: Outcome) -> None:
        """A task is complete, or has failed for good."""
        with self._lock:
            self._ended[outcome.task.name] = outcome
            self._shares.pop(outcome.task.name, None)
        if outcome.error:
            self._print(f"{outcome.task.name} failed: {outcome.error}", style="red")
        elif not self._console.is_terminal:
            failures = sum(run.failures for run in outcome.runs)
            self._print(f"{outcome.task.name}: {len(outcome.runs)} runs, {failures} failures, {outcome.seconds:.1f} s")

    def table(self) -> Table:
        """What is known now."""
        with self._lock:
            rows = self._rows()
            lefts = {key: row.left(self._shares) for key, row in rows.items()}
        caption = f"{duration(time.monotonic() - self._begin)} so far"
        if any(row.todo for row in rows.values()) and None not in lefts.values():
            caption += f", {duration(sum(filter(None, lefts.values())) / self._workers)} left"
        table = Table(caption=caption, caption_justify="left")
        for name in ("tracker", "experiment"):
            table.add_column(name)
        for name in ("sequences", "failures", "fps", "time left"):
            table.add_column(name, justify="right")
        for key, row in rows.items():
            complete = [outcome for outcome in (*row.kept, *row.ended) if not outcome.error]
            broken = len(row.kept) + len(row.ended) - len(complete)
            failures = sum(sum(run.failures for run in one.runs) / max(len(one.runs), 1) for one in complete)
            seconds = sum(run.seconds for outcome in complete for run in outcome.runs)
            timed = sum(run.timed for outcome in complete for run in outcome.runs)
            left = lefts[key]
            table.add_row(
                *key,
                f"{len(complete)}/{len(complete) + broken + len(row.todo)}" + (f", {broken} broken" if broken else ""),
                f"{failures:.1f}",
                f"{timed / seconds:.1f}" if seconds else "-",
                "?" if left is None else duration(left / self._workers) if left else "-",
            )
        return table

    def _print_progress(self) -> None:
        """Say now and then how far the running tasks are, as long as there is nothing else to read."""
        while not self._over.wait(INTERVAL):
            with self._lock:
                shares = list(self._shares.items())
                done, tasks = (len(self._kept) + len(some) for some in (self._ended, self._tasks))
                elapsed = duration(time.monotonic() - self._begin)
            running = ", ".join(f"{name} {share:.0%}" for name, share in shares[:4]) or (
                "starting" if done < tasks else "all are over"
            )
            self._print(f"{elapsed}: {done} of {tasks} tasks done; {running}{', ...' if len(shares) > 4 else ''}")

    def _print(self, text: str, style: str | None = None) -> None:
        """Print text of others as it is: what stands in brackets is no markup."""
        self._console.print(text, style=style, markup=False, highlight=False)

    def _rows(self) -> dict[tuple[str, str], _Row]:
        """By tracker and experiment."""
        rows: defaultdict[tuple[str, str], _Row] = defaultdict(_Row)
        for outcome in self._kept:
            rows[outcome.task.tracker, outcome.task.experiment].kept.append(outcome)
        for name, task in self._tasks.items():
            row = rows[task.tracker, task.experiment]
            if name in self._ended:
                row.ended.append(self._ended[name])
            else:
                row.todo.append(task)
        return rows


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
