"""Runs of a tracker in an experiment, measured: each overlap is computed once and shared by all analyses.

The overlap of two regions is the toolkit's (pixels of the rasterised regions, clipped to the image), NaN where either
side is a code. What was measured is kept by content, in memory and by :mod:`tracker.vot.results.cache` on disk; what is
new is measured on all cores.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vot.dataset
from cachetools import LRUCache
from vot import get_logger
from vot.experiment.multirun import MultiRunExperiment
from vot.region import Special
from vot.tracker import Tracker
from vot.workspace.storage import LocalStorage

from tracker.core.errors import DamagedFile
from tracker.core.machine import CORES
from tracker.vot.results import cache
from tracker.vot.results.annotations import Annotations, annotations_of
from tracker.vot.results.overlap import Shapes, overlaps
from tracker.vot.results.raw import RESET_BASED_CODES, SUFFIXES, at_once, check, find, parse
from tracker.vot.results.runfiles import result_folder

REGION = -1
ENTRIES = 20_000
"""Kept in memory, each twice; 62 trackers on 60 sequences are 3,720 and take 70 MB."""
SETTLED = 2.0
"""Seconds after which a file's date is trusted to tell the next writing from this one."""
PATIENCE = 5.0
"""Seconds between two lines about what is being measured."""


@dataclass(frozen=True, eq=False)
class Run:
    """One repetition on one sequence.

    Attributes:
        overlaps: (frames,) float64 in 0..1, NaN where the tracker or the ground truth has a code.
        codes: (frames,) int8, the codes of the result file, ``REGION`` (-1) where there is a region.
    """

    overlaps: np.ndarray
    codes: np.ndarray


Runs = list[list[list[Run]]]
"""Indexed by tracker, sequence, repetition."""

_memory: LRUCache[object, list[Run]] = LRUCache(2 * ENTRIES)
"""By the state of the files, and by their content."""
_lock = threading.Lock()


def has_results(experiment: MultiRunExperiment, tracker: Tracker, sequences: Sequence[vot.dataset.Sequence]) -> bool:
    """Whether the tracker has a result on any of the sequences."""
    names = ((experiment.results(tracker, sequence), f"{sequence.name}_001") for sequence in sequences)
    return any(find(results, name) is not None for results, name in names)


def raw_runs(
    experiment: MultiRunExperiment, tracker: Tracker, sequence: vot.dataset.Sequence
) -> list[tuple[str, bytes]]:
    """The result files that exist: path below the workspace (for messages) and content, by repetition.

    Raises:
        DamagedFile: there is none.
    """
    results = experiment.results(tracker, sequence)
    folder = f"results/{tracker.reference}/{experiment.identifier}/{sequence.name}"
    names = [f"{sequence.name}_{number:03d}" for number in range(1, experiment.repetitions + 1)]
    files = []
    if (local := _local(experiment, tracker, sequence)) is not None:  # one look into the folder, not one for each file
        there = set(os.listdir(local)) if local.is_dir() else set()
        found = [next((name + suffix for suffix in SUFFIXES if name + suffix in there), None) for name in names]
        files = [(f"{folder}/{file}", (local / file).read_bytes()) for file in found if file is not None]
    else:
        for file in filter(None, (find(results, name) for name in names)):
            with results._storage.read(file, binary=True) as handle:  # its own read gives text
                files.append((f"{folder}/{file}", handle.read()))
    if not files:
        problem = f"missing: evaluate or import {tracker.reference} on {sequence.name}, or name the other trackers"
        raise DamagedFile(f"{folder}/{names[0]}.txt", problem)
    return files


def _local(experiment: MultiRunExperiment, tracker: Tracker, sequence: vot.dataset.Sequence) -> Path | None:
    """The folder of the results, if they are in a workspace on disk; other storages may lay them out anew."""
    if tracker.storage is not None or experiment.storage.__class__ is not LocalStorage:  # its type is a lazy proxy
        return None
    return result_folder(experiment.storage.base, tracker.reference, experiment.identifier, sequence.name)


