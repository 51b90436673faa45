"""Reset-based runs of the project's trackers through the toolkit, kept so that nothing is computed twice.

A run is kept under ``benchmarks/runs/<tracker>-<key>-s<seed>/<sequence>-<digest>/``: the toolkit's own trajectory and
time files, and ``run.npz`` with overlaps and codes. The key covers what decides the boxes: parameters and
weights (the tracker's fingerprint), the code of its modules, the libraries, the number of threads; the digest covers
ground truth and images. Trackers run from a copy of the code: it may be edited while they do.
"""

from __future__ import annotations

import ast
import configparser
import faulthandler
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import vot.dataset
from numpy.typing import NDArray
from vot.dataset import load_sequence
from vot.region import Polygon, Region, RegionType, Special
from vot.tracker import Registry, Results, TrackerException
from vot.workspace import LocalStorage

from tracker.core.boxes import Boxes, clip, from_polygon
from tracker.core.settings import as_text
from tracker.vot.reset_based import ResetBased
from tracker.vot.results.annotations import Annotations, annotations_of
from tracker.vot.results.provenance import data_of, digest
from tracker.vot.results.raw import parse
from tracker.vot.results.runs import Run, measure, raw_runs

PROJECT = Path(__file__).resolve().parents[1]
RUNS = PROJECT / "benchmarks" / "runs"
REGISTRIES = ("trackers.ini", "benchmarks/trackers.ini")
CONTRIB = "benchmarks/.venv-contrib"
SKIP_INITIALIZE = 5
ATTEMPTS = 4
RUNAWAY_FACTOR, RUNAWAY_FRAMES = 2.0, 10


@dataclass(frozen=True)
class Variant:
    """A tracker of the catalog, perhaps with other parameters; ``overrides`` are sorted (name, value) pairs."""

    name: str
    overrides: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read ``NAME`` or ``NAME:parameter=value,parameter=value``.

        Raises:
            ValueError: if a part after the colon is not ``parameter=value``.

        >>> Variant.parse("DAT:grid=7,device=cpu").overrides
        (('device', 'cpu'), ('grid', 7))
        """
        name, _, rest = text.partition(":")
        pairs = [part.partition("=") for part in rest.split(",")] if rest else []
        if wrong := [key for key, equals, _ in pairs if not equals]:
            raise ValueError(
                f"tracker {text!r}: {wrong[0]!r} is no setting; write NAME:parameter=value,parameter=value"
            )
        return cls(name, tuple(sorted((key.strip(), _value(value)) for key, _, value in pairs)))

    def __str__(self) -> str:
        return self.name + (":" + ",".join(f"{key}={value}" for key, value in self.overrides) if self.overrides else "")


@dataclass(frozen=True)
class Source:
    """A sequence on disk. ``digest`` tells different sequences of one name apart."""

    name: str
    path: Path
    frames: int
    digest: str

    @classmethod
    def read(cls, path: Path) -> Source:
        """Describe the sequence in the folder ``path`` (VOT layout)."""
        sequence = load_sequence(str(path))
        return cls(sequence.name, path, len(sequence), data_of(sequence))

    def load(self) -> vot.dataset.Sequence:
        """The toolkit's sequence."""
        return load_sequence(str(self.path))

    def annotations(self) -> Annotations:
        """Ground truth and attributes, checked."""
        return annotations_of(self.load())


@dataclass(frozen=True)
class Series:
    """One tracker with one seed: what a section of trackers.ini names."""

    variant: Variant
    seed: int
    section: str
    ini: Path
    kept: Path

    def folder(self, source: Source) -> Path:
        """Where the run on ``source`` is kept."""
        return self.kept / self.section / f"{source.name}-{source.digest}"


class RunFailed(Exception):
    """A tracker did not finish a sequence; the message tells which, and the end of its log."""


def sections(root: Path = PROJECT) -> dict[str, dict[str, str]]:
    """Sections of the project's registries, by name of the tracker."""
    found = {}
    for registry in REGISTRIES:
        config = configparser.ConfigParser()
        config.read(root / registry, encoding="utf-8")
        found.update({name: dict(config[name]) for name in config.sections()})
    return found


def section_of(variant: Variant) -> dict[str, str]:
    """The registry's section of a tracker.

    Raises:
        ValueError: if no registry has the tracker, or its environment was not made.
    """
    known = sections()
    if variant.name not in known:
        raise ValueError(f"unknown tracker {variant.name!r}; {' and '.join(REGISTRIES)} have {', '.join(known)}")
    section = known[variant.name]
    if CONTRIB in section.get("python", "") and not (PROJECT / CONTRIB / "bin" / "python").exists():
        raise ValueError(f"tracker {variant.name} needs {CONTRIB}: run 'make bench-env', or leave {variant.name} out")
    return section


