"""Runs of a tracker in an experiment, measured: each overlap is computed once and shared by all analyses.

The overlap of two regions is the toolkit's (pixels of the rasterised regions, clipped to the image), NaN where either
side is a code. What was measured is kept by content, see :mod:`tracker.vot.results.kept`; what is new is measured on
all cores.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence as Items
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from vot import get_logger
from vot.dataset import Sequence
from vot.experiment.multirun import MultiRunExperiment
from vot.region import Special
from vot.tracker import Tracker
from vot.workspace.storage import LocalStorage

from tracker.vot.results import kept
from tracker.vot.results.annotations import Annotations, annotations_of
from tracker.vot.results.kept import Run as Run
from tracker.vot.results.overlap import Shapes, overlaps
from tracker.vot.results.raw import RESET_BASED_CODES, SUFFIXES, DamagedFile, at_once, check, find, parse, read_bytes
from tracker.vot.results.runfiles import result_folder

REGION = -1

CORES = len(os.sched_getaffinity(0))
SETTLED = 2.0
"""Seconds after which a file's date is trusted to tell the next writing from this one."""
PATIENCE = 5.0
"""Seconds between two lines about what is being measured."""

Runs = list[list[list[Run]]]
"""Indexed by tracker, sequence, repetition."""

_keys: LRUCache[object, bytes] = LRUCache(kept.ENTRIES)
_lock = threading.Lock()


def has_results(experiment: MultiRunExperiment, tracker: Tracker, sequences: Items[Sequence]) -> bool:
    """Whether the tracker has a result on any of the sequences."""
    names = ((experiment.results(tracker, sequence), f"{sequence.name}_001") for sequence in sequences)
    return any(find(results, name) is not None for results, name in names)


def raw_runs(experiment: MultiRunExperiment, tracker: Tracker, sequence: Sequence) -> list[tuple[str, bytes]]:
    """The result files that exist: path below the workspace (for messages) and content, by repetition.

    Raises:
        DamagedFile: there is none.
    """
    names = _files(experiment, tracker, sequence)
    folder = f"results/{tracker.reference}/{experiment.identifier}/{sequence.name}"
    local = _local(experiment, tracker, sequence)
    if local is not None:
        return [(f"{folder}/{name}", (local / name).read_bytes()) for name in names]
    results = experiment.results(tracker, sequence)
    return [(f"{folder}/{name}", read_bytes(results, name)) for name in names]


def _local(experiment: MultiRunExperiment, tracker: Tracker, sequence: Sequence) -> Path | None:
    """The folder of the results, if they are in a workspace on disk; other storages may lay them out anew."""
    if tracker.storage is not None or type(experiment.storage) is not LocalStorage:
        return None
    return result_folder(experiment.storage.base, tracker.reference, experiment.identifier, sequence.name)


def _files(experiment: MultiRunExperiment, tracker: Tracker, sequence: Sequence) -> list[str]:
    wanted = [f"{sequence.name}_{number:03d}" for number in range(1, experiment.repetitions + 1)]
    local = _local(experiment, tracker, sequence)
    if local is not None:
        there = set(os.listdir(local)) if local.is_dir() else set()
        found = [next((name + suffix for suffix in SUFFIXES if name + suffix in there), None) for name in wanted]
    else:
        results = experiment.results(tracker, sequence)
        found = [find(results, name) for name in wanted]
    files = [file for file in found if file is not None]
    if not files:
        problem = f"missing: evaluate or import {tracker.reference} on {sequence.name}, or leave the tracker out"
        folder = f"results/{tracker.reference}/{experiment.identifier}/{sequence.name}"
        raise DamagedFile(f"{folder}/{wanted[0]}.txt", problem)
    return files


def measure(data: bytes, file: str, truth: Annotations) -> Run:
    """The reset-based run in the content of a result file.

    Raises:
        DamagedFile: see :func:`tracker.vot.results.raw.parse` and :func:`tracker.vot.results.raw.check`.
    """
    found = at_once(data, file, len(truth), RESET_BASED_CODES)
    if found is not None:
        counts, numbers = found
        shapes = Shapes.of_rows(counts, numbers)
        codes = np.where(counts == 1, numbers[shapes.starts[:-1]], REGION).astype(np.int8)
    else:
        regions = parse(data, file)
        check(regions, len(truth), RESET_BASED_CODES, file)
        shapes = Shapes.of(regions)
        codes = np.array([region.code if isinstance(region, Special) else REGION for region in regions], np.int8)
    return Run(overlaps(shapes, truth.shapes, truth.bounds), codes)


def load(experiment: MultiRunExperiment, trackers: Items[Tracker], sequences: Items[Sequence]) -> Runs:
    """All runs of ``trackers`` on ``sequences``, checked and measured.

    Raises:
        DamagedFile: a tracker has no result on a sequence, or a file cannot be used.
    """
    truths = [annotations_of(sequence) for sequence in sequences]
    for truth in truths:
        truth.require_whole()
    jobs = [(tracker, *pair) for tracker in trackers for pair in zip(sequences, truths, strict=True)]
    found: list[list[Run]] = []
    begin = said = time.monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        try:
            for runs in pool.map(lambda job: _runs(experiment, *job), jobs):
                found.append(runs)
                if time.monotonic() - said > PATIENCE:
                    said = time.monotonic()
                    left = (said - begin) / len(found) * (len(jobs) - len(found))
                    get_logger().info("Overlaps: %d of %d results, %.0f s left", len(found), len(jobs), left)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [found[start : start + len(truths)] for start in range(0, len(found), len(truths))]


def _runs(experiment: MultiRunExperiment, tracker: Tracker, sequence: Sequence, truth: Annotations) -> list[Run]:
    """The runs of a tracker on a sequence, from what was kept if that is possible."""
    storage = experiment.storage
    folder = Path(storage.base, "cache", "overlaps") if isinstance(storage, LocalStorage) else None
    stamp = _stamp(experiment, tracker, sequence, truth)
    with _lock:
        key = _keys.get(stamp)
    runs = None if key is None else kept.find(key, folder)
    if runs is not None:
        return runs
    files = raw_runs(experiment, tracker, sequence)
    key = kept.key([data for _, data in files], truth)
    runs = kept.find(key, folder)
    if runs is None:
        runs = [measure(data, file, truth) for file, data in files]
        kept.keep(key, runs, folder)
    if stamp is not None:
        with _lock:
            _keys[stamp] = key
    return runs


def _stamp(
    experiment: MultiRunExperiment, tracker: Tracker, sequence: Sequence, truth: Annotations
) -> tuple[object, ...] | None:
    """What tells this state of result files from any other without reading them; None if they are too young for it."""
    local = _local(experiment, tracker, sequence)
    if local is None:
        return None
    stats = [os.stat(local / name) for name in _files(experiment, tracker, sequence)]
    if max(stat.st_mtime for stat in stats) > time.time() - SETTLED:
        return None
    return local, truth, *((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)
