"""The other end of TraX for one tracker: run as a process of its own, because libtrax can hang and crash its caller.

Reads a task as JSON from stdin, starts the tracker as vot-toolkit's TrackerProcess does (a temporary working folder,
the environment of its section), except that stderr goes to a file of its own, and writes one JSON line an event.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from trax import TraxException
from trax.client import Client
from trax.image import FileImage
from trax.region import Polygon


def main() -> int:
    """Speak TraX with the tracker of the task: handshake, initialise, the other frames, quit."""
    task = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder, open(task["stderr"], "wb") as stderr:
        begin = time.perf_counter()
        try:
            process = subprocess.Popen(
                task["command"],
                cwd=folder,
                env={**os.environ, **task["environment"]},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
            )
        except OSError as error:
            _tell("unstarted", message=str(error))
            return 1
        assert process.stdin and process.stdout
        try:
            client = Client(stream=(process.stdin.fileno(), process.stdout.fileno()), log=_ignore)
            _tell(
                "handshake",
                seconds=time.perf_counter() - begin,
                images=list(client.image_formats),
                custom=sorted(key for key in ("vot",) if client.get(key) is not None),
            )
            for index, image in enumerate(task["images"]):
                begin = time.perf_counter()
                picture = {"color": FileImage.create(image)}
                if index == 0:
                    client.initialize(picture, [(Polygon.create([tuple(point) for point in task["region"]]), {})], {})
                else:
                    client.frame(picture, {}, [])
                _tell("frame", index=index, seconds=time.perf_counter() - begin)
            client.quit()
        except TraxException as error:
            try:
                code = process.wait(3)
            except subprocess.TimeoutExpired:
                code = None
            _tell("error", message=str(error), code=code)
            os._exit(1)  # libtrax may crash while it tidies up after an error
    return 0


def _ignore(text: str) -> None:
    """Take what the tracker prints beside the protocol; the client raises if there is nobody to take it."""


def _tell(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
