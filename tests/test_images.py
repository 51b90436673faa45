"""Images of every sort become RGB uint8; the TraX side of it is in test_server.py."""

import cv2
import numpy as np
import pytest

from tracker import images


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
    assert rgb.shape == (4, 5, 3) and rgb.dtype == np.uint8 and rgb.flags.c_contiguous and rgb.flags.writeable
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
