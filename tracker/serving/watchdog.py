"""Ends the tracker process when its client is gone, and keeps the protocol's pipes clean.

libtrax (vot-trax 4.0.2) reads the client's messages from descriptor 0 and writes its own to descriptor 1. When the
pipe closes inside a message it spins forever, a message without end takes memory without end, an empty region crashes
it, and while it waits no Python signal handler runs. Therefore it does not read the client's pipe itself: a thread
hands over whole messages and keeps account of requests and replies, so that it knows what is unfinished when the client
goes away or the process is told to stop. On the way it drops lines that are no messages, and escapes the bytes above
127, which libtrax takes for the end of its input, and zeros, which cut a name short; ``unescape`` gives the name of a
file back.

The VOT toolkit joins stderr to the pipe of the protocol and libtrax writes a message in pieces of a few bytes, so
whatever another thread or a native library prints can end up inside a message. Therefore descriptor 2 becomes the log
file, and only ``tell`` writes to the stderr of the process, whole lines, from the thread that also sends the replies.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import re
import select
import signal
import socket
import sys
import threading
from collections import deque
from typing import NoReturn
from urllib.parse import unquote_to_bytes

log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_LARGEST = 1 << 28  # bytes of one request; an image of 8K in memory takes half of it
_MOST_OBJECTS = 1000  # of one request; libtrax gets slow with more
_PREFIX = b"@@TRAX:"
_MESSAGE = re.compile(_PREFIX + rb"(\w*)")
_EMPTY_REGION = re.compile(rb'@@TRAX:initialize\s+""')
_MASK = re.compile(rb'@@TRAX:initialize\s+"?mask:([^"]*)', re.IGNORECASE)
_MASK_NUMBERS = re.compile(rb"-?\d{1,6},-?\d{1,6},(\d{1,6}),(\d{1,6})(?:,\d{1,9})*,?")
_ESCAPED = re.compile(rb"[%\x00\x80-\xff]")


def unescape(text: str) -> str:
    """A file's name as the client sent it, from what libtrax has read."""
    return os.fsdecode(unquote_to_bytes(text))


def _head(line: bytearray) -> str:
    """The beginning of a message, for the log."""
    return repr(line[:100].decode("ascii"))


def _fault(line: bytearray) -> str:
    """Why libtrax would crash on an initialisation, empty if it would not."""
    if _EMPTY_REGION.match(line):
        return "an empty region"
    if (mask := _MASK.match(line)) and not (
        (numbers := _MASK_NUMBERS.fullmatch(mask[1])) and int(numbers[1]) * int(numbers[2]) <= _LARGEST
    ):
        return "a mask that is not x,y,width,height and run lengths"
    return ""


