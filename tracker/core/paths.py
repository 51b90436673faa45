"""Where this installation lies, and the files in it that the toolkit is told about: the registry and the stacks."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent
REGISTRY = PACKAGE / "trackers.ini"
STACKS = PACKAGE / "vot" / "stacks"
