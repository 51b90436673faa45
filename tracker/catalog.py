"""The trackers that this package has, by name; torch is imported only when a tracker needs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tracker import adapters, baselines
from tracker.core.errors import InvalidValue
from tracker.core.settings import accepted, nearest, parse
from tracker.core.tracker import Tracker
from tracker.dat.params import PRESETS, Params


@dataclass(frozen=True)
class Entry:
    """One tracker.

    Attributes:
        preset: of ``tracker.dat.params``, for DAT; without, it is the class of its name in ``tracker.baselines``.
        weights: what a baseline needs of the weights registry.
    """

    preset: str = ""
    weights: tuple[str, ...] = ()


TRACKERS = {
    "DAT": Entry("FAST"),
    "DAT-paper": Entry("PAPER"),
    "DAT-crops": Entry("CROPS"),
    "MDNet": Entry("MDNET"),
    "NCC": Entry(),
    "NanoTrack": Entry(weights=("nanotrack-backbone", "nanotrack-head")),
    "MIL": Entry(),
    "CSRT": Entry(),
    "KCF": Entry(),
}
NAMES = tuple(TRACKERS)
LEARNING = tuple(name for name, entry in TRACKERS.items() if entry.preset)


def create(name: str, **overrides: Any) -> Tracker:
    """Make the tracker called ``name``, weights loaded, with ``overrides`` in place of its preset's parameters.

    Args:
        name: one of ``NAMES``, or ``module:Class`` of somebody's own, see :func:`tracker.adapters.adapt`.
        overrides: fields of ``tracker.Params`` for those in ``LEARNING``; ``threads`` for the baselines; what the
            constructor takes for others.

    Raises:
        ValueError: if the name or a parameter is unknown.
        MissingPackage: if this build of OpenCV has no tracker of that name (CSRT and KCF: opencv-contrib-python), or
            there is no such module.
    """
    types = options(name)
    if unknown := sorted(overrides.keys() - types):
        raise InvalidValue(f"tracker {name} has no parameter {', '.join(unknown)}; {nearest(unknown[0], types)}")
    if ":" in name:
        return adapters.adapt(adapters.find(name), overrides)
    if not TRACKERS[name].preset:
        baseline: Tracker = getattr(baselines, name)(**overrides)
        return baseline
    from tracker.dat.tracker import ReciprocativeTracker

    return ReciprocativeTracker(replace(preset(name), **overrides))


def preset(name: str) -> Params:
    """The parameters that ``create`` starts from for one of ``LEARNING``.

    Raises:
        ValueError: if the name is that of a baseline, or unknown.
    """
    if name not in LEARNING:
        raise InvalidValue(f"tracker {name!r} has no preset; {', '.join(LEARNING)} have")
    return PRESETS[TRACKERS[name].preset]


def weights_of(name: str, settings: str = "") -> tuple[str, ...]:
    """The entries of the weights registry that a tracker needs, with parameters such as ``"backbone=vgg-m"``.

    Raises:
        ValueError: if the name or a parameter is unknown, or a value is refused.
    """
    values = parse([settings], options(name), f"tracker {name}")
    if name not in LEARNING:
        return TRACKERS[name].weights
    params = replace(preset(name), **values)
    return (params.backbone, "box-estimator") if params.features == "region" else (params.backbone,)


def options(name: str) -> dict[str, Any]:
    """The parameters that ``create`` accepts for ``name``, with their types.

    Raises:
        ValueError: if the name is unknown.
        ImportError: if there is no such module.
    """
    if ":" in name:
        factory = adapters.find(name)
        return {"threads": int} if adapters.of_opencv(factory) else accepted(factory)
    if name not in NAMES:
        raise InvalidValue(f"unknown tracker {name!r}; choose one of {', '.join(NAMES)}, or module:Class of your own")
    return accepted(Params) if TRACKERS[name].preset else {"threads": int}
