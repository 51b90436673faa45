"""Where this installation lies, and the files in it that the toolkit is told about: the registry and the stacks."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent
STACKS = PACKAGE / "vot" / "stacks"

_BUILT = PACKAGE / "trackers.ini"  # setup.py writes it into the wheel; a checkout has the project's
REGISTRY = _BUILT if _BUILT.is_file() else PROJECT / "trackers.ini"
