"""A sequence folder in the layouts of the VOT challenges."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tracker.core import listing
from tracker.core.listing import read_text

_NUMBERED = re.compile(r"[^%]*%\d{0,2}d[^%]*")


@dataclass(frozen=True)
class Sequence:
    """A sequence folder: its images in order as the toolkit finds them, its ground truth file."""

    folder: Path
    pattern: str
    length: int | None  # from the sequence file of a data set without images
    truth: str = "groundtruth.txt"
    rate: float | None = None  # frames per second, where the sequence file tells

    @property
    def images(self) -> list[Path]:
        """Frames 1, 2, ... until one is missing; none if the pattern does not count them."""
        paths: list[Path] = []
        while self.numbered and os.path.isfile(path := self.folder / (self.pattern % (len(paths) + 1))):
            paths.append(path)
        return paths

    @property
    def behind_gap(self) -> list[Path]:
        """Images of higher numbers than those: the toolkit stops at the first that is missing."""
        folder, name = (self.folder / self.pattern).parent, re.split(r"%\d*d", Path(self.pattern).name)
        if not self.numbered or len(name) != 2:
            return []
        counted, numbers = len(self.images), re.compile("([0-9]{1,9})".join(map(re.escape, name)))
        matches = [(path, numbers.fullmatch(path.name)) for path in listing.matching(folder)]
        return [path for path, match in matches if match and int(match[1]) > counted]

    @property
    def numbered(self) -> bool:
        """Whether the pattern has one place for the number of the frame, such as ``%08d``."""
        return bool(_NUMBERED.fullmatch(self.pattern))


def read_sequence(folder: Path) -> Sequence:
    """The sequence in ``folder``, by its ``sequence`` file or, without one, in the layout of VOT2013-2016."""
    entries: dict[str, str] = {}
    if (folder / "sequence").is_file():
        lines = read_text(folder / "sequence").splitlines()
        entries = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
        pattern = entries.get("channels.color", "color")
        pattern += "" if Path(pattern).suffix else "/%08d.jpg"
    else:
        pattern = "%08d.jpg"
    length = entries.get("length", "")
    frames = int(length) if re.fullmatch(r"[0-9]{1,9}", length) else None
    rate = entries.get("fps", "")
    fps = float(rate) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", rate) else 0.0
    return Sequence(folder, pattern, frames, entries.get("groundtruth", "groundtruth.txt"), fps or None)


def sequence_folders(dataset: Path) -> list[Path]:
    """The folders that list.txt names, existing or not."""
    try:
        names = read_text(dataset / "list.txt").splitlines()
    except OSError:
        return []
    return [dataset / name.strip() for name in names if name.strip()]
