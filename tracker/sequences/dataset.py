"""The data set on disk, in the VOT layout: what is written, when it counts as complete, and the overview picture.

A sequence is made in a hidden folder beside its place and renamed when whole, so it is there either complete or not at
all; ``list.txt`` comes last. Every ``sequence`` file names generator, version and seed, by which a later run knows what
it may keep, what it has to make anew, and what is not its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core.errors import ExistingFile, InvalidValue, MissingFile, ResourceError
from tracker.core.files import write_whole
from tracker.sequences.attributes import TAGS, tags
from tracker.sequences.rendering import LENGTH, SIZE, Scene, photograph
from tracker.sequences.scenes import SCENES, make_scene

VERSION = 1
"""To be raised with every change that changes a picture, a polygon or a tag."""
_GENERATOR = "tracker.sequences"
_JPEG_QUALITY = 92
_COLUMNS, _WIDTH = 5, 140  # of the overview: pictures a row, pixels of each


def generate(out: Path | str, seed: int = 0, overwrite: bool = False) -> Iterator[tuple[str, bool]]:
    """Write the six sequences and ``list.txt`` into ``out``, which is made if need be.

    What is complete, of this version and of the same seed, is left alone; other folders in ``out`` stay in its list.

    Args:
        out: folder of the data set.
        seed: 0 or more; equal seeds give equal files on the same machine.
        overwrite: replace sequences of another seed.

    Yields:
        name of each sequence, and True if it was written, False if it was there.

    Raises:
        ValueError: ``seed`` is negative.
        OSError: ``out`` is no folder or not writable, or a sequence of the same name but other origin, or of another
            seed, is in the way.
    """
    if seed < 0:
        raise InvalidValue(f"seed is {seed}: give 0 or more")
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ResourceError(f"{out} is a file: name a folder for the sequences")
    out.mkdir(parents=True, exist_ok=True)
    for name in SCENES:
        _refuse_foreign(out / name, seed, overwrite)
    for name in SCENES:
        fresh = not _complete(out / name, seed)
        if fresh:
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=out) as scratch:
                made = Path(scratch) / name
                _write(made, name, seed)
                if (out / name).exists():
                    (out / name).rename(made.with_name("old"))  # deleted with the scratch folder
                made.rename(out / name)
        yield name, fresh
    _write_list(out)


def picture(scene: Scene, frame: int, seed: int) -> bytes:
    """The JPEG file of ``frame`` (0-based); its noise depends on the seed, the scene's name and the frame alone."""
    pixels = photograph(scene, frame, np.random.default_rng([seed, frame, *scene.name.encode()]))
    coded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return coded.tobytes()


def overview(folder: Path | str) -> NDArray[np.uint8]:
    """A contact sheet of the data set in ``folder``: one row a sequence, with ground truth; (H, W, 3) uint8 RGB."""
    rows = []
    for name in (Path(folder) / "list.txt").read_text().split():
        polygons = np.loadtxt(Path(folder) / name / "groundtruth.txt", delimiter=",").reshape(-1, 4, 2)
        row = []
        for frame in np.linspace(2, len(polygons) - 3, _COLUMNS).round().astype(int):
            image = cv2.imread(str(Path(folder) / name / "color" / f"{frame + 1:08d}.jpg"))
            if image is None:
                raise MissingFile(f"frame {frame + 1} of the sequence {Path(folder) / name} is missing")
            scale = _WIDTH / image.shape[1]
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            points = np.round((polygons[frame] * scale - 0.5) * 16).astype(np.int32)
            row.append(cv2.polylines(small, [points], True, (0, 255, 255), 1, cv2.LINE_AA, shift=4))
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(row[0], name, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, thickness, cv2.LINE_AA)
        rows.append(np.hstack(row))
    return cv2.cvtColor(np.vstack(rows), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def write_overview(folder: Path | str, file: Path) -> None:
    """Write ``overview(folder)`` to ``file``, whose suffix says the format.

    Raises:
        ValueError: the suffix is neither .jpg nor .png.
        OSError: a picture of the data set is missing, or ``file`` cannot be written.
    """
    suffix = file.suffix.lower()
    if suffix not in (".jpg", ".png"):
        raise InvalidValue(f"the overview {file} must end in .jpg or .png")
    sheet = cv2.cvtColor(overview(folder), cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, 60] if suffix == ".jpg" else []
    write_whole(file, cv2.imencode(suffix, sheet, settings)[1].tobytes())


def _write(folder: Path, name: str, seed: int) -> None:
    scene = make_scene(name, seed)
    (folder / "color").mkdir(parents=True)
    polygons = []
    for frame in range(LENGTH):
        (folder / "color" / f"{frame + 1:08d}.jpg").write_bytes(picture(scene, frame, seed))
        polygons.append(",".join(f"{value:.4f}" for value in scene.box(frame).ravel()))
    (folder / "groundtruth.txt").write_text("\n".join(polygons) + "\n")
    for tag, values in tags(scene).items():
        (folder / f"{tag}.tag").write_text("".join(f"{int(value)}\n" for value in values))
    (folder / "sequence").write_text("".join(f"{key}={value}\n" for key, value in _metadata(name, seed).items()))


def _metadata(name: str, seed: int) -> dict[str, str]:
    return {
        "channels.color": "color/%08d.jpg",
        "format": "default",
        "fps": "30",
        "generator": _GENERATOR,
        "height": str(SIZE[1]),
        "length": str(LENGTH),
        "name": name,
        "seed": str(seed),
        "version": str(VERSION),
        "width": str(SIZE[0]),
    }


def _read_metadata(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "sequence").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _complete(folder: Path, seed: int) -> bool:
    pictures = [folder / "color" / f"{frame + 1:08d}.jpg" for frame in range(LENGTH)]
    texts = [folder / "groundtruth.txt", *(folder / f"{tag}.tag" for tag in TAGS)]
    same = _read_metadata(folder) == _metadata(folder.name, seed)
    return same and all(file.is_file() and file.stat().st_size for file in (*pictures, *texts))


def _refuse_foreign(folder: Path, seed: int, overwrite: bool) -> None:
    if not folder.exists():
        return
    metadata = _read_metadata(folder)
    if metadata.get("generator") != _GENERATOR:
        raise ExistingFile(f"{folder} was not made by {_GENERATOR}: name another folder, or move it away")
    if metadata.get("seed") != str(seed) and not overwrite:
        made = metadata.get("seed")
        raise ExistingFile(f"{folder} is of seed {made}, not {seed}: name another folder, or give --overwrite")


def _write_list(out: Path) -> None:
    others: list[str] = []
    if (out / "list.txt").is_file():
        others = [name for name in (out / "list.txt").read_text().split() if name not in SCENES]
    write_whole(out / "list.txt", "\n".join([*SCENES, *others]) + "\n")
