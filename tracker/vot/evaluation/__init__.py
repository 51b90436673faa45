"""From a workspace and trackers to raw results: what is missing, run on many cores, and told while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.vot.evaluation.session import evaluate

__all__ = ["evaluate"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it exports {', '.join(__all__)}")
    from tracker.vot.evaluation.session import evaluate  # workers and probes do without tables and reports

    return evaluate