def measure(data: bytes, file: str, truth: Annotations) -> Run:
    """The reset-based run in the content of a result file.

    Raises:
        DamagedFile: see :func:`tracker.vot.results.raw.parse` and :func:`tracker.vot.results.raw.check`.
    """
    plain = at_once(data, file, len(truth), RESET_BASED_CODES)
    if plain is not None:
        counts, numbers = plain
        shapes = Shapes.of_rows(counts, numbers)
        codes = np.where(counts == 1, numbers[shapes.starts[:-1]], REGION).astype(np.int8)
    else:
        regions = parse(data, file)
        check(regions, len(truth), RESET_BASED_CODES, file)
        shapes = Shapes.of(regions)
        codes = np.array([region.code if isinstance(region, Special) else REGION for region in regions], np.int8)
    return Run(overlaps(shapes, truth.shapes, truth.bounds), codes)


def load(
    experiment: MultiRunExperiment, trackers: Sequence[Tracker], sequences: Sequence[vot.dataset.Sequence]
) -> Runs:
    """All runs of ``trackers`` on ``sequences``, checked and measured.

    Raises:
        DamagedFile: a tracker has no result on a sequence, or a file cannot be used.
    """
    truths = [annotations_of(sequence) for sequence in sequences]
    for truth in truths:
        truth.require_whole()
    jobs = [(tracker, *pair) for tracker in trackers for pair in zip(sequences, truths, strict=True)]
    stamps = [_stamp(experiment, *job) for job in jobs]
    results = {index: runs for index, stamp in enumerate(stamps) if (runs := _recall(stamp)) is not None}
    new = [index for index in range(len(jobs)) if index not in results]
    begin = said = time.monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        try:
            measured = pool.map(lambda index: _runs(experiment, *jobs[index], stamps[index]), new)
            for count, (index, runs) in enumerate(zip(new, measured, strict=True), start=1):
                results[index] = runs
                if time.monotonic() - said > PATIENCE:
                    said = time.monotonic()
                    left = (said - begin) / count * (len(new) - count)
                    get_logger().info("Overlaps: %d of %d results, %.0f s left", count, len(new), left)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [
        [results[index] for index in range(first, first + len(truths))] for first in range(0, len(jobs), len(truths))
    ]


def _runs(
    experiment: MultiRunExperiment, tracker: Tracker, sequence: vot.dataset.Sequence, truth: Annotations, stamp: object
) -> list[Run]:
    """The runs of a tracker on a sequence, from what was kept by content if that is possible.

    ``stamp`` tells the state of their files before they are read, see :func:`_stamp`.
    """
    files = raw_runs(experiment, tracker, sequence)
    key = cache.key("overlaps or codes", [truth.digest, *(data for _, data in files)])
    if (runs := _recall(key)) is None:
        values = cache.result(
            key,
            experiment.storage,
            lambda: np.concatenate([_encode(measure(data, file, truth)) for file, data in files]),
        )
        runs = _decode(values.reshape(len(files), len(truth)))
    with _lock:
        _memory.update({key: runs} if stamp is None else {key: runs, stamp: runs})
    return runs


def _encode(run: Run) -> np.ndarray:
    """How a run is kept: (frames,) overlaps, and -1 - code where there is a code."""
    return np.where(run.codes == REGION, run.overlaps, -1.0 - run.codes)


def _decode(values: np.ndarray) -> list[Run]:
    """The runs that are kept as ``values``, (runs, frames)."""
    coded = values < 0
    overlaps, codes = np.where(coded, np.nan, values), np.where(coded, -1 - values, REGION).astype(np.int8)
    return [Run(*run) for run in zip(overlaps, codes, strict=True)]


def _recall(key: object) -> list[Run] | None:
    with _lock:
        return _memory.get(key)


def _stamp(
    experiment: MultiRunExperiment, tracker: Tracker, sequence: vot.dataset.Sequence, truth: Annotations
) -> tuple[object, ...] | None:
    """What tells this state of result files from any other without reading them; None if they are too young for it."""
    if (folder := _local(experiment, tracker, sequence)) is None:
        return None
    try:
        with os.scandir(folder) as entries:
            stats = {entry.name: entry.stat() for entry in entries if entry.name.endswith(SUFFIXES)}
    except FileNotFoundError:
        return None
    if max((stat.st_mtime for stat in stats.values()), default=math.inf) > time.time() - SETTLED:
        return None
    files = ((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in sorted(stats.items()))
    return folder, experiment.repetitions, truth, *files