class Watchdog:
    """The process's ends of the protocol, watched by a thread from ``start`` on.

    The exit code is 0 on SIGTERM and SIGINT; when the client goes away it is 0 if no request was unfinished, else 1.
    """

    def __init__(self) -> None:
        """Take over the standard streams, or connect to the port in ``TRAX_SOCKET`` instead of stdin and stdout.

        Raises:
            OSError: if nobody listens there.
        """
        self._stderr = os.dup(2)
        faulthandler.enable(self._stderr)
        if port := os.environ.pop("TRAX_SOCKET", ""):  # libtrax would try to connect forever
            with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setblocking(True)
                os.dup2(connection.fileno(), 0)
                os.dup2(connection.fileno(), 1)
        self._client = os.dup(0)
        inner, self._libtrax = os.pipe()
        os.dup2(inner, 0)
        os.close(inner)
        os.set_blocking(self._libtrax, False)
        sys.stdout = sys.stderr  # a stray print must not reach the protocol
        self.ended = False  # libtrax has been given all that it will get
        self.refusal = ""  # why the client's last message was not handed over, if so
        self._code = 0  # with which the main thread is about to end the process
        self._line = bytearray()  # the message that is not complete yet, escaped
        self._size = 0  # bytes of the request that is not complete yet
        self._messages: list[str] = []  # its complete messages, shortened: initialisations before the image comes
        self._requests: deque[list[str]] = deque()  # those of each request that is not answered
        self._quit = False
        self._exiting = threading.Lock()

    def start(self) -> None:
        """Begin to watch; to be called once, from the main thread."""
        self._signals, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # the thread acts: this thread may be waiting inside libtrax,
            signal.siginterrupt(number, False)  # which takes an interrupted read for an error
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def finished(self) -> None:
        """Note that a request has been handled; to be called before its reply is sent."""
        self._requests.popleft()

    def ending(self, code: int) -> None:
        """Note that the main thread ends the process with ``code``, whatever the client does meanwhile."""
        self._code = code

    def exit(self, code: int, reason: str) -> NoReturn:
        """End the process, from whatever thread, without the interpreter's own end.

        The main thread may be inside libtrax, where it cannot be interrupted, and the watchdog's may wake at any time:
        the first one to come here ends both.
        """
        self._exiting.acquire()  # for good
        try:
            log.info("%s; exit code %d", reason, code)
            logging.shutdown()
        finally:
            os._exit(code)

    def tell(self, text: str) -> None:
        """Write ``text`` to the stderr of the process as whole lines; never while a message is being sent."""
        try:
            os.write(self._stderr, (text.rstrip("\n") + "\n").encode("ascii", "backslashreplace"))
        except OSError:  # nobody reads it any more
            log.debug("stderr is closed")

    @property
    def unfinished(self) -> bool:
        """Whether a request is not answered, or not even complete."""
        return bool(self._line or self._messages or self._requests)

    @property
    def request(self) -> str:
        """The oldest request that is not answered: its first messages and the last, shortened."""
        messages = self._requests[0] if self._requests else self._messages
        return " ".join([*messages[:3], *messages[3:][-1:]])

    def _run(self) -> None:
        try:
            self._watch()
        except Exception:  # without this thread the process would wait forever
            log.exception("the watchdog failed")
            self.exit(1, "nobody watches the client")

    def _watch(self) -> None:
        poller = select.poll()
        poller.register(self._signals, select.POLLIN)
        poller.register(1, 0)  # tells when the reading end is closed
        outbox = memoryview(b"")  # what libtrax has not taken yet
        ended = False
        while True:
            if outbox:
                poller.register(self._libtrax, select.POLLOUT)
            elif not ended:
                poller.register(self._client, select.POLLIN)
            elif not self.ended:
                if (self._code or self.unfinished) and not self._quit and not self.refusal:
                    self.exit(self._code or 1, "the client closed its pipe inside a request")
                self.ended = True
                os.close(self._libtrax)  # libtrax tells the main thread
            events = dict(poller.poll())
            if self._signals in events:
                self.exit(0, "stopped by a signal")
            if 1 in events:
                self._drain()
                self.exit(self._code or int(self.unfinished), "the client went away")
            if outbox and self._libtrax in events:
                outbox = outbox[os.write(self._libtrax, outbox) :]
                poller.unregister(self._libtrax)
            if self._client in events:
                try:
                    data = os.read(self._client, _CHUNK)
                except ConnectionError:
                    data = b""
                poller.unregister(self._client)
                outbox = memoryview(self._accept(data))
                ended = not data or bool(self.refusal)

    def _drain(self) -> None:
        """Take what the client sent before it went away: it may have left a request behind."""
        for _ in range(16):
            if self.unfinished or not select.select([self._client], [], [], 0)[0]:
                return
            self._accept(os.read(self._client, _CHUNK))

    def _accept(self, data: bytes) -> bytearray:
        """The messages that ``data`` completes, as libtrax may read them."""
        complete = bytearray()
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._extend(end)
            if self._account() and not self.refusal:
                complete += self._line + b"\n"
            self._line = bytearray()
        self._extend(rest)
        if self.refusal:
            complete += b"@@TRAX:frame \n"  # libtrax refuses it in any state, and the main thread tells the client why
        return complete

    def _extend(self, piece: bytes) -> None:
        """Add to the present line; one that is no message is not kept beyond its beginning."""
        if not self._line.startswith(_PREFIX[: len(self._line)]):
            return
        escaped = _ESCAPED.sub(lambda byte: b"%%%02X" % ord(byte[0]), piece)
        self._size += len(escaped)
        if self._size <= _LARGEST:
            self._line += escaped
        elif not self.refusal:
            self.refusal = f"a request of more than {_LARGEST >> 20} MiB: {_head(self._line)}"

    def _account(self) -> bool:
        """Note what the line that is complete now does to requests; whether it is a message at all."""
        match = _MESSAGE.match(self._line)
        if match is None or self._quit:
            return False
        kind, head = match[1], _head(self._line)
        if kind == b"initialize":  # several of them, then a frame message with the image
            self._messages.append(head)
            if fault := _fault(self._line):
                self.refusal = f"{fault}: {head}"
            elif len(self._messages) > _MOST_OBJECTS:
                self.refusal = f"more than {_MOST_OBJECTS} objects in one request"
        elif kind == b"frame":
            self._requests.append([*self._messages, head])
            self._messages = []
        elif kind == b"quit":
            self._quit = True
        if not self._messages:
            self._size = 0
        return True
