"""How far a command is, on stderr: a bar or a spinner, and without a terminal lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track

Item = TypeVar("Item")

INTERVAL = 10.0
"""Seconds between two lines where there is no terminal to draw a bar on."""


def bar(items: Iterable[Item], title: str, total: int) -> Iterator[Item]:
    """Go through ``items``, frames for example, and show how many of ``total`` are done."""
    console = Console(stderr=True)
    if console.is_terminal:
        yield from track(items, escape(title), total, console=console)
        return
    said = -INTERVAL
    for count, item in enumerate(items):
        if (now := time.monotonic()) >= said + INTERVAL:
            print(f"{title}: {count} of {total}", file=sys.stderr, flush=True)
            said = now
        yield item


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """What to call with each step of a command, as it begins."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("") as status:
            yield lambda step: status.update(escape(step))
    else:
        yield lambda step: print(step, file=sys.stderr, flush=True)
