"""The other end of TraX for one tracker: run as a process of its own, because libtrax can hang and crash its caller.

Reads lines of JSON from stdin and answers each with one: first the tracker's section (``name``, ``source``,
``values``), from which vot-toolkit makes its ``command`` and ``environment``; then one that has it started as the
toolkit's TrackerProcess does, in a temporary folder, except that stderr stays apart; then a line a frame, ``{"image":
path}`` and, where the tracker is to be initialised, ``"region"``, its corner points. An ``error`` is the last answer.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from typing import Any

from trax import TraxException
from trax.client import Client
from trax.image import FileImage
from trax.region import Mask, Polygon, Rectangle, Region

from tracker.core import boxes, places


def main() -> int:
    """Speak TraX with the tracker of the section: handshake, the frames, quit."""
    section = _hear()
    try:
        command, environment = command_of(**section)
    except Exception as error:  # an installation of the toolkit can be broken in any way
        return _tell(error=f"{type(error).__name__}: {error}")
    _tell(command=command, environment=environment)
    _hear()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **environment}, stdin=pipe, stdout=pipe, bufsize=0
            )
        except OSError as error:
            return _tell(error=str(error))
        assert process.stdin and process.stdout
        try:
            streams = (process.stdin.fileno(), process.stdout.fileno())
            client = Client(stream=streams, log=lambda _: None)  # it raises if nobody takes what the tracker prints
            _tell(
                seconds=time.perf_counter() - begin,
                images=list(client.image_formats),
                wrapped=client.get("vot") is not None,
                fingerprint=client.get("fingerprint"),
            )
            for line in sys.stdin:
                frame = json.loads(line)
                begin = time.perf_counter()
                picture = {"color": FileImage.create(frame["image"])}
                if "region" in frame:
                    region = Polygon.create([tuple(point) for point in frame["region"]])
                    objects, _ = client.initialize(picture, [(region, {})], {})
                else:
                    objects, _ = client.frame(picture, {}, [])
                _tell(seconds=time.perf_counter() - begin, **_answer(objects))
            client.quit()
        except TraxException as error:
            try:
                code = process.wait(3)
            except subprocess.TimeoutExpired:
                code = None
            _tell(error=str(error), code=code)
            os._exit(1)  # libtrax may crash while it tidies up after an error
    return 0


def command_of(name: str, source: str, values: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Command and added environment that the toolkit makes of a section."""
    places.prepare()
    from vot.tracker import Tracker

    runtime = Tracker(name, source, **values).runtime()
    return shlex.split(runtime._command), runtime._envvars


def _hear() -> Any:
    return json.loads(sys.stdin.readline())


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


def _tell(**answer: Any) -> int:
    print(json.dumps(answer), flush=True)
    return 1 if "error" in answer else 0
