"""The one-pass measures of OTB for unsupervised experiments: CLE, DP, OS and their curves.

Source: the OTB toolkit of Wu et al. (CVPR 2013), `calcSeqErrRobust.m` and `perfPlot.m`:

- centre of a box: x + (w - 1) / 2, y + (h - 1) / 2; centre location error (CLE) in pixels;
- overlap: intersection over union of the two rectangles, not of pixels; polygons count as their bounding rectangle;
- the first frame counts, with the ground truth as the tracker's box; where the tracker gave no box or an empty one,
  the one before stands; frames without ground truth are left out;
- precision: share of frames with an error of at most 0..50 px, DP is the value at 20 px; success: share of frames
  with an overlap *above* each of 21 thresholds 0..1;
- every figure is a mean over repetitions, then over sequences.

The DAT paper's OS is the area under the success curve (mean of the 21 values) in its Tables 1 and 2, and the success
at 0.5 in its Table 3. Both are given here.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Any

import numpy as np
from vot.analysis import Curve, Measure, Sorting
from vot.experiment.multirun import UnsupervisedExperiment
from vot.region import Region, Special

from tracker.core.boxes import overlap
from tracker.vot.analysis import ProtocolAnalysis
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.raw import ONE_PASS_CODES, bounding_rectangle, check, parse
from tracker.vot.results.runs import raw_runs

ERRORS = np.arange(51)
"""Thresholds of the precision curve, pixels."""
OVERLAPS = np.linspace(0, 1, 21)
"""Thresholds of the success curve."""
DP_ERROR = 20
OS_OVERLAP = 0.5


def boxes(regions: Items[Region]) -> np.ndarray:
    """Bounding rectangles (frames, 4) as x, y, width, height; NaN for codes and empty rectangles."""
    result = np.full((len(regions), 4), np.nan)
    for frame, region in enumerate(regions):
        if not isinstance(region, Special):
            rectangle = bounding_rectangle(region)
            if rectangle.width > 0 and rectangle.height > 0:
                result[frame] = rectangle.x, rectangle.y, rectangle.width, rectangle.height
    return result


def centre_errors(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distances (frames,) of the centres of two (frames, 4) arrays of boxes, pixels.

    >>> centre_errors(np.array([[0, 0, 10, 10]]), np.array([[3, 4, 10, 10]]))
    array([5.])
    """
    centres = [box[:, :2] + (box[:, 2:] - 1) / 2 for box in (predicted, truth)]  # (frames, 2) each
    return np.hypot(*(centres[0] - centres[1]).T)


def measures(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """One run on one sequence.

    Args:
        predicted: (frames, 4) boxes, NaN where there is none; the first is ignored.
        truth: (frames, 4) boxes, NaN where there is none; the first frame has one.

    Returns:
        Mean centre location error in pixels, precision at ``ERRORS`` (51,), success at ``OVERLAPS`` (21,).
    """
    predicted = predicted.copy()
    predicted[0] = truth[0]
    known = ~np.isnan(predicted[:, 0])
    predicted = predicted[np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))]  # the last known box
    visible = ~np.isnan(truth[:, 0])
    error = centre_errors(predicted[visible], truth[visible])
    overlaps = overlap(predicted[visible], truth[visible])
    precision = (error[:, None] <= ERRORS).mean(axis=0)
    success = (overlaps[:, None] > OVERLAPS).mean(axis=0)
    return float(error.mean()), precision, success


class OnePass(ProtocolAnalysis):
    """CLE, DP, OS (area and at 0.5), the precision plot and the success plot."""

    experiment_type = UnsupervisedExperiment

    @property
    def _title_default(self) -> str:
        return "One-pass (OTB)"

    def describe(self) -> tuple[Any, ...]:
        """Four measures and two curves."""
        limits: dict[str, Any] = {"dimensions": 2, "minimal": (0, 0)}
        return (
            Measure("Centre location error", "CLE", 0, None, Sorting.ASCENDING),
            Measure(f"Precision at {DP_ERROR} px", "DP", 0, 1, Sorting.DESCENDING),
            Measure("Overlap success, area under the curve", "OS", 0, 1, Sorting.DESCENDING),
            Measure(f"Overlap success at {OS_OVERLAP}", f"OS {OS_OVERLAP}", 0, 1, Sorting.DESCENDING),
            Curve("Precision plot", maximal=(50, 1), labels=("Centre location error, px", "Precision"), **limits),
            Curve("Success plot", maximal=(1, 1), labels=("Overlap", "Success"), **limits),
        )

    def check(self, experiment: Any, trackers: Items[Any], sequences: Items[Any]) -> None:
        """Refuse input that would give wrong figures: read everything once."""
        self.rows(experiment, trackers, sequences)

    def rows(self, experiment: Any, trackers: Items[Any], sequences: Items[Any]) -> list[tuple[Any, ...]]:
        """One row a tracker."""
        known = [annotations_of(sequence) for sequence in sequences]
        for annotated in known:
            annotated.require_whole()
        truths = [boxes(annotated.groundtruth) for annotated in known]
        rows = []
        for tracker in trackers:
            results = []
            for sequence, truth in zip(sequences, truths, strict=True):
                repeated = []
                for file, data in raw_runs(experiment, tracker, sequence):
                    regions = parse(data, file)
                    check(regions, len(truth), ONE_PASS_CODES, file)
                    repeated.append(measures(boxes(regions), truth))
                results.append([np.mean(values, axis=0) for values in zip(*repeated, strict=True)])
            error, precision, success = (np.mean(values, axis=0) for values in zip(*results, strict=True))
            rows.append(
                (
                    float(error),
                    float(precision[DP_ERROR]),
                    float(success.mean()),
                    float(success[np.flatnonzero(OVERLAPS == OS_OVERLAP)[0]]),
                    list(zip(ERRORS.tolist(), precision.tolist(), strict=True)),
                    list(zip(OVERLAPS.tolist(), success.tolist(), strict=True)),
                )
            )
        return rows
