"""Published raw results join a workspace: ranked, plotted and reported like any tracker, though there is no program.

Read are a folder or a zip in the layout of the MATLAB toolkit, `<experiment>/<sequence>/<sequence>_001.txt` with any
folders above, 1 to 15 repetitions, and what `vot pack` writes (the same with `.bin`). A run that does not fit the
workspace's data set is refused, with file and line, before anything is written; then all of it appears at once.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment
from vot.tracker import is_valid_identifier

from tracker.core import archive, listing
from tracker.core.errors import DamagedFile, ExistingFile, InvalidValue, MissingFile, UserError
from tracker.core.files import whole_folder, write_whole
from tracker.formats.regions import words
from tracker.formats.workspace import registries
from tracker.vot.results import otb as otb_layout
from tracker.vot.results import raw
from tracker.vot.results.annotations import FIRST_IMAGE, REPETITIONS, Annotations, annotations_of
from tracker.vot.results.raw import ONE_PASS_CODES, RESET_BASED_CODES, SHORT, SUFFIXES
from tracker.vot.workspace import load_workspace

READ = (*SUFFIXES, ".value")


@dataclass(frozen=True)
class Import:
    """A tracker that has joined a workspace.

    Attributes:
        tracker: the name under which the results are registered.
        files: number of runs.
        ignored: sequences of the source that the data set does not have.
    """

    tracker: str
    files: int
    ignored: list[str]


def read_source(source: Path, suffixes: tuple[str, ...] = READ) -> dict[PurePosixPath, bytes]:
    """The data with these suffixes in a folder or zip by path below it: result files and times by default.

    Raises:
        MissingFile: no such file or folder.
        DamagedFile: not a zip that is safe to read, see :func:`tracker.core.archive.read`.
    """
    if source.is_dir():
        paths = [path for path in sorted(source.rglob("*")) if path.suffix in suffixes and path.is_file()]
        names = {path.relative_to(source): path for path in paths}
        return {PurePosixPath(name): path.read_bytes() for name, path in names.items() if listing.is_data(name)}
    if not source.is_file():
        raise MissingFile(f"{source} does not exist: give the folder or zip of the raw results")
    try:
        members = archive.read(source, suffixes)
    except InvalidValue as error:
        raise DamagedFile(str(source), f"neither a folder nor a readable zip ({error})") from error
    return {PurePosixPath(name): data for name, data in members.items() if listing.is_data(name)}


def select_runs(
    files: Mapping[PurePosixPath, bytes],
    truths: Mapping[str, Annotations],
    experiment: str,
    source: str,
    codes: Sequence[int] = RESET_BASED_CODES,
) -> dict[str, bytes]:
    """The checked files of a tracker: ``sequence/file`` -> content, times as the toolkit writes them.

    ``files`` is what :func:`read_source` gives, ``truths`` the data set by sequence name, ``codes`` those that a run
    may hold.

    Raises:
        DamagedFile: the experiment or a sequence is missing, there are two trackers, repetitions have a gap, or a
            file does not fit its sequence.
    """
    roots = {path.parents[2] for path in files if len(path.parents) > 2 and path.parts[-3] == experiment}
    if len(roots) != 1:
        count = "several folders" if roots else "no folder"
        names = ", ".join(sorted({path.parts[-3] for path in files if len(path.parts) > 2})) or "none"
        raise DamagedFile(
            source, f"{count} {experiment}/<sequence>/<sequence>_001.txt: give one tracker's results (found: {names})"
        )
    root = roots.pop() / experiment
    folders: dict[PurePosixPath, dict[PurePosixPath, bytes]] = {}
    for path, data in files.items():
        folders.setdefault(path.parent, {})[path] = data
    members: dict[str, bytes] = {}
    for name, truth in truths.items():
        folder = folders.get(root / name, {})
        runs = _repetitions(folder, name)
        multi_start = re.compile(re.escape(name) + r"_\d{8}(\.txt|\.bin)")
        if run := next((path for path in folder if multi_start.fullmatch(path.name)), None):
            problem = "a run of the multi-start protocol (VOT2020 and later), named after its first frame"
            raise DamagedFile(f"{source}: {run}", problem)
        if not runs:
            raise DamagedFile(f"{source}: {root}/{name}/{name}_001.txt", f"missing: the data set has sequence {name}")
        for path, data in runs:
            content, suffix = raw.published(data, f"{source}: {path}", len(truth), codes)
            members[f"{name}/{path.stem}{suffix}"] = content
        members |= _times(folder, root, name, [path.stem for path, _ in runs], len(truth))
    return members


def _repetitions(files: Mapping[PurePosixPath, bytes], name: str) -> list[tuple[PurePosixPath, bytes]]:
    pattern = re.compile(re.escape(name) + r"_(\d{3})(\.txt|\.bin)")
    matches = {path: pattern.fullmatch(path.name) for path in files}
    runs = {int(match[1]): path for path, match in sorted(matches.items()) if match}
    for number, path in enumerate((runs[key] for key in sorted(runs)), start=1):
        if number not in runs or len(runs) > REPETITIONS:
            raise DamagedFile(str(path), f"repetitions are numbered 001 to at most {REPETITIONS:03d}, without gaps")
    return [(runs[number], files[runs[number]]) for number in sorted(runs)]


def _times(
    files: Mapping[PurePosixPath, bytes], root: PurePosixPath, name: str, runs: list[str], length: int
) -> dict[str, bytes]:
    """Seconds a frame: the toolkit's ``_time.value`` files, or a column each of MATLAB's one ``_time.txt``."""
    folder = root / name
    texts = {run: files[folder / f"{run}_time.value"] for run in runs if folder / f"{run}_time.value" in files}
    if not texts and folder / f"{name}_time.txt" in files:
        columns = _columns(files[folder / f"{name}_time.txt"], str(folder / f"{name}_time.txt"), length)
        texts = {run: "\n".join((*column, "")).encode() for run, column in zip(runs, columns, strict=False)}
    for run, text in texts.items():
        for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), start=1):
            try:
                float(line.strip() or 0)
            except ValueError as error:
                problem = f"seconds must be a number, found {line[:40]!r}"
                raise DamagedFile(f"{folder}/{run}_time", problem, number) from error
    return {f"{name}/{run}_time.value": text for run, text in texts.items()}


def _columns(data: bytes, file: str, length: int) -> list[tuple[str, ...]]:
    """The columns of MATLAB's file of times: a line a frame, a column a repetition."""
    rows = [words(line) for line in listing.lines(raw.text_of(data, file))]
    if not length - SHORT <= len(rows) <= length:
        problem = f"{len(rows)} lines of seconds, but the sequence has {length} frames"
        raise DamagedFile(file, problem, min(len(rows), length) + 1)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DamagedFile(file, f"{len(row)} columns, but {len(rows[0])} in line 1", number)
    return list(zip(*rows, strict=True))


