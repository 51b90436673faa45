"""Whether a tracker's box ran away in a run: wrong in size for long, while the target counted as found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.sequences import boxes_of
from tracker.core.boxes import Boxes, clip
from tracker.vot.results.annotations import Annotations
from tracker.vot.results.raw import parse
from tracker.vot.results.runs import Run

RUNAWAY_FACTOR, RUNAWAY_FRAMES = 2.0, 10


@dataclass(frozen=True, eq=False)
class KeptRun(Run):
    """A run whose files were at hand, and whether the box ran away in it."""

    ran_away: bool


def judged(run: Run, data: bytes, file: str, confidence: str, truth: Annotations) -> KeptRun:
    """A run, judged by the content of its result file and of what its tracker said of its confidence.

    Raises:
        DamagedFile: if the result file cannot be used.
    """
    boxes, scores = boxes_of(parse(data, file)), scores_of(confidence, len(truth))
    return KeptRun(run.overlaps, run.codes, runaway(boxes, boxes_of(truth.groundtruth), scores, truth.bounds))


def runaway(boxes: Boxes, truths: Boxes, scores: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Whether a box was wrong in size for long while its tracker held it to be right.

    What lies outside the image is not seen, and counts neither here nor in an overlap.

    Args:
        boxes: (frames, 4), NaN where there is none.
        truths: (frames, 4), those of the ground truth.
        scores: (frames,), confidence; above 0 the target counts as found.
        size: width and height of the image, to which both are clipped.

    Returns:
        Whether a side was off by more than ``RUNAWAY_FACTOR`` in ``RUNAWAY_FRAMES`` frames in a row.

    >>> boxes = np.full((30, 4), 10.0)
    >>> [runaway(boxes, boxes * [1, 1, 1, factor], np.ones(30), (100, 100)) for factor in (2.5, 1.9)]
    [True, False]
    """
    sides, true_sides = (clip(some, *size)[:, 2:] for some in (boxes, truths))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(np.log(sides / true_sides)).max(axis=1) > np.log(RUNAWAY_FACTOR)
    wrong = np.concatenate([[0], (off & (scores > 0)).astype(int), [0]])
    starts, ends = np.flatnonzero(np.diff(wrong) == 1), np.flatnonzero(np.diff(wrong) == -1)
    return bool((ends - starts >= RUNAWAY_FRAMES).any())


def scores_of(confidence: str, frames: int) -> NDArray[np.float64]:
    """The numbers of a run's confidence file, NaN where its tracker said nothing: (frames,)."""
    lines = confidence.split("\n")[:frames]
    return np.array([float(line) if line.strip() else np.nan for line in lines] + [np.nan] * (frames - len(lines)))
