"""Files that a command is going to write: checked before the work starts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tracker.core.errors import ExistingFile, InvalidValue, MissingFile, NoPermission, ResourceError


def checked(option: str, path: Path, suffixes: Iterable[str], overwrite: bool) -> Path:
    """``path`` if ``option`` may write there.

    Args:
        option: the command-line option, for the message.
        path: the file to be written.
        suffixes: the endings that the option knows.
        overwrite: whether an existing file may be replaced.

    Raises:
        ValueError: the ending is unknown.
        OSError: the file exists already, or its folder does not or cannot be written.
    """
    if path.suffix.lower() not in suffixes:
        raise InvalidValue(f"{option} {path} must end in one of {', '.join(sorted(suffixes))}")
    if not path.parent.is_dir():
        raise MissingFile(f"{option} {path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise ResourceError(f"{option} {path} is a folder; give a file")
    if path.exists() and not overwrite:
        raise ExistingFile(f"{option} {path} exists; give --overwrite to replace it")
    if not os.access(path.parent, os.W_OK):
        raise NoPermission(f"{option} {path}: the folder {path.parent} cannot be written")
    return path
