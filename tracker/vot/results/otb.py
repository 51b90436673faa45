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
from pathlib import Path, PurePosixPath

import numpy as np

from tracker.core import listing
from tracker.core.errors import DamagedFile
from tracker.formats import matfile
from tracker.formats.regions import numbers
from tracker.vot.results.annotations import Annotations
from tracker.vot.results.raw import INITIALIZATION, UNKNOWN

SUFFIXES = (".mat", ".txt")


def runs(
    files: Mapping[PurePosixPath, bytes], source: Path, truths: Mapping[str, Annotations], firsts: Mapping[str, int]
) -> dict[str, bytes]:
    """The runs of one tracker: ``sequence/file`` -> content.

    A file is named after its sequence, ``David.mat`` or ``David_DAT.mat``, whatever the case; ``-``, ``_`` and ``.``
    are the same, and Human4 is Human4-2.

    Args:
        files: those of a folder or zip with ``SUFFIXES``, by path.
        source: the folder or zip, for messages.
        truths: the data set by sequence name.
        firsts: number of the first annotated image, where it is known; elsewhere it is the first of the results.

    Raises:
        DamagedFile: a sequence is missing, or a file is not a result or has too few lines.
    """
    stems = {_plain(path.stem): path for path in files}
    members = {}
    for name, truth in truths.items():
        path = _file_of(name, stems)
        if path is None:
            raise DamagedFile(f"{source}: {name}.mat", f"missing: the data set has sequence {name}")
        boxes, start = _read(path, files[path])
        first = firsts.get(name, start)
        annotated = boxes[first - start :][: len(truth)] if first >= start else boxes[:0]
        if len(annotated) < len(truth):
            problem = f"images {start} to {start + len(boxes) - 1}, but {len(truth)} are annotated from {first} on"
            raise DamagedFile(path.name, problem)
        members[f"{name}/{name}_001.txt"] = "".join(_lines(annotated)).encode()
    return members


def _plain(name: str) -> str:
    return re.sub(r"[-_.]", "-", name.lower())


def _file_of(name: str, stems: Mapping[str, PurePosixPath]) -> PurePosixPath | None:
    """The file called after the sequence, or that and then the tracker; a single target may go without its number."""
    plain = _plain(name)
    for stem in (plain, re.sub(r"-\d$", "", plain)):
        if stem in stems:
            return stems[stem]
        longer = [path for other, path in stems.items() if re.fullmatch(re.escape(stem) + r"-\D.*", other)]
        if len(longer) == 1:
            return longer[0]
    return None


def _read(path: PurePosixPath, data: bytes) -> tuple[np.ndarray, int]:
    """Boxes (frames, 4) of a file, and the number of the image of the first."""
    try:
        if path.suffix == ".txt":
            rows = [numbers(line) for line in listing.lines(listing.decode(data))]
            boxes, start = np.array(rows, float), 1
        else:
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                result = matfile.read(Path(file.name), "results").ravel()[0].ravel()[0]
            kind = str(result["type"].ravel()[0])
            if kind != "rect":
                raise ValueError(f"boxes of type {kind!r}: only 'rect' can be read, convert the others")
            boxes, start = np.asarray(result["res"], float), int(result["startFrame"].ravel()[0])
        if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
            raise ValueError(f"expected four numbers a frame, found {boxes.shape}")
    except (ValueError, IndexError, TypeError, AttributeError, KeyError) as error:
        raise DamagedFile(path.name, f"not a result of OTB ({error})") from error
    return boxes, start


def _lines(boxes: np.ndarray) -> Iterable[str]:
    """One-pass results as the toolkit reads them; where there is no box, the code for unknown."""
    yield f"{INITIALIZATION}\n"
    for box in boxes[1:]:
        valid = np.isfinite(box).all() and box[2] > 0 and box[3] > 0
        yield ",".join(f"{number:.12g}" for number in box) + "\n" if valid else f"{UNKNOWN}\n"
