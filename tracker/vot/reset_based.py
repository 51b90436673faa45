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
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vot.tracker
from vot.dataset import Sequence
from vot.dataset.proxy import FrameMapSequence
from vot.experiment import MultiStartExperiment, SupervisedExperiment, UnsupervisedExperiment
from vot.experiment.multistart import find_anchors
from vot.region import Special
from vot.tracker import Tracker, Trajectory

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


class Unsupervised(_OneTarget, UnsupervisedExperiment):
    """One pass without help (OTB's one-pass evaluation); ``vot.experiment.UnsupervisedExperiment``."""


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
            """Track from every anchor that has no trajectory yet.

            Args:
                tracker: the tracker to run.
                sequence: a sequence whose frames carry anchor values (positive: forward, negative: backward).
                force: run anchors that have a trajectory, too.
                callback: told the finished share of anchors, 0 to 1, after each.

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
