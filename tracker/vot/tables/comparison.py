"""Several trackers' stored results on one sequence, side by side: what ``reciprocative compare`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import vot.region
from numpy.typing import NDArray
from vot.experiment.multirun import MultiRunExperiment
from vot.region import Mask, Rectangle, Region
from vot.tracker import Registry, Tracker, TrackerException
from vot.workspace import LocalStorage, Workspace

from tracker.adapters import own_section, own_text
from tracker.core import boxes
from tracker.core.errors import InvalidValue, TrackerFailed
from tracker.formats.regions import Polygon, contour
from tracker.formats.registry import section_names
from tracker.vot.accuracy import BURNIN, burn_in
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.raw import FAILURE, INITIALIZATION, parse
from tracker.vot.results.runs import measure, raw_runs
from tracker.vot.toolkit import tail
from tracker.vot.workspace import load_workspace, peers, reset_based


@dataclass(frozen=True, eq=False)
class TrackerRun:
    """One repetition of one tracker.

    Attributes:
        name: reference of the tracker.
        regions: a polygon (N, 2) for each frame, None where there is none (initialised, failed, waiting).
        overlaps: (frames,) with the ground truth, NaN where there is no region.
        failures: frames on which it failed.
        starts: frames on which it was (re-)initialised.
        accuracy: mean overlap without burn-in frames, NaN if there is none.
    """

    name: str
    regions: list[Polygon | None]
    overlaps: NDArray[np.float64]
    failures: list[int]
    starts: list[int]
    accuracy: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The runs, and what is known of the sequence.

    Attributes:
        sequence: its name.
        experiment: identifier of the experiment.
        rate: frames per second.
        images: a file for each frame.
        truth: a polygon (N, 2) or None for each frame.
        tags: name -> frames that carry it.
        runs: one for each tracker, in the order asked for.
    """

    sequence: str
    experiment: str
    rate: float
    images: list[Path]
    truth: list[Polygon | None]
    tags: dict[str, list[int]]
    runs: list[TrackerRun]


def load(
    folder: Path,
    sequence: str,
    trackers: Sequence[str] = (),
    experiment: str | None = None,
    repetition: int = 1,
    registry: Path | None = None,
) -> Comparison:
    """Read the results of ``trackers`` (default: all with this run) on ``sequence`` of the workspace in ``folder``.

    Args:
        folder: a VOT workspace.
        sequence: name of one of its sequences.
        trackers: references in its registry; or ``module:Class`` of one's own or a name in ``registry``, which are run
            here and now, and whose results are kept nowhere.
        experiment: identifier in its stack; by default the first reset-based one.
        repetition: number of the run, from 1.
        registry: a trackers.ini that the workspace does not name.

    Raises:
        TrackerFailed: a tracker that is run now does not finish the sequence.
        ValueError: there is no such tracker, sequence, experiment or repetition, or the sequence has no images.
        OSError: not a workspace; results are missing or damaged.
    """
    workspace = load_workspace(folder)
    protocol = _experiment(workspace, experiment)
    transformed = {item.name: item for item in protocol.transform(workspace.dataset)}
    if sequence not in transformed:
        raise InvalidValue(f"no sequence {sequence!r} in {folder}; it has {', '.join(transformed)}")
    data = transformed[sequence]
    annotations = annotations_of(data)
    images = [data.frame(index).filename() for index in range(len(data))]
    if any(name is None or not Path(name).is_file() for name in images):
        raise InvalidValue(f"sequence {sequence} has no images in {folder}: there is nothing to draw on")
    live = _live(trackers, registry)
    names = [name for name in trackers if name not in live]
    stored = peers(workspace, protocol, [data], names) if names or not trackers else []
    results = [(tracker, raw_runs(protocol, tracker, data)) for tracker in stored]
    results += [(tracker, [_run(tracker, protocol, data)] * repetition) for tracker in live.values()]
    runs = []
    for tracker, files in results:
        if not trackers and repetition > len(files):
            continue
        if not 1 <= repetition <= len(files):
            raise InvalidValue(f"{tracker.reference} has {len(files)} repetitions on {sequence}, not {repetition}")
        file, content = files[repetition - 1]
        run = measure(content, file, annotations)
        counted = run.overlaps[~burn_in(run.codes, BURNIN)]
        runs.append(
            TrackerRun(
                tracker.reference,
                [_polygon(region) for region in parse(content, file)],
                run.overlaps,
                np.flatnonzero(run.codes == FAILURE).tolist(),
                np.flatnonzero(run.codes == INITIALIZATION).tolist(),
                float(np.nanmean(counted)) if np.isfinite(counted).any() else float("nan"),
            )
        )
    if not runs:
        raise InvalidValue(f"no tracker has run {repetition} on {sequence} in experiment {protocol.identifier}")
    return Comparison(
        sequence,
        protocol.identifier,
        float(data.metadata("fps") or 30),
        [Path(name) for name in images],
        [_polygon(region) for region in annotations.groundtruth],
        {tag: annotations.frames(tag).tolist() for tag in sorted(annotations.tags) if annotations.tags[tag].any()},
        runs,
    )


def _live(names: Sequence[str], registry: Path | None) -> dict[str, Tracker]:
    """The trackers among ``names`` that are ``module:Class`` or in ``registry``, by the name given."""
    live: dict[str, Tracker] = {}
    with TemporaryDirectory() as folder:
        for name in names:
            if ":" in name:
                source, identifier = Path(folder, "trackers.ini"), own_section(name).name
                source.write_text(own_text(name), encoding="utf-8")
            elif registry is not None and name in section_names(registry):
                source, identifier = registry.resolve(), name
            else:
                continue
            live[name] = Registry([str(source)])[identifier]
    return live


def _run(tracker: Tracker, experiment: MultiRunExperiment, sequence: Any) -> tuple[Any, bytes]:
    """One run of a tracker on a sequence, kept nowhere."""
    with TemporaryDirectory() as folder:
        once = type(experiment)(experiment.identifier, LocalStorage(folder), **{**experiment.dump(), "repetitions": 1})
        try:
            once.execute(tracker, sequence)
        except TrackerException as error:
            message = f"{tracker.reference} on {sequence.name}: {error}{tail(error.log or '', 8)}"
            raise TrackerFailed(message) from error
        return raw_runs(once, tracker, sequence)[0]


def _experiment(workspace: Workspace, identifier: str | None) -> MultiRunExperiment:
    if identifier is None:
        return reset_based(workspace)
    experiments = {one.identifier: one for one in workspace.stack if isinstance(one, MultiRunExperiment)}
    if identifier not in experiments:
        raise InvalidValue(f"experiment {identifier!r} cannot be compared; choose one of {', '.join(experiments)}")
    return experiments[identifier]


def _polygon(region: Region) -> Polygon | None:
    if isinstance(region, vot.region.Polygon):
        return np.array(region.points(), np.float64)  # (N, 2)
    if isinstance(region, Rectangle):
        return boxes.corners((region.x, region.y, region.width, region.height))
    if isinstance(region, Mask) and region.mask.any():
        return contour(region.mask, region.offset)
    return None
