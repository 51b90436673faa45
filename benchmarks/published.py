"""Published raw runs on VOT2018, cut to the frames of the local sequences that are part of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import vot.dataset

from benchmarks.sequences import folder_of
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.runs import Run, measure

EXPERIMENT = "baseline"


def published_runs(
    folder: Path, sequences: Sequence[vot.dataset.Sequence]
) -> tuple[list[str], dict[str, list[dict[str, Run]]]]:
    """Read the runs on those local sequences whose ground truth begins as the published data set's does.

    Args:
        folder: holds ``groundtruth.json`` (per sequence ``gt_rect``) and ``results/<tracker>/baseline/<sequence>/``.
        sequences: local ones, whole or the first part.

    Returns:
        Names of the sequences in question, and for each tracker its repetitions; where a sequence has fewer of them
        (runs that are all the same are kept once) its runs are repeated in turn.

    Raises:
        ValueError: if a tracker has no run on one of the sequences.
        DamagedFile: if a run cannot be used; the message names file and line.
    """
    truth = json.loads((folder / "groundtruth.json").read_text(encoding="utf-8"))
    shared = [one for one in sequences if one.name in truth and _same(one, truth[one.name]["gt_rect"])]
    trackers = {}
    for tracker in sorted(path for path in (folder / "results").iterdir() if path.is_dir()):
        runs = {one.name: _runs(tracker / EXPERIMENT / one.name, one) for one in shared}
        repetitions = max((len(found) for found in runs.values()), default=0)
        trackers[tracker.name] = [
            {name: found[i % len(found)] for name, found in runs.items()} for i in range(repetitions)
        ]
    return [one.name for one in shared], trackers


def _same(sequence: vot.dataset.Sequence, polygons: list[list[float]]) -> bool:
    lines = (folder_of(sequence) / "groundtruth.txt").read_text(encoding="utf-8").split()
    local = [[float(number) for number in line.split(",")] for line in lines]
    return len(local) <= len(polygons) and all(
        len(one) == len(other) and max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.01
        for one, other in zip(local, polygons[: len(local)], strict=True)
    )


def _runs(folder: Path, sequence: vot.dataset.Sequence) -> list[Run]:
    files = sorted(folder.glob(f"{sequence.name}_[0-9][0-9][0-9].txt"))
    if not files:
        raise ValueError(f"{folder} has no run {sequence.name}_001.txt; complete it or move the tracker's folder away")
    truth = annotations_of(sequence)
    heads = [b"".join(file.read_bytes().splitlines(keepends=True)[: len(sequence)]) for file in files]
    return [measure(head, str(file), truth) for head, file in zip(heads, files, strict=True)]
