"""Start a tracker's command as the toolkit would, speak TraX with it, time its replies and keep its real stderr."""

from __future__ import annotations

import contextlib
import re
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tracker.doctor import Finding
from tracker.formats.regions import Polygon
from tracker.formats.registry import Section
from tracker.serving.process import Conversation, RemoteError, last_words

FRAMES = 3


@dataclass
class Trial:
    """What a tracker did when it was spoken to.

    Attributes:
        command: its command and arguments, empty where the toolkit could make none of its section.
        environment: variables that its section adds.
        handshake: seconds from start to handshake, None if there was none.
        replies: seconds for the first frame (initialisation) and those after it.
        images: image formats that it accepts.
        wrapped: whether its handshake has the key ``vot``.
        failure: what went wrong, None if nothing did.
        code: exit code, where it ended by itself.
        stderr: all that it wrote there.
    """

    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    handshake: float | None = None
    replies: list[float] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    wrapped: bool = False
    failure: str | None = None
    code: int | None = None
    stderr: str = ""

    @property
    def by_hand(self) -> str:
        """A shell line that starts the tracker as the toolkit would."""
        settings = [f"{key}={shlex.quote(value)}" for key, value in self.environment.items() if value]
        return " ".join(["cd /tmp && env", *settings, shlex.join(self.command)])

    @property
    def last_words(self) -> list[str]:
        """The last lines of its stderr."""
        return last_words(self.stderr)


def synthetic_frames(folder: Path) -> tuple[list[Path], Polygon]:
    """Three small images of a textured square moving over noise, written to ``folder``, and its region."""
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (240, 320, 3), np.uint8), (0, 0), 3)
    square = cv2.resize(rng.integers(0, 255, (6, 6, 3), np.uint8), (48, 48), interpolation=cv2.INTER_NEAREST)
    paths = []
    for index in range(FRAMES):
        image = ground.copy()
        image[96:144, 130 + 4 * index : 178 + 4 * index] = square
        paths.append(folder / f"{index + 1:08d}.png")
        paths[-1].write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return paths, np.array([[130, 96], [178, 96], [178, 144], [130, 144]], np.float64)


def run(section: Section, frames: list[Path], region: Polygon) -> Trial:
    """Run ``section``'s tracker on ``frames`` from ``region`` (N, 2) on; each reply may take its ``timeout``."""
    result = Trial()
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.closing(Conversation(section, Path(folder))) as tracker:
            try:
                hello = tracker.start()
                result.handshake, result.images, result.wrapped = hello["seconds"], hello["images"], hello["wrapped"]
                for index, path in enumerate(frames):
                    reply = tracker.frame(path.resolve(), None if index else region)
                    result.replies.append(reply["seconds"])
            except RemoteError:
                result.failure, result.code = tracker.failure, tracker.code
        result.command, result.environment, result.stderr = tracker.command, tracker.environment, tracker.stderr
    return result


def judge(result: Trial, section: Section) -> Iterator[Finding]:
    """Findings in what ``run`` saw."""
    name, timeout = section.name, section.timeout
    if result.failure and not result.command:
        yield Finding(f"{name}: {result.failure}", "the toolkit cannot make a command of its section either", None)
    elif result.failure:
        words = result.last_words[-1:] or ["it wrote nothing to stderr"]
        code = "" if result.code is None else f" (exit code {result.code})"
        where = "'Unable to connect to tracker'" if result.handshake is None else "an error without this text"
        yield Finding(
            f"{name}: {result.failure}{code}: {words[0]}",
            f"the toolkit shows {where}; the tracker's own last line is the reason",
            _mend(words[0], result, section),
        )
    elif "path" not in result.images:
        why = "the toolkit sends nothing else"
        yield Finding(f"{name} does not accept images by path, only {', '.join(result.images)}", why, "add path")
    for index, seconds in enumerate(result.replies):
        if seconds > timeout / 2:
            yield Finding(
                f"{name}: frame {index} took {seconds:.1f} s of the {timeout} s that timeout allows",
                "on a slower or busy machine the toolkit stops: 'Tracker interrupted, it did not reply in time'",
                f"timeout = {max(60, round(seconds * 4))}",
                fails=False,
            )
    if result.wrapped:
        yield Finding(
            f"{name}: its handshake has the key 'vot'",
            "the toolkit then restarts the process at every initialisation and loads the weights anew",
            "leave the key out: one process may be initialised many times",
            fails=False,
        )
    if not result.failure and result.stderr and not result.stderr.endswith("\n"):
        yield Finding(
            f"{name} writes to stderr without ending the line: {result.stderr.splitlines()[-1][-60:]!r}",
            "the toolkit joins stderr and the protocol in one pipe: the reply behind the fragment is lost, it waits",
            "write whole lines, no progress bars (tqdm: disable=True)",
        )


def _mend(words: str, result: Trial, section: Section) -> str:
    missing = re.search(r"No module named '?([\w.]+)'?", words)
    if missing and missing[1].split(".")[0] == "tracker":
        return f"{result.command[0]} -m pip install reciprocative-tracker   (or paths = the folder that holds tracker/)"
    if missing:
        return f"{result.command[0]} -m pip install {missing[1].split('.')[0]}"
    if "within" in (result.failure or ""):
        return f"timeout = {section.timeout * 4}   (in {section.source}, if the machine is only slow)"
    return result.by_hand + "   (starts it as the toolkit does)"
