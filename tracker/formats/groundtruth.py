"""The ground truth file of a folder of images: which file, which line belongs to which image.

Line k belongs to image k as far as lines go, however many there are: GOT-10k's test sets ship the first line only, and
OTB's David is annotated from its frame 300 on (``truth_start`` 299).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tracker.core import listing
from tracker.core.errors import InvalidValue
from tracker.formats import regions
from tracker.formats.regions import Region

_FILES = ((re.compile(r"groundtruth_rect(?:\.(\w+))?\.txt"), 1.0), (re.compile(r"groundtruth(?:_(\w+))?\.txt"), 0.0))
"""Names, with the target's where there are several, and coordinate of the first pixel: OTB counts from 1."""


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What a ground truth file says of a source.

    Attributes:
        file: the file.
        regions: one a frame, None where none is annotated; empty if there is a ``problem``.
        lines: number of lines in the file.
        problem: why the file cannot be used, None if it can.
    """

    file: Path
    regions: list[Region | None]
    lines: int
    problem: str | None = None

    @property
    def uneven(self) -> str | None:
        """Both counts, if there is not one line for each image."""
        if self.problem or self.lines == len(self.regions):
            return None
        return f"{self.file} has {self.lines} lines for {len(self.regions)} images"


def find(folder: Path, frames: int, target: str | None = None, start: int = 0) -> GroundTruth | None:
    """The ground truth in ``folder`` for its ``frames`` images; None if it has no such file.

    Args:
        folder: of a sequence.
        frames: number of its images.
        target: which one, where each of several targets has a file (``groundtruth_rect.2.txt``: 2).
        start: frame that the first line belongs to.

    Raises:
        ValueError: there is no such target.
    """
    files = _files(folder)
    targets = {name: file for name, file in files.items() if name}
    if target is None and "" not in files and len(targets) > 1:
        problem = f"{folder} has several targets, {', '.join(sorted(targets))}: name one with --target"
        return GroundTruth(folder, [], 0, problem)
    if target is not None and target not in targets:
        there = f"has {', '.join(sorted(targets))}" if targets else "has no file for each of several"
        raise InvalidValue(f"--target {target}: the folder {there}")
    choice = files.get(target or "") or next(iter(targets.values()), None)
    if choice is None:
        return None
    file, origin = choice
    try:
        lines = regions.read(file, origin)
    except OSError as error:
        return GroundTruth(file, [], 0, str(error))
    if not lines:
        return GroundTruth(file, [], 0, f"{file} is empty")
    by_image = ([None] * start + lines)[:frames]
    return GroundTruth(file, by_image + [None] * (frames - len(by_image)), len(lines))


def _files(folder: Path) -> dict[str, tuple[Path, float]]:
    """Ground truth files by target, "" for the only one, with the coordinate of the first pixel."""
    files: dict[str, tuple[Path, float]] = {}
    for path in listing.matching(folder, "groundtruth*.txt"):
        for pattern, origin in _FILES:
            if (match := pattern.fullmatch(path.name)) and path.is_file():
                files[match[1] or ""] = (path, origin)
                break
    return files
