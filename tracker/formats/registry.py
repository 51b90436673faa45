"""trackers.ini: the sections of a registry, as the toolkit reads them."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from tracker.core.listing import read_text


@dataclass(frozen=True)
class Section:
    """One tracker of a registry, its values as the toolkit would see them."""

    name: str
    source: Path
    values: dict[str, str]

    @property
    def timeout(self) -> int:
        """Seconds that one reply may take."""
        return int(self.values.get("timeout", "30"))


def read_section(path: Path, name: str) -> Section | None:
    """Section ``name`` of the registry in ``path``; None if it has none or cannot be parsed."""
    parser = configparser.ConfigParser()
    try:
        parser.read_string(read_text(path))
        return Section(name, path, dict(parser[name])) if parser.has_section(name) else None
    except configparser.Error:
        return None


def section_names(path: Path) -> list[str]:
    """Names of all sections of a registry; none if it cannot be parsed."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(read_text(path))
    except (OSError, configparser.Error):
        return []
    return parser.sections()
