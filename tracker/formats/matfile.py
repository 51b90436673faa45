"""A variable of a MATLAB 5 file (.mat) that anybody may have written: checked in one pass, then read by scipy.

scipy trusts what a file says of itself: nested cells end its stack, a claimed size takes that much memory, a few
compressed bytes unpack to any number, and functions and opaque objects are given as such. Here only cells, structures,
characters and numbers are let through, within bounds that networks stay far below.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

MAX_BYTES = 1 << 30
"""Of the file, and of the variable unpacked; conv and fc layers of VGG-M take 400 MB."""
MAX_DEPTH = 8
"""Levels of cells and structures; MatConvNet has 4."""
MAX_ELEMENTS = 100_000
"""Cells and fields in all."""

_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHARACTERS, _NUMBERS = 1, 2, 4, range(6, 16)
_COMPLEX = 0x0800
_BLOCK = 1 << 20


def read(path: Path, name: str) -> Any:
    """The variable ``name`` of a file, as ``scipy.io.loadmat`` gives it.

    Raises:
        ValueError: not a MATLAB 5 file of a little-endian machine, it has no such variable, or one beyond the bounds
            or with other contents than cells, structures, characters and numbers.
        OSError: the file cannot be read.
    """
    import scipy.io

    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes, at most {MAX_BYTES} are read")
    with path.open("rb") as file:
        if file.read(128)[126:] != b"IM":
            raise ValueError("not a MATLAB 5 file of a little-endian machine")
        while file.tell() < size:
            kind, length = struct.unpack("<II", _exactly(file, 8))
            after = file.tell() + length
            variable = _Unpacked(file, length) if kind == _COMPRESSED else _Element(file, length)
            if kind == _COMPRESSED:
                kind, _ = variable.tag()
            if variable.matrix(kind, name):
                return scipy.io.loadmat(str(path), variable_names=[name])[name]
            file.seek(after)
    raise ValueError(f"there is no variable {name}")


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("the file ends early")
    return data


class _Element:
    """The bytes of one variable; goes through its matrices without keeping their numbers."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length
        self._elements = 0

    def tag(self) -> tuple[int, int]:
        """Type and length of what comes next."""
        kind, length = struct.unpack("<II", self._take(8))
        return kind, length

    def matrix(self, kind: int, name: str | None = None, depth: int = 0) -> bool:
        """Check a matrix whose tag, of type ``kind``, is read; False if it is not called ``name`` (None: any name)."""
        if kind != _MATRIX:
            raise ValueError(f"holds data of type {kind} where a matrix should be")
        if depth > MAX_DEPTH:
            raise ValueError(f"cells within cells beyond {MAX_DEPTH} levels")
        flags = int.from_bytes(self._short()[:4], "little")
        number = flags & 0xFF
        if number not in (_CELL, _STRUCT, _CHARACTERS, *_NUMBERS):
            raise ValueError(f"holds an object of class {number}, not cells, structures, characters or numbers")
        sizes = self._short()
        count = math.prod(struct.unpack(f"<{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4]))
        called = self._short().decode("latin-1")
        if name not in (None, called):
            return False
        if number in (_CELL, _STRUCT):
            self._nested(count * (self._fields() if number == _STRUCT else 1), depth + 1)
        else:
            for _ in range(2 if flags & _COMPLEX else 1):
                if self._skip() < count:
                    raise ValueError(f"a matrix of {count} numbers holds fewer")
        return True

    def _fields(self) -> int:
        """How many fields a structure has."""
        width = int.from_bytes(self._short(), "little")
        names = self._short()
        return len(names) // width if width else 0

    def _nested(self, count: int, depth: int) -> None:
        self._elements += count
        if self._elements > MAX_ELEMENTS:
            raise ValueError(f"more than {MAX_ELEMENTS} cells and fields")
        for _ in range(count):
            kind, length = self.tag()
            if length:  # an empty one has no more
                self.matrix(kind, depth=depth)

    def _short(self) -> bytes:
        """The data of the next element, one that should be short."""
        head = self._take(8)
        kind, length = struct.unpack("<II", head)
        if kind >> 16:  # so short that it is inside the tag
            return head[4 : 4 + (kind >> 16)]
        if length > _BLOCK:
            raise ValueError(f"a name or size of {length} bytes")
        return self._take(length + -length % 8)[:length]

    def _skip(self) -> int:
        """Skip the next element; the number of bytes of its data."""
        kind, length = self.tag()
        if kind >> 16:
            return kind >> 16
        rest = length + -length % 8
        while rest:
            rest -= len(self._take(min(rest, _BLOCK)))
        return length

    def _take(self, count: int) -> bytes:
        if count > self._left:
            raise ValueError("a matrix reaches beyond its variable, or unpacks to too much")
        self._left -= count
        return self._read(count)

    def _read(self, count: int) -> bytes:
        return _exactly(self._file, count)


class _Unpacked(_Element):
    """The same, of a compressed variable."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        super().__init__(file, MAX_BYTES)
        self._packed = length
        self._zlib = zlib.decompressobj()

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                more = self._zlib.decompress(self._zlib.unconsumed_tail, count - len(data))
                if not more:
                    packed = _exactly(self._file, min(self._packed, _BLOCK))
                    self._packed -= len(packed)
                    if not packed:
                        raise ValueError("a compressed variable ends early")
                    more = self._zlib.decompress(packed, count - len(data))
            except zlib.error as error:
                raise ValueError(f"a compressed variable is damaged: {error}") from error
            data += more
        return bytes(data)
