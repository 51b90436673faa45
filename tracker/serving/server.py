"""The TraX server: what the VOT toolkit, or any other TraX client, talks to.

Everything is set before the handshake, by environment variables (``env_*`` in trackers.ini), because the weights are
loaded and the tracker is warmed up there, where the toolkit's timeout does not count:

=======================  ==================================================================================
RECIPROCATIVE_TRACKER    name of the tracker, see ``tracker.catalog.NAMES``, or ``module:Class`` of one's own;
                         default DAT
RECIPROCATIVE_THREADS    number of threads, 1 or more
RECIPROCATIVE_SEED       seed of its generators, or "random"
RECIPROCATIVE_DEVICE     auto, cpu or cuda
RECIPROCATIVE_PARAMS     other parameters, such as attention_weight=3,grid=7
RECIPROCATIVE_LOG        path of the log file; default: one per tracker in the user's state folder
=======================  ==================================================================================

A request that cannot be answered ends the session: the client is sent the reason, stderr and the log get it too, and
the exit code is 1. It is 2 if the server could not start.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import trax
from numpy.typing import NDArray
from platformdirs import user_state_path

from tracker import __version__, catalog
from tracker.adapters import adapt, name_of
from tracker.core import boxes, images
from tracker.core.errors import Failed, InvalidValue, ResourceError, exit_code
from tracker.core.places import user_folder
from tracker.core.settings import accepted, parse
from tracker.core.tracker import Result, Tracker
from tracker.serving.watchdog import Watchdog, unescape

log = logging.getLogger(__name__)

_LOG_LIMIT = 10 << 20  # bytes, after which a log file is put aside at the next start
_REASON_LIMIT = 500  # characters


def main(arguments: list[str] | None = None) -> int:
    """Serve one client on stdin and stdout (or the port in TRAX_SOCKET) and end the process.

    Returns:
        2 if there is nobody to serve; once there is, the process ends here.
    """
    if (sys.argv[1:] if arguments is None else arguments) or (os.isatty(0) and "TRAX_SOCKET" not in os.environ):
        print(__doc__, file=sys.stderr)
        print("It is started by a TraX client, for example `vot test DAT`, and takes no arguments.", file=sys.stderr)
        return 2
    name = os.environ.get("RECIPROCATIVE_TRACKER", "DAT")
    return _serve(name, lambda: catalog.create(name, **_parameters(name, catalog.options(name))))


def serve(tracker: Any, name: str | None = None) -> int:
    """Serve somebody's tracker to one TraX client on stdin and stdout, and end the process.

    The last line of a file that a section of trackers.ini names as its ``command``::

        if __name__ == "__main__":
            tracker.serve(MyTracker)

    Args:
        tracker: a class or function that makes a tracker, with the parameters of the environment variables above; or
            the tracker itself, an object with ``init(image, box)`` and ``update(image)``, which is copied where a
            client follows several objects. See :func:`tracker.adapters.adapt`.
        name: what clients are told; by default the name of the class or function.

    Returns:
        2 if there is nobody to serve; once there is, the process ends here.
    """
    if os.isatty(0) and "TRAX_SOCKET" not in os.environ:
        print(f"{sys.argv[0]} is a TraX server, started by a client: name it in a trackers.ini,", file=sys.stderr)
        print("and try it with 'reciprocative doctor NAME --registry trackers.ini'.", file=sys.stderr)
        return 2
    label = name or name_of(tracker)
    types = accepted(tracker) if isinstance(tracker, type) or not hasattr(tracker, "update") else {}
    return _serve(label, lambda: adapt(tracker, _parameters(label, types)))


def _serve(name: str, make: Callable[[], Tracker]) -> int:
    try:
        watchdog = Watchdog()
    except (OSError, ValueError) as error:
        print(f"no client to talk to on stdin and stdout or the port in TRAX_SOCKET: {error}", file=sys.stderr)
        return 2
    try:
        _log_to_file(name, os.environ.get("RECIPROCATIVE_LOG"), watchdog)
        watchdog.start()
        session = Session(name, make, watchdog)
    except Exception as error:  # the toolkit says no more than "Unable to connect to tracker"
        _report(watchdog, error, code=2)
        watchdog.exit(2, "the server could not start")
    watchdog.exit(*session.run())


class Session:
    """One client, one tracker for each of its objects; ``watchdog`` is told of every request that has been handled."""

    def __init__(self, name: str, make: Callable[[], Tracker], watchdog: Watchdog) -> None:
        """Load the weights, warm up, shake hands."""
        self._watchdog = watchdog
        self._trackers: list[Tracker] = [make()]  # kept for the next initialisation
        self._trackers[0].warm_up()
        self._active = 0  # how many of them have a target
        self._frames = 0
        self._seconds = 0.0
        fingerprint = self._trackers[0].fingerprint
        settings = {key: value for key, value in os.environ.items() if key.startswith("RECIPROCATIVE_")}
        log.info("%s ready: version %s, settings %s, fingerprint %s", name, __version__, settings, fingerprint)
        self._server = trax.Server(
            [trax.Region.RECTANGLE, trax.Region.POLYGON, trax.Region.MASK],
            [trax.Image.PATH, trax.Image.MEMORY, trax.Image.BUFFER],
            [trax.ImageChannel.COLOR],
            tracker_name=name,
            tracker_description="reciprocative-tracker " + __version__,
            metadata={"fingerprint": fingerprint} if fingerprint else None,
            multiobject=True,
        )

    def run(self) -> tuple[int, str]:
        """Answer requests until the client quits; return the exit code of the process and what to log of it."""
        try:
            while (request := self._wait()) is not None:
                start = perf_counter()
                answer = self._answer(request)
                self._seconds += perf_counter() - start
                self._frames += 1
                self._watchdog.finished()
                self._server.status(answer)
        except Exception as error:  # whatever it is, the client has to hear of it instead of waiting for a reply
            return self._fail(error)
        mean = 1e3 * self._seconds / max(self._frames, 1)
        return 0, f"client quit after {self._frames} frames, {mean:.1f} ms each"

    def _wait(self) -> Any:
        """Next request, or None when the client has quit or closed its pipe between two requests."""
        try:
            request = self._server.wait()
        except trax.TraxException as error:
            over, problem = self._watchdog.ended, f"libtrax cannot read the request ({error})"
        else:
            if request.type != trax.TraxStatus.QUIT:
                return request
            over, problem = True, "the client quit inside a request"
        if self._watchdog.refusal or self._watchdog.unfinished or not over:
            raise InvalidValue(self._watchdog.refusal or f"{problem}: {self._watchdog.request}")
        return None

    def _answer(self, request: Any) -> list[tuple[trax.Region, dict[str, str]]]:
        """Handle an initialize or frame request: region and properties of every object, in the order they came."""
        image = _image(request.image)
        if request.type == trax.TraxStatus.INITIALIZE:
            self._active = 0
            if ignored := request.properties.dict():
                log.warning(
                    "properties %.500s have no effect: parameters are set by RECIPROCATIVE_* before start", ignored
                )
        elif not self._active:
            raise InvalidValue("frame before initialisation; send an object first")
        results = [tracker.update(image) for tracker in self._trackers[: self._active]]
        for region, _ in request.objects or []:
            results.append(self._start(image, region))
        return [(_region(result), _properties(result)) for result in results]

    def _start(self, image: NDArray[np.uint8], region: trax.Region) -> Result:
        """Put a tracker on one more object."""
        height, width = image.shape[:2]
        box = boxes.checked(_box(region), width, height)
        if self._active == len(self._trackers):
            self._trackers.append(self._trackers[0].fork())
        result = self._trackers[self._active].init(image, box)
        self._active += 1
        log.info(
            "object %d at %s in %dx%d, seed %s, fingerprint %s",
            *(self._active, np.round(box, 2).tolist(), width, height, result.seed, result.fingerprint),
        )
        return result

    def _fail(self, error: Exception) -> tuple[int, str]:
        reason = _report(self._watchdog, error, code=1)
        try:
            self._server.quit(reason[:_REASON_LIMIT])
        except trax.TraxException:
            log.info("the client does not listen any more")
        return 1, "the session was ended"


def _parameters(name: str, types: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that the environment gives tracker ``name``; without the threads, seed or device that it lacks."""
    try:
        parameters = parse([os.environ.get("RECIPROCATIVE_PARAMS", "")], types, f"tracker {name}")
    except InvalidValue as error:
        raise InvalidValue(f"RECIPROCATIVE_PARAMS: {error}") from error
    for parameter in ("threads", "seed", "device"):
        variable = f"RECIPROCATIVE_{parameter.upper()}"
        text = os.environ.get(variable, "").strip()
        if not text:
            continue
        if parameter in parameters:
            raise InvalidValue(f"{parameter} is set twice, by {variable} and by RECIPROCATIVE_PARAMS")
        if parameter not in types:
            log.info("%s=%s has no effect: %s has no %s", variable, text, name, parameter)
        elif parameter == "device":
            parameters[parameter] = text
        elif parameter == "seed" and text == "random":
            parameters[parameter] = None
        else:
            least = 1 if parameter == "threads" else 0
            if not text.isdecimal() or int(text) < least:
                raise InvalidValue(f"{variable} is {text!r}; give a whole number, {least} or more")
            parameters[parameter] = int(text)
    return parameters


