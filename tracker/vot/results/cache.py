"""Measured runs, kept by their content: a result file is measured once, whoever asks and however often.

The key of a tracker's runs on a sequence is a digest of the bytes of the result files, of the ground truth and of the
releases of the toolkit, whose overlap it is, of numpy and of this package. Nothing depends on names or dates: results
that were written anew are measured anew, and the same results under another name are not. In a workspace on disk what
was measured also stays below ``cache/overlaps``, for the next command, and with it what is slow to compute of the
overlaps (:func:`result`). The folder may be deleted at any time; a file in it that is not as it was written counts as
missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from vot.workspace.storage import LocalStorage, Storage

from tracker import __version__
from tracker.core.files import whole_file
from tracker.vot.results.annotations import Annotations

ENTRIES = 20_000
"""Kept in memory; 62 trackers on 60 sequences are 3,720 and take 70 MB."""
DIGEST = 32
"""Bytes of the digest of what follows it in a file."""
RELEASES = f"vot-toolkit {metadata.version('vot-toolkit')}, numpy {np.__version__}, {__version__}"
"""Of all that measures: part of every key."""


@dataclass(frozen=True, eq=False)
class Run:
    """One repetition on one sequence.

    Attributes:
        overlaps: (frames,) float64 in 0..1, NaN where the tracker or the ground truth has a code.
        codes: (frames,) int8, the codes of the result file, ``REGION`` (-1) where there is a region.
    """

    overlaps: np.ndarray
    codes: np.ndarray


_runs: LRUCache[bytes, list[Run]] = LRUCache(ENTRIES)
_lock = threading.Lock()


def key(contents: Iterable[bytes], truth: Annotations) -> bytes:
    """The digest of result files and of what they are measured against."""
    return _digest("overlaps, codes", [truth.digest, *contents])


def recall(key: bytes) -> list[Run] | None:
    """What was kept under a key in memory."""
    with _lock:
        return _runs.get(key)


def find(key: bytes, folder: Path | None, shape: tuple[int, int]) -> list[Run] | None:
    """The runs, ``shape`` repetitions x frames, kept under a key in memory or in ``folder``."""
    runs = recall(key)
    if runs is None and (data := _read(key, folder)) is not None:
        overlaps = np.frombuffer(data, "<f8", shape[0] * shape[1]).reshape(shape)
        codes = np.frombuffer(data, np.int8, offset=overlaps.nbytes).reshape(shape)
        runs = [Run(*run) for run in zip(overlaps, codes, strict=True)]
        keep(key, runs, None)
    return runs


def keep(key: bytes, runs: list[Run], folder: Path | None) -> None:
    """Keep runs in memory and, if it can be written, in ``folder``."""
    with _lock:
        _runs[key] = runs
    if folder is not None:
        overlaps, codes = (np.array(part) for part in zip(*((run.overlaps, run.codes) for run in runs), strict=True))
        _write(key, folder, overlaps.astype("<f8").tobytes() + codes.tobytes())


def result(name: str, contents: Iterable[bytes], folder: Path | None, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """What ``compute`` gives, (numbers,) float64, kept in ``folder`` by ``name`` and all that it depends on."""
    whole = _digest(name, contents)
    if (data := _read(whole, folder)) is not None:
        return np.frombuffer(data, "<f8")
    values = compute()
    if folder is not None:
        _write(whole, folder, values.astype("<f8").tobytes())
    return values


def folder_of(storage: Storage) -> Path | None:
    """Where a workspace on disk keeps what was measured; None for one in memory."""
    return Path(storage.base, "cache", "overlaps") if isinstance(storage, LocalStorage) else None


def _digest(name: str, contents: Iterable[bytes]) -> bytes:
    whole = sha256(f"{name}; {RELEASES}".encode())
    for data in contents:
        whole.update(sha256(data).digest())
    return whole.digest()


def _read(key: bytes, folder: Path | None) -> bytes | None:
    """What was written, if it is there and whole."""
    if folder is not None:
        with suppress(OSError):
            data = _file(key, folder).read_bytes()
            if data[:DIGEST] == sha256(data[DIGEST:]).digest():
                return data[DIGEST:]
    return None


def _write(key: bytes, folder: Path, data: bytes) -> None:
    with suppress(OSError), whole_file(_file(key, folder), flush=False) as handle:
        handle.write(sha256(data).digest() + data)


def _file(key: bytes, folder: Path) -> Path:
    name = key.hex()
    return folder / name[:2] / name[2:]