def interpreter(section: dict[str, str]) -> list[str]:
    """The command of the Python that runs a section's tracker; PYTHONPATH must be the project's folder."""
    return shlex.split(section["python"]) if "python" in section else [sys.executable]


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


def prepare(
    variants: Sequence[Variant], seeds: int, threads: int, root: Path, kept: Path = RUNS
) -> dict[Variant, list[Series]]:
    """Identify trackers and write ``trackers.ini`` with a section for each and each seed into ``root``.

    Args:
        variants: trackers to run.
        seeds: runs of each tracker, with the seeds 0, 1, ...; a deterministic tracker runs once.
        threads: threads of a tracker.
        root: folder made by ``snapshot``.
        kept: folder of all runs.

    Raises:
        ValueError: if a tracker cannot be made; the message holds its error.
    """
    config = configparser.ConfigParser()
    series: dict[Variant, list[Series]] = {}
    for variant in variants:
        section = section_of(variant)
        overrides = dict(variant.overrides) | {"threads": threads}
        identity = identify(variant.name, overrides, section, root)
        key = run_key(identity)
        series[variant] = []
        for seed in range(1 if identity["deterministic"] else seeds):
            name = f"{variant.name}-{key}-s{seed}"
            config[name] = _run_section(section, variant, seed if identity["seeded"] else None, threads)
            series[variant].append(Series(variant, seed, name, root / "trackers.ini", kept))
            _describe(kept / name, identity | {"seed": seed})
    with open(root / "trackers.ini", "w", encoding="utf-8") as file:
        config.write(file)
    return series


def identify(name: str, overrides: dict[str, Any], section: dict[str, str], root: Path) -> dict[str, Any]:
    """``benchmarks.identify`` as run by the tracker's interpreter on the code in ``root``.

    Raises:
        ValueError: if the tracker cannot be made; the message holds its error.
    """
    command = [*interpreter(section), "-m", "benchmarks.identify", name, json.dumps(overrides)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"tracker {name} with {overrides} cannot be made: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_key(identity: dict[str, Any]) -> str:
    """Name of everything that decides a tracker's boxes, except for the seed: twelve hexadecimal digits."""
    return digest(identity)


def run_missing(
    jobs: Sequence[tuple[Series, Source]], workers: int, report: Callable[[int, Series, Source, float, Run], None]
) -> None:
    """Run what is not kept yet, ``workers`` at a time.

    A toolkit process that dies (libtrax can end it with a segmentation fault when a tracker does) is replaced.

    Args:
        jobs: what is wanted; runs that are kept are left alone.
        workers: toolkit processes at once, each with a tracker of its own.
        report: told (number of runs left, series, sequence, seconds, run) after each.

    Raises:
        RunFailed: if a tracker failed, after all other runs have ended, or if toolkit processes keep dying.
    """
    for _ in range(ATTEMPTS):
        missing = [(series, source) for series, source in jobs if not (series.folder(source) / "run.npz").exists()]
        missing.sort(key=lambda job: (job[0].seed, -job[1].frames))
        try:
            return _run_all(missing, workers, report)
        except BrokenProcessPool:
            print("a toolkit process died; what it had not finished is run again", file=sys.stderr, flush=True)
    raise RunFailed(
        f"toolkit processes died {ATTEMPTS} times, see above; is there enough memory for {workers} workers?"
    )


def _run_all(
    missing: Sequence[tuple[Series, Source]], workers: int, report: Callable[[int, Series, Source, float, Run], None]
) -> None:
    errors = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=faulthandler.enable) as pool:
        futures = {pool.submit(_execute, series, source): (series, source) for series, source in missing}
        try:
            for left, future in zip(range(len(futures) - 1, -1, -1), as_completed(futures), strict=True):
                try:
                    seconds, run = future.result()
                except RunFailed as error:
                    errors.append(str(error))
                    continue
                report(left, *futures[future], seconds, run)
        except BaseException:  # Ctrl-C, or a process that died: what waits must not start
            pool.shutdown(cancel_futures=True)
            raise
    if errors:
        raise RunFailed("\n".join(errors))


@dataclass(frozen=True, eq=False)
class KeptRun(Run):
    """A run, and whether the box ran away in it; see ``runaway``."""

    ran_away: bool