def _log_to_file(name: str, path: str | None, watchdog: Watchdog) -> None:
    """Log to ``path``, by default in the user's state folder: the working directory is a temporary one."""
    file = Path(path or os.devnull)
    try:
        if not path:
            file = user_folder(user_state_path) / f"{name}.log"
            file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_file() and file.stat().st_size > _LOG_LIMIT:
            file.replace(file.with_name(file.name + ".old"))
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        if path:
            raise ResourceError(
                f"cannot write the log file: {error}; set RECIPROCATIVE_LOG to a path that can be"
            ) from error
        watchdog.tell(f"no log file: {error}; RECIPROCATIVE_LOG names another path")
        descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, 2)  # sys.stderr, too, writes there from now on
    os.close(descriptor)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
    )


def _report(watchdog: Watchdog, error: Exception, code: int) -> str:
    """Tell stderr and the log why the process ends with ``code``, and return it as one line of ASCII.

    The traceback goes to the log, and of a bug to stderr too.
    """
    log.error("cannot go on", exc_info=error)
    if exit_code(error) is None:
        watchdog.tell("".join(traceback.format_exception(error)))
    reason = " ".join(f"{type(error).__name__}: {error}".split()).encode("ascii", "backslashreplace").decode()
    watchdog.tell(reason)
    watchdog.ending(code)  # not before the reason is out: the watchdog may end the process at once
    return reason


