"""Where result files lie, and a look at those that something else has left: trajectories, whole or damaged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vot.dataset import Sequence
from vot.experiment import Experiment, MultiStartExperiment
from vot.region import Special

from tracker.core.errors import DamagedFile
from tracker.core.files import PART
from tracker.vot.results.raw import FAILURE, SUFFIXES, parse, unpack


def result_folder(workspace: str | Path, tracker: str, experiment: str, sequence: str) -> Path:
    """Where the toolkit keeps the results of one tracker (reference) in one experiment on one sequence."""
    return Path(workspace, "results", tracker, experiment, sequence)


@dataclass(frozen=True)
class RunFile:
    """One trajectory on disk.

    Attributes:
        name: without suffix, for example ``ants_001``.
        frames: length.
        timed: frames that the tracker was timed on.
        seconds: their sum.
        failures: number of frames with code 2.
        size: bytes of the trajectory and its properties.
    """

    name: str
    frames: int
    timed: int
    seconds: float
    failures: int
    size: int


def trajectories(folder: Path) -> list[str]:
    """Names (without suffix) of the trajectories in ``folder``, whole or not."""
    return sorted({Path(name).stem for name in _files(folder) if name.endswith(SUFFIXES)})


def _files(folder: Path) -> list[str]:
    """Names of the files in ``folder`` that are not being written, sorted; none if there is no folder."""
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted(name for name in names if not name.endswith(PART))


def properties(folder: Path, name: str) -> list[Path]:
    """The property files of the trajectory ``name``, sorted."""
    return [folder / file for file in _files(folder) if file.startswith(f"{name}_") and file.endswith(".value")]


def run_files(folder: Path, name: str) -> list[Path]:
    """The files of the trajectory ``name``: itself, if it is there, and its properties."""
    paths = [folder / (name + suffix) for suffix in SUFFIXES]
    return [*(path for path in paths if path.exists()), *properties(folder, name)]


def expected_frames(experiment: Experiment, sequence: Sequence, name: str) -> int:
    """Length of the trajectory ``name``: that of the sequence, or of what lies beyond a multi-start anchor."""
    if not isinstance(experiment, MultiStartExperiment):
        return len(sequence)
    anchor = int(name.rpartition("_")[2])
    return len(sequence) - anchor if sequence.values(anchor).get(experiment.anchor, 0) > 0 else anchor + 1


def read_runs(folder: Path, frames: Mapping[str, int]) -> tuple[list[RunFile], dict[str, DamagedFile]]:
    """Read the repetitions of one tracker in one experiment on one sequence.

    The toolkit writes one property after the other, behind the trajectory: a repetition that lacks one which another
    has was cut off there.

    Args:
        folder: see :func:`result_folder`.
        frames: name of each trajectory, without suffix -> the length that it must have.

    Returns:
        The whole ones, and what is wrong with each of the others.
    """
    whole, damaged = {}, {}
    for name, length in frames.items():
        try:
            whole[name] = read_run(folder, name, length)
        except DamagedFile as error:
            damaged[name] = error
    suffixes = {name: {path.name.removeprefix(name) for path in properties(folder, name)} for name in frames}
    expected = set().union(*suffixes.values())
    for name in list(whole):
        if lacking := sorted(expected - suffixes[name]):
            del whole[name]
            damaged[name] = DamagedFile(str(folder / (name + lacking[0])), "missing, but another repetition has it")
    return list(whole.values()), damaged


def read_run(folder: Path, name: str, frames: int) -> RunFile:
    """Read a trajectory (``name`` without suffix), which must have ``frames`` frames, with its properties.

    Raises:
        DamagedFile: the trajectory or one of its properties is cut short, or the times are missing.
    """
    path = run_files(folder, name)[0]
    data = path.read_bytes()
    if path.suffix == ".txt" and not data.endswith(b"\n"):
        raise DamagedFile(str(path), "the last line is cut short")
    regions = (unpack if path.suffix == ".bin" else parse)(data, str(path))  # only unpacked: there are many at a start
    if len(regions) != frames:
        raise DamagedFile(str(path), f"{len(regions)} regions, but {frames} are expected")
    values = {file: file.read_bytes() for file in properties(folder, name)}
    times = folder / f"{name}_time.value"
    if times not in values:
        raise DamagedFile(str(times), "missing beside its trajectory")
    for file, content in values.items():
        lines = content.count(b"\n")
        if lines != frames or not content.endswith(b"\n"):
            raise DamagedFile(str(file), f"{lines} whole lines, but {frames} are expected")
    try:
        seconds = [float(line) for line in values[times].split()]
    except ValueError as error:
        raise DamagedFile(str(times), f"not numbers ({error})") from error
    failures = sum(isinstance(region, Special) and region.code == FAILURE for region in regions)
    size = len(data) + sum(map(len, values.values()))
    return RunFile(name, frames, len(seconds), sum(seconds), failures, size)


def delete_run(folder: Path, name: str) -> None:
    """Delete a trajectory and its properties, the trajectory first."""
    for file in run_files(folder, name):
        file.unlink()
