"""Published raw results join a workspace: ranked, plotted and reported like any tracker, though there is no program.

Read are a folder or a zip in the layout of the MATLAB toolkit, `<experiment>/<sequence>/<sequence>_001.txt` with any
folders above, 1 to 15 repetitions, and what `vot pack` writes (the same with `.bin`). A run that does not fit the
workspace's data set is refused, with file and line, before anything is written; then all of it appears at once.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vot.experiment.multirun import MultiRunExperiment, SupervisedExperiment
from vot.tracker import is_valid_identifier

from tracker.core import archive, listing
from tracker.core.errors import DamagedFile, ExistingFile, InvalidValue, UserError
from tracker.core.files import whole_folder, write_whole
from tracker.formats.regions import words
from tracker.formats.workspace import registries
from tracker.vot.results import raw
from tracker.vot.results.annotations import FIRST_IMAGE, REPETITIONS, Annotations, annotations_of
from tracker.vot.results.otb import runs as otb_runs
from tracker.vot.results.raw import ONE_PASS_CODES, RESET_BASED_CODES, SHORT, SUFFIXES, files_of
from tracker.vot.workspace import load_workspace

READ = (*SUFFIXES, ".value")


@dataclass(frozen=True)
class Imported:
    """What :func:`import_results` did.

    Attributes:
        tracker: the name under which the results are registered.
        files: number of runs.
        ignored: sequences of the source that the data set does not have.
    """

    tracker: str
    files: int
    ignored: list[str]


def read_source(source: Path) -> dict[PurePosixPath, bytes]:
    """The result files (``.txt``, ``.bin``) and times (``.value``) of a folder or zip, by path.

    Raises:
        MissingFile, DamagedFile: see :func:`tracker.vot.results.raw.files_of`.
    """
    files = files_of(source, READ).items()
    return {name: data if isinstance(data, bytes) else data.read_bytes() for name, data in files}


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
        found = "no folder" if not roots else "several folders"
        names = ", ".join(sorted({path.parts[-3] for path in files if len(path.parts) > 2})) or "none"
        raise DamagedFile(
            source, f"{found} {experiment}/<sequence>/<sequence>_001.txt: give one tracker's results (found: {names})"
        )
    root = roots.pop() / experiment
    folders: dict[PurePosixPath, dict[PurePosixPath, bytes]] = {}
    for path, data in files.items():
        folders.setdefault(path.parent, {})[path] = data
    selected: dict[str, bytes] = {}
    for name, truth in truths.items():
        own = folders.get(root / name, {})
        runs = _repetitions(own, name)
        multi_start = re.compile(re.escape(name) + r"_\d{8}(\.txt|\.bin)")
        if started := next((path for path in own if multi_start.fullmatch(path.name)), None):
            problem = "a run of the multi-start protocol (VOT2020 and later), named after its first frame"
            raise DamagedFile(f"{source}: {started}", problem)
        if not runs:
            raise DamagedFile(f"{source}: {root}/{name}/{name}_001.txt", f"missing: the data set has sequence {name}")
        for path, data in runs:
            content, suffix = raw.published(data, f"{source}: {path}", len(truth), codes)
            selected[f"{name}/{path.stem}{suffix}"] = content
        selected |= _times(own, root, name, [path.stem for path, _ in runs], len(truth))
    return selected


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
) -> Imported:
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
    opened = _Opened(workspace, experiment)
    section = opened.section(name, label)
    if otb:
        present, selected = set(opened.truths), otb_runs(source, opened.truths, opened.firsts)
    else:
        files = read_source(source)
        present, selected = _sequences(files, experiment), opened.select(files, source.name)
    opened.join(name, selected, section)
    return Imported(name, sum(file.endswith(SUFFIXES) for file in selected), sorted(present - set(opened.truths)))


@dataclass(frozen=True)
class Refused:
    """A tracker of an archive that was not imported.

    Attributes:
        tracker: its name.
        problem: why, with file and line where there are any.
    """

    tracker: str
    problem: str


def import_archive(source: Path, workspace: Path, experiment: str = "baseline") -> tuple[list[Imported], list[Refused]]:
    """Add all trackers of a challenge's archive to a workspace, each by itself: one that is refused stops no other.

    Args:
        source: folder or zip, ``<tracker>/<experiment>/<sequence>/<sequence>_001.txt`` with any folders above. A
            tracker is named after its folder, other characters than letters, digits, ``-`` and ``_`` as ``_``.
        workspace: see :func:`import_results`.
        experiment: see :func:`import_results`.

    Returns:
        What was imported and what was refused, by name of the tracker.

    Raises:
        DamagedFile: no tracker at all, or not a zip that is safe to read.
        FileNotFoundError: no source, or not a workspace.
        ValueError: the workspace has no such experiment, or a registry of its own is not named.
    """
    opened = _Opened(workspace, experiment)
    trackers: dict[PurePosixPath, dict[PurePosixPath, bytes]] = {}
    for path, data in read_source(source).items():
        if len(path.parents) > 2 and path.parts[-3] == experiment:
            trackers.setdefault(path.parents[2], {})[path] = data
    if not trackers:
        raise DamagedFile(str(source), f"no folder <tracker>/{experiment}/<sequence>/<sequence>_001.txt")
    imported, refused = [], []
    for root, files in sorted(trackers.items()):
        name = re.sub(r"[^A-Za-z0-9_-]", "_", root.name or source.stem)
        try:
            section = opened.section(name, root.name or source.stem)
            selected = opened.select(files, source.name)
            opened.join(name, selected, section)
        except (UserError, OSError) as error:
            refused.append(Refused(name, str(error)))
            continue
        count = sum(file.endswith(SUFFIXES) for file in selected)
        imported.append(Imported(name, count, sorted(_sequences(files, experiment) - set(opened.truths))))
    return imported, refused


def _sequences(files: Mapping[PurePosixPath, bytes], experiment: str) -> set[str]:
    return {path.parts[-2] for path in files if len(path.parts) > 2 and path.parts[-3] == experiment}


class _Opened:
    """A workspace that results are about to join."""

    def __init__(self, folder: Path, experiment: str) -> None:
        self._folder, self._experiment = folder, experiment
        self._workspace = load_workspace(folder)
        self._registry = _own_registry(folder)
        experiments = self._workspace.stack.experiments
        target = experiments.get(experiment)
        if not isinstance(target, MultiRunExperiment):
            known = ", ".join(key for key, one in experiments.items() if isinstance(one, MultiRunExperiment))
            problem = f"the workspace's stack has no such experiment {experiment!r}; results can join {known}"
            raise InvalidValue(problem)
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
        if self._destination(name).exists():
            raise ExistingFile(f"{self._destination(name)} exists: choose another name, or remove it to import again")
        if name in self._workspace.registry:
            tracker = self._workspace.registry[name]
            if tracker.describe()["command"]:
                raise InvalidValue(f"{name} is a tracker with a command in {tracker.source}: choose another name")
            return ""
        parser = configparser.ConfigParser()
        parser[name] = {"label": label or name, "command": ""}
        stream = io.StringIO()
        parser.write(stream)
        return stream.getvalue()

    def select(self, files: Mapping[PurePosixPath, bytes], source: str) -> dict[str, bytes]:
        return select_runs(files, self.truths, self._experiment, source, self._codes)

    def join(self, name: str, selected: Mapping[str, bytes], section: str) -> None:
        """Write the results and the section, or nothing."""
        destination = self._destination(name)
        with whole_folder(destination, beside=destination.parent) as whole:
            archive.extract(selected, whole, selected)
        if section:
            try:
                _append(self._registry, section)
            except OSError:
                shutil.rmtree(destination)
                with contextlib.suppress(OSError):  # results of other experiments are in it
                    destination.parent.rmdir()
                raise

    def _destination(self, name: str) -> Path:
        return self._folder / "results" / name / self._experiment


def _own_registry(workspace: Path) -> Path:
    """The file of the workspace's registry that new sections go to."""
    own = workspace / "trackers.ini"
    if own.resolve() not in [path.resolve() for path in registries(workspace)]:
        raise InvalidValue(
            f"the registry in {workspace}/config.yaml does not name './trackers.ini', where published results are "
            "registered: add that line"
        )
    return own


def _append(registry: Path, section: str) -> None:
    text = registry.read_text() if registry.is_file() else ""
    separator = "\n" if text and not text.endswith("\n\n") else ""
    write_whole(registry, text + separator + section.rstrip() + "\n")
