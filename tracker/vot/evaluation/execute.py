"""One task, run in this process: what a worker of an evaluation does.

The toolkit's own experiment class runs it in one tracker process after the other, exactly as ``vot evaluate`` does, so
it does not matter where and in what order tasks run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from vot.tracker import TrackerException
from vot.workspace import Workspace

from tracker.core.errors import FULL
from tracker.core.files import sweep
from tracker.vot.evaluation.plan import Outcome, Task
from tracker.vot.results import provenance
from tracker.vot.results.runfiles import expected_frames, read_run, result_folder, trajectories
from tracker.vot.results.storage import ResultFolder, TaskStorage

LOG_LINES = 15


@lru_cache(maxsize=1)
def _load(directory: str, evaluation: str) -> Workspace:
    """The workspace, loaded once in a process for each evaluation (its files may change between two)."""
    return Workspace.load(directory)


def execute(
    directory: str,
    evaluation: str,
    task: Task,
    environment: Mapping[str, str | None],
    progress: Callable[[float], None] | None = None,
) -> Outcome:
    """Run a task in this process; what is complete already is not run again.

    Args:
        directory: the workspace's folder, as this machine sees it.
        evaluation: any text that is the same for all tasks of an evaluation and for no other evaluation.
        task: what to run.
        environment: variables to set (None: to remove) so that a tracker sees what it would see under
            ``vot evaluate``; schedulers set thread counts of their own, and sums depend on them.
        progress: told the finished share of the task, 0 to 1, now and then.
    """
    start = time.monotonic()
    for name, value in environment.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    folder = result_folder(directory, task.tracker, task.experiment, task.sequence)
    results = ResultFolder(str(folder), lambda: provenance.confirm(folder, task.provenance))
    error, log, disk_full = None, "", False
    try:
        workspace = _load(directory, evaluation)
        tracker = workspace.registry.resolve(task.tracker, skip_unknown=False)[0]
        experiment = workspace.stack[task.experiment]
        source = next(sequence for sequence in workspace.dataset if sequence.name == task.source)
        sequence = next(item for item in experiment.transform(source) if item.name == task.sequence)
        sweep(folder)
        provenance.write(folder, task.provenance)
        experiment._storage = TaskStorage(directory, results)
        experiment.execute(tracker, sequence, callback=progress)
        results.commit()
    except TrackerException as failure:
        error, log = str(failure), failure.log or ""
        with experiment.log(task.tracker) as file:
            file.write(log)
    except OSError as failure:
        disk_full = failure.errno in FULL
        error = f"{type(failure).__name__}: {failure}"
    except Exception as failure:  # whatever a tracker or data set does, the other tasks go on
        error = f"{type(failure).__name__}: {failure}"
    finally:
        results.discard()
    names = [] if error else trajectories(folder)
    runs = [read_run(folder, name, expected_frames(experiment, sequence, name)) for name in names]
    tail = "\n".join(log.strip().splitlines()[-LOG_LINES:])
    return Outcome(task, tuple(runs), time.monotonic() - start, error, tail, disk_full)
