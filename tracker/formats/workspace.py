"""config.yaml of a workspace, read without the toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tracker.core.listing import read_text


def read_config(workspace: Path, typed: bool = False) -> dict[str, Any]:
    """config.yaml of a workspace, see :func:`read_mapping`."""
    return read_mapping(workspace / "config.yaml", typed)


def read_mapping(file: Path, typed: bool = False) -> dict[str, Any]:
    """A mapping in YAML, its values as text or ``typed``; empty if the file is missing or malformed."""
    try:
        text = read_text(file)
        mapping = yaml.safe_load(text) if typed else yaml.load(text, Loader=yaml.BaseLoader)
    except (OSError, yaml.YAMLError, RecursionError):
        return {}
    return mapping if isinstance(mapping, dict) else {}


def registries(workspace: Path) -> list[Path]:
    """Files that ``registry:`` of a workspace names, a folder standing for the trackers.ini in it."""
    value = read_config(workspace).get("registry") or []
    entries = value if isinstance(value, list) else [value]
    paths = [workspace / entry for entry in entries if isinstance(entry, str)]
    return [path / "trackers.ini" if path.is_dir() else path for path in paths]


def sequences_folder(workspace: Path) -> Path:
    """Where the data set of a workspace lies."""
    value = read_config(workspace).get("sequences")
    return workspace / (value if isinstance(value, str) else "sequences")
