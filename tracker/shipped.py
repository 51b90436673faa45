"""Where the files of this installation lie that the toolkit is told about: the registry and the stacks."""

from __future__ import annotations

from pathlib import Path

REGISTRY = Path(__file__).resolve().with_name("trackers.ini")
STACKS = REGISTRY.parent / "vot" / "stacks"
