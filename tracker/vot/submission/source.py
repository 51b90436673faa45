"""This project's own source as an archive that pip installs, always with the same bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from tracker import __version__
from tracker.core.errors import MissingFile
from tracker.core.paths import PROJECT

_BUILD = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "Makefile")
_TOP = (*_BUILD, "trackers.ini", "env", "tracker", "vot_workspace")
_SUFFIXES = {".py", ".typed", ".ini", ".toml", ".md", ".html", ".yaml", ".yml", ".lock", ".txt", ".sh", ".npz", ""}
_MADE_IN_WORKSPACE = {"results", "cache", "sequences", "analysis", "reports", "logs"}


def refuse_installed(root: Path = PROJECT) -> None:
    """Refuse a package that was installed without its source.

    Raises:
        FileNotFoundError: ``root`` is no checkout of this project.
    """
    if missing := [name for name in _TOP if not (root / name).exists()]:
        raise MissingFile(
            f"{root} has no {', '.join(missing)}: source and locked environment belong into a package; pack from a "
            "checkout of this project (make install, then .venv/bin/reciprocative pack ...)"
        )


def source_distribution(root: Path) -> bytes:
    """A ``.tar.gz`` that pip installs: the project's files, fixed order, dates and owners."""
    base = f"reciprocative_tracker-{__version__}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in _files(root):
            info = tarfile.TarInfo(f"{base}/{file.relative_to(root).as_posix()}")
            content = file.read_bytes()
            info.size, info.mode = len(content), 0o755 if file.stat().st_mode & 0o100 else 0o644
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 9, mtime=0)


def _files(root: Path) -> list[Path]:
    tops = [root / name for name in _TOP]
    found = [file for top in tops for file in ([top] if top.is_file() else sorted(top.rglob("*")))]
    return [file for file in found if file.is_file() and _is_source(file.relative_to(root))]


def _is_source(file: Path) -> bool:
    made = file.parts[0] == "vot_workspace" and file.parts[1] in _MADE_IN_WORKSPACE
    return file.suffix in _SUFFIXES and "__pycache__" not in file.parts and not made
