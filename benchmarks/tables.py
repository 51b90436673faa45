"""Markdown tables with provenance, and their place between markers in a document."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("vot-toolkit", "torch", "opencv-python", "numpy")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table whose columns line up; all but the first are right-aligned.

    >>> print(table(["tracker", "EAO"], [["CSRT", "0.255"]]))
    | tracker |   EAO |
    | ------- | ----: |
    | CSRT    | 0.255 |
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    return "\n".join([line(header), line(rule), *(line(row) for row in rows)])


def provenance(**more: object) -> str:
    """One line that tells with what figures were made: date, commit, versions, processor, and ``more``."""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    facts = [f"{key.replace('_', ' ')}: {value}" for key, value in more.items()]
    parts = [f"commit {commit()}", *versions, f"{os.cpu_count()} x {processor()}", *facts]
    return f"Measured {date.today().isoformat()}; {'; '.join(parts)}."


def commit() -> str:
    """Short hash of the project's commit, and whether its tracked files differ from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    name = git("rev-parse", "--short", "HEAD") or "unknown"
    return name + (" with changes" if git("status", "--porcelain", "--untracked-files=no", "tracker") else "")


def processor() -> str:
    """Name of the processor as the system tells it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def write_between(document: Path, name: str, text: str) -> None:
    """Put ``text`` between the lines ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` of ``document``.

    Raises:
        ValueError: if the document does not have the two lines, once each and in this order.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    old = document.read_text(encoding="utf-8")
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise ValueError(f"{document} must have the lines '{begin}' and '{end}' once each, in this order; add them")
    head, tail = old[: old.index(begin) + len(begin)], old[old.index(end) :]
    document.write_text(f"{head}\n{text.strip()}\n{tail}", encoding="utf-8")
