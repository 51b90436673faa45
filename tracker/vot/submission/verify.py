"""Checks a submission: safe to open, whole, consistent; on request its figures and a trajectory made again."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from vot.region import Special, calculate_overlap
from vot.stack import resolve_stack

from tracker.core import archive
from tracker.core.errors import InvalidValue
from tracker.formats.workspace import read_config, sequences_folder
from tracker.vot.evaluation.execute import execute
from tracker.vot.evaluation.plan import Task
from tracker.vot.results import provenance, raw
from tracker.vot.results.provenance import Provenance
from tracker.vot.results.runfiles import read_runs, result_folder, run_files, trajectories
from tracker.vot.submission import manifest
from tracker.vot.submission.manifest import MANIFEST, REPRODUCE
from tracker.vot.submission.pack import ANALYSIS, SECTION, figures
from tracker.vot.toolkit import analyse
from tracker.vot.workspace import load_workspace

TOLERANCE = 1e-6
"""Relative difference of figures that machines may have: overlaps are counted in pixels, sums in another order."""
SAME_OVERLAP = 0.999


class Submission:
    """An opened package.

    Attributes:
        members: name -> content of everything in it.
        identifier: the tracker.
        results: experiment -> sequence -> trajectory -> number of frames, as the manifest says.
        figures: the results of the analysis.
    """

    def __init__(self, path: Path) -> None:
        """Open a package; ``ValueError`` if it is unsafe, no zip archive, or not what 'pack' writes."""
        self.members = archive.read(path)
        for name in (MANIFEST, archive.CHECKSUMS, ANALYSIS, SECTION):
            if name not in self.members:
                raise InvalidValue(f"{name} is missing: this is no package of 'reciprocative pack', or it was cut")
        claims = manifest.parse(self.members[MANIFEST])
        self.identifier, self.results = claims.identifier, claims.results
        try:
            self.figures: Any = json.loads(self.members[ANALYSIS])["results"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise InvalidValue(f"{ANALYSIS} is no analysis: {type(error).__name__}: {error}") from error

    def problems(self) -> list[str]:
        """What is wrong with the content, one line each: checksums, files, trajectories."""
        return [*self._checksums(), *self._trajectories()]

    def _checksums(self) -> Iterator[str]:
        members = {name: content for name, content in self.members.items() if name != archive.CHECKSUMS}
        try:
            lines = self.members[archive.CHECKSUMS].decode().splitlines()
        except UnicodeDecodeError as error:
            yield f"{archive.CHECKSUMS}: not UTF-8 ({error})"
            return
        listing = {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
        for name in sorted(listing.keys() | members.keys()):
            if name not in members:
                yield f"{name}: missing"
            elif name not in listing:
                yield f"{name}: not listed in {archive.CHECKSUMS}"
            elif listing[name] != sha256(members[name]).hexdigest():
                yield f"{name}: its checksum differs"

    def _trajectories(self) -> Iterator[str]:
        unexplained = set(self.result_members())
        with tempfile.TemporaryDirectory() as folder:
            archive.extract(self.members, Path(folder), unexplained)
            for experiment, sequences in self.results.items():
                for sequence, runs in sequences.items():
                    place = Path(folder, experiment, sequence)
                    present = trajectories(place)
                    for name in sorted(runs.keys() - present):
                        yield f"{experiment}/{sequence}/{name}: the manifest lists this trajectory, but it is missing"
                    _, damaged = read_runs(place, {name: runs[name] for name in present if name in runs})
                    for error in damaged.values():
                        yield str(error).replace(f"{folder}/", "")
                    for name in runs:
                        unexplained -= {path.relative_to(folder).as_posix() for path in run_files(place, name)}
        for member in sorted(unexplained):
            yield f"{member}: not in the manifest"

    def result_members(self) -> list[str]:
        """Names of trajectories and properties, and of whatever else is not in the folder ``reproduce``."""
        others = (MANIFEST, archive.CHECKSUMS)
        return [name for name in self.members if name not in others and not name.startswith(f"{REPRODUCE}/")]

    def count(self) -> int:
        """How many trajectories the manifest lists."""
        return sum(len(runs) for sequences in self.results.values() for runs in sequences.values())

    def recompute(self, workspace: Path) -> list[str]:
        """Analyse the package's results with the stack and data of a workspace, left as it is, and compare the figures.

        Raises:
            OSError: not a workspace, or the analysis fails.
        """
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "trackers.ini").write_text(f"[{self.identifier}]\ncommand =\nprotocol = trax\n")
            place = _workspace(Path(folder), *_stack_and_sequences(workspace), "trackers.ini")
            archive.extract(self.members, place / "results" / self.identifier, self.result_members())
            now = figures(json.loads(analyse(place, [self.identifier]).read_text()))
        return [f"{ANALYSIS}: {line}" for line in differences(self.figures, now["results"])]

    def rerun(self, workspace: Path, sequence: str) -> list[str]:
        """Run the tracker of a workspace on one sequence again and compare with the package's first repetitions.

        Raises:
            ValueError: the package has no such sequence, or the registry no such tracker.
        """
        loaded = load_workspace(workspace)
        if self.identifier not in loaded.registry:
            raise InvalidValue(
                f"the registry of {workspace} has no tracker {self.identifier}; {SECTION} has its section"
            )
        matches = (item for item in loaded.stack if sequence in self.results.get(item.identifier, {}))
        experiment = next((item for item in matches if item.realtime is None), None)
        if experiment is None:
            names = sorted({name for sequences in self.results.values() for name in sequences})
            raise InvalidValue(f"no sequence {sequence} that can be run again; the package has {', '.join(names)}")
        tracker = loaded.registry[self.identifier]
        with tempfile.TemporaryDirectory() as folder:
            stack, sequences = _stack_and_sequences(workspace)
            place = _workspace(Path(folder), _one_repetition(stack), sequences, tracker.source)
            maker = Provenance(None, provenance.settings_of(tracker), provenance.rules_of(experiment), "")
            task = Task(self.identifier, experiment.identifier, sequence, sequence, 0, 1, True, maker)
            outcome = execute(str(place), folder, task, {})
            if outcome.error:
                return [f"{task.name} could not be run again: {outcome.error}\n{outcome.log}"]
            return list(self._compare(place, task, [run.name for run in outcome.runs]))

    def _compare(self, place: Path, task: Task, names: list[str]) -> Iterator[str]:
        archive.extract(self.members, place / "package", self.result_members())
        for name in names:
            fresh = _regions(result_folder(place, task.tracker, task.experiment, task.sequence), name)
            packed = _regions(place / "package" / task.experiment / task.sequence, name)
            worst, frame = min(
                (_agreement(one, other), index) for index, (one, other) in enumerate(zip(packed, fresh, strict=True))
            )
            if worst < SAME_OVERLAP:
                yield f"{task.experiment}/{task.sequence}/{name}: overlap {worst:.4f} in frame {frame}, run again"


def differences(then: Any, now: Any, place: str = "results") -> list[str]:
    """Where two JSON values differ, numbers by more than ``TOLERANCE``.

    >>> differences({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]})
    ['results.a[1]: 2.0 in the package, 2.5 computed now']
    """
    if isinstance(then, Mapping) and isinstance(now, Mapping) and then.keys() == now.keys():
        return [line for key in then for line in differences(then[key], now[key], f"{place}.{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, f"{place}[{index}]")]
    if isinstance(then, float) and isinstance(now, float):
        same = math.isclose(then, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (math.isnan(then) and math.isnan(now))
    else:
        same = then == now
    return [] if same else [f"{place}: {then!r:.60} in the package, {now!r:.60} computed now"]


def _agreement(packed: Any, fresh: Any) -> float:
    if isinstance(packed, Special) or isinstance(fresh, Special):
        return float(isinstance(packed, Special) and isinstance(fresh, Special) and packed.code == fresh.code)
    return float(calculate_overlap(packed, fresh))


def _regions(folder: Path, name: str) -> list[Any]:
    file = run_files(folder, name)[0]
    return raw.parse(file.read_bytes(), str(file))


def _stack_and_sequences(workspace: Path) -> tuple[dict[str, Any], str]:
    """The stack, as its file says, and the absolute folder of the sequences."""
    load_workspace(workspace)  # which tells what is wrong with it
    stack = read_config(workspace, typed=True)["stack"]
    if isinstance(stack, str):
        stack = yaml.safe_load(Path(resolve_stack(stack, str(workspace.resolve()))).read_text())
    return stack, str(sequences_folder(workspace.resolve()))


def _one_repetition(stack: dict[str, Any]) -> dict[str, Any]:
    experiments = {
        name: {key: value for key, value in settings.items() if key not in ("analyses", "repetitions")}
        for name, settings in stack["experiments"].items()
    }
    return {**stack, "experiments": experiments}


def _workspace(folder: Path, stack: dict[str, Any], sequences: str, registry: str) -> Path:
    """Write a workspace that uses the sequences of another."""
    (folder / "stack.yaml").write_text(yaml.safe_dump(stack, sort_keys=False))
    config = {"registry": [registry], "sequences": sequences, "stack": "stack.yaml"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder
