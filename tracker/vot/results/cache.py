"""What is slow to compute of result files, kept in the workspace by its content: computed once, whoever asks.

The key is a digest of the bytes of the result files, of the ground truth and of the releases of the toolkit, whose
overlap it is, of numpy and of this package. Nothing depends on names or dates: results that were written anew are
measured anew, and the same results under another name are not. The folder, ``cache/overlaps``, may be deleted at any
time; a file in it that is not as it was written counts as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import numpy as np
from vot.workspace.storage import LocalStorage, Storage

from tracker import __version__
from tracker.core.files import whole_file

DIGEST = 32
"""Bytes of the digest of what follows it in a file."""
RELEASES = f"vot-toolkit {metadata.version('vot-toolkit')}, numpy {np.__version__}, {__version__}"
"""Of all that measures: part of every key."""


def key(name: str, contents: Iterable[bytes]) -> bytes:
    """The digest of a result's name and of all that it depends on."""
    whole = sha256(f"{name}; {RELEASES}".encode())
    for data in contents:
        whole.update(sha256(data).digest())
    return whole.digest()


def result(key: bytes, storage: Storage, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """What ``compute`` gives, (numbers,) float64, kept if ``storage`` is that of a workspace on disk, and writable."""
    if not isinstance(storage, LocalStorage):
        return compute()
    file = Path(storage.base, "cache", "overlaps", key.hex()[:2], key.hex()[2:])
    with suppress(OSError):
        data = file.read_bytes()
        if data[:DIGEST] == sha256(data[DIGEST:]).digest():
            return np.frombuffer(data[DIGEST:], "<f8")
    values = compute()
    data = values.astype("<f8").tobytes()
    with suppress(OSError), whole_file(file, flush=False) as handle:
        handle.write(sha256(data).digest() + data)
    return values