def import_results(
    source: Path, workspace: Path, name: str, experiment: str = "baseline", label: str | None = None, otb: bool = False
) -> Import:
    """Add raw results to a workspace as a tracker without a command.

    Args:
        source: folder or zip of one tracker.
        workspace: folder of the workspace; its data set is what the results must fit.
        name: of the tracker in registry, tables and plots (letters, digits, ``-`` and ``_``).
        experiment: folder of that name in ``source`` and experiment of the workspace's stack.
        label: for tables and plots; ``name`` if absent.
        otb: the source has the OTB benchmark's layout, see :mod:`tracker.vot.results.otb`.

    Raises:
        DamagedFile: the results do not fit; names the file, and the line where there is one.
        ValueError: an illegal or foreign name.
        FileExistsError: the workspace has such results already.
        FileNotFoundError: no source, or not a workspace.
    """
    destination = _Destination(workspace, experiment)
    section = destination.section(name, label)
    if not otb:
        return destination.join(name, section, read_source(source), source.name)
    runs = otb_layout.runs(read_source(source, otb_layout.SUFFIXES), source, destination.truths, destination.firsts)
    return destination.write(name, section, runs)


@dataclass(frozen=True)
class Refusal:
    """A tracker of an archive that was not imported.

    Attributes:
        tracker: its name.
        problem: why, with file and line where there are any.
    """

    tracker: str
    problem: str


