"""Reset-based runs of trackers, made by ``tracker.evaluate`` and kept, so that nothing is computed twice.

Each benchmark evaluates a workspace in a temporary folder, beside a copy of the code that its trackers run: it may be
edited while they do. What is kept is linked into the workspace; a run lies, as the toolkit wrote it, in
``results/<tracker>-<key>-s<seed>/baseline/<sequence>-<digest>/``. The key covers what decides the boxes: parameters and
weights (the tracker's fingerprint), the code of its modules, the libraries, the number of threads; the digest covers
ground truth and images.
"""

from __future__ import annotations

import configparser
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import vot.dataset
import yaml
from rich.console import Console
from vot.workspace import Workspace

from benchmarks.runaway import KeptRun, judged
from benchmarks.sequences import folder_of
from benchmarks.tables import PROJECT
from benchmarks.variants import CONTRIB, Variant
from tracker import evaluate
from tracker.core.settings import as_text
from tracker.vot.evaluation.plan import plan
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.provenance import data_of, digest
from tracker.vot.results.runfiles import result_folder
from tracker.vot.results.runs import load, raw_runs
from tracker.vot.workspace import load_workspace, reset_based

RUNS = PROJECT / "benchmarks" / "runs"
KEPT = ("results", "cache", "logs")
"""Folders of a workspace that outlive it."""


@dataclass(frozen=True)
class Series:
    """One tracker with one seed.

    Attributes:
        label: of the tracker.
        name: of its section of trackers.ini.
        section: the settings there.
        identity: what ``benchmarks.identify`` says, and the seed.
    """

    label: str
    name: str
    section: dict[str, str]
    identity: dict[str, Any]


def collect(
    variants: Mapping[str, Variant],
    sequences: Sequence[vot.dataset.Sequence],
    *,
    seeds: int,
    threads: int,
    workers: int,
    kept: Path = RUNS,
) -> dict[str, list[dict[str, KeptRun]]]:
    """Make the runs that are not kept yet, telling of them on stderr, and read all.

    Args:
        variants: trackers to run, by label.
        sequences: what to run them on.
        seeds: runs of each tracker, with the seeds 0, 1, ...; a deterministic tracker runs once.
        threads: threads of a tracker.
        workers: trackers that run at once; fewer do where the cores cannot feed their threads.
        kept: folder of all runs.

    Returns:
        For each label the runs of each seed, by the sequence's name.

    Raises:
        ValueError: if a tracker cannot be made; the message holds its error, and nothing was run.
        DamagedFile: if the ground truth of a sequence ends early.
        IncompleteResults: if a tracker failed, which was told with the end of its log; all other runs are kept.
    """
    for sequence in sequences:
        annotations_of(sequence).require_whole()
    with snapshot() as root:
        series = []
        for label, variant in variants.items():
            series += series_of(label, variant, variant.identity(threads, root), seeds, threads)
        places = {f"{sequence.name}-{data_of(sequence)}": folder_of(sequence) for sequence in sequences}
        write_workspace(root, root / "trackers.ini", root / "benchmarks" / "stack.yaml", places)
        _register(root, kept.resolve(), series)
        workspace = load_workspace(root)
        _run_missing(workspace, series, workers)
        runs: dict[str, list[dict[str, KeptRun]]] = {label: [] for label in variants}
        for one in series:
            found = _read(workspace, one.name)
            runs[one.label].append({sequence.name: run for sequence, run in zip(sequences, found, strict=True)})
        return runs


@contextmanager
def snapshot() -> Iterator[Path]:
    """A temporary folder with a copy of the code that trackers run, so that edits do not reach a running benchmark."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        root = Path(folder)
        ignore = shutil.ignore_patterns("__pycache__", ".venv*", "runs")
        for package in ("tracker", "benchmarks"):
            shutil.copytree(PROJECT / package, root / package, ignore=ignore)
        if (PROJECT / CONTRIB).exists():
            (root / CONTRIB).symlink_to(PROJECT / CONTRIB, target_is_directory=True)
        yield root


def series_of(label: str, variant: Variant, identity: Mapping[str, Any], seeds: int, threads: int) -> list[Series]:
    """The series of a tracker, with names that tell them from all whose boxes may be others."""
    section = variant.section() | {"paths": ".", "env_reciprocative_threads": str(threads)}
    if overrides := {name: value for name, value in variant.overrides if name != "threads"}:
        section["env_reciprocative_params"] = as_text(overrides)
    series = []
    for seed in range(1 if identity["deterministic"] else seeds):
        name = f"{variant.name}-{digest(identity)}-s{seed}"
        seeded = {"env_reciprocative_seed": str(seed)} if identity["seeded"] else {}
        series.append(Series(label, name, section | seeded, {**identity, "seed": seed}))
    return series


def write_workspace(folder: Path, registry: Path, stack: Path, sequences: Mapping[str, Path]) -> None:
    """Write a workspace whose sequences, by name, are links."""
    (folder / "sequences").mkdir(parents=True)
    for name, place in sequences.items():
        (folder / "sequences" / name).symlink_to(place, target_is_directory=True)
    (folder / "sequences" / "list.txt").write_text("".join(f"{name}\n" for name in sequences))
    config = {"registry": [str(registry)], "sequences": "sequences", "stack": str(stack)}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def _register(root: Path, kept: Path, series: Sequence[Series]) -> None:
    """Write trackers.ini, link what is kept, and describe each series there."""
    for folder in KEPT:
        (kept / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).symlink_to(kept / folder, target_is_directory=True)
    registry = configparser.ConfigParser()
    for one in series:
        registry[one.name] = one.section
        (root / "results" / one.name).mkdir(exist_ok=True)
        (root / "results" / one.name / "identity.json").write_text(json.dumps(one.identity, indent=2) + "\n")
    with open(root / "trackers.ini", "w", encoding="utf-8") as file:
        registry.write(file)


def _run_missing(workspace: Workspace, series: Sequence[Series], workers: int) -> None:
    """Evaluate the trackers of which a run is missing; where none is, no tracker is started."""
    fingerprints = {workspace.registry[one.name]: one.identity["fingerprint"] or None for one in series}
    todo = plan(workspace, fingerprints, [reset_based(workspace)], list(workspace.dataset))
    missing = {task.tracker for task in [*todo.todo, *(task for task, _ in todo.stale)]}
    if missing:
        console = Console(stderr=True, force_jupyter=False)
        evaluate(workspace.directory, sorted(missing), workers=workers, redo_stale=True, console=console)


def _read(workspace: Workspace, name: str) -> Iterator[KeptRun]:
    """The run of a tracker on each sequence."""
    experiment, tracker = reset_based(workspace), workspace.registry[name]
    sequences = experiment.transform(workspace.dataset)
    (found,) = load(experiment, [tracker], sequences)
    for sequence, (run,) in zip(sequences, found, strict=True):
        ((file, data),) = raw_runs(experiment, tracker, sequence)
        folder = result_folder(workspace.directory, name, experiment.identifier, sequence.name)
        confidence = (folder / f"{sequence.name}_001_confidence.value").read_text(encoding="utf-8")
        yield judged(run, data, file, confidence, annotations_of(sequence))
