"""config.yaml of a workspace, read without the toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tracker.core.listing import read_text


def read_config(workspace: Path) -> dict[str, Any]:
    """config.yaml of a workspace; empty if it is missing or malformed, which ``check_workspace`` reports."""
    try:
        config = yaml.load(read_text(workspace / "config.yaml"), Loader=yaml.BaseLoader)
    except (OSError, yaml.YAMLError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def registries(workspace: Path) -> list[Path]:
    """Files that ``registry:`` of a workspace names, a folder standing for the trackers.ini in it."""
    named = read_config(workspace).get("registry") or []
    entries = named if isinstance(named, list) else [named]
    paths = [workspace / entry for entry in entries if isinstance(entry, str)]
    return [path / "trackers.ini" if path.is_dir() else path for path in paths]


def sequences_folder(workspace: Path) -> Path:
    """Where the data set of a workspace lies."""
    named = read_config(workspace).get("sequences")
    return workspace / (named if isinstance(named, str) else "sequences")
