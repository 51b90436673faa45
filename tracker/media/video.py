"""Frames in, video out: one ``Source`` for a file, stream, camera, folder of images, VOT or OTB sequence.

Every frame is RGB uint8 (H, W, 3), upright (a phone's rotation is applied), numbered from 0. Files are decoded and
encoded by PyAV: OpenCV's writer takes neither quality nor H.264 from its wheels, and says nothing where it fails.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.core import images, listing
from tracker.core.errors import InvalidValue, MissingFile, ResourceError
from tracker.core.files import part_of
from tracker.formats.groundtruth import GroundTruth, find
from tracker.formats.regions import Polygon as Region
from tracker.formats.sequence import read_sequence

Image = NDArray[np.uint8]

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
VIDEO_SUFFIXES = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}
"""Endings of videos that are written, and FFmpeg's name of each."""
DEFAULT_RATE = 30.0
LARGEST_RATE = 480.0
"""Frames per second above which a container's word is not taken: 1000 is a time base of milliseconds."""
_TIMED = 2000
"""Frames whose times tell the rate where the container does not."""


@dataclass(frozen=True)
class Source:
    """A run of frames; iterating it again starts anew, except for a camera.

    Attributes:
        name: what to call it: file stem, folder name or ``camera N``.
        length: number of frames, None if it is not known beforehand.
        rate: frames per second.
        truth: its ground truth file; None if the source has none.
        open: gives a fresh iterator over its frames.
    """

    name: str
    length: int | None
    rate: float
    truth: GroundTruth | None
    open: Callable[[], Iterator[Image]]

    def __iter__(self) -> Iterator[Image]:
        return self.open()

    @property
    def ground_truth(self) -> list[Region | None] | None:
        """A polygon (N, 2) or None (not annotated) for every frame; None if the source has no readable ground truth."""
        if self.truth is None or self.truth.problem:
            return None
        return [None if region is None else region.outline for region in self.truth.regions]


def open_source(text: str, target: str | None = None, truth_start: int = 0) -> Source:
    """The source that ``text`` names.

    Args:
        text: a file, folder, address or number of a camera.
        target: which one, in a folder with a ground truth file for each of several targets.
        truth_start: frame that the first line of ground truth belongs to.

    Raises:
        OSError: it does not exist, cannot be read or holds no frames.
        ValueError: there is no such target.
    """
    path = Path(text)
    if path.is_dir():
        return _folder(path, target, truth_start)
    if path.is_file():
        return _video(os.path.abspath(path))  # which is never taken for an address, whatever colons are in it
    if "://" in text:
        return _video(text)
    if text.isdecimal():
        return Source(f"camera {text}", None, DEFAULT_RATE, None, lambda: _camera_frames(int(text)))
    raise MissingFile(
        f"source {text!r} does not exist or is no file; give a video file, a folder of images, a VOT or OTB sequence, "
        "a stream's address or the number of a camera"
    )


def _video(path: str) -> Source:
    import av

    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise ResourceError(f"{path} has no video stream")
            stream = container.streams.video[0]
            rate = float(stream.average_rate or stream.guessed_rate or 0)
            length = stream.frames or None
            if not (length and stream.duration and 0 < rate <= LARGEST_RATE) and "://" not in path:
                rate, length = _timed_rate(container, stream, rate)
            seconds = (container.duration or 0) / av.time_base  # Matroska tells no number of frames
            length = length or round(seconds * rate) or None
    except av.error.FFmpegError as error:
        raise ResourceError(f"{path} cannot be read as a video: {error.strerror}") from error
    return Source(Path(path).stem, length, rate, None, lambda: _video_frames(path))


def _timed_rate(container: Any, stream: Any, nominal: float) -> tuple[float, int | None]:
    """Frames per second by the time stamps of a video's first frames, and its number of frames if these are all.

    A container's own rate stands where the frames bear it out: WebM of a browser tells 1000, Matroska of variable rate
    that of its first frames.
    """
    stamps = ((packet, packet.dts if packet.pts is None else packet.pts) for packet in container.demux(stream))
    seconds = (float(stamp * packet.time_base) for packet, stamp in stamps if packet.size and stamp is not None)
    times = list(islice(seconds, _TIMED))
    span = max(times) - min(times) if times else 0.0
    measured = (len(times) - 1) / span if span > 0 else 0.0
    if nominal > 0 and abs(measured - nominal) <= 0.01 * nominal:
        measured = nominal  # times in milliseconds are rounded
    if not 0 < measured <= 2 * LARGEST_RATE:
        measured = nominal if 0 < nominal <= LARGEST_RATE else DEFAULT_RATE
    return measured, len(times) if 0 < len(times) < _TIMED else None


