"""Checks of a set-up, one module a place where things go wrong; each gives findings, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        what: is wrong, and where.
        why: it matters: the toolkit's own words for it, where there are some.
        mend: the line that mends it: a command to run or a line to write.
        fails: a run would fail or give wrong results; otherwise it is only worth knowing.
    """

    what: str
    why: str
    mend: str
    fails: bool = True


def read_text(path: Path) -> str:
    """The text of a file, whatever its bytes: what is not UTF-8 is for ``check_text`` to report."""
    return path.read_text(encoding="utf-8", errors="replace")


def check_text(path: Path) -> Iterator[Finding]:
    """Whether a file is text that the toolkit can read."""
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError as error:
        yield Finding(
            f"{path} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}",
            "the toolkit stops with UnicodeDecodeError, which does not name the file",
            f"iconv -f latin1 -t utf-8 {path} > fixed && mv fixed {path}",
        )
