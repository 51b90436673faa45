"""Ground truth as text: one region a line, the forms that VOT, OTB, GOT-10k and their users write.

=========================  ===============================================================================
four numbers               an upright box ``x, y, width, height``
six or more, even          a polygon ``x1, y1, x2, y2, ...``
``m`` and whole numbers    a mask ``mX,Y,WIDTH,HEIGHT,RUNS``: lengths of its runs by row, of zeros first (VOT2020)
one number                 a code: no region
NaN, or a region without   the target is absent in this frame: no region
area: ``0,0,0,0``, and
``-1,-1,-1,-1``
=========================  ===============================================================================

Numbers may be separated by commas, semicolons, tabs or spaces, and lines may end in a separator. The VOT toolkit itself
takes commas only; ``obstacles`` says what it stumbles over, in the same words to every command.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, listing
from tracker.core.errors import ResourceError
from tracker.core.images import MAX_PIXELS

Polygon = NDArray[np.float64]
"""Corners (N, 2) of (x, y), 0-based pixels."""


@dataclass(frozen=True, eq=False)
class Region:
    """One annotated region.

    Attributes:
        outline: corners (N, 2) to draw; of a mask, the contour of its largest part.
        box: upright box (4,) that a tracker starts on; of a mask, the smallest one around it.
    """

    outline: Polygon
    box: NDArray[np.float64]


def read(path: Path, origin: float = 0.0) -> list[Region | None]:
    """The regions of a text file, one a line, with its first pixel at ``origin``; None where it is absent or a code.

    Raises:
        OSError: the file cannot be read, or a line is no region; the message names both.
    """
    text = listing.checked_text(path)
    regions = []
    for number, line in enumerate(listing.lines(text), start=1):
        try:
            regions.append(parse(line, origin))
        except ValueError as error:
            raise ResourceError(f"{path}, line {number}: {error}") from error
    return regions


def parse(line: str, origin: float = 0.0) -> Region | None:
    """The region of one line, None if it has none.

    Raises:
        ValueError: it is no list of numbers, not as many as a region has, infinite, or a box of negative size.
    """
    if line.strip().startswith("m"):
        return _of_mask(*mask(line), origin)
    values = numbers(line)
    if problem := wrong_count(len(values)):
        raise ValueError(problem)
    if len(values) == 1 or any(map(math.isnan, values)):
        return None
    if any(map(math.isinf, values)):
        raise ValueError(f"a region must be finite numbers, found {line[:40]!r}")
    if len(values) == 4 and min(values[2:]) < 0:
        if max(values) <= 0:  # the mark -1,-1,-1,-1
            return None
        raise ValueError(f"width and height must not be negative, found {line[:40]!r}")
    outline = (boxes.corners(values) if len(values) == 4 else np.reshape(values, (-1, 2))) - origin  # (N, 2)
    try:
        return Region(outline, boxes.from_polygon(outline))
    except ValueError:  # no area
        return None


def words(line: str) -> list[str]:
    """The words of a line between its separators, of which some may stand at its end."""
    return re.split(r"\s*[,;]\s*|\s+", line.strip().rstrip(",; \t"))


def numbers(line: str) -> list[float]:
    """The numbers of a line.

    Raises:
        ValueError: something else stands there.
    """
    try:
        return [float(word) for word in words(line)]
    except ValueError:
        raise ValueError(f"{line[:40]!r} is not a list of numbers") from None


def wrong_count(count: int) -> str | None:
    """Why that many numbers are no code, box or polygon; None if they are one."""
    if count in (1, 4) or (count >= 6 and count % 2 == 0):
        return None
    return f"{count} numbers are no region (1, 4, or an even number from 6 on)"


def mask(line: str) -> tuple[tuple[int, int, int, int], list[int]]:
    """Position and size (x, y, width, height) of a mask, and the lengths of its runs, which fit into it.

    Raises:
        ValueError: it is not a mask.
    """
    try:
        x, y, width, height, *runs = (int(word) for word in words(line.strip()[1:]))
    except ValueError:
        raise ValueError(f"not a mask: {line[:40]!r}") from None
    if min(width, height, *runs, 0) < 0 or width * height > MAX_PIXELS or sum(runs) > width * height:
        raise ValueError(f"not a mask, its runs do not fit its size: {line[:40]!r}")
    return (x, y, width, height), runs


def _of_mask(place: tuple[int, int, int, int], runs: list[int], origin: float) -> Region | None:
    x, y, width, height = place
    pixels = np.zeros(width * height, np.uint8)
    ends = list(accumulate(runs))
    for start, end in zip(ends[::2], ends[1::2], strict=False):
        pixels[start:end] = 1
    if not pixels.any():
        return None
    marked = pixels.reshape(height, width)
    box = boxes.from_mask(marked, (x, y))
    box[:2] -= origin
    return Region(contour(marked, (x, y)) - origin, box)


def contour(mask: NDArray[np.uint8], offset: tuple[int, int]) -> Polygon:
    """Contour (N, 2) of the largest part of a mask (H, W) that has one, its first pixel at ``offset`` (x, y)."""
    contours, _ = cv2.findContours(np.pad(mask, 1), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)  # (N, 2)
    return largest - 1 + np.array(offset)


MARK = "a byte order mark at the beginning of the file"
EMPTY = "an empty line"
ENDING = "a separator at the end of the line"
SEPARATOR = "numbers separated by something else than commas"
NO_CODE = "NaN alone; an absent target is nan,nan,nan,nan"


def obstacles(data: bytes) -> dict[str, list[int]]:
    r"""What in a ground truth file that this module reads the VOT toolkit cannot: what it is -> numbers of the lines.

    Raises:
        UnicodeDecodeError: it is no text.

    >>> obstacles(b"1,2,3,4\n1,2,3,4,\n\n")
    {'a separator at the end of the line': [2], 'an empty line': [3]}
    """
    places: dict[str, list[int]] = {MARK: [1]} if listing.mark(data) else {}
    for number, line in enumerate(io.StringIO(listing.decode(data), newline=None), start=1):
        if problem := unloadable(line):
            places.setdefault(problem, []).append(number)
    return places


def unloadable(line: str) -> str | None:
    """Why the VOT toolkit cannot read a line of ground truth that this module reads; None if it can.

    >>> unloadable("1,2,3,4,"), unloadable("1,2,3,4"), unloadable("1 2 3 4")
    ('a separator at the end of the line', None, 'numbers separated by something else than commas')
    """
    text = line.strip()
    if not text:
        return EMPTY
    if text[-1] in ",;":
        return ENDING
    if len(text.split(",")) != len(words(text)):
        return SEPARATOR
    return NO_CODE if text.lower().lstrip("+-") == "nan" else None
