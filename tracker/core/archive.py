"""Zip archives: written so that the same content gives the same bytes, read so that a hostile one does no harm."""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from tracker.core.errors import InvalidValue
from tracker.core.files import whole_file

MAX_MEMBERS = 500_000
MAX_TOTAL = 8 * 2**30
"""Bytes that all members together may unpack to; 60 sequences of masks with 15 repetitions stay below 1 GiB."""
MAX_RATIO = 200
"""Unpacked over packed size of one member above 1 MiB; deflate reaches 1000, trajectories and reports 20."""
SMALL = 2**20
CHECKSUMS = "SHA256SUMS"
EPOCH = (1980, 1, 1, 0, 0, 0)

_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    OSError,  # places before the file's beginning
    IndexError,  # a member without a name
    *(NotImplementedError, OverflowError, RuntimeError, ValueError),
)
"""What zipfile raises where the bytes of an archive lead it."""


class UnsafeArchive(InvalidValue):
    """An archive that is not opened; the message says which member is why."""


def write(path: Path, members: Mapping[str, bytes]) -> None:
    """Write an archive, whole or not at all: members in the order of their names, fixed dates, and ``SHA256SUMS``."""
    complete = {**members, CHECKSUMS: checksums(members)}
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(complete):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever this runs
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, complete[name])


def checksums(members: Mapping[str, bytes]) -> bytes:
    """What ``sha256sum`` prints for the members."""
    lines = (f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members))
    return "".join(lines).encode()


def read(path: Path, suffixes: tuple[str, ...] = ("",)) -> dict[str, bytes]:
    """Read the members of an archive whose names end in one of ``suffixes`` into memory; all of them by default.

    Raises:
        UnsafeArchive: names that lead out of a folder, occur twice or are those of a file and of a folder, links,
            encryption, other methods than deflate, too many members, too large or too well packed ones, members that
            share bytes.
        ValueError: not a zip archive, or a member is damaged.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir() and info.filename.endswith(suffixes)]
                _refuse_unsafe(infos, path.stat().st_size)
                return {info.filename: _content(archive, info) for info in infos}
        except UnsafeArchive:
            raise
        except _DAMAGED as error:
            raise InvalidValue(f"{path} is not a whole zip archive: {error}") from error


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as file:
            return file.read(info.file_size + 1)
    except _DAMAGED as error:
        raise InvalidValue(f"{info.filename} is damaged: {error}") from error


def _refuse_unsafe(infos: list[zipfile.ZipInfo], size: int) -> None:
    if len(infos) > MAX_MEMBERS:
        raise UnsafeArchive(f"{len(infos)} members, at most {MAX_MEMBERS} are read")
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        if reason := _unsafe_name(name):
            raise UnsafeArchive(f"member {name!r} {reason}")
        if name.lower() in seen:
            raise UnsafeArchive(f"member {name!r} occurs twice")
        seen.add(name.lower())
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UnsafeArchive(f"member {name!r} is a link")
        if info.flag_bits & 1:
            raise UnsafeArchive(f"member {name!r} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnsafeArchive(f"member {name!r} is packed by a method other than deflate")
        if info.file_size > SMALL and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise UnsafeArchive(f"member {name!r} unpacks {info.compress_size} bytes to {info.file_size}: a zip bomb?")
    for shorter, longer in pairwise(sorted(name.split("/") for name in seen)):
        if longer[: len(shorter)] == shorter:
            raise UnsafeArchive(f"member {'/'.join(shorter)!r} is a file and a folder")
    if (total := sum(info.file_size for info in infos)) > MAX_TOTAL:
        raise UnsafeArchive(f"the members unpack to {total} bytes, at most {MAX_TOTAL} are read")
    if (packed := sum(info.compress_size for info in infos)) > size:
        raise UnsafeArchive(f"the members take {packed} bytes of an archive of {size}: they share bytes, a zip bomb?")


def _unsafe_name(name: str) -> str | None:
    """Why a member's name must not become a path, or None."""
    parts = name.split("/")
    if name.startswith("/") or parts[0].endswith(":"):
        return "is an absolute path"
    if "" in parts or "." in parts:
        return "has an empty or '.' part"
    if ".." in parts:
        return "leads out of the archive"
    if "\\" in name or any(ord(letter) < 32 for letter in name):
        return "has a backslash or control character"
    return None


def extract(members: Mapping[str, bytes], folder: Path, names: Iterable[str]) -> None:
    """Write members that :func:`read` returned below ``folder``."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(members[name])
