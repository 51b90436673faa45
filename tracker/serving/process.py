"""A conversation with a tracker of a registry: started, heard and ended as by the toolkit.

libtrax can hang and crash its caller, so it stays in a process of its own (``tracker.serving.client``).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from tracker.core.errors import InvalidValue, ResourceError
from tracker.core.paths import PROJECT
from tracker.formats.regions import Polygon
from tracker.formats.registry import Section

HANDSHAKE_LIMIT = 180.0  # seconds; the toolkit itself waits for ever
_PROTOCOLS = ("traxpython", "trax")
_CLIENT = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from tracker.serving.client import main; sys.exit(main())"


class RemoteError(ResourceError):
    """The tracker did not start, did not answer in time, or ended; the message ends with its own last lines."""


class Conversation:
    """One tracker, from its start to its end.

    Args:
        section: of a registry, which starts it; each reply may take its ``timeout``.
        folder: for what it writes to stderr.

    Attributes:
        command: its command and arguments, once it is started.
        environment: variables that its section adds.
        failure: what went wrong, None if nothing did.
        code: exit code, where it ended by itself.

    Raises:
        ValueError: the section has another protocol than traxpython and trax.
    """

    def __init__(self, section: Section, folder: Path) -> None:
        if (protocol := section.values.get("protocol")) not in _PROTOCOLS:
            raise InvalidValue(f"trackers of protocol {protocol} cannot be tried here, only {' and '.join(_PROTOCOLS)}")
        self.command: list[str] = []
        self.environment: dict[str, str] = {}
        self.failure: str | None = None
        self.code: int | None = None
        self._section, self._frames, self._stderr = section, 0, folder / "stderr"
        argv, pipe = [sys.executable, "-W", "ignore", "-c", _CLIENT], subprocess.PIPE
        with self._stderr.open("wb") as stderr:
            self._client = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=stderr, start_new_session=True, text=True
            )

    def start(self) -> dict[str, Any]:
        """Start the tracker: what its handshake says, see ``tracker.serving.client``.

        Raises:
            RemoteError: there was none.
        """
        name, source, values = self._section.name, str(self._section.source.resolve()), self._section.values
        limit = max(HANDSHAKE_LIMIT, self._section.timeout)
        answer = self._ask({"name": name, "source": source, "values": values}, "handshake", limit)
        self.command, self.environment = answer["command"], answer["environment"]
        return self._ask({}, "handshake", limit)

    def frame(self, image: Path, region: Polygon | None = None) -> dict[str, Any]:
        """Show it an image, to be initialised on ``region`` (N, 2) if there is one: what it replies.

        Raises:
            RemoteError: there was no reply.
        """
        self._frames += 1
        target = {} if region is None else {"region": region.tolist()}
        return self._ask({"image": str(image), **target}, f"reply to frame {self._frames - 1}", self._section.timeout)

    def close(self) -> None:
        """End the tracker, after three seconds in which it may do so by itself."""
        if self._client.returncode is not None:
            return
        try:
            self._client.communicate(timeout=3)
        except (OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self._client.pid, signal.SIGKILL)  # the tracker too, which is of the same session
        except ProcessLookupError:
            pass
        self._client.wait()

    @property
    def stderr(self) -> str:
        """All that the tracker has written there."""
        return self._stderr.read_text(errors="replace")

    def _ask(self, line: dict[str, Any], what: str, limit: float) -> dict[str, Any]:
        assert self._client.stdin and self._client.stdout
        try:
            self._client.stdin.write(json.dumps(line) + "\n")
            self._client.stdin.flush()
        except OSError:
            pass  # it has ended, and may have said why
        if not select.select([self._client.stdout], [], [], limit)[0]:
            self._fail(f"no {what} within {limit:g} s")
        text = self._client.stdout.readline()
        answer: dict[str, Any] = json.loads(text) if text else {"error": "the TraX client crashed"}
        if "error" in answer:
            self._fail(f"no {what}: {answer['error']}", answer.get("code"))
        return answer

    def _fail(self, failure: str, code: int | None = None) -> NoReturn:
        self.failure, self.code = failure, code
        words = "".join(f"\n  | {line}" for line in last_words(self.stderr))
        raise RemoteError(f"tracker {self._section.name}: {failure}{words}")


def last_words(text: str) -> list[str]:
    """The last lines of a tracker's stderr."""
    return [line for line in text.splitlines() if line.strip()][-8:]
