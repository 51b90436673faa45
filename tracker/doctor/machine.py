"""What a machine lacks: a home, a temporary folder, open files. Containers and batch systems are where this happens."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tracker.core import places
from tracker.doctor import Finding

FEWEST_FILES = 64
"""Open files of one process: an evaluation with one worker needs as many (``tracker.vot.evaluation.scheduler``)."""
LEAST_SPACE = 64 << 20
"""Bytes that the temporary folder should have: working folders of trackers, caches of compiled code, a report."""


def check_machine() -> Iterator[Finding]:
    """Findings in the home, the temporary folder and the limits of this process."""
    yield from _check_temporary()
    yield from _check_caches()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEWEST_FILES:
        enough = hard == resource.RLIM_INFINITY or hard >= FEWEST_FILES
        yield Finding(
            f"a process may open {soft} files",
            "'reciprocative evaluate' refuses to begin, and trackers stop with 'Too many open files'",
            f"ulimit -n {FEWEST_FILES}" if enough else None,
        )


def _check_temporary() -> Iterator[Finding]:
    try:
        folder = Path(tempfile.gettempdir())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(
            f"no temporary folder can be written: {error.strerror or error}",
            "the toolkit starts every tracker in one, reports and packages are made there",
            "export TMPDIR=$PWD   (or another folder that can be written)",
        )
        return
    if free < LEAST_SPACE:
        yield Finding(
            f"the temporary folder {folder} has {free / 1e6:.0f} MB left",
            "the toolkit starts every tracker in one, and caches of compiled code lie there",
            "export TMPDIR=$PWD   (or another folder with space)",
        )


def _check_caches() -> Iterator[Finding]:
    """The toolkit's compiled functions: beside its source, where that can be written, or in the user's folder."""
    if places.cache_is_writable():
        return
    toolkit = importlib.util.find_spec("vot")
    beside = Path(toolkit.origin).parent / "region" / "__pycache__" if toolkit and toolkit.origin else Path()
    by_user = os.environ.get("NUMBA_CACHE_DIR") != places.numba_cache()  # not by this process
    if os.access(beside, os.W_OK) or by_user:
        return
    yield Finding(
        f"there is no home to write to (HOME={os.environ.get('HOME', '')})",
        "'vot' stops with \"cannot cache function: no locator available\", or makes a folder called ~ where it is; "
        "the commands of this package keep their caches in the temporary folder",
        "export NUMBA_CACHE_DIR=${TMPDIR:-/tmp}/numba",
        fails=False,
    )
