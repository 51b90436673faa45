"""Runs of a tracker in an experiment, measured: each overlap is computed once in a process and shared by all analyses.

The overlap of two regions is the toolkit's (``calculate_overlap``: pixels of the rasterised regions, clipped to the
image), NaN where either side is a code. The store is keyed by the content of the result file, so a file that was
written anew is measured anew.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence as Items
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from cachetools import LRUCache, cached
from vot.dataset import Sequence
from vot.experiment.multirun import MultiRunExperiment
from vot.region import Special, calculate_overlap
from vot.tracker import Tracker

from tracker.vot.annotations import Annotations, annotations_of
from tracker.vot.raw import RESET_BASED_CODES, DamagedFile, check, find, parse, read_bytes

REGION = -1


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


def has_results(experiment: MultiRunExperiment, tracker: Tracker, sequences: Items[Sequence]) -> bool:
    """Whether the tracker has a result on any of the sequences."""
    names = ((experiment.results(tracker, sequence), f"{sequence.name}_001") for sequence in sequences)
    return any(find(results, name) is not None for results, name in names)


def raw_runs(experiment: MultiRunExperiment, tracker: Tracker, sequence: Sequence) -> list[tuple[str, bytes]]:
    """The result files that exist: path below the workspace (for messages) and content, by repetition.

    Raises:
        DamagedFile: there is none.
    """
    results = experiment.results(tracker, sequence)
    folder = f"results/{tracker.reference}/{experiment.identifier}/{sequence.name}"
    names = [f"{sequence.name}_{number:03d}" for number in range(1, experiment.repetitions + 1)]
    files = [file for file in (find(results, name) for name in names) if file is not None]
    if not files:
        problem = f"missing: evaluate or import {tracker.reference} on {sequence.name}, or leave the tracker out"
        raise DamagedFile(f"{folder}/{names[0]}.txt", problem)
    return [(f"{folder}/{file}", read_bytes(results, file)) for file in files]


@cached(
    LRUCache(maxsize=50_000),
    key=lambda data, file, truth: (sha256(data).digest(), file.endswith(".bin"), truth),
    lock=threading.Lock(),
)
def measure(data: bytes, file: str, truth: Annotations) -> Run:
    """The reset-based run in the content of a result file.

    Raises:
        DamagedFile: see :func:`tracker.vot.raw.parse` and :func:`tracker.vot.raw.check`.
    """
    regions = parse(data, file)
    check(regions, len(truth), RESET_BASED_CODES, file)
    codes = np.array([r.code if isinstance(r, Special) else REGION for r in regions], np.int8)
    overlaps = np.full(len(regions), np.nan)
    for frame, (region, target) in enumerate(zip(regions, truth.groundtruth, strict=True)):
        if codes[frame] == REGION and not isinstance(target, Special):
            overlaps[frame] = calculate_overlap(region, target, truth.size)
    return Run(overlaps, codes)


def load(experiment: MultiRunExperiment, trackers: Items[Tracker], sequences: Items[Sequence]) -> Runs:
    """All runs of ``trackers`` on ``sequences``, checked and measured.

    Raises:
        DamagedFile: a tracker has no result on a sequence, or a file cannot be used.
    """
    truths = [annotations_of(sequence) for sequence in sequences]
    for truth in truths:
        truth.require_whole()
    return [
        [
            [measure(data, file, truth) for file, data in raw_runs(experiment, tracker, sequence)]
            for sequence, truth in zip(sequences, truths, strict=True)
        ]
        for tracker in trackers
    ]
