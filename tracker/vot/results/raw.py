"""Raw result files, read strictly: every refusal names the file and the line.

The toolkit pads, skips and converts what it cannot use (a short file, NaN, code 7) and exits with 0. Figures that
are to be trusted must not come from such files, so the analyses of this package read through :func:`parse`.

What others have published is as it is, and cannot be made anew: :func:`published` reads what has one meaning, writes it
as the toolkit would have, and tells the log what was odd, by file and line.

Format (MATLAB toolkit, kept by vot-toolkit): one region a line, comma separated. One number is a code, four are a
rectangle ``x, y, width, height``, an even number from six on a polygon ``x1, y1, ...``, ``m...`` a mask; ``.bin`` is
the toolkit's binary form of the same.
"""

from __future__ import annotations

import io
import logging
import math
import struct
from collections.abc import Sequence

import numpy as np
from vot import region as toolkit_region
from vot.region import Mask, Polygon, Rectangle, Region, Special
from vot.region.io import parse_region, read_trajectory
from vot.tracker.results import Results

from tracker.core import boxes, listing
from tracker.core.errors import DamagedFile
from tracker.formats.regions import mask, numbers, obstacles, unloadable, words, wrong_count

log = logging.getLogger(__name__)

UNKNOWN, INITIALIZATION, FAILURE = 0, 1, 2
RESET_BASED_CODES = (UNKNOWN, INITIALIZATION, FAILURE)
ONE_PASS_CODES = (UNKNOWN, INITIALIZATION)
MASK_PIXELS = 1 << 30
"""All masks of a trajectory together; unpacked they take a byte each."""
SHORT = 5
"""Lines that a published run may lack at its end: a failure so late is not followed by an initialisation."""
SUFFIXES = (".txt", ".bin")  # the order in which the toolkit prefers them


def parse_line(text: str, file: str, line: int) -> Region:
    """One line of a text file as a region.

    Raises:
        DamagedFile: not numbers, NaN or infinite, a count of numbers that is no region, a negative size, a mask whose
            runs do not fit it (the toolkit writes those behind its memory).
    """
    text = text.strip()
    if problem := _problem(text):
        raise DamagedFile(file, problem, line)
    return parse_region(text)


def _problem(text: str) -> str | None:
    """Why a line is no region that this package reads; None if it is one."""
    start = repr(text[:40])
    if text.startswith("m"):
        try:
            mask(text)
        except ValueError as error:
            return str(error)
        return unloadable(text)
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        return f"expected numbers separated by commas, found {start}"
    if not all(map(math.isfinite, values)):
        return f"a region must be finite numbers, found {start}"
    if len(values) == 1 and not values[0].is_integer():
        return f"a code must be a whole number, found {start}"
    if len(values) == 4 and min(values[2:]) < 0:
        return f"width and height must not be negative, found {start}"
    return wrong_count(len(values))


def rows(data: bytes) -> tuple[np.ndarray, np.ndarray] | None:
    """The codes, rectangles and polygons of a text file of nothing but numbers and commas, read at once.

    Returns:
        Count of numbers (lines,) int64 and all numbers, finite float64; None for any other file.
    """
    end = data[len(data.rstrip(b"\r\n")) :]
    if data.translate(None, b"0123456789+-.eE,\r\n") or end not in (b"", b"\n", b"\r\n"):
        return None
    lines = data.decode().splitlines()
    cells = ",".join(lines).split(",")
    try:
        values = np.fromiter(map(float, cells), float, len(cells))
    except ValueError:
        return None
    counts = np.fromiter((line.count(",") for line in lines), int, len(lines)) + 1
    sizes = values[((np.cumsum(counts) - counts)[counts == 4, None] + (2, 3)).ravel()]
    regions = (counts == 1) | (counts == 4) | ((counts >= 6) & (counts % 2 == 0))
    return (counts, values) if regions.all() and np.isfinite(values).all() and (sizes >= 0).all() else None


