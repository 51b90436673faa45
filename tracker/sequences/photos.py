"""The photographs that the embedded sequences are made of: where they come from, and under what terms.

All of them lie inside the wheels of scikit-image and Matplotlib (no download), and all are CC0 or free of known
copyright. The stereo motorcycle in scikit-image is left out because its terms are not stated. Files are checked by
their SHA-256, so that another release of these packages can never change the data set unnoticed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core.errors import MissingPackage, ResourceError

Image: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Photo:
    """A photograph that an installed package carries.

    Attributes:
        file: where it lies, relative to the folder of the package.
        sha256: hexadecimal digest of the file.
        licence: terms of use, as the package's documentation states them.
        author: who made it, or who published it.
        package: name of the import package that carries it.
    """

    file: str
    sha256: str
    licence: str
    author: str
    package: str = "skimage"


PHOTOS: dict[str, Photo] = {
    "astronaut": Photo(
        "data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "public domain",
        "NASA (portrait of Eileen Collins)",
    ),
    "brick": Photo(
        "data/brick.png",
        "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
        "CC0",
        "CC0Textures, Bricks25",
    ),
    "cameraman": Photo(
        "data/camera.png", "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a", "CC0", "Lav Varshney"
    ),
    "coffee": Photo(
        "data/coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7", "CC0", "Rachel Michetti"
    ),
    "coins": Photo(
        "data/coins.png",
        "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
        "no known copyright restrictions",
        "Brooklyn Museum (Greek coins from Pompeii)",
    ),
    "grass": Photo(
        "data/grass.png",
        "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
        "CC0",
        "linolafett, DeviantArt",
    ),
    "gravel": Photo(
        "data/gravel.png",
        "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
        "CC0",
        "CC0Textures, Gravel04",
    ),
    "hopper": Photo(
        "mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        "public domain",
        "U.S. Navy (portrait of Grace Hopper)",
        package="matplotlib",
    ),
    "rocket": Photo(
        "data/rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "public domain",
        "SpaceX (DSCOVR on Falcon 9)",
    ),
}


def to_linear(image: NDArray[Any]) -> Image:
    """Turn sRGB values 0..255 into linear light 0..1, float32 (power 2.2)."""
    return (np.asarray(image, np.float32) / 255.0) ** np.float32(2.2)


def to_srgb(light: Image) -> NDArray[np.uint8]:
    """Turn linear light 0..1 (clipped) into sRGB, uint8: the inverse of ``to_linear``."""
    return (np.clip(light, 0.0, 1.0) ** np.float32(1 / 2.2) * 255.0 + 0.5).astype(np.uint8)


@cache
def load(name: str) -> NDArray[np.uint8]:
    """The photograph ``name`` of ``PHOTOS``: (H, W, 3) uint8 RGB; grey ones have three equal channels.

    Raises:
        ImportError: the package that carries it is not installed.
        OSError: the installed package lacks the file, or has another one under its name.
    """
    photo = PHOTOS[name]
    package = find_spec(photo.package)
    if package is None or package.origin is None:
        raise MissingPackage(f"the photograph {photo.file!r} comes with {photo.package!r}, which is not installed")
    path = Path(package.origin).parent / photo.file
    remedy = f"reinstall {photo.package} in the release that env/requirements.lock names"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResourceError(f"the photograph {path} cannot be read ({error.strerror}): {remedy}") from error
    if hashlib.sha256(content).hexdigest() != photo.sha256:
        raise ResourceError(f"the photograph {path} is not the expected one (its SHA-256 differs): {remedy}")
    decoded = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return decoded[..., ::-1]


def coloured(name: str, *shades: tuple[int, int, int]) -> Image:
    """A grey photograph printed in colour: its tones, stretched, run through ``shades`` from dark to light (sRGB)."""
    grey = load(name)[..., 0].astype(np.float32)
    low, high = np.percentile(grey, [1, 99])
    tone = np.clip((grey - low) / (high - low), 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(shades))
    return to_linear(np.stack([np.interp(tone, stops, channel) for channel in zip(*shades, strict=True)], axis=-1))
