"""What a package's manifest says, checked: its names become folders, sections of trackers.ini and arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from tracker.core.errors import InvalidValue

MANIFEST = "manifest.yml"
REPRODUCE = "reproduce"
"""Folder of a package that holds everything but results."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Manifest:
    """The part of a manifest that a check relies on.

    Attributes:
        identifier: the tracker.
        results: experiment -> sequence -> trajectory -> number of frames.
    """

    identifier: str
    results: dict[str, dict[str, dict[str, int]]]


class _Loader(yaml.SafeLoader):
    """YAML of plain values without aliases, which could multiply what a few lines say."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias", self.peek_event().start_mark)
        return super().compose_node(parent, index)


def parse(content: bytes) -> Manifest:
    """Read a manifest that anybody may have written.

    Raises:
        ValueError: not YAML, a key is missing or of another type, or a name could leave its folder, be taken for an
            option, or break a section's head.
    """
    try:
        document = yaml.load(content, Loader=_Loader)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise InvalidValue(f"{MANIFEST} cannot be read: {error}") from error
    document = _mapping("the manifest", document)
    results = {
        experiment: {
            sequence: {name: _frames(name, frames) for name, frames in _entries(f"runs of {sequence}", facts, "runs")}
            for sequence, facts in _entries(experiment, sequences)
        }
        for experiment, sequences in _entries("results", document, "results")
    }
    if REPRODUCE in results:
        raise InvalidValue(f"{MANIFEST}: no experiment may be named {REPRODUCE}: that folder holds no results")
    return Manifest(_name("identifier", document.get("identifier")), results)


def _entries(what: str, value: Any, key: str | None = None) -> list[tuple[str, Any]]:
    """Names and values of a mapping, or of the one at ``key`` of a mapping."""
    if key is not None:
        value = _mapping(what, value).get(key)
    return [(_name(f"a name in {what}", name), item) for name, item in _mapping(what, value).items()]


def _mapping(what: str, value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict) or not value:
        raise InvalidValue(f"{MANIFEST}: {what} must be a mapping with entries, not {value!r:.60}")
    return value


def _name(what: str, value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidValue(
            f"{MANIFEST}: {what} is {value!r:.60}; it must be letters, digits and _.- that do not begin with . or -"
        )
    return value


def _frames(name: str, value: Any) -> int:
    if type(value) is not int or value < 1:
        raise InvalidValue(f"{MANIFEST}: the number of frames of {name} must be 1 or more, not {value!r:.60}")
    return value
