"""What in a folder or archive is data, decided in one place, and how text files of any editor become lines.

Names that begin with a dot (``._00000001.jpg`` beside ``00000001.jpg``, ``.DS_Store``) and ``__MACOSX`` are what file
managers leave behind: they are never data, wherever they lie.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable
from pathlib import Path, PurePath

from tracker.core.errors import ResourceError

_FOREIGN = "__MACOSX"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def is_data(path: str | PurePath) -> bool:
    """Whether no part of a path below a data set, result folder or archive is a file manager's.

    >>> [is_data(name) for name in ("color/00000001.jpg", "color/._00000001.jpg", "__MACOSX/a/x.txt", "./a.txt")]
    [True, False, False, True]
    """
    parts = PurePath(path).parts
    return not any(part == _FOREIGN or (part.startswith(".") and part not in (".", "..")) for part in parts)


def matching(folder: Path, pattern: str = "*") -> list[Path]:
    """The data in ``folder`` whose names match ``pattern``, sorted; none if there is no such folder."""
    return sorted(path for path in folder.glob(pattern) if is_data(path.relative_to(folder)))


def mark(data: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of a file tells, as Windows' editors write it; else None."""
    return next((encoding for start, encoding in _MARKS if data.startswith(start)), None)


def decode(data: bytes, errors: str = "strict") -> str:
    """The text of a file in UTF-8, or in what its byte order mark tells; the mark itself is no part of it.

    Raises:
        UnicodeDecodeError: it is neither, and ``errors`` is "strict".
    """
    return data.decode(mark(data) or "utf-8", errors)


def checked_text(path: Path) -> str:
    """The text of a file, see :func:`decode`.

    Raises:
        ResourceError: it is none; the message names the file and the byte.
    """
    try:
        return decode(path.read_bytes())
    except UnicodeDecodeError as error:
        raise ResourceError(f"{path} is not UTF-8 text: byte {error.start}") from error


def lines(text: str) -> list[str]:
    r"""The lines of a text, whatever ends them (``\n``, ``\r\n``, ``\r``), without empty ones at the end.

    >>> lines("1,2\r\n\r\n3,4\n\n")
    ['1,2', '', '3,4']
    """
    result = [line.rstrip("\n") for line in io.StringIO(text, newline=None)]
    while result and not result[-1].strip():
        result.pop()
    return result


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in ascending order for a message, runs of them from first to last.

    >>> ranges([3, 9, 10, 11])
    '3, 9-11'
    """
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans(numbers))


def spans(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last of every run of consecutive numbers, given in ascending order."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def read_text(path: Path) -> str:
    """The text of a file, whatever its bytes: what is not plain UTF-8 is for ``check_text`` to report."""
    return decode(path.read_bytes(), errors="replace")
