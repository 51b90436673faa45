"""What is known of a sequence without a tracker: ground truth, tags, thresholds. Read strictly.

The images are not needed: with ``length``, `width` and `height` in the `sequence` file, a data set of ground truth
alone is analysed like any other (:mod:`tracker.vot.results.groundtruth`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from vot import ToolkitException
from vot.dataset import BasedSequence, Sequence
from vot.region import Mask, Polygon, Rectangle, Region, Special

from tracker.core import listing
from tracker.core.errors import DamagedFile
from tracker.formats import regions
from tracker.formats.sequence import Sequence as Folder
from tracker.formats.sequence import read_sequence
from tracker.vot.results.overlap import Shapes
from tracker.vot.results.raw import UNKNOWN, rows, text_of

TAGS = ("camera_motion", "illum_change", "occlusion", "size_change", "motion_change", "empty")
"""The tags of VOT2014 to VOT2019; ``empty`` means that no other tag is set."""

REPETITIONS = 15
"""Of a run in those challenges."""
FIRST_IMAGE = "first_image"
"""Key of a `sequence` file: the number that the first frame's image has in the data set."""
_DOCTOR = "'reciprocative doctor --workspace W' tells the line that mends it"


@dataclass(frozen=True, eq=False)
class Annotations:
    """Ground truth and attributes of one sequence.

    Attributes:
        name: of the sequence.
        groundtruth: one region a frame, code 0 where the target is absent.
        size: width and height of the images, pixels; None where neither images nor `sequence` file tell.
        tags: name -> bool (frames,); a name that is absent has no frames.
        practical: practical-difference thresholds (frames,) of ``practical.value``, or None.
        lines: of ground truth in the file, None if there is none; the toolkit takes frames behind them as absent.
    """

    name: str
    groundtruth: tuple[Region, ...]
    size: tuple[int, int]
    tags: Mapping[str, np.ndarray]
    practical: np.ndarray | None
    lines: int | None = None

    def __len__(self) -> int:
        return len(self.groundtruth)

    @property
    def bounds(self) -> tuple[int, int]:
        """The size of the images, to which every overlap is clipped.

        Raises:
            DamagedFile: it is not known.
        """
        if None in self.size:
            problem = "no images, and no width and height: add 'width=' and 'height='"
            raise DamagedFile(f"{self.name}/sequence", problem)
        return self.size

    @cached_property
    def shapes(self) -> Shapes:
        """The ground truth as the overlap takes it."""
        return Shapes.of(self.groundtruth)

    @cached_property
    def digest(self) -> bytes:
        """Of the ground truth and of the size of the images: all that an overlap depends on."""
        shapes, masks = self.shapes, self.shapes.masks
        arrays = [shapes.kinds, shapes.starts, shapes.numbers, *(masks[frame].mask for frame in sorted(masks))]
        places = [self.bounds, *(masks[frame].offset for frame in sorted(masks))]
        return sha256(b"".join([repr(places).encode(), *map(np.ndarray.tobytes, arrays)])).digest()

    def frames(self, tag: str) -> np.ndarray:
        """Indices of the frames that carry ``tag``; ``all`` is every frame, ``empty`` those without any tag."""
        if tag == "all":
            return np.arange(len(self))
        if tag == "empty":
            return np.flatnonzero(~np.any([np.zeros(len(self), bool), *self.tags.values()], axis=0))
        return np.flatnonzero(self.tags.get(tag, np.zeros(len(self), bool)))

    def require_whole(self) -> None:
        """Refuse ground truth that ends before the sequence does: figures over the rest would mean nothing.

        Raises:
            DamagedFile: names both counts.
        """
        if self.lines is not None and self.lines < len(self):
            problem = f"{self.lines} lines, but the sequence has {len(self)} frames"
            raise DamagedFile(f"{self.name}/groundtruth.txt", problem, self.lines + 1)


@lru_cache(maxsize=1024)
def annotations_of(sequence: Sequence) -> Annotations:
    """The annotations of ``sequence``; of a sequence in a folder, its files are read again and checked.

    Raises:
        DamagedFile: see :func:`check_files`; ground truth or a tag file that is longer than the sequence, thresholds
            that are not one a frame.
    """
    counts = check_files(sequence)
    length = len(sequence)
    for file, count in counts.items():
        short = count < length and file.endswith("/practical.value")
        if not file.endswith("/sequence") and (count > length or short):
            problem = f"{count} lines, but the sequence has {length} frames"
            raise DamagedFile(file, problem, min(count, length) + 1)
    tags = {tag: np.zeros(length, bool) for tag in sequence.tags()}
    for frame in range(length):
        for tag in sequence.tags(frame):
            tags[tag][frame] = True
    practical = None
    if "practical" in sequence.values():
        practical = np.array([sequence.values(frame)["practical"] for frame in range(length)], float)
    truth = tuple(region if has_region(region) else Special(UNKNOWN) for region in sequence.groundtruth())
    lines = next((count for file, count in counts.items() if file.endswith(".txt")), None)
    return Annotations(sequence.name, truth, sequence.size, tags, practical, lines)


def has_region(region: Region) -> bool:
    """Whether an annotation shows the target: neither a code nor a region without area."""
    if isinstance(region, Rectangle):
        return region.width > 0 and region.height > 0
    if isinstance(region, Polygon):
        x, y = zip(*region.points(), strict=True)
        return max(x) > min(x) and max(y) > min(y)
    return isinstance(region, Mask) and bool(region.mask.any())


