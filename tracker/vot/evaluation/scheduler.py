"""Tasks on many cores or a cluster, scheduled by Dask distributed.

A local cluster has one process per worker, each with one task at a time; on a cluster of machines any ``dask worker
--nthreads 1`` that sees the workspace will do. Which worker runs a task, and when, has no influence on its results
(:mod:`tracker.vot.evaluation.execute`). Real-time experiments measure time: they run alone, one at a time.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, as_completed
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from tracker.core.errors import InvalidValue, ResourceError
from tracker.core.machine import CORES
from tracker.vot.evaluation import worker
from tracker.vot.evaluation.plan import Outcome, Task
from tracker.vot.evaluation.progress import ProgressTable

DASK_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_")
"""What Dask sets in its workers, and a tracker under ``vot evaluate`` would not see."""

FILES, FILES_OF_A_WORKER = 48, 16
"""Open files that an evaluation on this machine needs; one worker was seen to take 33, two more than 32."""
ATTEMPTS = 2
GONE = "the Dask scheduler is gone: what is complete is kept, run the same command again"
WAIT_FOR_WORKERS = 120.0

ANSWER_LIMIT = 30.0
"""Seconds that a scheduler has to answer the first time."""


@dataclass(frozen=True)
class Place:
    """Where tasks run.

    Attributes:
        workers: number of tasks side by side: processes of a local cluster, or what ``scheduler`` has.
        scheduler: address of an existing scheduler, for example ``tcp://head:8786``; None: a local cluster.
    """

    workers: int = 1
    scheduler: str | None = None


def fitting_workers(asked: int | None, threads: int, available: int | None = None) -> int:
    """Number of workers: as many as asked for, and no more than the cores can feed.

    Args:
        asked: number that was asked for; None: as many as fit.
        threads: largest number of threads that a tracker of the evaluation uses.
        available: number of cores; None: all that this process may use.

    Raises:
        ValueError: fewer than one is asked for.

    >>> fitting_workers(8, threads=2, available=6)
    3
    """
    if asked is not None and asked < 1:
        raise InvalidValue(f"--workers must be 1 or more, not {asked}")
    most = max(1, (CORES if available is None else available) // max(threads, 1))
    return most if asked is None else min(asked, most)


def count_workers(scheduler: str, directory: Path | str) -> int:
    """Number of workers of an existing scheduler.

    Args:
        scheduler: its address.
        directory: the workspace's folder, which all workers must see.

    Raises:
        ConnectionError: see :func:`run`.
    """
    with _connect(Place(scheduler=scheduler), str(Path(directory).resolve())) as client:
        return len(client.nthreads())


def run(directory: Path | str, tasks: Sequence[Task], place: Place, observer: ProgressTable) -> list[Outcome]:
    """Run tasks and return what became of each.

    A task that fails is run once more. On Ctrl-C the trackers are stopped, and what is complete stays.

    Args:
        directory: the workspace's folder; on a cluster all workers must see it at this path.
        tasks: what to run.
        place: where to.
        observer: told of everything that happens, from several threads.

    Raises:
        ConnectionError: the scheduler cannot be reached, or is lost on the way, or a worker does not fit: no shared
            file system, another toolkit, several tasks at a time.
        OSError: no space is left for results.
        KeyboardInterrupt: Ctrl-C, after everything was stopped.
    """
    directory = str(Path(directory).resolve())
    outcomes: list[Outcome] = []
    with _connect(place, directory) as client:
        client.subscribe_topic(worker.TOPIC, lambda event: observer.progress(event[1]["task"], event[1]["share"]))
        batch = _Batches(client, directory, observer)
        try:
            for part in [[task for task in tasks if not task.alone], *([task] for task in tasks if task.alone)]:
                outcomes += batch.run(part)
        except CommClosedError as error:
            raise ResourceError(GONE) from error
        except BaseException:
            batch.stop()
            raise
    return outcomes


class _Batches:
    """Runs tasks beside each other, each batch to its end."""

    def __init__(self, client: Client, directory: str, observer: ProgressTable) -> None:
        self._client = client
        self._directory = directory
        self._observer = observer
        self._evaluation = uuid.uuid4().hex
        self._environment = {name: os.environ.get(name) for name in DASK_THREAD_VARIABLES}
        self._environment |= {name: value for name, value in os.environ.items() if name.startswith("VOT_")}
        self._tasks: dict[Future[Any], tuple[Task, int]] = {}

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Run ``tasks``; yields what became of each, in the order in which they end."""
        running = as_completed([self._submit(task, 1) for task in tasks], loop=self._client.loop)
        for future in running:
            task, attempt = self._tasks.pop(future)
            outcome = self._outcome(future, task)
            if outcome.disk_full:
                raise ResourceError(
                    f"{outcome.error}: free some space in the workspace or the temporary folder (TMPDIR), and run the "
                    f"same command again; {task.name} is missing"
                )
            if outcome.error and attempt < ATTEMPTS:
                self._observer.retry(outcome)
                running.add(self._submit(task, attempt + 1))
                continue
            self._observer.finished(outcome)
            yield outcome

    def stop(self) -> None:
        """Forget what has not begun, and end the trackers of what has."""
        if self._client.status == "running":
            with suppress(CommClosedError):
                self._client.cancel(list(self._tasks))
                self._client.run(worker.stop_trackers, self._evaluation, on_error="ignore")

    def _submit(self, task: Task, attempt: int) -> Future[Any]:
        key = f"{task.name}-{attempt}-{self._evaluation}"
        arguments = (self._directory, self._evaluation, task, self._environment)
        future = self._client.submit(worker.work, *arguments, key=key, pure=False)
        self._tasks[future] = task, attempt
        return future

    def _outcome(self, future: Future[Any], task: Task) -> Outcome:
        if future.status == "finished":
            return replace(future.result(), task=task)
        if future.status != "error":
            raise ResourceError(GONE)
        error = future.exception()
        if isinstance(error, KilledWorker):
            return Outcome(task, error=f"its worker died {error.allowed_failures + 1} times: out of memory?")
        return Outcome(task, error=f"{type(error).__name__}: {error}")


