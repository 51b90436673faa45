"""Clients that misbehave, by the thousand: random TraX dialogues with the real server, most of them hostile.

Every dialogue is a process of its own around NCC. Those at the beginning close one or both ends of the pipe at each
byte of a short legal dialogue; the others are drawn, each from its own seed, so that `--seed S --only I` repeats one.
Broken promises are printed with their seed, and make the exit code 1:

- the process ends within 5 seconds of the client's leaving, and not by a crash;
- a legal dialogue is answered in full and ends with exit code 0;
- exit code 0 is that of orderly dialogues only: every request whole and answered, no reason sent;
- otherwise the log says why, and it was no bug of ours (an exception that speaks of no bad input);
- memory stays below a bound, whatever is sent.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import re
import select
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

from benchmarks import tables
from tracker.core.errors import UserError

LEFT = 5.0  # seconds after which a process counts as left behind
START = 20.0  # seconds that a busy machine may take to start it
MEMORY = 1 << 30  # bytes of resident memory that no dialogue may need
ENDLESS = 300 << 20  # bytes of the longest message
SERVER = [sys.executable, "-m", "tracker"]
WIDTH, HEIGHT = 64, 48

INITIALIZE = b"@@TRAX:initialize \n"
QUIT = b"@@TRAX:quit \n"


@dataclass(frozen=True)
class Dialogue:
    """What a client sends and how it leaves.

    Attributes:
        kind: heading of the summary under which it counts.
        script: all that it sends, in pieces of ``pieces`` bytes (0: at once).
        leaves: the end of the pipe that it closes: "writing" (it reads to the end), "reading" or "both".
        orderly: how it has to end; None where that depends on what the server makes of it.
        replies: state messages to wait for before leaving, -1 for none.
        endless: what is sent again and again after the script, ``ENDLESS`` bytes in all.
        early: it leaves without waiting for the handshake.
    """

    kind: str
    script: bytes
    pieces: int = 0
    leaves: str = "writing"
    orderly: bool | None = None
    replies: int = -1
    endless: bytes = b""
    early: bool = False


@dataclass(frozen=True)
class Outcome:
    """What the server did: exit code (None: left behind), what it wrote and logged, its largest resident memory."""

    code: int | None
    output: bytes
    log: str
    memory: int

    @property
    def replies(self) -> int:
        """Number of state messages, one for each object of each request."""
        return self.output.count(b"@@TRAX:state")

    @property
    def refusal(self) -> bytes:
        """The reason that the client was sent, empty if none."""
        found = re.search(rb'^@@TRAX:quit "trax\.reason=(.*)" ?$', self.output, re.MULTILINE)
        return found[1] if found else b""


def prepare(folder: Path) -> None:
    """Write the files that dialogues name: two good images, and what should not be an image at all."""
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (HEIGHT, WIDTH, 3)), ("b.png", (HEIGHT + 9, WIDTH - 7, 3))):
        (folder / name).write_bytes(cv2.imencode(".png", rng.integers(0, 256, shape, np.uint8))[1].tobytes())
    whole = (folder / "a.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no image")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "folder.png").mkdir()
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "fifo.png")


def bomb(side: int = 30000) -> bytes:
    """A small PNG whose head tells of ``side`` x ``side`` pixels."""
    data = bytearray(cv2.imencode(".png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes())
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


# Legal dialogues.


def frame(image: bytes = b"file://a.png", *properties: bytes) -> bytes:
    """A frame message."""
    return b" ".join([b"@@TRAX:frame", *(b'"%s"' % argument for argument in (image, *properties)), b"\n"])


def target(region: bytes = b"10.0000,20.0000,8.0000,6.0000") -> bytes:
    """An initialize message with a region."""
    return b'@@TRAX:initialize "%s" \n' % region


SHORT = [(INITIALIZE, 0), (target(), 0), (frame(), 1), (frame(), 1), (QUIT, 0)]


def _region(rng: random.Random) -> bytes:
    x, y, w, h = rng.uniform(-4, 50), rng.uniform(-4, 36), rng.uniform(5, 40), rng.uniform(5, 40)
    kind = rng.randrange(3)
    if kind == 0:
        return b"%.4f,%.4f,%.4f,%.4f" % (x, y, w, h)
    if kind == 1:
        return b",".join(b"%.4f" % value for value in (x, y, x + w, y + 1, x + w, y + h, x - 1, y + h))
    return b"mask:%d,%d,12,9,27,5,7,5,7,5" % (max(x, 0), max(y, 0))


def _image(rng: random.Random) -> bytes:
    kind = rng.randrange(4)
    if kind < 2:
        return b"file://a.png"
    if kind == 2:
        return b"image:%d;%d;rgb;%s" % (WIDTH, HEIGHT, base64.b64encode(rng.randbytes(WIDTH * HEIGHT * 3)))
    pixels = np.frombuffer(rng.randbytes(WIDTH * HEIGHT), np.uint8).reshape(HEIGHT, WIDTH)
    return b"data:image/png;" + base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes())


def _messages(rng: random.Random) -> tuple[list[bytes], int]:
    """A legal dialogue, and the number of replies to it."""
    messages, replies, active = [], 0, 0
    for request in range(rng.randint(1, 6)):
        new = rng.randint(1, 3) if request == 0 or rng.random() < 0.3 else 0
        if new and (request == 0 or rng.random() < 0.5):
            messages.append(INITIALIZE)
            active = 0
        messages += [target(_region(rng)) for _ in range(new)]
        messages.append(frame(_image(rng), *[b"k%d=v %d" % (i, i) for i in range(rng.choice((0, 0, 1, 30)))]))
        active += new
        replies += active
    if rng.random() < 0.7:
        messages.append(QUIT)
    return messages, replies


def legal(rng: random.Random) -> Dialogue:
    """Objects of all kinds, images of all kinds, in pieces of any size."""
    messages, replies = _messages(rng)
    return Dialogue("legal", b"".join(messages), rng.choice((0, 1, 7, 4096)), orderly=True, replies=replies)


# Hostile ones.


def cuts() -> list[Dialogue]:
    """Leaving after each byte of the short dialogue, by each end of the pipe and by both."""
    whole = b"".join(message for message, _ in SHORT)
    boundaries, place, replies = {0: 0}, 0, 0
    for message, answered in SHORT:
        place, replies = place + len(message), replies + answered
        if message not in (INITIALIZE, target()):
            boundaries[place] = replies
    return [
        Dialogue(
            f"closes its {end} end, at each byte" if end != "both" else "closes both ends, at each byte",
            whole[:kept],
            leaves=end,
            orderly=kept in boundaries,
            replies=boundaries.get(kept, -1),
        )
        for end in ("writing", "reading", "both")
        for kept in range(len(whole) + 1)
    ]


def truncated(rng: random.Random) -> Dialogue:
    """Any legal dialogue, cut anywhere."""
    script = b"".join(_messages(rng)[0])
    kept, ends = rng.randrange(len(script)), rng.choice(("writing", "both"))
    return Dialogue("truncated", script[:kept], leaves=ends, early=rng.random() < 0.3)


def reordered(rng: random.Random) -> Dialogue:
    """Messages swapped, repeated, left out, or of the other side."""
    messages, _ = _messages(rng)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(messages) + 1)
        change = rng.randrange(4)
        if change == 0:
            rng.shuffle(messages)
        elif change == 1:
            messages.insert(place, rng.choice(messages))
        elif change == 2 and len(messages) > 1:
            del messages[place - 1]
        else:
            foreign = (b'@@TRAX:hello "trax.version=4" \n', b'@@TRAX:state "1,2,3,4" \n', b"@@TRAX:unknown \n", b"\n")
            messages.insert(place, rng.choice(foreign))
    return Dialogue("reordered", b"".join(messages))


def oversized(rng: random.Random) -> Dialogue:
    """Thousands of properties, objects, points or letters where there should be a few."""
    many = rng.choice((1000, 3000, 20000))
    return Dialogue(
        "oversized",
        rng.choice(
            (
                INITIALIZE + target() + frame(b"file://a.png", *[b"k%d=v" % i for i in range(many)]),
                INITIALIZE + target() + frame(b"file://" + b"a" * 50 * many),
                INITIALIZE + target() + frame(b"file://a.png", b"k=" + b"v" * 50 * many),
                INITIALIZE + target(b",".join(b"%d" % rng.randrange(50) for _ in range(many))) + frame(),
                INITIALIZE + target() * (many // 10) + frame(),
                INITIALIZE * many + target() + frame(),
                INITIALIZE + target() + frame(b'"' * many),
                b"x" * 50 * many + b"\n" + INITIALIZE + target() + frame(),
                b"\n" * many + INITIALIZE + target() + frame(),
            )
        )
        + QUIT,
        rng.choice((0, 4096)),
    )


NUMBERS = (
    *(b"nan", b"-nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e999", b"1e30", b"1e-320", b"-7", b"0", b"", b"x"),
    *(b"0x1p9", b"99999999999999999999", b"-2147483648", b"4294967296", b" 5", b"1,", b"5 5", b"1;2"),
)


def regions(rng: random.Random) -> Dialogue:
    """Regions with numbers that are none, too few, too many, and masks that lie about their size."""
    kind = rng.randrange(4)
    values = [rng.choice(NUMBERS) if rng.random() < 0.5 else b"%d" % rng.randint(1, 40) for _ in range(9)]
    if kind == 0:
        region = b",".join(values[: rng.randint(0, 9)])
    elif kind == 1:
        region = b"mask:" + b",".join(values[: rng.randint(0, 9)])
    elif kind == 2:
        sizes = [rng.choice((0, 1, 9, 12, 65536, 2**31 - 1, -5, 10**6)) for _ in range(2)]
        region = b"mask:%d,%d,%d,%d," % (rng.randint(-9, 9), rng.randint(-9, 9), *sizes) + b",".join(values[:3])
    else:
        region = rng.choice((b"special:1", b"mask:", b"m", b"rectangle:1,2,3,4", b"1", b"[1,2,3,4]", b"\x00", b" "))
    return Dialogue("regions", INITIALIZE + target(region) + frame() + frame() + QUIT)


NO_IMAGES = (
    *(b"file://folder.png", b"file://dangling.png", b"file://zero.png", b"file://fifo.png", b"file://bomb.png"),
    *(b"file://half.png", b"file://text.png", b"file://missing.png", b"file:///dev/zero", b"file:///dev/tty"),
    *(b"file:///proc/self/mem", b"file:///proc/kmsg", b"file://", b"file:", b"http://a/b.png", b"image:"),
    *(b"image:9;9;rgb;", b"image:65536;65536;rgb;AAAA", b"image:-5;5;rgb;AAAA", b"image:2147483647;2;gray;AAAA"),
    *(b"image:9;9;rgba;AAAA", b"image:1;1;rgb;A", b"data:image/png;", b"data:", b"data:image/png;!!!!", b"data:x;AAAA"),
    b"data:image/png;" + base64.b64encode(b"\x89PNG\r\n\x1a\n" * 9),
)


def pictures(rng: random.Random) -> Dialogue:
    """Images that are missing, damaged, no files, or lie about their size; after one that is answered."""
    bad = rng.choice((*NO_IMAGES, b"data:image/png;" + base64.b64encode(bomb(rng.choice((30000, 60000, 2**31 - 1))))))
    return Dialogue("images", INITIALIZE + target() + frame() + frame(bad) + QUIT, orderly=False)


def resized(rng: random.Random) -> Dialogue:
    """Images that change their size within a sequence."""
    sizes = [frame(rng.choice((b"file://a.png", b"file://b.png"))) for _ in range(4)]
    script = INITIALIZE + target() + b"".join(sizes) + QUIT
    return Dialogue("images of changing size", script, orderly=True, replies=4)


def damaged(rng: random.Random) -> Dialogue:
    """A legal dialogue with some bytes flipped, inserted or deleted; often those that mean something."""
    script = bytearray(b"".join(_messages(rng)[0]))
    for _ in range(rng.choice((1, 2, 10, 100))):
        place = rng.randrange(len(script))
        byte = rng.choice((0, 10, 13, 32, 34, 37, 44, 58, 59, 61, 92, 0xC3, 0xFF, rng.randrange(256)))
        change = rng.randrange(3)
        if change == 0:
            script[place] = byte
        elif change == 1:
            script.insert(place, byte)
        else:
            del script[place]
    return Dialogue("damaged bytes", bytes(script), rng.choice((0, 0, 1, 4096)))


def escapes(rng: random.Random) -> Dialogue:
    """Arguments made of quotes, backslashes and what comes after them."""
    words = (b'"', b"\\", b'\\"', b"\\n", b"\\x", b" ", b"=", b"a", b"%", b"%41", b"\xc3\xa4", b"\x00", b"\t", b"\r")
    argument = b"".join(rng.choice(words) for _ in range(rng.randint(1, 12)))
    messages = (
        target(argument) + frame(),
        target() + frame(b"file://" + argument),
        target() + frame(b"file://a.png", argument),
        target() + frame(b"file://a.png", argument + b"=" + argument),
        target() + b"@@TRAX:frame " + argument + b"\n",
        target() + frame() + b"@@TRAX:quit " + argument + b"\n",
    )
    return Dialogue("escapes and quotes", INITIALIZE + rng.choice(messages) + QUIT)


def garbage(rng: random.Random) -> Dialogue:
    """Bytes without meaning, or messages of the protocol's words in any order."""
    if rng.random() < 0.4:
        return Dialogue("garbage", rng.randbytes(rng.choice((1, 10, 1000, 200_000))))
    words = (
        *(b"@@TRAX:", b"@@TRAX:frame ", b"@@TRAX:initialize ", b"@@", b"initialize", b"frame", b"quit", b" ", b" "),
        *(b"\n", b"\n", b'"', b'"file://a.png"', b'"1,2,30,40"', b"\x00", b"\xff"),
    )
    return Dialogue("garbage", b"".join(rng.choice(words) for _ in range(rng.randint(1, 60))))