def absent_frames(sequence: Sequence) -> list[int]:
    """Indices of the frames of a sequence with one target in which it is absent."""
    return [index for index, region in enumerate(sequence.groundtruth()) if not has_region(region)]


def check_sequence(sequence: Sequence) -> None:
    """Refuse a sequence that the toolkit cannot load, or loads otherwise than it is meant.

    Raises:
        DamagedFile: see :func:`annotations_of`; there are no images where the toolkit looks for them, an image 0,
            which it leaves out, or images behind one that is missing; more values than frames.
    """
    counts = check_files(sequence)
    if isinstance(sequence, BasedSequence) and (root := sequence.metadata("root")) is not None:
        frames = _count_frames(read_sequence(Path(root)))
        for file, count in counts.items():
            if file.endswith(".value") and count > frames > 0:
                raise DamagedFile(file, f"{count} lines, but the sequence has {frames} frames", frames + 1)
    try:
        sequence.channels()
    except (ToolkitException, AssertionError, ValueError) as error:
        raise DamagedFile(f"{sequence.name}/sequence", f"{str(error).rstrip('.')}; {_DOCTOR}") from error
    if len(sequence.objects()) == 1:
        annotations_of(sequence)


def _count_frames(sequence: Folder) -> int:
    """The number of frames that the toolkit finds in a folder: it counts from 1 to the first missing image."""
    if sequence.length:
        return sequence.length
    if sequence.numbered and (sequence.folder / (sequence.pattern % 0)).is_file():
        problem = "the toolkit counts images from 1: every other one would be judged by the ground truth before it"
        raise DamagedFile(f"{sequence.folder.name}/{sequence.pattern % 0}", f"{problem}; {_DOCTOR}")
    frames = len(sequence.images)
    if frames and (ignored := len(sequence.behind_gap)):
        problem = f"missing: the toolkit ends the sequence before it and ignores {ignored} images; restore or renumber"
        raise DamagedFile(f"{sequence.folder.name}/{sequence.pattern % (frames + 1)}", problem)
    return frames


def check_list(dataset: Path) -> None:
    """Check the list of sequences before the toolkit reads it.

    Raises:
        DamagedFile: a byte order mark, an empty line, a sequence that does not exist; names the line.
    """
    file = dataset / "list.txt"
    if not file.is_file():
        return
    data = file.read_bytes()
    if listing.mark(data):
        raise DamagedFile(str(file), _obstacle(regions.MARK), 1)
    for number, line in enumerate(data.decode(errors="replace").splitlines(), start=1):
        if not line.strip():
            raise DamagedFile(str(file), _obstacle(regions.EMPTY), number)
        if not (dataset / line.strip()).is_dir():
            raise DamagedFile(str(file), f"there is no sequence {line.strip()!r}", number)


@lru_cache(maxsize=1024)
def check_files(sequence: Sequence) -> dict[str, int]:
    """Check the ground truth, tags and values of a sequence in a folder before the toolkit reads them.

    Returns:
        Number of lines by file, named below the data set's folder.

    Raises:
        DamagedFile: not text, ground truth that is no region or that the toolkit cannot read, a tag other than 0 and
            1, a value that is no number, a threshold that is not positive; names the file and the line.
    """
    root = sequence.metadata("root") if isinstance(sequence, BasedSequence) else None
    if root is None:
        return {}
    counts = {}
    single = sequence.metadata("groundtruth") or "groundtruth.txt"
    truth = "groundtruth_*.txt" if listing.matching(Path(root), "groundtruth_*.txt") else single
    checks: dict[str, Callable[[str], str | None]] = {truth: region_problem, "*.tag": _tag_problem}
    checks |= {"*.label": _tag_problem, "practical.value": _threshold_problem, "*.value": _value_problem}
    checks["sequence"] = lambda _: None  # the toolkit passes over lines that it does not know
    for pattern, check in checks.items():
        for path in listing.matching(Path(root), pattern):
            file = f"{path.parent.name}/{path.name}"
            data = path.read_bytes()
            if check is region_problem and (plain := rows(data)) is not None:
                counts[file] = len(plain[0])
                continue
            if listing.mark(data):
                raise DamagedFile(file, _obstacle(regions.MARK), 1)
            lines = text_of(data, file).rstrip().splitlines()
            for number, line in enumerate(lines, start=1):
                if problem := check(line.strip()):
                    raise DamagedFile(file, problem, number)
            counts[file] = len(lines)
    return counts


def region_problem(text: str) -> str | None:
    """Why ground truth is no region, or none that the toolkit can read; None if it is one."""
    try:
        regions.parse(text)
    except ValueError as error:
        return str(error)
    obstacle = regions.unloadable(text)
    return _obstacle(obstacle) if obstacle else None


def _obstacle(problem: str) -> str:
    return f"{problem}, which the toolkit cannot read; {_DOCTOR}"


def _tag_problem(text: str) -> str | None:
    return None if text in ("0", "1") else f"a tag is 0 or 1, found {text[:40]!r}"


def _value_problem(text: str) -> str | None:
    return None if _number(text) is not None else f"a value is a number, found {text[:40]!r}"


def _threshold_problem(text: str) -> str | None:
    return None if 0 < (_number(text) or 0) < math.inf else f"a threshold is a positive number, found {text[:40]!r}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
