"""Raw result files, read strictly: every refusal names the file and the line.

The toolkit pads, skips and converts what it cannot use (a short file, NaN, code 7) and exits with 0. Figures that are
to be trusted must not come from such files, so the analyses and the importer of this package read through here.

Format (MATLAB toolkit, kept by vot-toolkit): one region a line, comma separated. One number is a code, four are a
rectangle ``x, y, width, height``, an even number from six on a polygon ``x1, y1, ...``, ``m...`` a mask; ``.bin`` is
the toolkit's binary form of the same.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Sequence as Items

from vot import region as toolkit_region
from vot.region import Polygon, Rectangle, Region, Special
from vot.region.io import parse_region, read_trajectory
from vot.tracker.results import Results

UNKNOWN, INITIALIZATION, FAILURE = 0, 1, 2
RESET_BASED_CODES = (UNKNOWN, INITIALIZATION, FAILURE)
ONE_PASS_CODES = (UNKNOWN, INITIALIZATION)
SUFFIXES = (".txt", ".bin")  # the order in which the toolkit prefers them


class DamagedFile(OSError):
    """A file of a data set or of results that cannot be used; the message names it, the line and the remedy."""

    def __init__(self, file: str, problem: str, line: int | None = None):
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {problem}")


def parse_line(text: str, file: str, line: int) -> Region:
    """One line of a text file as a region.

    Raises:
        DamagedFile: not numbers, NaN or infinite, a count of numbers that is no region, a negative size.
    """
    text = text.strip()
    if text.startswith("m"):
        try:
            return parse_region(text)
        except (ValueError, IndexError) as error:
            raise DamagedFile(file, f"not a mask: {text[:40]!r}", line) from error
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError as error:
        raise DamagedFile(file, f"expected numbers separated by commas, found {text[:40]!r}", line) from error
    if not all(math.isfinite(number) for number in numbers):
        raise DamagedFile(file, f"a region must be finite numbers, found {text[:40]!r}", line)
    if len(numbers) == 1:
        if numbers[0] != int(numbers[0]):
            raise DamagedFile(file, f"a code must be a whole number, found {text!r}", line)
        return Special(int(numbers[0]))
    if len(numbers) == 4:
        if min(numbers[2:]) < 0:
            raise DamagedFile(file, f"width and height must not be negative, found {text!r}", line)
        return Rectangle(*numbers)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return Polygon(list(zip(numbers[::2], numbers[1::2], strict=True)))
    raise DamagedFile(file, f"{len(numbers)} numbers are no region (1, 4, or an even number from 6 on)", line)


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
        return [parse_line(text, file, number) for number, text in enumerate(lines, start=1)]
    try:
        regions = read_trajectory(io.BytesIO(data))
    except (struct.error, OSError, ValueError, IndexError) as error:
        raise DamagedFile(file, f"not a whole binary trajectory ({error})") from error
    for number, region in enumerate(regions, start=1):
        if isinstance(region, Rectangle | Polygon):
            parse_line(str(region), file, number)
    return regions


def check(regions: Items[Region], length: int, codes: Items[int], file: str) -> None:
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


def find(results: Results, name: str) -> str | None:
    """The file that the toolkit would read as trajectory ``name``, or None."""
    return next((name + suffix for suffix in SUFFIXES if results.exists(name + suffix)), None)


def bounding_rectangle(region: Region) -> Rectangle:
    """The upright rectangle around a region; how the toolkit is asked for it depends on its release."""
    if hasattr(toolkit_region, "RegionType"):  # below 0.8
        return region.convert(toolkit_region.RegionType.RECTANGLE)
    return Rectangle.convert(region)


def read_bytes(results: Results, file: str) -> bytes:
    """The content of one result file."""
    try:
        with results.read(file) as handle:
            data = handle.read()
    except UnicodeDecodeError as error:
        raise DamagedFile(file, "not a text file") from error
    return data if isinstance(data, bytes) else data.encode()
