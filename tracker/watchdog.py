"""Ends the tracker process when its client is gone, and keeps the protocol's pipes clean.

libtrax (vot-trax 4.0.2) reads the client's messages from descriptor 0 and writes its own to descriptor 1. When the
pipe closes inside a message it spins forever, and while it waits no Python signal handler runs. Therefore it does not
read the client's pipe itself: a thread hands over what arrives and keeps account of requests and replies, so that it
knows what is unfinished when the client goes away or the process is told to stop. On the way it escapes the bytes
above 127, which libtrax takes for the end of its input; ``unescape`` gives the name of a file back.

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
from urllib.parse import unquote_to_bytes

log = logging.getLogger(__name__)

_CHUNK = 1 << 16


def unescape(text: str) -> str:
    """A file's name as the client sent it, from what libtrax has read."""
    return os.fsdecode(unquote_to_bytes(text))


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
        self.ended = False  # the client has closed its pipe in an orderly way
        self._code = 0  # with which the main thread is about to end the process
        self._line = bytearray()  # the message that is not complete yet
        self._opened = False  # an initialize message has come, the frame message that ends the request has not
        self._requests = 0
        self._replies = 0
        self._quit = False

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
        self._replies += 1

    def ending(self, code: int) -> None:
        """Note that the main thread ends the process with ``code``, whatever the client does meanwhile."""
        self._code = code

    def tell(self, text: str) -> None:
        """Write ``text`` to the stderr of the process as whole lines; never while a message is being sent."""
        try:
            os.write(self._stderr, (text.rstrip("\n") + "\n").encode("ascii", "backslashreplace"))
        except OSError:  # nobody reads it any more
            log.debug("stderr is closed")

    @property
    def unfinished(self) -> bool:
        """Whether a request is not answered, or not even complete."""
        return bool(self._line) or self._opened or self._requests > self._replies

    def _run(self) -> None:
        try:
            self._watch()
        except Exception:  # without this thread the process would wait forever
            log.exception("the watchdog failed")
            self._exit(1, "nobody watches the client")

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
                if (self._code or self.unfinished) and not self._quit:
                    self._exit(self._code or 1, "the client closed its pipe inside a request")
                self.ended = True
                os.close(self._libtrax)  # libtrax tells the main thread
            events = dict(poller.poll())
            if self._signals in events:
                self._exit(0, "stopped by a signal")
            if 1 in events:
                self._exit(self._code or int(self.unfinished), "the client went away")
            if outbox and self._libtrax in events:
                outbox = outbox[os.write(self._libtrax, outbox) :]
                poller.unregister(self._libtrax)
            if self._client in events:
                try:
                    data = os.read(self._client, _CHUNK)
                except ConnectionError:
                    data = b""
                poller.unregister(self._client)
                self._account(data)
                outbox = memoryview(re.sub(rb"[%\x80-\xff]", lambda byte: b"%%%02X" % ord(byte[0]), data))
                ended = not data

    def _account(self, data: bytes) -> None:
        """Follow where requests begin and end in the stream of messages, one a line."""
        complete, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._line += data
            return
        for line in (bytes(self._line) + complete).split(b"\n"):
            if line.startswith(b"@@TRAX:initialize"):  # several of them, then a frame message with the image
                self._opened = True
            elif line.startswith(b"@@TRAX:frame"):
                self._opened = False
                self._requests += 1
            elif line.startswith(b"@@TRAX:quit"):
                self._quit = True
        self._line = bytearray(rest)

    def _exit(self, code: int, reason: str) -> None:
        log.info("%s; exit code %d", reason, code)
        logging.shutdown()
        os._exit(code)  # the main thread may be inside libtrax, where it cannot be interrupted
