"""Trackers with other interfaces as trackers of this package: one's own, OpenCV's, those of the GOT-10k toolkit.

``adapt`` serves whoever brings a tracker: ``tracker.serve``, ``--tracker module:Class``, RECIPROCATIVE_TRACKER.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tracker.baselines import opencv
from tracker.core import boxes
from tracker.core.errors import InvalidType, InvalidValue, MissingPackage
from tracker.core.paths import PROJECT
from tracker.core.settings import nearest
from tracker.core.tracker import Result, Tracker
from tracker.formats.registry import Section

FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])  # of the GOT-10k toolkit's boxes, less that of boxes here


class AdapterError(Exception):
    """A tracker of somebody else failed, or answered something that is no box; its own error is the cause.

    No ``UserError``: whoever wrote that tracker needs the traceback.
    """


def adapt(given: Any, parameters: Mapping[str, Any] | None = None) -> Tracker:
    """A tracker of this package around somebody's.

    Args:
        given: an object with ``init(image, box)`` and ``update(image)``; or a class or function that makes one; or a
            tracker class of OpenCV (``cv2.TrackerMIL``) or of the GOT-10k toolkit. Images are (H, W, 3) RGB uint8, a
            box is (x, y, w, h) in 0-based float pixels; ``update`` returns the box, four corner points (4, 2), ``(box,
            score)``, a ``tracker.Result``, or None for "lost".
        parameters: for the class or function.

    Raises:
        TypeError: it is nothing of this kind, or an object although there are parameters.
        AdapterError: making it failed; the cause tells why.
    """
    if not isinstance(given, type) and hasattr(given, "init") and hasattr(given, "update"):
        if parameters:
            raise InvalidType(
                f"{name_of(given)} is made already: parameters need its class or a function that makes it"
            )
        if of_opencv(type(given)):
            raise InvalidType("a tracker of OpenCV starts once only: give its class or a function that makes it")
        return _wrapped(given, partial(_copied, given))
    if not callable(given):
        raise InvalidType(f"{name_of(given)} is no tracker: it has no init(image, box) and update(image)")
    if of_opencv(given):
        return opencv(given, **(parameters or {}))
    make = partial(given, **(parameters or {}))
    try:
        made = make()
    except Exception as error:
        raise AdapterError(f"{name_of(given)} could not be made: {type(error).__name__}: {error}") from error
    return _wrapped(made, make)


def find(name: str) -> Any:
    """What ``module:Class`` names, a module of the current folder or an installed one.

    Raises:
        ImportError: there is no such module, or it cannot be imported.
        ValueError: it has nothing of that name.
    """
    module, _, attribute = name.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    try:
        thing = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (module, module.partition(".")[0]):
            raise
        raise MissingPackage(
            f"tracker {name!r}: no module {module} in {here} or among the installed packages"
        ) from error
    for part in attribute.split("."):
        if not hasattr(thing, part):
            names = [key for key in vars(thing) if not key.startswith("_")]
            raise InvalidValue(f"tracker {name!r}: {module} has no {attribute}; {nearest(part, names)}")
        thing = getattr(thing, part)
    return thing


def _settings(name: str) -> dict[str, str]:
    """The section of a trackers.ini by which this package's server runs ``module:Class`` of the current folder."""
    return {
        "label": name.rpartition(":")[2],
        "protocol": "traxpython",
        "command": "tracker",
        "paths": os.pathsep.join([os.getcwd(), str(PROJECT)]),
        "env_RECIPROCATIVE_TRACKER": name,
        "timeout": "120",
    }


