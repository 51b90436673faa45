"""Encoded or raw images -> RGB uint8 (H, W, 3), the only form that trackers see.

Grey images are repeated in all three channels, of 16 bits the upper 8 are kept, alpha is dropped. Files are decoded as
``cv2.imread`` does, hence as the VOT toolkit does (Exif orientation applied), except that a truncated file is an error
and not a picture with a grey lower half. Nothing but files is read (a pipe could block, a device has no end), and size
is judged by the header before any memory is spent on pixels.
"""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tracker.core.errors import InvalidValue, ResourceError

MAX_BYTES = 1 << 30
"""Of an image file."""
MAX_PIXELS = 1 << 27
"""Width times height; a frame of 16K video has fewer."""


def read(path: str | Path) -> NDArray[np.uint8]:
    """Read an image file.

    Raises:
        OSError: if there is no such file, it may not be read or is no regular file.
        ValueError: if it is not an image that OpenCV can decode, or too large.
    """
    path = Path(path)
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ResourceError(f"image file '{path}' is a pipe, socket or device; give a regular file")
    if status.st_size > MAX_BYTES:
        raise InvalidValue(f"image file '{path}' has {status.st_size} bytes, at most {MAX_BYTES} are read")
    with path.open("rb") as file:
        return decode(file.read(status.st_size), source=f"image file '{path}'")


def decode(data: bytes, source: str = "image") -> NDArray[np.uint8]:
    """Decode the bytes of an image file; ``source`` names them in the error message.

    Raises:
        ValueError: if they are not an image that OpenCV can decode, it is not complete or too large.
    """
    if (pixels := _pixels(data)) > MAX_PIXELS:
        raise InvalidValue(f"{source} ({len(data)} bytes) says it has {pixels} pixels, at most {MAX_PIXELS} are read")
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:  # a size beyond OpenCV's own bound, in a format that Pillow does not know
        raise InvalidValue(f"{source} ({len(data)} bytes) cannot be decoded: {error}") from error
    if bgr is None:
        raise InvalidValue(
            f"{source} ({len(data)} bytes) is corrupt, incomplete or of a format that OpenCV cannot read"
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _pixels(data: bytes) -> int:
    """Number of pixels that the header tells of, 0 if it is of no known format."""
    try:
        with Image.open(io.BytesIO(data)) as header:
            return header.width * header.height
    except Image.DecompressionBombError:  # twice its limit
        return MAX_PIXELS + 1
    except (OSError, ValueError, OverflowError, EOFError):
        return 0


def from_array(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert a raw image, (H, W), (H, W, 1) or (H, W, 3) in the order RGB, uint8 or uint16.

    Raises:
        ValueError: if it has another shape or type, or no pixels.
    """
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or not array.size or array.dtype not in (np.uint8, np.uint16):
        raise InvalidValue(f"image is {array.dtype} of shape {array.shape}; give 1 or 3 channels of uint8 or uint16")
    if array.dtype == np.uint16:
        array = array >> 8
    height, width, _ = array.shape
    return np.ascontiguousarray(np.broadcast_to(array, (height, width, 3)), np.uint8)
