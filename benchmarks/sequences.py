"""Sequences on disk, as the toolkit loads them: the folders named on a command line, their images and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import vot.dataset
from vot.dataset import load_sequence
from vot.region import Polygon, Region, RegionType, Special

from tracker.core.boxes import Boxes, from_polygon
from tracker.vot.results.annotations import check_sequence


def find_sequences(folders: Sequence[Path], only: Sequence[str] = ()) -> list[vot.dataset.Sequence]:
    """The sequences of data set folders, in the order of their list.txt; those called ``only`` if any are named.

    Raises:
        ValueError: if a folder has no list.txt, or a name is missing or twice there.
        DamagedFile: if a sequence cannot be used; the message names file and line.
    """
    places: dict[str, Path] = {}
    for folder in folders:
        if not (folder / "list.txt").is_file():
            raise ValueError(f"{folder} has no list.txt; give a folder of sequences in the VOT layout")
        for name in (folder / "list.txt").read_text(encoding="utf-8").split():
            if name in places:
                raise ValueError(f"sequence {name} is in {places[name].parent} and in {folder}; leave one out")
            places[name] = folder.resolve() / name
    if unknown := sorted(set(only) - set(places)):
        raise ValueError(f"no sequence is called {', '.join(unknown)}; there are {', '.join(places)}")
    sequences = [load_sequence(str(place)) for name, place in places.items() if not only or name in only]
    for sequence in sequences:
        check_sequence(sequence)
    return sequences


def folder_of(sequence: vot.dataset.Sequence) -> Path:
    """Where a sequence lies."""
    return Path(sequence.metadata("root"))


def frames_of(sequence: vot.dataset.Sequence, limit: int | None) -> tuple[list[str], list[list[float] | None]]:
    """Paths of the first images of a sequence, or of all, and its ground truth as boxes, None where there is none."""
    count = min(len(sequence), limit or len(sequence))
    truth = boxes_of([sequence.groundtruth(index) for index in range(count)])
    images = [sequence.frame(index).filename() for index in range(count)]
    return images, [None if np.isnan(box).any() else box.tolist() for box in truth]


def boxes_of(regions: Sequence[Region]) -> Boxes:
    """What stands for each region as a box, NaN for a code: (frames, 4)."""
    boxes = np.full((len(regions), 4), np.nan)
    for frame, region in enumerate(regions):
        if isinstance(region, Polygon):
            boxes[frame] = from_polygon(region.points())
        elif not isinstance(region, Special):
            box = region.convert(RegionType.RECTANGLE)
            boxes[frame] = box.x, box.y, box.width, box.height
    return boxes