class Adapter(Tracker):
    """Somebody's object as a tracker: its answers become :class:`Result`; what else it offers is handed through."""

    def __init__(self, tracker: Any, again: Callable[[], Any]) -> None:
        """Wrap ``tracker``; ``again`` gives another one like it."""
        self._tracker, self._again = tracker, again
        self._box = np.zeros(4)
        for name in ("warm_up", "fingerprint", "deterministic", "attention"):  # what a Tracker may have
            if hasattr(tracker, name):
                setattr(self, name, getattr(tracker, name))

    def fork(self) -> Adapter:
        """Another one around an object of its own, made anew or copied."""
        return Adapter(self._again(), self._again)

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> Result:
        """Start on ``image`` (H, W, 3) RGB uint8 with the target at ``box`` (x, y, w, h)."""
        self._box = np.array(box, np.float64)
        answer = self._ask("init", image, self._box.copy())
        return answer if isinstance(answer, Result) else Result(self._box.copy(), score=1.0, lost=False)

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in ``image`` (H, W, 3) RGB uint8.

        Raises:
            AdapterError: the tracker failed, or its answer is no box.
        """
        result = self._result(self._ask("update", image))
        self._box = result.box
        return result

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._tracker, method)(*arguments)
        except Exception as error:
            raise AdapterError(f"{name_of(self._tracker)}.{method}: {type(error).__name__}: {error}") from error

    def _result(self, answer: Any) -> Result:
        if isinstance(answer, Result):
            return answer
        if answer is None:
            return Result(self._box.copy(), score=-1.0, lost=True)
        region, score = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, 1.0)
        try:
            values = np.asarray(region, np.float64).ravel()
            polygon = values.reshape(4, 2) if len(values) == 8 else None
            box = values if polygon is None else boxes.from_polygon(polygon)
            if box.shape == (4,) and np.isfinite(box).all() and np.isfinite(score):
                return Result(box.copy(), float(score), lost=False, polygon=polygon)
        except (TypeError, ValueError):
            pass
        raise AdapterError(
            f"{name_of(self._tracker)}.update returned {answer!r:.200}; return x, y, w, h, four corner points, "
            "(box, score), a tracker.Result, or None where the target is lost"
        )


def _wrapped(tracker: Any, again: Callable[[], Any]) -> Tracker:
    if of_opencv(type(tracker)):
        return opencv(again)
    if isinstance(tracker, Tracker):
        return tracker
    if (got10k := sys.modules.get("got10k.trackers")) and isinstance(tracker, got10k.Tracker):
        return Adapter(Got10k(tracker), lambda: Got10k(again()))
    if not (callable(getattr(tracker, "init", None)) and callable(getattr(tracker, "update", None))):
        raise InvalidType(f"{name_of(tracker)} is no tracker: it has no init(image, box) and update(image)")
    return Adapter(tracker, again)


class Got10k:
    """A tracker of the GOT-10k toolkit, which takes PIL images and counts pixels from 1."""

    def __init__(self, tracker: Any) -> None:
        """Wrap an instance of a subclass of ``got10k.trackers.Tracker``."""
        self._tracker = tracker
        self.deterministic = bool(tracker.is_deterministic)

    def init(self, image: NDArray[np.uint8], box: NDArray[np.float64]) -> None:
        """Start on ``image`` (H, W, 3) RGB with the target at ``box`` (x, y, w, h), 0-based."""
        self._tracker.init(Image.fromarray(image), box + FIRST_PIXEL)

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The box in the next frame."""
        box: NDArray[np.float64] = np.asarray(self._tracker.update(Image.fromarray(image)), np.float64) - FIRST_PIXEL
        return box


def of_opencv(kind: Any) -> bool:
    """Whether this is the class of a tracker of OpenCV."""
    bases = tuple(base for place in (cv2, getattr(cv2, "legacy", None)) if (base := getattr(place, "Tracker", None)))
    return isinstance(kind, type) and issubclass(kind, bases)


def _copied(tracker: Any) -> Any:
    try:
        return deepcopy(tracker)
    except Exception as error:
        raise AdapterError(
            f"another object needs another {name_of(tracker)}, which cannot be copied ({error}): give its class or a "
            "function that makes it"
        ) from error


def name_of(thing: Any) -> str:
    """What to call a class, a function or an object: its own name or that of its class."""
    return getattr(thing, "__name__", type(thing).__name__)


def own_section(name: str) -> Section:
    """What a registry would say of ``module:Class`` in the current folder."""
    values = {key.lower(): value for key, value in _settings(name).items()}
    return Section(re.sub("[^a-zA-Z0-9_-]", "-", values["label"]), Path("trackers.ini"), values)


def own_text(name: str) -> str:
    """The section of ``own_section`` as it stands in a trackers.ini."""
    lines = [f"{key} = {value}\n" for key, value in _settings(name).items()]
    return f"[{own_section(name).name}]\n" + "".join(lines)
