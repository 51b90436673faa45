"""Measured runs, kept by their content: a result file is measured once, whoever asks and however often.

The key of a tracker's runs on a sequence is a digest of the bytes of the result files, of the ground truth and of the
release of the toolkit whose overlap it is. Nothing depends on names or dates: results that were written anew are
measured anew, and the same results under another name are not. In a workspace on disk what was measured also stays
below ``cache/overlaps``, for the next command; the folder may be deleted at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import numpy as np
from cachetools import LRUCache

from tracker.core.files import whole_file
from tracker.vot.results.annotations import Annotations

ENTRIES = 20_000
"""Kept in memory; 62 trackers on 60 sequences are 3,720 and take 70 MB."""
FRAME = np.dtype([("overlap", "<f8"), ("code", "i1")])


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
    whole = sha256(f"{FRAME.descr} {metadata.version('vot-toolkit')}".encode() + truth.digest)
    for data in contents:
        whole.update(sha256(data).digest())
    return whole.digest()


def find(key: bytes, folder: Path | None) -> list[Run] | None:
    """What was kept under a key in memory or in ``folder``; what cannot be read there was not kept."""
    with _lock:
        runs = _runs.get(key)
    if runs is None and folder is not None:
        with suppress(OSError, ValueError, EOFError):
            frames = np.load(_file(key, folder), allow_pickle=False)
            if frames.dtype == FRAME:
                runs = [Run(run["overlap"].copy(), run["code"].copy()) for run in frames]
                keep(key, runs, None)
    return runs


def keep(key: bytes, runs: list[Run], folder: Path | None) -> None:
    """Keep runs in memory and, if it can be written, in ``folder``."""
    with _lock:
        _runs[key] = runs
    if folder is None:
        return
    frames = np.empty((len(runs), len(runs[0].codes)), FRAME)
    for row, run in zip(frames, runs, strict=True):
        row["overlap"], row["code"] = run.overlaps, run.codes
    file = _file(key, folder)
    with suppress(OSError), whole_file(file, flush=False) as handle:
        np.save(handle, frames)


def _file(key: bytes, folder: Path) -> Path:
    name = key.hex()
    return folder / name[:2] / f"{name[2:]}.npy"