def import_archive(source: Path, workspace: Path, experiment: str = "baseline") -> tuple[list[Import], list[Refusal]]:
    """Add all trackers of a challenge's archive to a workspace, each by itself: one that is refused stops no other.

    Args:
        source: folder or zip, ``<tracker>/<experiment>/<sequence>/<sequence>_001.txt`` with any folders above. A
            tracker is named after its folder, other characters than letters, digits, ``-`` and ``_`` as ``_``.
        workspace: see :func:`import_results`.
        experiment: see :func:`import_results`.

    Returns:
        The imports and the refusals, by name of the tracker.

    Raises:
        DamagedFile: no tracker at all, or not a zip that is safe to read.
        FileNotFoundError: no source, or not a workspace.
        ValueError: the workspace has no such experiment, or a registry of its own is not named.
    """
    destination = _Destination(workspace, experiment)
    trackers: dict[PurePosixPath, dict[PurePosixPath, bytes]] = {}
    for path, data in read_source(source).items():
        if len(path.parents) > 2 and path.parts[-3] == experiment:
            trackers.setdefault(path.parents[2], {})[path] = data
    if not trackers:
        raise DamagedFile(str(source), f"no folder <tracker>/{experiment}/<sequence>/<sequence>_001.txt")
    imports, refusals = [], []
    for root, files in sorted(trackers.items()):
        label = root.name or source.stem
        name = re.sub(r"[^A-Za-z0-9_-]", "_", label)
        try:
            imports.append(destination.join(name, destination.section(name, label), files, source.name))
        except (UserError, OSError) as error:
            refusals.append(Refusal(name, str(error)))
    return imports, refusals


class _Destination:
    """An experiment of a workspace that results are about to join."""

    def __init__(self, folder: Path, experiment: str) -> None:
        self._folder, self._experiment = folder, experiment
        self._workspace = load_workspace(folder)
        self._registry = folder / "trackers.ini"
        if self._registry.resolve() not in [path.resolve() for path in registries(folder)]:
            raise InvalidValue(
                f"the registry in {folder}/config.yaml does not name './trackers.ini', where published results are "
                "registered: add that line"
            )
        experiments = {one.identifier: one for one in self._workspace.stack if isinstance(one, MultiRunExperiment)}
        if (target := experiments.get(experiment)) is None:
            names = ", ".join(experiments)
            raise InvalidValue(f"the workspace's stack has no such experiment {experiment!r}; results can join {names}")
        sequences = target.transform(self._workspace.dataset)
        self.truths = {sequence.name: annotations_of(sequence) for sequence in sequences}
        numbers = {sequence.name: sequence.metadata(FIRST_IMAGE) for sequence in sequences}
        self.firsts = {name: int(number) for name, number in numbers.items() if number is not None}
        self._codes = RESET_BASED_CODES if isinstance(target, SupervisedExperiment) else ONE_PASS_CODES

    def section(self, name: str, label: str | None) -> str:
        """What to add to the registry, nothing if the tracker is there; refuses names that cannot be."""
        if not is_valid_identifier(name):
            raise InvalidValue(f"name may have letters, digits, '-' and '_', got {name!r}")
        if label is not None and ("%" in label or not label.isprintable()):
            raise InvalidValue(f"label must be one line without '%', got {label!r}")
        if (folder := self._results(name)).exists():
            raise ExistingFile(f"{folder} exists: choose another name, or remove it to import again")
        if name in self._workspace.registry:
            tracker = self._workspace.registry[name]
            if tracker.describe()["command"]:
                raise InvalidValue(f"{name} is a tracker with a command in {tracker.source}: choose another name")
            return ""
        return f"[{name}]\nlabel = {label or name}\ncommand =\n"

    def join(self, name: str, section: str, files: Mapping[PurePosixPath, bytes], source: str) -> Import:
        """Check the files of a tracker and write them, or nothing."""
        runs = select_runs(files, self.truths, self._experiment, source, self._codes)
        present = {path.parts[-2] for path in files if len(path.parts) > 2 and path.parts[-3] == self._experiment}
        return self.write(name, section, runs, present - self.truths.keys())

    def write(self, name: str, section: str, runs: Mapping[str, bytes], ignored: Iterable[str] = ()) -> Import:
        """Write checked runs and the section, or nothing."""
        folder = self._results(name)
        with whole_folder(folder, beside=folder.parent) as whole:
            archive.extract(runs, whole, runs)
        if section:
            text = self._registry.read_text() if self._registry.is_file() else ""
            separator = "\n" if text and not text.endswith("\n\n") else ""
            try:
                write_whole(self._registry, text + separator + section)
            except OSError:
                shutil.rmtree(folder)
                with contextlib.suppress(OSError):  # results of other experiments are in it
                    folder.parent.rmdir()
                raise
        return Import(name, sum(file.endswith(SUFFIXES) for file in runs), sorted(ignored))

    def _results(self, name: str) -> Path:
        return self._folder / "results" / name / self._experiment
