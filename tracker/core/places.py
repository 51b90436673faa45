"""Where this package and the libraries below it write on a machine that has no home to write to.

Containers and batch systems run processes under a number without an account, without ``HOME`` or with ``HOME=/``, and
install packages read-only. What would lie in the user's folders lies in the temporary folder there.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from tracker.core.errors import NoPermission


def user_folder(kind: Callable[[str], Path]) -> Path:
    """The user's folder of this package, such as ``platformdirs.user_data_path``; a temporary one if there is no home.

    Raises:
        OSError: there is no temporary folder either.
    """
    try:
        return kind("reciprocative-tracker")
    except RuntimeError:  # neither HOME nor an account
        return temporary_folder()


def temporary_folder() -> Path:
    """This user's folder in the temporary one, which nobody else can write to; it is made if need be.

    Raises:
        OSError: no temporary folder can be written.
    """
    folder = Path(tempfile.gettempdir()) / f"reciprocative-tracker-{os.getuid()}"
    folder.mkdir(0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise NoPermission(f"{folder} belongs to somebody else: set TMPDIR to a folder of your own")
    return folder


def cache_is_writable() -> bool:
    """Whether libraries can keep caches in the user's folder."""
    try:
        cache = platformdirs.user_cache_path()
    except RuntimeError:
        return False
    existing = next(folder for folder in (cache, *cache.parents) if os.path.exists(folder))
    return os.access(existing, os.W_OK)


def numba_cache() -> str | None:
    """Where the toolkit's compiled functions go if the user's folder cannot be written; None without any place."""
    try:
        return str(temporary_folder() / "numba")
    except OSError:
        return None


def prepare() -> None:
    """Give libraries that are imported from now on, and child processes, places for their caches if they have none.

    Without a home numba ends with "no locator available", or makes a folder that is called ``~``.
    """
    if not cache_is_writable() and (numba := numba_cache()):
        os.environ.setdefault("NUMBA_CACHE_DIR", numba)
        os.environ.setdefault("MPLCONFIGDIR", str(Path(numba).with_name("matplotlib")))
