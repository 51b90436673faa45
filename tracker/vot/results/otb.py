"""Raw results of the OTB benchmark (Wu et al., CVPR 2013 and PAMI 2015) as one-pass runs of a workspace.

A result is a file a sequence: a `.mat` with a cell ``results`` whose structure has ``res`` (frames, 4), ``type`` and
``startFrame``, or text of four numbers a line. Line i of ``res`` is the image of number ``startFrame`` + i, and what
counts is the annotated range of images; lines of other images are left out, which some trackers' files have. The
benchmark's ranges are 300 to 770 of David, to 74 of Football1, to 460 of Freeman3, to 283 of Freeman4 and to 215 of
Diving (`get_format` in `seq_config.py` of its Python edition); PySOT's ground truth of Tiger1 begins with image 6.
``annoBegin`` is not used: the one-pass evaluation does not, and files say 1 where the annotation begins elsewhere.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tracker.core import listing
from tracker.core.errors import DamagedFile
from tracker.formats import matfile
from tracker.formats.regions import numbers
from tracker.vot.results.annotations import Annotations
from tracker.vot.results.raw import INITIALIZATION, UNKNOWN, files_of

SUFFIXES = (".mat", ".txt")


def runs(source: Path, truths: Mapping[str, Annotations], firsts: Mapping[str, int]) -> dict[str, bytes]:
    """The runs of one tracker in a folder or zip: ``sequence/file`` -> content.

    A file is named after its sequence, ``David.mat`` or ``David_DAT.mat``, whatever the case; ``-``, ``_`` and ``.``
    are the same, and Human4 is Human4-2.

    Args:
        source: folder or zip.
        truths: the data set by sequence name.
        firsts: number of the first annotated image, where it is known; elsewhere it is the first of the results.

    Raises:
        FileNotFoundError: no such file or folder.
        DamagedFile: a sequence is missing, or a file is not a result or has too few lines.
    """
    with tempfile.TemporaryDirectory() as scratch:
        files = {_plain(file.stem): file for file in _files(source, Path(scratch))}
        selected = {}
        for name, truth in truths.items():
            file = _file_of(name, files)
            if file is None:
                raise DamagedFile(f"{source}: {name}.mat", f"missing: the data set has sequence {name}")
            boxes, start = _read(file)
            offset = firsts.get(name, start) - start
            placed = boxes[offset:][: len(truth)] if offset >= 0 else boxes[:0]
            if len(placed) < len(truth):
                problem = f"images {start} to {start + len(boxes) - 1}, but {len(truth)} are annotated from "
                raise DamagedFile(str(file.name), f"{problem}{firsts.get(name, start)} on")
            selected[f"{name}/{name}_001.txt"] = "".join(_lines(placed)).encode()
    return selected


def _files(source: Path, scratch: Path) -> list[Path]:
    files = []
    for name, data in files_of(source, SUFFIXES).items():
        if isinstance(data, bytes):
            (scratch / name.name).write_bytes(data)
            data = scratch / name.name
        files.append(data)
    return files


def _plain(name: str) -> str:
    return re.sub(r"[-_.]", "-", name.lower())


def _file_of(name: str, files: Mapping[str, Path]) -> Path | None:
    """The file called after the sequence, or that and then the tracker; a single target may go without its number."""
    plain = _plain(name)
    for wanted in (plain, re.sub(r"-\d$", "", plain)):
        if wanted in files:
            return files[wanted]
        longer = [file for stem, file in files.items() if re.fullmatch(re.escape(wanted) + r"-\D.*", stem)]
        if len(longer) == 1:
            return longer[0]
    return None


def _read(file: Path) -> tuple[np.ndarray, int]:
    """Boxes (frames, 4) of a file, and the number of the image of the first."""
    try:
        if file.suffix == ".txt":
            rows = [numbers(line) for line in listing.lines(listing.decode(file.read_bytes()))]
            boxes, start = np.array(rows, float), 1
        else:
            result = matfile.read(file, "results").ravel()[0].ravel()[0]
            kind = str(result["type"].ravel()[0])
            if kind != "rect":
                raise ValueError(f"boxes of type {kind!r}: only 'rect' can be read, convert the others")
            boxes, start = np.asarray(result["res"], float), int(result["startFrame"].ravel()[0])
        if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
            raise ValueError(f"expected four numbers a frame, found {boxes.shape}")
    except (ValueError, IndexError, TypeError, AttributeError, KeyError) as error:
        raise DamagedFile(file.name, f"not a result of OTB ({error})") from error
    return boxes, start


def _lines(boxes: np.ndarray) -> Iterable[str]:
    """One-pass results as the toolkit reads them; where there is no box, the code for unknown."""
    yield f"{INITIALIZATION}\n"
    for box in boxes[1:]:
        known = np.isfinite(box).all() and box[2] > 0 and box[3] > 0
        yield ",".join(f"{number:.12g}" for number in box) + "\n" if known else f"{UNKNOWN}\n"
