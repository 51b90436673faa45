"""Encoded or raw images -> RGB uint8 (H, W, 3), the only form that trackers see.

Grey images are repeated in all three channels, of 16 bits the upper 8 are kept, alpha is dropped. Files are decoded as
``cv2.imread`` does, hence as the VOT toolkit does (Exif orientation applied), except that a truncated file is an error
and not a picture with a grey lower half.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def read(path: str | Path) -> NDArray[np.uint8]:
    """Read an image file.

    Raises:
        OSError: if there is no such file or it may not be read.
        ValueError: if it is not an image that OpenCV can decode.
    """
    return decode(Path(path).read_bytes(), source=f"image file '{path}'")


def decode(data: bytes, source: str = "image") -> NDArray[np.uint8]:
    """Decode the bytes of an image file; ``source`` names them in the error message.

    Raises:
        ValueError: if they are not an image that OpenCV can decode, or it is not complete.
    """
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if bgr is None:
        raise ValueError(f"{source} ({len(data)} bytes) is corrupt, incomplete or of a format that OpenCV cannot read")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def from_array(array: NDArray) -> NDArray[np.uint8]:
    """Convert a raw image, (H, W), (H, W, 1) or (H, W, 3) in the order RGB, uint8 or uint16.

    Raises:
        ValueError: if it has another shape or type, or no pixels.
    """
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or not array.size or array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image is {array.dtype} of shape {array.shape}; give 1 or 3 channels of uint8 or uint16")
    if array.dtype == np.uint16:
        array = array >> 8
    height, width, _ = array.shape
    return np.ascontiguousarray(np.broadcast_to(array, (height, width, 3)), np.uint8)
