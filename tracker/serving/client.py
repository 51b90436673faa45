"""The other end of TraX for one tracker: run as a process of its own, because libtrax can hang and crash its caller.

Reads lines of JSON from stdin: first the tracker's command, which is started as vot-toolkit's TrackerProcess does it
(a temporary working folder, the environment of its section), except that stderr goes to a file of its own; then a line
a frame, ``{"image": path}`` and, where the tracker is to be initialised, ``"region"``, its corner points. Writes a line
an event.
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
from trax.region import Mask, Polygon, Rectangle, Region

from tracker.core import boxes


def main() -> int:
    """Speak TraX with the tracker of the task: handshake, the frames, quit."""
    task = json.loads(sys.stdin.readline())
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
            streams = (process.stdin.fileno(), process.stdout.fileno())
            client = Client(stream=streams, log=lambda _: None)  # it raises if nobody takes what the tracker prints
            _tell(
                "handshake",
                seconds=time.perf_counter() - begin,
                images=list(client.image_formats),
                custom=sorted(key for key in ("vot",) if client.get(key) is not None),
                fingerprint=client.get("fingerprint"),
            )
            for index, line in enumerate(sys.stdin):
                frame = json.loads(line)
                begin = time.perf_counter()
                picture = {"color": FileImage.create(frame["image"])}
                if "region" in frame:
                    region = Polygon.create([tuple(point) for point in frame["region"]])
                    objects, _ = client.initialize(picture, [(region, {})], {})
                else:
                    objects, _ = client.frame(picture, {}, [])
                seconds = time.perf_counter() - begin
                _tell("frame", index=index, seconds=seconds, **_answer(objects))
            client.quit()
        except TraxException as error:
            try:
                code = process.wait(3)
            except subprocess.TimeoutExpired:
                code = None
            _tell("error", message=str(error), code=code)
            os._exit(1)  # libtrax may crash while it tidies up after an error
    return 0


def _answer(objects: list[tuple[Region, dict[str, str]]]) -> dict[str, Any]:
    """Region and confidence of the only object: corner points, x, y, w, h, or None for a code or an empty mask."""
    region, properties = objects[0] if objects else (None, {})
    values: Any = None
    if isinstance(region, Rectangle):
        values = list(region.bounds())
    elif isinstance(region, Polygon):
        values = [list(point) for point in region]
    elif isinstance(region, Mask) and (mask := region.array()).any():
        values = boxes.from_mask(mask, region.offset()).tolist()
    return {"region": values, "confidence": properties.get("confidence")}


def _tell(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
