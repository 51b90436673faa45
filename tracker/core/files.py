"""Files and folders that appear whole or not at all: made under another name beside their place, then renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PART = ".part"
"""Suffix of what is being written; left behind only by a process that was killed."""


def part_of(path: Path) -> Path:
    """A name for ``path`` while it is being written, which no other process takes."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{PART}")


@contextmanager
def whole_file(path: Path, publish: bool = True, flush: bool = True) -> Iterator[BinaryIO]:
    """A file to write, which becomes ``path`` when the block ends.

    Args:
        path: where it appears; folders above it are made.
        publish: False leaves the renaming of ``Path(file.name)`` to the caller.
        flush: whether it must be on the disk before (a power cut leaves it whole); a cache may do without.

    Raises:
        OSError: the disk is full, or the folder cannot be written to; what was at ``path`` is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        with open(part, "wb") as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        if publish:
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes | str) -> None:
    """Write ``data`` to ``path``, see :func:`whole_file`."""
    with whole_file(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def whole_folder(path: Path, beside: Path | None = None) -> Iterator[Path]:
    """A folder to fill, which becomes ``path`` when the block ends; nothing but an empty folder may be there.

    Args:
        path: where it appears.
        beside: a name of the same disk beside which it is filled, if not ``path``.
    """
    part = part_of(beside or path)
    try:
        part.mkdir(parents=True)
        yield part
        path.parent.mkdir(parents=True, exist_ok=True)
        os.rename(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete the files that a killed process was writing into ``folder``."""
    for file in folder.glob(f".*{PART}"):
        file.unlink(missing_ok=True)