def at_once(data: bytes, file: str, length: int, codes: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
    """The :func:`rows` of a run beyond doubt; None for any other, which :func:`parse` and :func:`check` judge."""
    plain = None if file.endswith(".bin") else rows(data)
    if plain is None:
        return None
    counts, values = plain
    singles = values[(np.cumsum(counts) - counts)[counts == 1]]
    begins = len(counts) == length and (counts[0], values[0]) == (1, INITIALIZATION)
    return plain if begins and np.isin(singles, codes).all() else None


def parse(data: bytes, file: str) -> list[Region]:
    """All regions of a raw file; ``file`` tells the format by its suffix and is named in errors.

    Raises:
        DamagedFile: see :func:`parse_line`; a binary file that ends early or holds NaN.
    """
    if not file.endswith(".bin"):
        try:
            lines = data.decode("utf-8").rstrip().splitlines()
        except UnicodeDecodeError as error:
            raise DamagedFile(file, "not a text file") from error
        regions, pixels = [], 0
        for number, text in enumerate(lines, start=1):
            regions.append(parse_line(text, file, number))
            if isinstance(regions[-1], Mask):
                pixels += regions[-1].mask.size
                if pixels > MASK_PIXELS:
                    raise DamagedFile(file, f"the masks have more than {MASK_PIXELS} pixels", number)
        return regions
    regions = unpack(data, file)
    for number, region in enumerate(regions, start=1):
        if isinstance(region, Rectangle | Polygon) and (problem := _problem(str(region))):
            raise DamagedFile(file, problem, number)
    return regions


def unpack(data: bytes, file: str) -> list[Region]:
    """All regions of a binary trajectory, their values as they are.

    Raises:
        DamagedFile: it ends early, or a mask's runs are longer than the mask.
    """
    try:
        _, length = struct.unpack_from("<hI", data)
        place, pixels = 6, 0
        for number in range(1, length + 1):
            size, more = _measure(data, place, file, number)
            place, pixels = place + size, pixels + more
            if place > len(data) or pixels > MASK_PIXELS:
                raise ValueError("ends early" if place > len(data) else f"masks of more than {MASK_PIXELS} pixels")
        return read_trajectory(io.BytesIO(data))
    except (struct.error, ValueError, IndexError) as error:
        raise DamagedFile(file, f"not a whole binary trajectory ({error})") from error


def _measure(data: bytes, place: int, file: str, number: int) -> tuple[int, int]:
    """Bytes of the binary region at ``place``, and its pixels if it is a mask."""
    kind = data[place]
    if kind in (0, 1):  # a code, a rectangle
        return (5, 17)[kind], 0
    if kind == 2:
        return 3 + 8 * struct.unpack_from("<H", data, place + 1)[0], 0
    if kind != 3:
        raise DamagedFile(file, f"a region of unknown type {kind}", number)
    width, height, count = struct.unpack_from("<HHH", data, place + 5)
    if sum(struct.unpack_from(f"<{count}H", data, place + 11)) > width * height:
        raise DamagedFile(file, "not a mask, its runs do not fit its size", number)
    return 11 + 2 * count, width * height


def check(regions: Sequence[Region], length: int, codes: Sequence[int], file: str) -> None:
    """Refuse a trajectory that cannot be one of a sequence of ``length`` frames.

    Raises:
        DamagedFile: another number of frames, no initialisation on the first one, or a code not in ``codes``.
    """
    if len(regions) != length:
        line = min(len(regions), length) + 1
        raise DamagedFile(file, f"{len(regions)} regions, but the sequence has {length} frames", line)
    for number, region in enumerate(regions, start=1):
        if isinstance(region, Special) and region.code not in codes:
            raise DamagedFile(file, f"unknown code {region.code}, expected one of {', '.join(map(str, codes))}", number)
    if not isinstance(regions[0], Special) or regions[0].code != INITIALIZATION:
        raise DamagedFile(file, f"a run starts with code {INITIALIZATION} (initialisation), found {regions[0]}", 1)


def published(data: bytes, file: str, length: int, codes: Sequence[int]) -> tuple[bytes, str]:
    """A published run as the toolkit can read it, and the suffix of its file.

    A run in which nothing is odd keeps its bytes. Besides what :func:`parse` takes these are read: the codes of
    VOT2013, ``NaN,NaN,NaN,-1`` (initialised), ``-2`` (failed) and ``0`` (skipped); byte order marks and other
    separators; NaN as unknown; a rectangle of negative size as the polygon through its corners, as the MATLAB toolkit
    rasterises it (``region_overlap.cpp``); up to ``SHORT`` missing lines at the end as unknown.

    Args:
        data: content of the file.
        file: its name in messages; the suffix tells the format.
        length: frames of the sequence.
        codes: those that a run may hold.

    Raises:
        DamagedFile: see :func:`parse` and :func:`check`; what has no meaning, or would be another frame's.
    """
    if at_once(data, file, length, codes) is not None:
        return data, ".txt"
    binary = file.endswith(".bin")
    try:
        if binary or not obstacles(data):
            check(parse(data, file), length, codes, file)
            return data, file[-4:]
    except (DamagedFile, UnicodeDecodeError):
        pass  # what follows says what is wrong, or reads it
    odd: dict[str, list[int]] = {}
    lines = []
    texts = [str(region) for region in unpack(data, file)] if binary else listing.lines(text_of(data, file))
    for number, text in enumerate(texts, start=1):
        line, oddity = _plain(text, file, number)
        lines.append(line)
        if oddity:
            odd.setdefault(oddity, []).append(number)
    if 0 < length - len(lines) <= SHORT:
        odd[f"missing, of {length}; read as unknown (code {UNKNOWN})"] = list(range(len(lines) + 1, length + 1))
        lines += [str(UNKNOWN)] * (length - len(lines))
    content = "".join(f"{line}\n" for line in lines).encode()
    check(parse(content, file.removesuffix(".bin")), length, codes, file)
    for oddity, places in odd.items():
        log.warning("%s, line %s: %s", file, listing.ranges(places), oddity)
    return content, ".txt"


def text_of(data: bytes, file: str) -> str:
    """The content of a file as text; ``DamagedFile`` if it is none."""
    try:
        return listing.decode(data)
    except UnicodeDecodeError as error:
        raise DamagedFile(file, "not a text file") from error


_VOT2013 = {-1.0: INITIALIZATION, -2.0: FAILURE, 0.0: UNKNOWN}


def _plain(text: str, file: str, line: int) -> tuple[str, str | None]:
    """A line of a published run as the toolkit writes it, and what is odd about it."""
    if text.strip().startswith("m"):
        return "".join(text.split()).rstrip(",;"), None
    try:
        values = numbers(text)
    except ValueError as error:
        raise DamagedFile(file, str(error), line) from error
    if len(values) == 4 and all(map(math.isnan, values[:3])) and values[3] in _VOT2013:
        return str(_VOT2013[values[3]]), None
    if any(map(math.isnan, values)) and wrong_count(len(values)) is None:
        return str(UNKNOWN), f"NaN, read as unknown (code {UNKNOWN})"
    if len(values) == 4 and min(values[2:]) < 0 and all(map(math.isfinite, values)):
        corners = ",".join(f"{value:g}" for value in boxes.corners(values).ravel())
        return corners, "a rectangle of negative size, read as the polygon through its corners"
    return ",".join(words(text)), None


def find(results: Results, name: str) -> str | None:
    """The file that the toolkit would read as trajectory ``name``, or None."""
    return next((name + suffix for suffix in SUFFIXES if results.exists(name + suffix)), None)


def bounding_rectangle(region: Region) -> Rectangle:
    """The upright rectangle around a region; how the toolkit is asked for it depends on its release."""
    if hasattr(toolkit_region, "RegionType"):  # below 0.8
        return region.convert(toolkit_region.RegionType.RECTANGLE)
    return Rectangle.convert(region)
