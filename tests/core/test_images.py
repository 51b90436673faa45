"""Images of every sort become RGB uint8; the TraX side of it is in test_server.py."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.helpers import memory
from tracker.core import images


def test_a_file_is_read_as_opencv_reads_it(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for name in ("a.jpg", "ä.png", "a.bmp"):
        file = tmp_path / name
        file.write_bytes(cv2.imencode(file.suffix, pixels)[1].tobytes())
        np.testing.assert_array_equal(images.read(file), cv2.imread(str(file))[..., ::-1])


def test_every_truncation_is_an_error():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for suffix in (".jpg", ".png"):
        data = cv2.imencode(suffix, pixels)[1].tobytes()
        for length in (0, 1, 20, len(data) // 2, len(data) - 20):
            with pytest.raises(ValueError, match=rf"^this picture \({length} bytes\) is corrupt"):
                images.decode(data[:length], source="this picture")


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_grey_arrays(shape):
    grey = np.arange(20, dtype=np.uint8).reshape(shape)
    rgb = images.from_array(grey)
    assert rgb.shape == (4, 5, 3)
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    assert rgb.flags.writeable
    assert (rgb == grey.reshape(4, 5, 1)).all()
    assert (images.from_array(grey.astype(np.uint16) * 256 + 255) == rgb).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
    ids=["alpha", "float", "no-pixels", "one-dimension"],
)
def test_other_arrays_are_refused(array):
    with pytest.raises(ValueError, match=r"^image is \w+ of shape \(.*; give 1 or 3 channels of uint8 or uint16"):
        images.from_array(array)


def png_of(side):
    data = bytearray(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def tiff_of(side):
    entries = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, side)]
    entries.append((279, 4, 16))
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + fields + bytes(20)


BOMBS = {
    "png": png_of,
    "tiff": tiff_of,
    "bmp": lambda side: struct.pack("<2sIIIIiiHHIIiiII", b"BM", 99, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0),
    "ppm": lambda side: b"P6 %d %d 255\n" % (side, side),
    "pam": lambda side: b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" % (side, side),
}


@pytest.mark.parametrize("side", [12_000, 30_000, 60_000])
@pytest.mark.parametrize("kind", BOMBS)
def test_headers_of_enormous_images_are_refused_without_memory(kind, side):
    with memory.at_most(200 << 20), pytest.raises(ValueError, match=r"^this picture \(\d+ bytes\) "):
        images.decode(BOMBS[kind](side), source="this picture")


def test_a_whole_image_that_is_too_large_is_refused_without_memory():
    data = cv2.imencode(".png", np.zeros((12_000, 12_000), np.uint8))[1].tobytes()
    with memory.at_most(50 << 20), pytest.raises(ValueError, match="says it has 144000000 pixels, at most 134217728"):
        images.decode(data)


def test_a_large_frame_is_no_bomb():
    data = cv2.imencode(".png", np.zeros((4320, 7680), np.uint8))[1].tobytes()
    assert images.decode(data).shape == (4320, 7680, 3)


def test_only_files_are_read(tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    (tmp_path / "link.png").symlink_to(picture)
    assert images.read(tmp_path / "link.png").shape == (4, 4, 3)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to("nowhere")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name, message in (
        ("pipe.png", "is a pipe, socket or device"),
        ("zero.png", "is a pipe, socket or device"),
        ("dangling.png", "No such file"),
        ("loop.png", "symbolic links"),
        ("", "Is a directory"),
    ):
        with pytest.raises(OSError, match=message):
            images.read(tmp_path / name)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc here")
@pytest.mark.parametrize("name", ["self/mem", "self/environ", "kmsg"])
def test_files_without_a_size_are_not_read(name):
    with pytest.raises((OSError, ValueError), match=r"\(0 bytes\) is corrupt|No such file|not permitted|denied"):
        images.read(f"/proc/{name}")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="1099511627776 bytes, at most"):
        images.read(tmp_path / "sparse.png")