def endless(rng: random.Random) -> Dialogue:
    """A message that does not end, or a request that never comes to its image."""
    begin = rng.choice((b"", INITIALIZE, INITIALIZE + target() + b'@@TRAX:frame "'))
    filling = rng.choice((b"x", b'"', b" k=v", target()))
    return Dialogue("endless", begin, endless=filling * ((1 << 20) // len(filling)))


KINDS: tuple[tuple[Callable[[random.Random], Dialogue], int], ...] = (
    (legal, 20),
    (truncated, 12),
    (reordered, 15),
    (oversized, 6),
    (regions, 15),
    (pictures, 12),
    (resized, 3),
    (damaged, 20),
    (escapes, 12),
    (garbage, 15),
    (endless, 0),
)
"""Makers of dialogues, and how often each is drawn; ``endless`` takes long and comes once at the end."""


def draw(seed: int, number: int) -> Dialogue:
    """Dialogue ``number`` of those that follow the cuts, the same whenever it is drawn."""
    rng = random.Random(f"{seed}/{number}")
    makers, weights = zip(*KINDS, strict=True)
    return rng.choices(makers, weights)[0](rng)


# The client.


class _Client:
    """One server process and its two pipes; whatever is written, its output is read meanwhile."""

    def __init__(self, folder: Path, log: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tables.PROJECT), "OMP_NUM_THREADS": "1"}
        environment |= {"RECIPROCATIVE_TRACKER": "NCC", "RECIPROCATIVE_LOG": str(log)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            SERVER, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0, cwd=folder, env=environment
        )
        assert self.process.stdin and self.process.stdout
        self._writing, self._reading = self.process.stdin, self.process.stdout
        os.set_blocking(self._writing.fileno(), False)
        self.output = bytearray()
        self.listens = True  # the server has not closed its writing end
        self.memory = 0  # bytes, its largest resident memory; what wait4 tells includes the parent's before exec

    def send(self, data: bytes, pieces: int) -> bool:
        """Write ``data`` in pieces; False if the server does not take it any more."""
        rest = memoryview(data)
        deadline = time.monotonic() + START
        while rest:
            if not self._exchange(writing=True):
                if time.monotonic() > deadline:
                    return False
                continue
            try:
                sent = os.write(self._writing.fileno(), rest[: pieces or None])
            except BrokenPipeError:
                return False
            rest = rest[sent:]
            deadline = time.monotonic() + START
        return True

    def read(self, what: bytes, count: int, seconds: float = START) -> None:
        """Read until ``what`` has come ``count`` times, or the server has closed its end."""
        deadline = time.monotonic() + seconds
        while self.listens and self.output.count(what) < count and time.monotonic() < deadline:
            self._exchange(writing=False)

    def leave(self, ends: str, seconds: float) -> int | None:
        """Close one end or both, then wait: exit code, None if the server is still there."""
        if ends != "writing":
            self._reading.close()
            self.listens = False
        if ends != "reading":
            self._writing.close()
        deadline = time.monotonic() + seconds
        while True:
            if self.listens:
                self._exchange(writing=False)
            self._measure()
            if self.process.poll() is not None:
                break
            if time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                self._tidy()
                return None
            time.sleep(0.002)
        while self.listens:
            self._exchange(writing=False)
        self._tidy()
        return self.process.returncode

    def _measure(self) -> None:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:  # it has been waited for
            return
        if peak := re.search(r"VmHWM:\s+(\d+) kB", status):  # a process that has ended tells no more
            self.memory = max(self.memory, int(peak[1]) << 10)

    def _exchange(self, writing: bool) -> bool:
        """Read what there is; whether the server takes more."""
        self._measure()
        poller = select.poll()
        if self.listens:
            poller.register(self._reading, select.POLLIN)
        if writing:
            poller.register(self._writing, select.POLLOUT)
        events = dict(poller.poll(10))
        if self.listens and self._reading.fileno() in events:
            data = os.read(self._reading.fileno(), 1 << 16)
            self.output += data
            self.listens = bool(data)
        return writing and self._writing.fileno() in events

    def _tidy(self) -> None:
        for stream in (self._writing, self._reading):
            stream.close()


def hold(dialogue: Dialogue, folder: Path, log: Path) -> Outcome:
    """Hold a dialogue with a server process."""
    client = _Client(folder, log)
    client.send(dialogue.script, dialogue.pieces)
    for _ in range(ENDLESS // (len(dialogue.endless) or ENDLESS + 1)):
        if not client.send(dialogue.endless, 0):
            break
    if not dialogue.early:
        client.read(b"@@TRAX:hello", 1)
    if dialogue.replies >= 0:
        client.read(b"@@TRAX:state", dialogue.replies)
    code = client.leave(dialogue.leaves, LEFT + START * dialogue.early)
    text = log.read_text(errors="replace") if log.exists() else ""
    log.unlink(missing_ok=True)
    return Outcome(code, bytes(client.output), text, client.memory)


# The promises.


def whole(script: bytes) -> bool:
    """Whether a script leaves no message unfinished and no request without its image."""
    opened = False
    *lines, rest = script.split(b"\n")
    for line in lines:
        if re.match(rb"@@TRAX:quit\b", line):
            return not opened
        if re.match(rb"@@TRAX:initialize\b", line):
            opened = True
        elif re.match(rb"@@TRAX:frame\b", line):
            opened = False
    return not opened and not rest


def requests(script: bytes) -> int:
    """Number of requests in a script, before the client quits."""
    return len(re.findall(rb"^@@TRAX:frame\b", re.split(rb"(?m)^@@TRAX:quit\b", script)[0], re.MULTILINE))


SYSTEM = ("FileNotFoundError", "IsADirectoryError", "PermissionError")
"""What the operating system says of a path; all else that may end a session is of ``tracker.core.errors``."""


def broken(dialogue: Dialogue, outcome: Outcome) -> list[str]:
    """The promises that an outcome breaks."""
    code, script = outcome.code, dialogue.script
    if code is None:
        return [f"left after {LEFT:g} s"]
    found = []
    if code < 0:
        found.append(f"crashed with signal {-code}")
    if outcome.memory > MEMORY:
        found.append(f"{outcome.memory >> 20} MiB resident")
    if dialogue.orderly and (code != 0 or outcome.refusal):
        found.append(f"a legal dialogue refused with exit code {code}: {outcome.refusal!r:.200}")
    if dialogue.orderly and dialogue.leaves == "writing" and 0 <= dialogue.replies != outcome.replies:
        found.append(f"{outcome.replies} replies, not {dialogue.replies}")
    if code == 0:
        unanswered = dialogue.leaves == "writing" and outcome.replies < requests(script)
        if dialogue.orderly is False or outcome.refusal or unanswered or not whole(script + dialogue.endless):
            found.append("exit code 0 by mistake")
    elif not re.search(r"cannot go on|exit code [1-9]", outcome.log):
        found.append(f"no reason in the log: {outcome.log[-200:]!r}")
    elif (errors := re.findall(r"^(\w+(?:\.\w+)*): .*", outcome.log, re.MULTILINE)) and not _of_the_user(errors[-1]):
        found.append(f"a bug: {errors[-1]} in the log")
    return found


def _of_the_user(name: str) -> bool:
    """Whether an error, as a traceback names it, is something that a user can mend."""
    module, _, kind = name.rpartition(".")
    return name in SYSTEM or (
        module.startswith("tracker.") and issubclass(getattr(import_module(module), kind), UserError)
    )


# The command.


def summary(results: Sequence[tuple[Dialogue, Outcome, list[str]]]) -> list[list[str]]:
    """A row for each kind, and one for all: tried, orderly, refused, left, exit code 0 by mistake, other, memory."""
    rows = []
    for kind in [*dict.fromkeys(dialogue.kind for dialogue, _, _ in results), "all"]:
        chosen = [entry for entry in results if kind in (entry[0].kind, "all")]
        codes = Counter("left" if o.code is None else "orderly" if o.code == 0 else "refused" for _, o, _ in chosen)
        mistakes = sum("exit code 0 by mistake" in problems for _, _, problems in chosen)
        others = sum(bool(problems) for _, _, problems in chosen) - mistakes - codes["left"]
        counts = (len(chosen), codes["orderly"], codes["refused"], codes["left"], mistakes, others)
        rows.append([kind, *map(str, counts), str(max(o.memory for _, o, _ in chosen) >> 20)])
    return rows


def run(jobs: Sequence[tuple[str, Dialogue]], workers: int) -> list[tuple[Dialogue, Outcome, list[str]]]:
    """Hold all dialogues, ``workers`` at a time; what breaks a promise is printed with its name."""

    def one(job: tuple[str, Dialogue]) -> tuple[Dialogue, Outcome, list[str]]:
        name, dialogue = job
        outcome = hold(dialogue, folder, folder / f"{name.replace(' ', '')}.log")
        problems = broken(dialogue, outcome)
        for problem in problems:
            print(f"{name}, {dialogue.kind}: {problem}; sent {dialogue.script[-300:]!r}", file=sys.stderr, flush=True)
        return dialogue, outcome, problems

    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(workers) as pool:
        folder = Path(temporary)
        prepare(folder)
        return list(pool.map(one, jobs))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dialogues, print the summary, and return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=int, default=2000, metavar="N", help="dialogues that are drawn (2000)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (0)")
    parser.add_argument("--only", type=int, metavar="I", help="only the I-th drawn dialogue")
    parser.add_argument("--workers", type=int, default=2, help="servers at a time (2)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the file's markers 'fuzz'")
    options = parser.parse_args(arguments)
    if options.only is not None:
        jobs = [(f"--seed {options.seed} --only {options.only}", draw(options.seed, options.only))]
    else:
        jobs = [(f"cut {i}", dialogue) for i, dialogue in enumerate(cuts())]
        jobs += [(f"--seed {options.seed} --only {i}", draw(options.seed, i)) for i in range(options.dialogues)]
        jobs += [(f"endless {i}", endless(random.Random(i))) for i in range(6)]
    began = time.monotonic()
    results = run(jobs, options.workers)
    header = ["dialogues", "tried", "orderly", "refused", f"left after {LEFT:g} s", "0 by mistake", "other", "MiB"]
    report = "\n\n".join(
        [
            tables.table(header, summary(results)),
            tables.provenance(seed=options.seed, minutes=f"{(time.monotonic() - began) / 60:.0f}"),
        ]
    )
    print(report)
    if options.write:
        tables.write_between(options.write, "fuzz", report)
    return int(any(problems for _, _, problems in results))


if __name__ == "__main__":
    raise SystemExit(main())
