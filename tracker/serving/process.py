"""The process of a client: the toolkit's command for a section of a registry, started, heard and ended.

libtrax can hang and crash its caller, so it stays in a process of its own (``tracker.serving.client``).
"""

from __future__ import annotations

import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping

from tracker.core.errors import InvalidValue
from tracker.formats.registry import Section

HANDSHAKE_LIMIT = 180.0  # seconds; the toolkit itself waits for ever


def command_of(section: Section) -> tuple[list[str], dict[str, str]]:
    """Command and added environment, as vot.tracker.trax makes them for ``traxpython`` and ``trax``.

    Raises:
        ValueError: another protocol.
    """
    values = section.values
    root = section.source.resolve().parent
    environment = {k[4:].upper(): os.path.expandvars(v) for k, v in values.items() if k.startswith("env_") and k[4:]}
    links = [str((root / path).resolve()) for path in values.get("linkpaths", "").split(os.pathsep) if path]
    given = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = os.pathsep.join([*([given] if given else []), *links])  # replaced, even by nothing
    command = values["command"]
    if values["protocol"] == "traxpython":
        paths = [str((root / path).resolve()) for path in values.get("paths", "").split(os.pathsep)]
        environment |= {"PYTHONPATH": os.pathsep.join(reversed(paths)), "PYTHONUNBUFFERED": "1"}
        interpreter = values.get("python", sys.executable)
        if re.match(r"^[a-zA-Z_][a-zA-Z0-9_.]*$", command):
            argv = [*shlex.split(interpreter), "-m", command]
        else:
            inserted = "".join(f" sys.path.insert(0, '{path}');" for path in reversed(paths))
            argv = [*shlex.split(interpreter), "-c", f"import sys;{inserted} {command}"]
    elif values["protocol"] == "trax":
        argv = shlex.split(command)
    else:
        raise InvalidValue(f"trackers of protocol {values['protocol']} cannot be tried here, only traxpython and trax")
    return argv, {**environment, "TRAX": "1"}


def start_client(environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """A process of ``tracker.serving.client``, which waits for its task; ``end`` it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tracker.serving.client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
        env=environment,
    )


def lines_of(child: subprocess.Popen[str]) -> queue.Queue[str]:
    """What a client says, as it says it, and at its end an empty line: can be waited for with a limit."""
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_forward, args=(child, lines), daemon=True).start()
    return lines


def _forward(child: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert child.stdout
    for line in child.stdout:
        lines.put(line)
    lines.put("")


def end(child: subprocess.Popen[str]) -> None:
    """End a client, and its tracker, after three seconds in which they may do so by themselves."""
    assert child.stdin
    try:
        child.stdin.close()
        child.wait(3)
    except (OSError, subprocess.TimeoutExpired):
        pass
    try:
        os.killpg(child.pid, signal.SIGKILL)  # the tracker too, which is of the same session
    except ProcessLookupError:
        pass
    child.wait()
