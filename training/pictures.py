"""Pictures that clips are rendered from: cut-outs with alpha, and photographs as backgrounds and textures.

All come with Debian packages or with scikit-image; ``training/README.md`` names them and their terms. No frame of a
tracking data set is among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

STAMPS = Path("/usr/share/tuxpaint/stamps")
PHOTOGRAPHS = (
    "/usr/share/backgrounds/mate/nature/*.jpg",
    "/usr/share/backgrounds/mate/abstract/Elephants.jpg",
    "/usr/share/backgrounds/*.jpg",
    "/usr/share/wallpapers/*/contents/images/1920x1080.*",
)
SCIKIT_IMAGE = ("astronaut", "coffee", "chelsea", "rocket", "motorcycle_left", "grass", "gravel", "brick", "coins")
_LEFT_OUT = ("alphabets", "math", "numbers", "music", "money", "flags", "chess", "shapes")
_SMALLEST_STAMP = 90  # larger side, pixels
_LARGEST_STAMP = 320
_LARGEST_PHOTOGRAPH = 1600

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """What a renderer draws from.

    Attributes:
        stamps: cut-outs, (h, w, 4) uint8 RGBA, cropped to their alpha.
        photographs: (h, w, 3) uint8 RGB.
    """

    stamps: list[Picture]
    photographs: list[Picture]


def load() -> Pictures:
    """Read all pictures.

    Raises:
        FileNotFoundError: a package is not installed.
    """
    stamps = [stamp for file in sorted(STAMPS.rglob("*.png")) if (stamp := _stamp(file)) is not None]
    photographs = [_shrunk(_rgb(file), _LARGEST_PHOTOGRAPH) for pattern in PHOTOGRAPHS for file in _files(pattern)]
    if not stamps or len(photographs) < 20:
        raise FileNotFoundError("pictures are missing; install the Debian packages that training/README.md names")
    return Pictures(stamps, photographs + _of_scikit_image())


def _files(pattern: str) -> list[Path]:
    return sorted(Path("/").glob(pattern.lstrip("/")))


def _rgb(file: Path) -> Picture:
    image: Any = cv2.imread(str(file), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(image[:, :, ::-1])


def _shrunk(image: Picture, largest: int) -> Any:
    factor = largest / max(image.shape[:2])
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else image


def _stamp(file: Path) -> Picture | None:
    """The cut-out of a file, or None if it has no alpha, is tiny, or shows a sign."""
    if any(part in _LEFT_OUT for part in file.parts):
        return None
    image: Any = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        return None
    rows, columns = (np.flatnonzero((image[:, :, 3] > 127).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(image.shape[:2]) < _SMALLEST_STAMP or min(image.shape[:2]) < _SMALLEST_STAMP // 4:
        return None
    return _shrunk(np.ascontiguousarray(image[:, :, [2, 1, 0, 3]]), _LARGEST_STAMP)


def _of_scikit_image() -> list[Picture]:
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    return [_rgb(next(folder.glob(f"{name}.*g"))) for name in SCIKIT_IMAGE]