@contextmanager
def _connect(place: Place, directory: str) -> Iterator[Client]:
    if place.scheduler:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what happens is told by this module's errors
        try:
            client = Client(place.scheduler, timeout=ANSWER_LIMIT, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ResourceError(f"no Dask scheduler answers at {place.scheduler}: {error}") from error
        with client:
            _check(client, place.scheduler, directory)
            yield client
        return
    allow_files(place.workers)
    settings = {"distributed.nanny.pre-spawn-environ": {}, "distributed.comm.timeouts.connect": "60s"}
    options: dict[str, Any] = {
        "n_workers": place.workers,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": "127.0.0.1:0",  # any free port: two evaluations may run at once
        "memory_limit": None,  # trackers are processes of their own: Dask would not see what they take
        "preload": ["tracker.vot.worker"],
        "silence_logs": "CRITICAL",
    }
    with (
        dask.config.set(settings),
        _no_main(),
        LocalCluster(**options) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _no_main() -> Iterator[None]:
    """Keep new processes from importing the script that started this one, which would evaluate again in each."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def allow_files(workers: int) -> None:
    """Raise this process's own limit of open files, if it is too low for that many workers; Dask would try for ever.

    Raises:
        OSError: the system does not allow as many.
    """
    needed = FILES + FILES_OF_A_WORKER * workers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ResourceError(
            f"a process may open {hard} files here, and {workers} workers need {needed}: 'ulimit -n {needed}' before "
            "the command, or fewer --workers"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _check(client: Client, address: str, directory: str) -> None:
    """Refuse a cluster whose workers would give other results, or none."""
    try:
        client.wait_for_workers(1, timeout=WAIT_FOR_WORKERS)
    except TimeoutError as error:
        raise ResourceError(
            f"the scheduler at {address} has had no worker for {WAIT_FOR_WORKERS:.0f} s: "
            f"start some with 'dask worker {address} --nthreads 1'"
        ) from error
    for name, threads in client.nthreads().items():
        if threads != 1:
            raise ResourceError(f"worker {name} would run {threads} tasks at a time: start it with --nthreads 1")
    marker = Path(directory, f".{uuid.uuid4().hex}.part")
    marker.touch()
    try:
        answers: dict[str, dict[str, Any]] = client.run(worker.look, directory, str(marker))
    except ImportError as error:
        raise ResourceError(f"a worker at {address} lacks this package or the toolkit: {error}") from error
    finally:
        marker.unlink()
    for name, facts in answers.items():
        if not facts["sees"]:
            raise ResourceError(f"worker {name} does not see {directory}: put the workspace on a shared file system")
        if facts["versions"] != worker.versions():
            raise ResourceError(f"worker {name} has {facts['versions']}, this command {worker.versions()}")
