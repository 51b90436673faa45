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

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from vot.analysis import Curve, Measure, Sorting
from vot.experiment.multirun import UnsupervisedExperiment
from vot.region import Region, Special
from vot.report import Plot

from tracker.core.boxes import overlap
from tracker.vot.analysis import Canvas, RowAnalysis
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.raw import ONE_PASS_CODES, bounding_rectangle, check, parse
from tracker.vot.results.runs import raw_runs

ERRORS = np.arange(51)
"""Thresholds of the precision curve, pixels."""
OVERLAPS = np.linspace(0, 1, 21)
"""Thresholds of the success curve."""
DP_ERROR = 20
OS_OVERLAP = 0.5


def boxes(regions: Sequence[Region]) -> np.ndarray:
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
    valid = ~np.isnan(predicted[:, 0])
    predicted = predicted[np.maximum.accumulate(np.where(valid, np.arange(len(valid)), 0))]  # the last known box
    visible = ~np.isnan(truth[:, 0])
    error = centre_errors(predicted[visible], truth[visible])
    overlaps = overlap(predicted[visible], truth[visible])
    precision = (error[:, None] <= ERRORS).mean(axis=0)
    success = (overlaps[:, None] > OVERLAPS).mean(axis=0)
    return float(error.mean()), precision, success


class OnePassRow(NamedTuple):
    """A tracker's row of :class:`OnePass`; of ``describe``, what each is.

    Attributes:
        cle: centre location error, pixels.
        dp: precision at 20 px.
        os_area: area under the success curve.
        os_half: success at an overlap of 0.5.
        precision_curve: (error, share) at 0..50 px.
        success_curve: (overlap, share) at 21 thresholds.
    """

    cle: Any
    dp: Any
    os_area: Any
    os_half: Any
    precision_curve: Any
    success_curve: Any


class OnePass(RowAnalysis):
    """CLE, DP, OS (area and at 0.5), the precision plot and the success plot."""

    experiment_type = UnsupervisedExperiment

    _title_default = "One-pass (OTB)"

    def describe(self) -> OnePassRow:
        """Four measures and two curves."""
        limits: dict[str, Any] = {"dimensions": 2, "minimal": (0, 0)}
        errors, overlaps = ("Centre location error, px", "Precision"), ("Overlap", "Success")
        return OnePassRow(
            cle=Measure("Centre location error", "CLE", 0, None, Sorting.ASCENDING),
            dp=Measure(f"Precision at {DP_ERROR} px", "DP", 0, 1, Sorting.DESCENDING),
            os_area=Measure("Overlap success, area under the curve", "OS", 0, 1, Sorting.DESCENDING),
            os_half=Measure(f"Overlap success at {OS_OVERLAP}", f"OS {OS_OVERLAP}", 0, 1, Sorting.DESCENDING),
            precision_curve=Curve("Precision plot", maximal=(50, 1), labels=errors, **limits),
            success_curve=Curve("Success plot", maximal=(1, 1), labels=overlaps, **limits),
        )

    def check(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> None:
        """Refuse input that would give wrong figures: read every run once."""
        for _ in _runs(experiment, trackers, sequences):
            pass

    def rows(self, experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> list[OnePassRow]:
        """One row a tracker."""
        rows = []
        truths = [boxes(annotations_of(sequence).groundtruth) for sequence in sequences]
        for by_sequence in _runs(experiment, trackers, sequences):
            figures = []
            for runs, truth in zip(by_sequence, truths, strict=True):
                repeated = [measures(run, truth) for run in runs]
                figures.append([np.mean(values, axis=0) for values in zip(*repeated, strict=True)])
            error, precision, success = (np.mean(values, axis=0) for values in zip(*figures, strict=True))
            rows.append(
                OnePassRow(
                    cle=float(error),
                    dp=float(precision[DP_ERROR]),
                    os_area=float(success.mean()),
                    os_half=float(success[np.flatnonzero(OVERLAPS == OS_OVERLAP)[0]]),
                    precision_curve=list(zip(ERRORS.tolist(), precision.tolist(), strict=True)),
                    success_curve=list(zip(OVERLAPS.tolist(), success.tolist(), strict=True)),
                )
            )
        return rows

    def figures(self, rows: Sequence[OnePassRow], canvas: Canvas) -> list[Plot]:
        """The precision plot with DP, and the success plot with the area under it."""
        columns = self.describe()
        return [
            self._figure(canvas, columns.precision_curve, [(row.precision_curve, row.dp) for row in rows]),
            self._figure(canvas, columns.success_curve, [(row.success_curve, row.os_area) for row in rows]),
        ]

    def _figure(self, canvas: Canvas, curve: Curve, shown: list[tuple[Any, float]]) -> Plot:
        limits = (curve.minimal(0), curve.maximal(0))
        plot = canvas.plot(curve.name.lower(), curve.label(0), curve.label(1), limits, (0, 1), "eao")
        for tracker, (points, value) in zip(canvas.trackers, shown, strict=True):
            x, y = zip(*points, strict=True)
            canvas.line(plot, tracker, x, y, f"  {value:.3f}")
        return canvas.finish(plot)


def _runs(experiment: Any, trackers: Sequence[Any], sequences: Sequence[Any]) -> Iterator[list[list[np.ndarray]]]:
    """By tracker, read as they are asked for: by sequence and repetition the boxes (frames, 4) of a checked run."""
    for sequence in sequences:
        annotations_of(sequence).require_whole()

    def run(sequence: Any, file: str, data: bytes) -> np.ndarray:
        regions = parse(data, file)
        check(regions, len(sequence), ONE_PASS_CODES, file)
        return boxes(regions)

    for tracker in trackers:
        yield [[run(sequence, *file) for file in raw_runs(experiment, tracker, sequence)] for sequence in sequences]
