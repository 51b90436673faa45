"""Errors that the user can mend: one line on stderr and an exit code. Everything else is a bug, with its traceback.

They are raised where something of the user enters: options, arguments, files, settings of the environment. Each is also
the built-in kind that it refines, which callers of the library may catch.
"""

from __future__ import annotations

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """What the user gave cannot be used; the message names it and the remedy.

    Attributes:
        code: exit code of the command that it ends.
    """

    code = 2


class InvalidValue(UserError, ValueError):
    """An option, argument or setting is unknown or out of its range."""


class InvalidType(UserError, TypeError):
    """An argument is of a type that cannot be used."""


class ResourceError(UserError, OSError):
    """A file, folder, device or address is missing, unreadable, damaged or would be overwritten."""

    code = 3


class MissingFile(ResourceError, FileNotFoundError):
    """A file or folder does not exist."""


class ExistingFile(ResourceError, FileExistsError):
    """A file or folder exists, and is not replaced."""


class NoPermission(ResourceError, PermissionError):
    """A file or folder may not be used."""


class MissingPackage(UserError, ImportError):
    """A Python package, or a part of it that was not built, is missing."""

    code = 4


class Failed(UserError, RuntimeError):
    """What was asked for ran, and failed."""

    code = 1


class DamagedFile(ResourceError):
    """A file of a data set or of results that cannot be used; the message names it, the line and the remedy."""

    def __init__(self, file: str, problem: str, line: int | None = None):
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {problem}")
        self._made_of = file, problem, line

    def __reduce__(self) -> tuple[type[DamagedFile], tuple[str, str, int | None]]:
        """It passes from a worker process to the one that tells it."""
        return type(self), self._made_of


class TrackerFailed(Failed):
    """A tracker did not start, did not answer in time, or ended early; the message ends with its own last lines."""


def exit_code(error: BaseException) -> int | None:
    """The exit code of an error that the user can mend; None for a bug.

    Besides :class:`UserError` these are what the operating system says of a path or of a full disk, and another
    package that cannot be imported.
    """
    if isinstance(error, UserError):
        return error.code
    if isinstance(error, OSError) and (error.filename is not None or error.errno in FULL):
        return ResourceError.code
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] != __name__.partition(".")[0]:
        return MissingPackage.code
    return None
