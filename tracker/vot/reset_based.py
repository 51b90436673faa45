"""The reset-based, multi-start and unsupervised experiments, for every supported release of the toolkit.

vot-toolkit 0.7.4 runs its own experiments. Since 0.8 a tracker runtime speaks of lists of objects
(``initialize(frame, [status])`` returns ``([status], time)``), while ``SupervisedExperiment`` and
``MultiStartExperiment`` still expect one object, and ``RealtimeTrackerRuntime`` lost the ``run`` that
``UnsupervisedExperiment`` calls: the first fails, logged but with exit code 0, the other two raise. These classes put
:mod:`tracker.vot.single_target` between the two, and are plain subclasses where nothing has to be mended, so that one
stack file serves both::

    experiments:
      baseline:
        type: tracker.vot.reset_based.ResetBased
        repetitions: 15
        skip_initialize: 5

Trajectories are the same on every release; names, parameters and analyses are the toolkit's own.

In one thing :class:`ResetBased` is not the toolkit's experiment, which counts a failure in every frame whose target is
absent (NaN or without area in the ground truth) and tries to initialise there. As in the MATLAB toolkit, where such an
overlap is NaN (``experiment_supervised.m``, ``region_overlap.cpp``), an absent frame is no failure; initialisation
waits for a frame with a region, as it does for one without the tags of ``skip_tags``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vot.tracker
from vot.dataset import Sequence
from vot.dataset.proxy import FrameMapSequence
from vot.experiment import MultiStartExperiment, SupervisedExperiment, UnsupervisedExperiment
from vot.experiment.multistart import find_anchors
from vot.region import Special, calculate_overlap
from vot.tracker import Tracker, Trajectory

from tracker.core.errors import InvalidValue
from tracker.vot.results.annotations import has_region

SPEAKS_OF_LISTS = hasattr(vot.tracker, "OnlineTrackerRuntime")
"""True for toolkit releases (0.8 and later) whose runtimes take and give lists of objects."""


class _OneTarget:
    """Gives an experiment a runtime that speaks of one target; what 0.7.4 does by itself."""

    if SPEAKS_OF_LISTS:

        def _get_runtime(self, tracker: Tracker, sequence: Sequence, multiobject: bool = False) -> Any:
            from tracker.vot.single_target import single_target_runtime

            create = super()._get_runtime  # type: ignore[misc]
            if multiobject:
                return create(tracker, sequence, multiobject)
            return single_target_runtime(tracker, lambda wrapped: create(wrapped, sequence, multiobject))


class ResetBased(_OneTarget, SupervisedExperiment):
    """Re-initialises after each failure (VOT2013 to VOT2019); ``vot.experiment.SupervisedExperiment``."""

    def execute(
        self, tracker: Tracker, sequence: Sequence, force: bool = False, callback: Callable[[float], None] | None = None
    ) -> None:
        """Run all repetitions that have no trajectory yet; fewer where a tracker repeats itself exactly.

        Args:
            tracker: the tracker to run.
            sequence: a sequence of one target.
            force: run repetitions that have a trajectory, too.
            callback: told the finished share of repetitions, 0 to 1, after each.

        Raises:
            ValueError: the first frame has no region to initialise on.
        """
        require_region(sequence, 0)
        results = self.results(tracker, sequence)
        with self._get_runtime(tracker, sequence) as runtime:
            for repetition in range(1, self.repetitions + 1):
                name = f"{sequence.name}_{repetition:03d}"
                if Trajectory.exists(results, name) and not force:
                    continue
                if self._can_stop(tracker, sequence):
                    return
                trajectory = Trajectory(len(sequence))
                start = 0
                while start < len(sequence):
                    start = self._follow(runtime, sequence, start, trajectory)
                if callback:
                    callback(repetition / self.repetitions)
                trajectory.write(results, name)

    def _follow(self, runtime: Any, sequence: Sequence, start: int, trajectory: Trajectory) -> int:
        """Track from ``start`` to a failure or the end; returns where to initialise next."""
        _, elapsed = runtime.initialize(sequence.frame(start), self._get_initialization(sequence, start))
        trajectory.set(start, Special(Trajectory.INITIALIZATION), {"time": elapsed})
        for frame in range(start + 1, len(sequence)):
            status, elapsed = runtime.update(sequence.frame(frame))
            properties = {**status.properties, "time": elapsed}
            truth = sequence.groundtruth(frame)
            overlap = calculate_overlap(status.region, truth, sequence.size)
            if overlap <= self.failure_overlap and has_region(truth):
                trajectory.set(frame, Special(self.FAILURE), properties)
                return self._next_start(sequence, frame + self.skip_initialize)
            trajectory.set(frame, status.region, properties)
        return len(sequence)

    def _next_start(self, sequence: Sequence, frame: int) -> int:
        """The first frame from ``frame`` on with a region and without a tag in ``skip_tags``."""
        while frame < len(sequence):
            if has_region(sequence.groundtruth(frame)) and not set(sequence.tags(frame)) & set(self.skip_tags):
                break
            frame += 1
        return frame


class Unsupervised(_OneTarget, UnsupervisedExperiment):
    """One pass without help (OTB's one-pass evaluation); ``vot.experiment.UnsupervisedExperiment``."""


def require_region(sequence: Sequence, frame: int) -> None:
    """Refuse to initialise on a frame without a region.

    Raises:
        ValueError: names the sequence, the frame and the line of its ground truth.
    """
    if not has_region(sequence.groundtruth(frame)):
        raise InvalidValue(
            f"sequence {sequence.name}: frame {frame} has no region to initialise on (line {frame + 1} of its ground "
            "truth): begin the sequence where its target is in view"
        )


class MultiStart(_OneTarget, MultiStartExperiment):
    """Starts at every anchor, forward or backward (VOT2020 to VOT2022); ``vot.experiment.MultiStartExperiment``."""

    if SPEAKS_OF_LISTS:

        def execute(
            self,
            tracker: Tracker,
            sequence: Sequence,
            force: bool = False,
            callback: Callable[[float], None] | None = None,
        ) -> None:
            """Track from every anchor (positive: forward, negative: backward), as :meth:`ResetBased.execute` does.

            Raises:
                RuntimeError: the sequence has no anchors.
            """
            forward, backward = find_anchors(sequence, self.anchor)
            if not forward and not backward:
                raise RuntimeError(f"sequence {sequence.name} has no anchors: it needs values in {self.anchor}.value")
            spans = {start: range(start, len(sequence)) for start in forward}
            spans |= {start: range(start, -1, -1) for start in backward}
            results = self.results(tracker, sequence)
            with self._get_runtime(tracker, sequence) as runtime:
                for done, (start, span) in enumerate(spans.items(), 1):
                    name = f"{sequence.name}_{start:08d}"
                    if force or not Trajectory.exists(results, name):
                        self._follow(runtime, FrameMapSequence(sequence, list(span))).write(results, name)
                    if callback:
                        callback(done / len(spans))

        def _follow(self, runtime: Any, frames: Sequence) -> Trajectory:
            trajectory = Trajectory(len(frames))
            _, elapsed = runtime.initialize(frames.frame(0), self._get_initialization(frames, 0))
            trajectory.set(0, Special(Trajectory.INITIALIZATION), {"time": elapsed})
            for index in range(1, len(frames)):
                status, elapsed = runtime.update(frames.frame(index))
                trajectory.set(index, status.region, {**status.properties, "time": elapsed})
            return trajectory
