"""A data set without images from one JSON file, so that raw results can be analysed against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tracker.core.errors import DamagedFile, ExistingFile
from tracker.core.files import whole_folder
from tracker.vot.results.annotations import FIRST_IMAGE, TAGS, region_problem


def write_dataset(groundtruth: Path, folder: Path) -> list[str]:
    """Write a data set without images from one JSON file, so that raw results can be analysed against it.

    Args:
        groundtruth: JSON of the form that PySOT's test sets have, with the size of the images: sequence name ->
            ``gt_rect`` (a rectangle, polygon or mask a frame, NaN where the target is absent), ``width``, ``height``,
            and optionally one list of 0 and 1 per tag (an empty list means all zero). PySOT's file of OTB has no
            sizes: it will do for one-pass experiments, whose overlaps are not clipped to the image.
        folder: where the sequences go, usually ``sequences`` of a workspace.

    Returns:
        The names of the sequences.

    Raises:
        FileExistsError: ``folder`` holds something already.
        DamagedFile: not such a JSON file; the message names the sequence.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise ExistingFile(f"{folder} is not empty: name another folder or remove it")
    try:
        sequences = json.loads(groundtruth.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedFile(str(groundtruth), f"not JSON ({error})") from error
    if not isinstance(sequences, dict) or not sequences:
        raise DamagedFile(str(groundtruth), "expected an object with at least one sequence by name")
    files = {name: _sequence_files(str(groundtruth), name, sequence) for name, sequence in sequences.items()}
    with whole_folder(folder) as whole:
        for name, contents in files.items():
            (whole / name).mkdir(parents=True)
            for file, text in contents.items():
                (whole / name / file).write_text(text)
        (whole / "list.txt").write_text(_text(files))
    return list(files)


def _sequence_files(source: str, name: str, sequence: Any) -> dict[str, str]:
    def require(holds: bool, problem: str) -> None:
        if not holds:
            raise DamagedFile(source, f"sequence {name!r} {problem}")

    require(name == name.strip() and name.isprintable(), "has a name that is no line of list.txt")
    require(name not in ("", ".", "..") and Path(name).name == name, "has a name that is not one folder")
    require(isinstance(sequence, dict), "is not an object with gt_rect, width and height")
    images = sequence.get("image_files", sequence.get("img_names"))
    sizes = [key for key in ("width", "height") if images is None or key in sequence]
    missing = [key for key in ("gt_rect", *sizes) if key not in sequence]
    require(not missing, f"lacks {', '.join(missing)}")
    rectangles = sequence["gt_rect"]
    valid = isinstance(rectangles, list) and all(isinstance(region, list | str) for region in rectangles)
    require(valid and len(rectangles) > 0, "needs a gt_rect with a list of numbers for each of at least one frame")
    for key in sizes:
        pixels = sequence[key]
        require(type(pixels) is int and pixels > 0, f"has {key} {pixels!r}, not a number of pixels above 0")
    lines = [region if isinstance(region, str) else ",".join(map(str, region)) for region in rectangles]
    for number, line in enumerate(lines, start=1):
        if problem := region_problem(line):
            raise DamagedFile(f"{source}, ground truth of {name}", problem, number)
    length = len(lines)
    properties = {"name": name, "fps": 30, "format": "default", "channels.color": "color/%08d.jpg", "length": length}
    properties |= {key: sequence[key] for key in sizes}
    if images is not None:
        valid = isinstance(images, list) and len(images) == length and all(isinstance(image, str) for image in images)
        require(valid, f"needs the name of an image for each of its {length} frames")
        first = re.fullmatch(r"(?:.*/)?(\d+)\.\w+", images[0])
        properties |= {FIRST_IMAGE: int(first[1])} if first else {}
    files = {"sequence": _text(f"{key}={value}" for key, value in properties.items())}
    files["groundtruth.txt"] = _text("".join(line.split()) for line in lines)
    for tag in TAGS:
        values = sequence.get(tag)
        if not values:
            continue
        valid = isinstance(values, list) and all(value in (0, 1) for value in values)
        require(valid, f"has values of {tag} that are not 0 or 1")
        require(len(values) == length, f"has {length} frames, but {len(values)} values of {tag}")
        files[f"{tag}.tag"] = _text(str(int(value)) for value in values)
    return files


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
