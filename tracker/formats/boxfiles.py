"""Boxes of one target in a video, as annotation tools and ``reciprocative track --boxes`` write them.

=====================  =================================================================================================
``.txt``               ``x,y,w,h`` (or a polygon or mask, see :mod:`tracker.formats.regions`): line k is frame k
``.csv`` with a head   columns ``frame,x,y,w,h``, perhaps ``lost``
``.json``              what ``track`` writes: ``frames`` with the same names
MOTChallenge           ``frame,id,x,y,w,h,...``, 6, 7, 9 or 10 columns: frames and pixels count from 1
CVAT for video 1.1     XML: ``track`` with ``box`` elements; linear between key frames, as CVAT has it
=====================  =================================================================================================
"""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from tracker.core import listing
from tracker.core.errors import InvalidValue, ResourceError
from tracker.formats import regions

Box = NDArray[np.float64]
_LARGEST_FRAME = 10_000_000


@dataclass(frozen=True)
class Annotation:
    """One target in a video.

    Attributes:
        boxes: by the number of the frame, from 0: (x, y, w, h) in 0-based pixels.
        lost: frames in which the tracker that made them had lost the target.
        occluded: frames in which it is marked as occluded.
    """

    boxes: dict[int, Box]
    lost: list[int] = field(default_factory=list)
    occluded: list[int] = field(default_factory=list)


def read(path: Path, target: str | None = None) -> Annotation:
    """The boxes in a file.

    Args:
        path: in one of the forms above.
        target: which one, where there are several: MOT's id; CVAT's id or label.

    Raises:
        OSError: the file cannot be read, is damaged or holds no box; the message names the place.
        ValueError: there are several targets, and ``target`` is none of them.
    """
    text = listing.checked_text(path)
    if text.lstrip().startswith("<"):
        annotation = _cvat(path, text, target)
    elif text.lstrip().startswith("{"):
        annotation = _json(path, text)
    else:
        lines = listing.lines(text)
        words = [re.split(r"[,;\s]+", line.strip(" ,;\t")) for line in lines]
        if not lines:
            raise ResourceError(f"{path} is empty")
        if "frame" in words[0]:
            rows = enumerate(csv.DictReader(lines, skipinitialspace=True), start=2)
            annotation = _rows((f"{path}, line {number}", row) for number, row in rows)
        elif all(_is_mot(line) for line in words):
            annotation = _mot(path, words, target)
        else:
            numbered = enumerate(regions.read(path))
            annotation = Annotation({frame: region.box for frame, region in numbered if region is not None})
    if not annotation.boxes:
        raise ResourceError(f"{path} holds no box")
    return annotation


def _is_mot(words: list[str]) -> bool:
    """Whether a line can be MOTChallenge's: a whole number from 1, an id, a box, and perhaps more; 8 are a polygon."""
    if len(words) not in (6, 7, 9, 10) or words[0].startswith("m"):
        return False
    try:
        frame, _, _, _, w, h = map(float, words[:6])
    except ValueError:
        return False
    return frame >= 1 and frame == int(frame) and w > 0 and h > 0


def _mot(path: Path, lines: list[list[str]], target: str | None) -> Annotation:
    track = _choose(path, {line[1] for line in lines}, target)
    boxes: dict[int, Box] = {}
    for number, line in enumerate(lines, start=1):
        if line[1] == track:
            x, y, w, h = map(float, line[2:6])
            _put(boxes, int(float(line[0])) - 1, [x - 1, y - 1, w, h], f"{path}, line {number}")
    return Annotation(boxes)


def _json(path: Path, text: str) -> Annotation:
    try:
        frames = json.loads(text)["frames"]
        return _rows((f"{path}, entry {number}", row) for number, row in enumerate(frames))
    except (KeyError, TypeError, AttributeError, RecursionError, json.JSONDecodeError) as error:
        raise ResourceError(f"{path} is not what 'track --boxes' writes: {error}") from error


def _rows(rows: Any) -> Annotation:
    annotation = Annotation({})
    for place, row in rows:
        try:
            frame, *box = (float(row[name]) for name in ("frame", "x", "y", "w", "h"))
        except (KeyError, TypeError, ValueError) as error:
            raise ResourceError(f"{place}: frame, x, y, w, h must be numbers ({error})") from error
        if frame != int(frame):
            raise ResourceError(f"{place}: frame {frame} is no whole number")
        _put(annotation.boxes, int(frame), box, place)
        if str(row.get("lost", "0")).strip().lower() in ("1", "true"):
            annotation.lost.append(int(frame))
    return annotation


def _cvat(path: Path, text: str, target: str | None) -> Annotation:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ResourceError(f"{path} is no XML: {error}") from error
    tracks = {f"{track.get('id')}": track for track in root.iter("track") if track.find("box") is not None}
    if not tracks:
        raise ResourceError(f"{path} has no track of boxes: export as 'CVAT for video 1.1', with the shapes as a track")
    labels = [key for key, track in tracks.items() if track.get("label") == target]
    track = tracks[labels[0] if len(labels) == 1 else _choose(path, set(tracks), target)]
    annotation, last = Annotation({}), None
    for element in track.iter("box"):
        place = f"{path}, track {track.get('id')}, frame {element.get('frame')}"
        try:
            frame = int(element.get("frame", ""))
            left, top, right, bottom = (float(element.get(name, "")) for name in ("xtl", "ytl", "xbr", "ybr"))
        except ValueError as error:
            raise ResourceError(f"{place}: {error}") from error
        if element.get("outside") == "1":
            if last is not None:  # it stays where it was until it leaves
                _fill(annotation, last, (frame - 1, last[1], last[2]))
            last = None
            continue
        box = [left, top, right - left, bottom - top]
        _put(annotation.boxes, frame, box, place)
        key = frame, np.array(box), element.get("occluded") == "1"
        if last is not None:
            _fill(annotation, last, key)
        if key[2]:
            annotation.occluded.append(frame)
        last = key
    return annotation


def _fill(annotation: Annotation, before: tuple[int, Box, bool], now: tuple[int, Box, bool]) -> None:
    """The frames between two key frames, linear."""
    (first, start, occluded), (last, end, _) = before, now
    if last - first > _LARGEST_FRAME:
        raise ResourceError(f"frames {first} to {last}: too many")
    for frame in range(first + 1, last + (1 if last not in annotation.boxes else 0)):
        share = (frame - first) / max(last - first, 1)
        annotation.boxes[frame] = start + share * (end - start)
        if occluded:
            annotation.occluded.append(frame)


def _put(boxes: dict[int, Box], frame: int, box: list[float], place: str) -> None:
    if not 0 <= frame <= _LARGEST_FRAME:
        raise ResourceError(f"{place}: there is no frame {frame}")
    if frame in boxes:
        raise ResourceError(f"{place}: a second box for frame {frame}")
    if not all(map(math.isfinite, box)):
        raise ResourceError(f"{place}: {box} is not finite")
    if box[2] > 0 and box[3] > 0:  # without area: the target is absent
        boxes[frame] = np.array(box, np.float64)


def _choose(path: Path, targets: set[str], target: str | None) -> str:
    names = ", ".join(sorted(targets, key=lambda name: (len(name), name))[:20])
    if target is None and len(targets) > 1:
        raise InvalidValue(f"{path} has several targets, {names}: name one with --target")
    if target is not None and target not in targets:
        raise InvalidValue(f"--target {target}: {path} has {names}")
    return target or next(iter(targets))
