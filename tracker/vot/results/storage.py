"""Result files that appear whole or not at all, and a look at those that something else has left.

The toolkit opens a result file and writes into it, the trajectory before its properties: whoever is killed, or fills
the disk, leaves a file that exists and is taken for finished. Here every file is written under another name, flushed
and renamed, and a trajectory is renamed after its properties, so that its existence means that the run is complete.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vot.dataset import Sequence
from vot.experiment import Experiment, MultiStartExperiment
from vot.region import Region, Special
from vot.tracker import Tracker
from vot.tracker.results import Results
from vot.workspace.storage import LocalStorage

from tracker.core.files import PART, whole_file
from tracker.vot.results.raw import FAILURE, SUFFIXES, DamagedFile, parse, unpack


class ResultFolder(LocalStorage):
    """The folder of one tracker, experiment and sequence.

    A trajectory is held back until somebody looks into the folder, as experiments do before their next repetition, or
    until :meth:`commit`: by then all its properties have been written.

    Args:
        root: the folder.
        guard: called before a file appears; an exception keeps it from appearing.
    """

    def __init__(self, root: str, guard: Callable[[], None] = lambda: None) -> None:
        super().__init__(root)
        self._guard = guard
        self._held: list[tuple[Path, Path]] = []

    def write(self, name: str, binary: bool = False) -> Any:
        """A buffer that becomes the file ``name`` when its ``with`` block ends without an exception."""
        path = Path(self.base, name)
        if binary:
            return _Buffer(lambda data: self._finish(path, data))
        return _TextBuffer(lambda text: self._finish(path, text.encode()))

    def commit(self) -> None:
        """Let the trajectories that were held back appear."""
        while self._held:
            self._guard()
            part, path = self._held.pop(0)
            os.replace(part, path)

    def discard(self) -> None:
        """Forget the trajectories that were held back: an error came before their properties were written."""
        while self._held:
            self._held.pop(0)[0].unlink(missing_ok=True)

    def isdocument(self, name: str) -> bool:
        """Whether the file exists."""
        self.commit()
        return super().isdocument(name)

    def documents(self) -> list[str]:
        """Names of the files; none if the folder does not exist."""
        self.commit()
        return [name for name in super().documents() if not name.endswith(PART)] if os.path.isdir(self.base) else []

    def _finish(self, path: Path, data: bytes) -> None:
        self._guard()
        held = path.suffix in SUFFIXES
        with whole_file(path, publish=not held) as file:
            file.write(data)
        if held:
            self._held.append((Path(file.name), path))


class WholeFiles(LocalStorage):
    """A workspace's storage whose result files appear whole or not at all; give it to an experiment.

    Args:
        root: the workspace's folder.
        guard: see :class:`ResultFolder`.
    """

    def __init__(self, root: str, guard: Callable[[], None] = lambda: None) -> None:
        super().__init__(root)
        self._guard = guard
        self._folders: dict[Path, ResultFolder] = {}

    def results(self, tracker: Tracker, experiment: Experiment, sequence: Sequence) -> Results:
        """The results of one tracker on one sequence."""
        folder = result_folder(self.base, tracker.reference, experiment.identifier, sequence.name)
        return Results(self._folders.setdefault(folder, ResultFolder(str(folder), self._guard)))

    def commit(self) -> None:
        """Let everything appear that was held back."""
        for folder in self._folders.values():
            folder.commit()

    def discard(self) -> None:
        """Forget everything that was held back."""
        for folder in self._folders.values():
            folder.discard()


class _Buffer(io.BytesIO):
    def __init__(self, finish: Callable[[bytes], None]) -> None:
        super().__init__()
        self._finish = finish

    def __exit__(self, kind: Any, *details: Any) -> None:
        if kind is None:
            self._finish(self.getvalue())
        super().__exit__(kind, *details)


class _TextBuffer(io.StringIO):
    def __init__(self, finish: Callable[[str], None]) -> None:
        super().__init__(newline="")
        self._finish = finish

    def __exit__(self, kind: Any, *details: Any) -> None:
        if kind is None:
            self._finish(self.getvalue())
        super().__exit__(kind, *details)


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
    found = os.listdir(folder) if folder.is_dir() else []
    return sorted(name for name in found if not name.endswith(PART))


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
    told = {name: {path.name.removeprefix(name) for path in properties(folder, name)} for name in frames}
    every = set().union(*told.values())
    for name in list(whole):
        if lacking := sorted(every - told[name]):
            del whole[name]
            damaged[name] = DamagedFile(str(folder / (name + lacking[0])), "missing, but another repetition has it")
    return list(whole.values()), damaged


def read_run(folder: Path, name: str, frames: int) -> RunFile:
    """Read a trajectory with its properties.

    Args:
        folder: see :func:`result_folder`.
        name: name of the trajectory, without suffix.
        frames: the length that it must have.

    Raises:
        DamagedFile: the trajectory or one of its properties is cut short, or the times are missing.
    """
    path = next(folder / (name + suffix) for suffix in SUFFIXES if (folder / (name + suffix)).exists())
    data = path.read_bytes()
    if path.suffix == ".txt" and not data.endswith(b"\n"):
        raise DamagedFile(str(path), "the last line is cut short")
    regions = _regions(path, data)
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


def _regions(path: Path, data: bytes) -> list[Region]:
    """All regions of a trajectory; a binary one is only unpacked, since whole challenges are read at every start.

    Raises:
        DamagedFile: it is cut short.
    """
    return (unpack if path.suffix == ".bin" else parse)(data, str(path))


def delete_run(folder: Path, name: str) -> None:
    """Delete a trajectory and its properties, the trajectory first."""
    for file in run_files(folder, name):
        file.unlink()
