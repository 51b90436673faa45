"""How the images of a sequence are named, found out from what lies in its folder."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tracker.core import listing
from tracker.doctor import quote
from tracker.media.video import IMAGE_SUFFIXES

LOADED = (".jpg", ".png")
"""Suffixes of the images that the toolkit reads, in small letters only."""

_NAME = re.compile(r"([^%0-9]*)([0-9]{1,9})(\.\w+)")


@dataclass(frozen=True)
class Numbering:
    """Images that are numbered without a gap.

    Attributes:
        folder: where they lie, relative to the sequence's.
        name: pattern of their names, such as ``%08d.jpg``.
        first: the first number.
        last: the last one.
    """

    folder: Path
    name: str
    first: int
    last: int

    @property
    def pattern(self) -> str:
        """The value of ``channels.color`` for these images."""
        return (self.folder / self.name).as_posix()

    @property
    def loadable(self) -> bool:
        """Whether the toolkit reads such names: it counts from 1, and knows two suffixes."""
        return self.first == 1 and Path(self.name).suffix in LOADED

    def rename(self, root: Path) -> str | None:
        """A shell line that gives the images below ``root`` such names; None if their format is another one."""
        suffix = Path(self.name).suffix
        loaded = suffix.lower().replace(".jpeg", ".jpg")
        if loaded not in LOADED:
            return None
        numbers = f"{self.last} -1 {self.first}" if self.first < 1 else f"{self.first} {self.last}"
        new = self.name.removesuffix(suffix) + loaded
        names = f'"$(printf {self.name!r} $n)" "$(printf {new!r} $((n + {1 - self.first})))"'
        return f"(cd {quote(root / self.folder)} && for n in $(seq {numbers}); do mv -n {names}; done)"


def numbering(root: Path) -> Numbering | None:
    """The largest set of images below ``root`` that are numbered without a gap; None if there is none."""
    groups: dict[tuple[Path, str, str], dict[int, int]] = defaultdict(dict)
    for folder in (root, *(path for path in listing.matching(root, "**/") if len(path.relative_to(root).parts) <= 3)):
        for path in listing.matching(folder):
            match = _NAME.fullmatch(path.name)
            if match and path.suffix.lower() in IMAGE_SUFFIXES:
                groups[folder.relative_to(root), match[1], match[3]][int(match[2])] = len(match[2])
    gapless = [(key, sizes) for key, sizes in groups.items() if max(sizes) - min(sizes) + 1 == len(sizes)]
    if not gapless:
        return None
    (folder, prefix, suffix), sizes = max(gapless, key=lambda item: len(item[1]))
    widths = set(sizes.values())
    digits = f"%0{min(widths)}d" if len(widths) == 1 and min(widths) > 1 else "%d"
    return Numbering(folder, f"{prefix}{digits}{suffix}", min(sizes), max(sizes))
