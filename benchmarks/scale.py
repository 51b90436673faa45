"""Overhead and memory of a scaled-out evaluation: ``python -m benchmarks.scale [--trackers 20] [--workers 2]``.

A whole challenge is simulated: 60 sequences without images, 15 repetitions (no early stop), some dummy trackers that
read no image. Everything else is real: the toolkit's experiment, a tracker process per task, Dask, the storage. The
overhead of a task is what the workers did not spend inside tasks. ``--compare`` measures one worker against two
instead, on a load of one-thread trackers that compute for a given time per frame; it needs an idle machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from rich.console import Console
from vot.workspace import Workspace

from tracker.vot.evaluation import scheduler
from tracker.vot.evaluation.plan import Outcome, Plan, plan
from tracker.vot.evaluation.progress import ProgressTable, duration
from tracker.vot.evaluation.scheduler import Place
from tracker.vot.results.runfiles import result_folder

DUMMY = Path(__file__).resolve().parents[1] / "tests" / "helpers"
STACK = """\
title: Scale
experiments:
  baseline:
    type: tracker.vot.reset_based.ResetBased
    repetitions: {repetitions}
    early_stop: false
    skip_initialize: 5
"""


def write_workspace(folder: Path, trackers: int, sequences: int, frames: int, repetitions: int, spin: int) -> None:
    """Sequences are ground truth alone; the target stands still, so that no tracker fails."""
    (folder / "config.yaml").write_text("registry: [trackers.ini]\nsequences: sequences\nstack: stack.yaml\n")
    (folder / "stack.yaml").write_text(STACK.format(repetitions=repetitions))
    names = [f"sequence{number:02d}" for number in range(sequences)]
    for name in names:
        place = folder / "sequences" / name
        place.mkdir(parents=True)
        place.joinpath("groundtruth.txt").write_text("20,20,30,30\n" * frames)
        place.joinpath("sequence").write_text(
            f"name={name}\nlength={frames}\nwidth=100\nheight=100\nchannels.color=color/%08d.jpg\n"
        )
    (folder / "sequences" / "list.txt").write_text("\n".join(names) + "\n")
    section = (
        f"protocol = traxpython\ncommand = dummy_tracker\npaths = {DUMMY}\n"
        f"env_OMP_NUM_THREADS = 1\nenv_DUMMY_DRIFT = 0\nenv_DUMMY_SPIN = {spin}\n"
    )
    sections = [f"[Dummy{number:02d}]\n{section}" for number in range(trackers)]
    (folder / "trackers.ini").write_text("\n".join(sections))


def planned(folder: Path) -> tuple[Plan, float]:
    """What is to do, and the seconds that looking took, a fresh load of the workspace included."""
    begin = time.perf_counter()
    workspace = Workspace.load(str(folder))
    found = plan(workspace, dict.fromkeys(workspace.registry), list(workspace.stack), list(workspace.dataset))
    return found, time.perf_counter() - begin


class Memory(threading.Thread):
    """Watches the largest resident sizes of this process (scheduler and client) and of its largest worker."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.scheduler = self.worker = self.all = 0

    def run(self) -> None:
        """Look once a second."""
        this = psutil.Process()
        while not self.ended.wait(1):
            try:
                children = [child.memory_info().rss for child in this.children(recursive=True)]
            except psutil.Error:
                continue
            self.scheduler = max(self.scheduler, this.memory_info().rss)
            self.worker = max([self.worker, *children])
            self.all = max(self.all, sum(children))


class Timed(ProgressTable):
    """Also notes when the first task begins and the last one ends, so that the start of the cluster is left out."""

    begin: float | None = None
    end = 0.0

    def progress(self, task: str, share: float) -> None:
        """A task runs."""
        self.begin = self.begin or time.perf_counter()
        super().progress(task, share)

    def finished(self, outcome: Outcome) -> None:
        """A task has ended."""
        self.end = time.perf_counter()
        super().finished(outcome)


def run(folder: Path, workers: int) -> tuple[list[Outcome], float]:
    """Evaluate; returns outcomes and the seconds from the start of the first task to the end of the last."""
    found, _ = planned(folder)
    with Timed(found.todo, [], workers, Console(quiet=True)) as table:
        outcomes = scheduler.run(folder, found.todo, Place(workers), table)
    assert table.begin is not None and not [outcome for outcome in outcomes if outcome.error]
    return outcomes, table.end - table.begin


def scale(args: argparse.Namespace, folder: Path) -> None:
    """Print the figures of docs/scale.md."""
    write_workspace(folder, args.trackers, args.sequences, args.frames, 15, 0)
    found, looking = planned(folder)
    print(f"{len(found.todo)} tasks; looking at an empty workspace: {looking:.1f} s")
    memory = Memory()
    memory.start()
    outcomes, wall = run(folder, args.workers)
    memory.ended.set()
    inside = sum(outcome.seconds for outcome in outcomes)
    overhead = (args.workers * wall - inside) / len(outcomes)
    size = sum(run.size for outcome in outcomes for run in outcome.runs)
    trajectories = sum(len(outcome.runs) for outcome in outcomes)
    found, looking = planned(folder)
    print(f"{trajectories} trajectories, {size / 1e6:.1f} MB in {duration(wall)} on {args.workers} workers")
    print(f"inside a task: {inside / len(outcomes):.2f} s; overhead per task: {1e3 * overhead:.0f} ms")
    print(f"looking at the complete workspace: {looking:.1f} s, {len(found.kept)} complete")
    print(
        f"resident: scheduler and client {memory.scheduler / 1e6:.0f} MB, "
        f"largest process below it {memory.worker / 1e6:.0f} MB, all of them {memory.all / 1e6:.0f} MB"
    )


def compare(args: argparse.Namespace, folder: Path) -> int:
    """Two workers against one; the results must be the same files."""
    seconds, places = {}, {}
    for workers in (1, 2):
        places[workers] = folder / str(workers)
        places[workers].mkdir()
        write_workspace(places[workers], 2, args.sequences, args.frames, 1, args.spin)
        _, seconds[workers] = run(places[workers], workers)
        print(f"{workers} workers: {seconds[workers]:.1f} s", flush=True)
    results = [str(result_folder(places[workers], "", "", "")) for workers in (1, 2)]
    differing = subprocess.run(["diff", "-r", "-x", "*_time.value", *results], check=False).returncode
    print(f"{seconds[1] / seconds[2]:.2f} times as fast; files {'DIFFER' if differing else 'identical but for times'}")
    return differing


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--compare", action="store_true", help="one worker against two")
    parser.add_argument("--trackers", type=int, default=20)
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--frames", type=int, default=20, help="of a sequence")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--spin", type=int, default=25, help="--compare: milliseconds of computing per frame")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.compare:
            return compare(args, Path(folder))
        scale(args, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