def _image(channels: Mapping[str, trax.Image]) -> NDArray[np.uint8]:
    """The color channel as RGB uint8 (H, W, 3)."""
    image = channels.get(trax.ImageChannel.COLOR)
    if isinstance(image, trax.FileImage):
        return images.read(unescape(image.path()))
    if isinstance(image, trax.BufferImage):
        return images.decode(image.buffer(), source="image buffer")
    if isinstance(image, trax.MemoryImage):
        return images.from_array(image.array())
    raise InvalidValue(f"no color image by path, memory or buffer came with the request, but {image}")


def _box(region: trax.Region) -> NDArray[np.float64]:
    """Upright box (4,) that a client's region stands for."""
    if isinstance(region, trax.Rectangle):
        return np.array(region.bounds(), np.float64)
    if isinstance(region, trax.Polygon):
        return boxes.from_polygon(list(region))
    if isinstance(region, trax.Mask):
        return boxes.from_mask(region.array(), region.offset())
    raise InvalidValue(f"region {region} is no rectangle, polygon or mask; libtrax sends NaN coordinates as such")


def _properties(result: Result) -> dict[str, str]:
    """What the client is told beside the region; the toolkit keeps a file of each for every trajectory."""
    return {"confidence": f"{result.score:.6g}", "faults": str(result.faults)}


def _region(result: Result) -> trax.Region:
    """What the client is told: a rotated box where the tracker has one, else the upright box."""
    corners = result.polygon
    if not np.isfinite(result.box if corners is None else corners).all() or not math.isfinite(result.score):
        raise Failed(f"tracker returned numbers that are not finite: {result}")
    if corners is None:
        return trax.Rectangle.create(*(float(value) for value in result.box))
    return trax.Polygon.create([(float(x), float(y)) for x, y in corners])
