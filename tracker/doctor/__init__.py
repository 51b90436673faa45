"""Checks of a set-up, one module a place where things go wrong; each gives findings, and nothing where all is well."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracker.core import listing


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        what: is wrong, and where.
        why: it matters: the toolkit's own words for it, where there are some.
        mend: the line that mends it: a command to run or a line to write; None where there is no such line.
        fails: a run would fail or give wrong results; otherwise it is only worth knowing.
    """

    what: str
    why: str
    mend: str | None
    fails: bool = True


def check_text(path: Path) -> Iterator[Finding]:
    """Whether a file is text that the toolkit can read."""
    data = path.read_bytes()
    if encoding := listing.mark(data):
        yield Finding(
            f"{path} begins with a byte order mark",
            "the toolkit takes the mark for text: its first line is refused, or lost without a word",
            rf"sed -i '1s/^\xEF\xBB\xBF//' {quote(path)}" if encoding == "utf-8-sig" else _recode(encoding, path),
        )
        return
    try:
        data.decode()
    except UnicodeDecodeError as error:
        yield Finding(
            f"{path} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}",
            "the toolkit stops with UnicodeDecodeError, which does not name the file",
            _recode("latin1", path),
        )


def quote(path: Path) -> str:
    """A path as a word of a shell line."""
    return shlex.quote(str(path))


def _recode(encoding: str, path: Path) -> str:
    return f"iconv -f {encoding} -t utf-8 {quote(path)} > fixed && mv fixed {quote(path)}"
