"""DAT, the reciprocative-learning tracker of Pu et al. (NIPS 2018), and its evaluation inside the VOT toolkit.

Names are exported lazily (PEP 562): ``import tracker.vot`` never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.core.tracker import Result, Tracker
    from tracker.dat.params import FAST, MDNET, PAPER, PRESETS, Params
    from tracker.dat.tracker import ReciprocativeTracker
    from tracker.media.video import open_source
    from tracker.serving.server import serve
    from tracker.vot.evaluation.session import evaluate

__version__ = "0.2.0"

_EXPORTS = {
    "ReciprocativeTracker": "tracker.dat.tracker",
    "Result": "tracker.core.tracker",
    "Tracker": "tracker.core.tracker",
    "open_source": "tracker.media.video",
    "Params": "tracker.dat.params",
    "FAST": "tracker.dat.params",
    "MDNET": "tracker.dat.params",
    "PAPER": "tracker.dat.params",
    "PRESETS": "tracker.dat.params",
    "serve": "tracker.serving.server",
    "evaluate": "tracker.vot.evaluation.session",
}

__all__ = [
    "FAST",
    "MDNET",
    "PAPER",
    "PRESETS",
    "Params",
    "ReciprocativeTracker",
    "Result",
    "Tracker",
    "evaluate",
    "open_source",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tracker' has no attribute {name!r}; it exports {', '.join(__all__)}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