def _video_frames(path: str) -> Iterator[Image]:
    import av

    index, size = 0, None
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"max_pixels": str(images.MAX_PIXELS)}
            for frame in container.decode(video=0):
                image: Image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)  # (H, W, 3)
                size = _same_size(image, size, f"{path}, frame {index}")
                index += 1
                yield np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
    except av.error.FFmpegError as error:
        raise ResourceError(f"{path} is damaged after {index} frames: {error.strerror}") from error


def _camera_frames(number: int) -> Iterator[Image]:
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # each backend's complaint; ours says enough
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise ResourceError(f"camera {number} cannot be opened; is it connected, and free?")
        while True:
            ok, image = camera.read()
            if not ok:
                raise ResourceError(f"camera {number} stopped giving frames")
            yield np.ascontiguousarray(image[..., ::-1], np.uint8)  # OpenCV's order is BGR
    finally:
        camera.release()


def _folder(path: Path, target: str | None, truth_start: int) -> Source:
    files = next((paths for sub in ("color", "img", "") if (paths := image_files(path / sub))), None)
    if files is None:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise MissingFile(f"folder {path} holds no images ({suffixes}), nor color/ or img/")
    truth = find(path, len(files), target, truth_start)
    rate = read_sequence(path).rate or DEFAULT_RATE
    return Source(path.resolve().name, len(files), rate, truth, lambda: _image_frames(files))


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in natural order (frame2 before frame10); empty if it has none or does not exist."""
    if not folder.is_dir():
        return []
    files = [path for path in listing.matching(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    parts = {path: re.split(r"(\d+)", path.name) for path in files}  # text and digits in turn: equal places compare
    return sorted(files, key=lambda path: [int(part) if part.isdecimal() else part for part in parts[path]])


def _image_frames(files: list[Path]) -> Iterator[Image]:
    size = None
    for path in files:
        try:
            image = images.read(path)
        except ValueError as error:
            raise ResourceError(str(error)) from error
        size = _same_size(image, size, str(path))
        yield image


def _same_size(image: Image, size: tuple[int, ...] | None, name: str) -> tuple[int, ...]:
    """The size of a frame, which has to be that of the frames before it."""
    if size not in (None, image.shape):
        raise ResourceError(f"{name} has {image.shape[1]} x {image.shape[0]} pixels, not {size[1]} x {size[0]}")
    return image.shape


class VideoWriter:
    """An H.264 video file that appears whole: written beside its place and moved there when the block ends.

    Use it as a context manager. An exception inside the block removes the unfinished file.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Prepare ``path`` (suffix in ``VIDEO_SUFFIXES``) for ``rate`` frames per second; the first frame opens it."""
        if path.suffix.lower() not in VIDEO_SUFFIXES:
            raise InvalidValue(f"video {path} must end in one of {', '.join(sorted(VIDEO_SUFFIXES))}")
        self.path = path
        self._part = part_of(path)
        self._rate = max(Fraction(rate).limit_denominator(1001), Fraction(1, 1001))
        self._container: Any = None
        self._stream: Any = None

    def write(self, image: Image) -> None:
        """Append a frame, (H, W, 3) RGB uint8; all frames must have the size of the first.

        Raises:
            ValueError: the frame has another size.
            OSError: the file cannot be written.
        """
        import av

        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2  # H.264's 4:2:0 has even sides
        try:
            if self._container is None:
                codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
                self._container = av.open(os.path.abspath(self._part), "w", VIDEO_SUFFIXES[self.path.suffix.lower()])
                self._stream = self._container.add_stream(codec, self._rate)
                self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            if (width, height) != (self._stream.width, self._stream.height):
                raise InvalidValue(f"frame of {width} x {height} pixels in a video of another size: {self.path}")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
            self._container.mux(self._stream.encode(frame))
        except av.error.FFmpegError as error:
            raise ResourceError(f"{self.path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._container is None:
            return
        import av

        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))  # frames that the encoder still holds
            self._container.close()
            if kind is None:
                os.replace(self._part, self.path)
        except av.error.FFmpegError as failure:
            raise ResourceError(f"{self.path} cannot be written: {failure.strerror}") from failure
        finally:
            self._part.unlink(missing_ok=True)
