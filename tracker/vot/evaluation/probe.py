"""What a tracker says and costs, asked of the process that trackers.ini starts.

It runs in a process of its own, because a tracker that hangs before the TraX handshake, where the toolkit has no time
limit, or that breaks the pipe can take its client with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import psutil
from vot.experiment import UnsupervisedExperiment
from vot.tracker import Tracker, TrackerException
from vot.workspace import Workspace

from tracker.core.errors import TrackerFailed
from tracker.core.files import write_whole
from tracker.vot.reset_based import Unsupervised
from tracker.vot.toolkit import environment, tail

START_LIMIT = 300.0
"""Seconds that a tracker may take from its start to the TraX handshake."""
SPEED = "speed.json"
WHOLE_SEQUENCE = 10**9


@dataclass(frozen=True)
class Probe:
    """One start of a tracker.

    Attributes:
        fingerprint: of parameters and weights, as the handshake's metadata says; None if it says nothing.
        frames: number of frames that were tracked after the first one.
        start: seconds until the handshake.
        init: seconds of the initialisation, as the toolkit measures it.
        update: mean seconds of the other frames; 0 without frames.
        memory: largest resident size of the tracker's processes, bytes.
        values: number of properties that it reports for a frame, the time included.
    """

    fingerprint: str | None
    frames: int = 0
    start: float = 0.0
    init: float = 0.0
    update: float = 0.0
    memory: int = 0
    values: int = 1

    @property
    def fps(self) -> float:
        """Processed frames per second, the initialisation included; 0 if no frame was tracked."""
        return (self.frames + 1) / (self.init + self.frames * self.update) if self.frames else 0.0


def probe(workspace: Path | str, tracker: str, frames: int = 0) -> Probe:
    """Start ``tracker`` once, in a process of its own, and track the first frames of the workspace's first sequence.

    With 0 ``frames`` after the initialisation it is only asked for its fingerprint.

    Raises:
        TrackerFailed: it did not start, did not answer, or took more than five minutes to say what it is. Frames have
            no other limit than the tracker's own ``timeout``.
    """
    command = [sys.executable, "-m", "tracker.vot.evaluation.probe", str(workspace), tracker, str(frames)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(),
    )
    try:
        output, errors = process.communicate(timeout=None if frames else START_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise TrackerFailed(
            f"tracker {tracker} did not finish its start within {error.timeout:.0f} s: "
            f"try 'vot test {tracker}', and look at its section of trackers.ini"
        ) from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    lines = [line for line in output.splitlines() if line.startswith("{")]
    answer = json.loads(lines[-1]) if lines else {"error": "the probe ended early", "log": errors}
    if "error" in answer:
        raise TrackerFailed(f"tracker {tracker} does not run: {answer['error']}{tail(answer['log'])}")
    return Probe(**answer)


def measured_speed(workspace: Path | str, tracker: str, fingerprint: str) -> float:
    """Speed on the workspace's whole first sequence, the initialisation included, as the toolkit measures it.

    The measurement is kept in ``results/<tracker>/speed.json``, and made again for another ``fingerprint`` of the
    tracker's parameters, weights and settings.

    Raises:
        TrackerFailed: the tracker does not run.
    """
    file = Path(workspace, "results", tracker, SPEED)
    record = json.loads(file.read_text()) if file.exists() else {}
    if record.get("fingerprint") != fingerprint:
        measured = probe(workspace, tracker, WHOLE_SEQUENCE)
        record = {"fingerprint": fingerprint, "fps": measured.fps, "frames": measured.frames + 1}
        write_whole(file, json.dumps(record) + "\n")
    return float(record["fps"])


def main(folder: str, reference: str, frames: str) -> None:
    """Probe one tracker in this process and print the result, or the error and the tracker's output, as JSON."""
    workspace = Workspace.load(folder)
    tracker = workspace.registry.resolve(reference, skip_unknown=False)[0]
    try:
        answer = asdict(_probe(workspace, tracker, int(frames)))
    except TrackerException as error:
        answer = {"error": str(error), "log": error.log or ""}
    print(json.dumps(answer), flush=True)
    os._exit(0)  # the toolkit's threads may still wait for a tracker that does not end


def _probe(workspace: Workspace, tracker: Tracker, frames: int) -> Probe:
    experiment: UnsupervisedExperiment = Unsupervised(_identifier="probe", _storage=None)
    runtime = tracker.runtime()
    try:
        begin = time.perf_counter()
        runtime.restart()
        start = time.perf_counter() - begin
        fingerprint = runtime._process._client.get("fingerprint")  # the toolkit shows it nowhere else
        if not frames:
            return Probe(fingerprint, start=start)
        sequence = experiment.transform(next(iter(workspace.dataset)))[0]
        frames = min(frames, len(sequence) - 1)
        alone = experiment._get_runtime(SimpleNamespace(runtime=lambda: runtime), sequence)
        _, init = alone.initialize(sequence.frame(0), experiment._get_initialization(sequence, 0))
        seconds, values = 0.0, 1
        for index in range(1, frames + 1):
            status, elapsed = alone.update(sequence.frame(index))
            seconds += elapsed
            values = len({*status.properties, "time"})
        memory = sum(child.memory_info().rss for child in psutil.Process().children(recursive=True))
        return Probe(fingerprint, frames, start, init, seconds / max(frames, 1), memory, values)
    finally:
        runtime.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
