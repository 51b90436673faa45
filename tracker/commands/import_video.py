"""``reciprocative import-video CLIP --boxes B FOLDER``: a video and boxes become a sequence for the toolkit."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.commands import progress
from tracker.core import boxes, listing
from tracker.core.errors import ExistingFile, InvalidValue, MissingFile
from tracker.core.files import whole_folder, write_whole
from tracker.formats import boxfiles
from tracker.formats.boxfiles import Annotation
from tracker.media.video import open_source

_ABSENT = "nan,nan,nan,nan"
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("source", metavar="CLIP", help="video file or folder of images")
    parser.add_argument("sequence", type=Path, metavar="FOLDER", help="the new sequence, such as W/sequences/clip")
    parser.add_argument(
        "--boxes",
        type=Path,
        required=True,
        metavar="FILE",
        help="of the target: from 'track --boxes', x,y,w,h a line, MOTChallenge, or CVAT for video",
    )
    parser.add_argument(
        "--target", metavar="ID", help="which one, where FILE has several: MOT's id, CVAT's id or label"
    )
    parser.add_argument(
        "--start", type=int, default=0, metavar="N", help="frame of line 1 where FILE has no numbers (default: 0)"
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="NAME=FRAMES",
        help="frames that carry a tag, such as occlusion=10-25,40; numbered like the video's, from 0",
    )


def run(args: argparse.Namespace) -> int:
    """Write the sequence, and name it in the list.txt beside it."""
    folder: Path = args.sequence
    if folder.exists():
        raise ExistingFile(f"{folder} exists; give another name, or delete it first")
    if not folder.parent.is_dir():
        raise MissingFile(f"the folder {folder.parent} does not exist; 'reciprocative init W' makes W/sequences")
    if args.start < 0:
        raise InvalidValue(f"--start {args.start} must be at least 0")
    annotation = boxfiles.read(args.boxes, args.target)
    if args.start:
        annotation = _shift(annotation, args.start, args.boxes)
    first, last = min(annotation.boxes), max(annotation.boxes)
    tags = _tags(args.tag, first, last)
    if annotation.occluded:
        tags.setdefault("occlusion", set(annotation.occluded))
    source = open_source(args.source)
    with whole_folder(folder) as partial:
        (partial / "color").mkdir()
        images = progress.bar(itertools.islice(source, first, last + 1), folder.name, last + 1 - first)
        lines: list[str] = []
        for frame, image in enumerate(images, start=first):
            box = annotation.boxes.get(frame)
            lines.append(_line(box, image) if frame > first else _first(annotation.boxes[first], image, frame))
            data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), _JPEG)[1]
            (partial / "color" / f"{len(lines):08d}.jpg").write_bytes(data.tobytes())
        if len(lines) < last + 1 - first:
            length = first + len(lines)
            raise InvalidValue(
                f"{args.boxes} has boxes for frames {first} to {last}, and {args.source} has {length} frames"
            )
        (partial / "groundtruth.txt").write_text("".join(f"{line}\n" for line in lines))
        (partial / "sequence").write_text(f"channels.color=color/%08d.jpg\nfps={source.rate:g}\nname={folder.name}\n")
        for name, frames in sorted(tags.items()):
            marks = [str(int(frame in frames)) for frame in range(first, last + 1)]
            (partial / f"{name}.tag").write_text("".join(f"{mark}\n" for mark in marks))
    _name(folder)
    _report(folder, annotation, lines, first, last)
    return 0


def _shift(annotation: Annotation, start: int, file: Path) -> Annotation:
    first = min(annotation.boxes)
    if first >= start:  # 'track --start' numbers its frames
        raise InvalidValue(f"--start {start}: {file} numbers its frames, from {first} on; leave it out")
    return Annotation({frame + start: box for frame, box in annotation.boxes.items()})


def _first(box: NDArray[np.float64], image: NDArray[np.uint8], frame: int) -> str:
    try:
        return _text(boxes.checked(box, image.shape[1], image.shape[0]))
    except InvalidValue as error:
        raise InvalidValue(f"the first box, of frame {frame}: {error}") from error


def _line(box: NDArray[np.float64] | None, image: NDArray[np.uint8]) -> str:
    if box is None:
        return _ABSENT
    height, width = image.shape[:2]
    x, y, w, h = box
    return _text(box) if x < width and y < height and x + w > 0 and y + h > 0 else _ABSENT


def _text(box: NDArray[np.float64]) -> str:
    return ",".join(f"{value:.4f}" for value in box)


def _tags(texts: list[str], first: int, last: int) -> dict[str, set[int]]:
    tags: dict[str, set[int]] = {}
    for text in texts:
        name, _, spans = text.partition("=")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not re.fullmatch(
            r"\d{1,8}(-\d{1,8})?(,\d{1,8}(-\d{1,8})?)*", spans
        ):
            raise InvalidValue(f"--tag {text!r} is not NAME=FRAMES, such as occlusion=10-25,40")
        for span in spans.split(","):
            begin, _, end = span.partition("-")
            low, high = int(begin), int(end or begin)
            if not first <= low <= high <= last:
                raise InvalidValue(f"--tag {name}={span}: the boxes are of frames {first} to {last}")
            tags.setdefault(name, set()).update(range(low, high + 1))
    return tags


def _name(folder: Path) -> None:
    """Add the sequence to the list of its data set."""
    file = folder.parent / "list.txt"
    names = listing.lines(listing.checked_text(file)) if file.is_file() else []
    if folder.name not in names:
        write_whole(file, "".join(f"{name}\n" for name in [*names, folder.name]))


def _report(folder: Path, annotation: Annotation, lines: list[str], first: int, last: int) -> None:
    print(f"wrote {folder}: {len(lines)} frames, those from {first} to {last} of the video", file=sys.stderr)
    if lost := sorted(set(annotation.lost)):
        print(
            f"note: the tracker had lost the target in {len(lost)} frames ({lost[0]} is the first): their boxes repeat "
            "the one before; look at them, and correct groundtruth.txt",
            file=sys.stderr,
        )
    if absent := lines.count(_ABSENT):
        print(f"note: no box in {absent} of the frames: the target counts as absent there", file=sys.stderr)
