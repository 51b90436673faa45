"""Small data sets without images, results and workspaces for the tests of the measures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.results.raw import FAILURE, INITIALIZATION, UNKNOWN
from tracker.vot.results.runs import REGION, Run

SIZE = (100, 80)
STACK = """\
title: Small
experiments:
  baseline:
    type: supervised
    repetitions: 15
    skip_initialize: 5
    analyses:
    - type: tracker.vot.accuracy.AccuracyFailures
    - type: tracker.vot.ranking.ARRank
      selection: tag
    - type: tracker.vot.ranking.ARRank
      selection: sequence
    - type: tracker.vot.ranking.TagTable
    - type: tracker.vot.expected_overlap.ExpectedOverlap
    - type: tracker.vot.expected_overlap.ExpectedOverlapCurve
    - type: supervised_eao_score
      name: vot-toolkit's own EAO
      low: 5
      high: 20
  unsupervised:
    type: unsupervised
    analyses:
    - type: tracker.vot.precision.OnePass
      skip_missing: true
"""


def random_run(rng: np.random.Generator, frames: int, failures: int, mean: float = 0.6) -> Run:
    """A reset-based run with that many failures, or as many as fit."""
    codes = np.full(frames, REGION, np.int8)
    codes[0] = INITIALIZATION
    for start in np.sort(rng.choice(np.arange(1, frames), size=min(failures, frames - 1), replace=False)):
        if codes[start] != REGION:
            continue
        codes[start] = FAILURE
        codes[start + 1 : start + 5] = UNKNOWN
        if start + 5 < frames:
            codes[start + 5] = INITIALIZATION
    overlaps = np.clip(rng.normal(mean, 0.2, frames), 0.01, 1)
    overlaps[codes != REGION] = np.nan
    return Run(overlaps, codes)


def write_small_dataset(folder: Path, lengths: dict[str, int], tags: dict[str, list[int]] | None = None) -> None:
    """Sequences with a box of 20 x 10 that walks right; ``tags`` hold for the first sequence."""
    sequences = {}
    for index, (name, length) in enumerate(lengths.items()):
        boxes = [[10 + 0.5 * frame, 20, 20, 10] for frame in range(length)]
        sequences[name] = {"gt_rect": boxes, "width": SIZE[0], "height": SIZE[1]}
        if index == 0:
            sequences[name] |= tags or {}
    source = folder.with_suffix(".json")
    source.write_text(json.dumps(sequences))
    write_dataset(source, folder)


def run_lines(length: int, shift: float = 2, failures: tuple[int, ...] = (), start: float = 10) -> list[str]:
    """A run on such a sequence: the target, ``shift`` pixels to the right; fails on the frames given."""
    lines = ["1", *(f"{start + 0.5 * frame + shift},20,20,10" for frame in range(1, length))]
    for frame in failures:
        for index, code in enumerate("20000"):
            if frame + index < length:
                lines[frame + index] = code
        if frame + 5 < length:
            lines[frame + 5] = "1"
    return lines


def write_run(folder: Path, sequence: str, lines: list[str], repetition: int = 1) -> Path:
    """Write one result file below the folder of an experiment."""
    file = folder / sequence / f"{sequence}_{repetition:03d}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def write_workspace(folder: Path, lengths: dict[str, int] | None = None, stack: str = STACK) -> Path:
    """A workspace with trackers Near (no failure), Far (two failures) and Wide (three repetitions)."""
    lengths = lengths or {"first": 40, "second": 30}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stack.yaml").write_text(stack)
    (folder / "config.yaml").write_text(
        "registry:\n- ./trackers.ini\nsequences: sequences\nstack: stack.yaml\n"
        "report:\n  index:\n  - type: tracker.vot.report.ProtocolReport\n"
    )
    (folder / "trackers.ini").write_text("".join(f"[{name}]\ncommand =\n" for name in ("Near", "Far", "Wide")))
    tags = {"occlusion": [int(12 <= frame < 30) for frame in range(next(iter(lengths.values())))]}
    write_small_dataset(folder / "sequences", lengths, tags)
    results = folder / "results"
    for name, length in lengths.items():
        write_run(results / "Near" / "baseline", name, run_lines(length, shift=1))
        write_run(results / "Far" / "baseline", name, run_lines(length, shift=6, failures=(15,)))
        for repetition in (1, 2, 3):
            write_run(results / "Wide" / "baseline", name, run_lines(length, 2 + repetition, (20,)), repetition)
        write_run(results / "Near" / "unsupervised", name, run_lines(length, shift=3))
    return folder