def load(series: Series, source: Source) -> KeptRun:
    """The run that is kept.

    Raises:
        FileNotFoundError: if it has not been made.
    """
    folder, truth = series.folder(source), source.annotations()
    with np.load(folder / "run.npz") as data:
        overlaps, codes = data["overlaps"], data["codes"]
    (file,) = folder.glob(f"{source.name}_001.*")
    boxes = _boxes(parse(file.read_bytes(), file.name))
    away = runaway(boxes, _boxes(truth.groundtruth), _scores(folder, source.name, len(truth)), truth.bounds)
    return KeptRun(overlaps=overlaps, codes=codes, ran_away=away)


def runaway(boxes: Boxes, truths: Boxes, scores: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Whether a box was wrong in size for long while its tracker held it to be right.

    What lies outside the image is not seen, and counts neither here nor in an overlap.

    Args:
        boxes: (frames, 4), NaN where there is none.
        truths: (frames, 4), those of the ground truth.
        scores: (frames,), confidence; above 0 the target counts as found.
        size: width and height of the image, to which both are clipped.

    Returns:
        Whether a side was off by more than ``RUNAWAY_FACTOR`` in ``RUNAWAY_FRAMES`` frames in a row.

    >>> boxes = np.full((30, 4), 10.0)
    >>> [runaway(boxes, boxes * [1, 1, 1, factor], np.ones(30), (100, 100)) for factor in (2.5, 1.9)]
    [True, False]
    """
    sides, true_sides = (clip(some, *size)[:, 2:] for some in (boxes, truths))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(np.log(sides / true_sides)).max(axis=1) > np.log(RUNAWAY_FACTOR)
    wrong = np.concatenate([[0], (off & (scores > 0)).astype(int), [0]])
    starts, ends = np.flatnonzero(np.diff(wrong) == 1), np.flatnonzero(np.diff(wrong) == -1)
    return bool((ends - starts >= RUNAWAY_FRAMES).any())


def _boxes(regions: Sequence[Region]) -> Boxes:
    """What stands for each region as a box, NaN for a code: (frames, 4)."""
    boxes = np.full((len(regions), 4), np.nan)
    for frame, region in enumerate(regions):
        if isinstance(region, Polygon):
            boxes[frame] = from_polygon(region.points())
        elif not isinstance(region, Special):
            box = region.convert(RegionType.RECTANGLE)
            boxes[frame] = box.x, box.y, box.width, box.height
    return boxes


def _scores(folder: Path, name: str, frames: int) -> NDArray[np.float64]:
    """What a run's tracker said of its confidence, NaN where it said nothing: (frames,)."""
    (file,) = folder.glob(f"{name}_001_confidence.value")
    lines = file.read_text(encoding="utf-8").split("\n")[:frames]
    return np.array([float(line) if line.strip() else np.nan for line in lines] + [np.nan] * (frames - len(lines)))


class _Folder(LocalStorage):
    """A toolkit storage that puts every result straight into its folder."""

    def results(self, tracker: Any, experiment: Any, sequence: Any) -> Results:
        return Results(self)


def _execute(series: Series, source: Source) -> tuple[float, Run]:
    """Run one tracker on one sequence in this process and keep the result, complete or not at all."""
    started = time.perf_counter()
    final = series.folder(source)
    with TemporaryDirectory(dir=series.kept, prefix=".running-") as folder:
        experiment = ResetBased("baseline", _Folder(folder), repetitions=1, skip_initialize=SKIP_INITIALIZE)
        tracker = Registry([str(series.ini)])[series.section]
        (sequence,) = experiment.transform(source.load())
        try:
            experiment.execute(tracker, sequence)
        except TrackerException as error:
            tail = "\n    ".join(str(error.log or "").strip().splitlines()[-15:])
            raise RunFailed(f"{series.section} on {source.name}: {error}\n    {tail}") from None
        ((file, data),) = raw_runs(experiment, tracker, sequence)
        run = measure(data, file, source.annotations())
        shutil.copytree(folder, final, dirs_exist_ok=True)
        np.savez_compressed(Path(folder) / "run.npz", codes=run.codes, overlaps=run.overlaps)
        os.replace(Path(folder) / "run.npz", final / "run.npz")  # last and at once: it marks the run as complete
    return time.perf_counter() - started, run


def _run_section(section: dict[str, str], variant: Variant, seed: int | None, threads: int) -> dict[str, str]:
    run = section | {"paths": ".", "env_reciprocative_threads": str(threads)}
    if seed is not None:
        run["env_reciprocative_seed"] = str(seed)
    if overrides := {name: value for name, value in variant.overrides if name != "threads"}:
        run["env_reciprocative_params"] = as_text(overrides)
    return run


def _describe(folder: Path, identity: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "identity.json").write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
