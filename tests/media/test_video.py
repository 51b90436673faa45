from __future__ import annotations

import os
import socket
import struct

import av
import cv2
import numpy as np
import pytest

from tests.helpers import scenes
from tracker.media.video import VideoWriter, open_source


def write_video(path, count=10, rate=25.0):
    with VideoWriter(path, rate) as video:
        for image in scenes.frames(count):
            video.write(image)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_video_written_is_the_video_read(tmp_path, suffix):
    source = open_source(str(write_video(tmp_path / f"v{suffix}")))
    assert source.rate == pytest.approx(25)
    assert source.length == 10
    read = list(source)
    assert len(read) == 10
    assert read[0].shape == (*scenes.SIZE, 3)
    assert read[0].dtype == np.uint8
    for written, image in zip(scenes.frames(10), read, strict=True):
        assert np.abs(written.astype(float) - image).mean() < 12  # lossy, but the same picture


def test_iterating_again_starts_anew(tmp_path):
    source = open_source(str(write_video(tmp_path / "v.mp4")))
    assert np.array_equal(next(iter(source)), next(iter(source)))


def test_odd_sides_lose_one_pixel(tmp_path):
    with VideoWriter(tmp_path / "v.mp4", 30) as video:
        video.write(np.zeros((33, 41, 3), np.uint8))
    assert next(iter(open_source(str(tmp_path / "v.mp4")))).shape == (32, 40, 3)


def test_rotation_of_a_phone_is_applied(tmp_path):
    path = write_video(tmp_path / "v.mp4", 2)
    upright = next(iter(open_source(str(path))))
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # of version 0: 20.14 fixed point, a b u c d v x y w
    one = 1 << 16
    struct.pack_into(">9i", data, matrix, 0, one, 0, -one, 0, 0, scenes.SIZE[0] * one, 0, 1 << 30)
    path.write_bytes(data)
    turned = next(iter(open_source(str(path))))
    assert turned.shape == (scenes.SIZE[1], scenes.SIZE[0], 3)
    assert np.array_equal(turned, np.rot90(upright, -1))  # the file says: turn by 90 degrees clockwise


def test_an_error_inside_the_block_leaves_what_was_there(tmp_path):
    path = write_video(tmp_path / "v.mp4")
    before = path.read_bytes()
    with pytest.raises(RuntimeError), VideoWriter(path, 25) as video:
        video.write(scenes.frames(1)[0])
        raise RuntimeError
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["v.mp4"]


def test_frames_of_another_size_are_refused(tmp_path):
    with pytest.raises(ValueError, match="40 x 40"), VideoWriter(tmp_path / "v.mp4", 25) as video:
        video.write(scenes.frames(1)[0])
        video.write(np.zeros((40, 40, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_unknown_video_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.mp4"):
        VideoWriter(tmp_path / "v.xyz", 25)


def test_vot_sequence(tmp_path):
    source = open_source(str(scenes.write_vot(tmp_path / "walk")))
    assert (source.name, source.length, source.rate) == ("walk", 12, 25)
    assert source.ground_truth is not None
    assert source.ground_truth[1].tolist() == [[13, 30], [37, 30], [37, 54], [13, 54]]
    assert sum(1 for _ in source) == 12


def test_otb_sequence_becomes_0_based(tmp_path):
    source = open_source(str(scenes.write_otb(tmp_path / "Walk")))
    assert source.ground_truth is not None
    assert source.ground_truth[0][0].tolist() == [10, 30]


def test_images_of_a_plain_folder_come_in_natural_order(tmp_path):
    for name, value in (("f10.png", 10), ("f2.png", 2), ("f1.png", 1)):
        import cv2

        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), value, np.uint8))
    source = open_source(str(tmp_path))
    assert source.ground_truth is None
    assert [int(image[0, 0, 0]) for image in source] == [1, 2, 10]


def test_sources_that_cannot_be_read(tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(OSError, match=r"text\.mp4 cannot be read as a video"):
        open_source(str(tmp_path / "text.mp4"))
    with pytest.raises(FileNotFoundError, match="give a video file"):
        open_source(str(tmp_path / "absent"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no images"):
        open_source(str(tmp_path / "empty"))
    with pytest.raises(OSError, match="camera 97 cannot be opened"):
        next(iter(open_source("97")))


def test_a_damaged_image_and_one_of_another_size_are_named(tmp_path):
    folder = scenes.write_vot(tmp_path / "walk", 3)
    (folder / "color" / "00000002.jpg").write_bytes(b"\xff\xd8 cut")
    frames = iter(open_source(str(folder)))
    next(frames)
    with pytest.raises(OSError, match=r"00000002\.jpg"):
        next(frames)
    import cv2

    cv2.imwrite(str(folder / "color" / "00000002.jpg"), np.zeros((5, 5, 3), np.uint8))
    frames = iter(open_source(str(folder)))
    next(frames)
    with pytest.raises(OSError, match="5 x 5 pixels, not 128 x 96"):
        next(frames)


def test_what_is_no_file_is_no_source(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "dangling.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "null").symlink_to("/dev/zero")
    for name in ("pipe.mp4", "dangling.mp4", "null"):
        with pytest.raises(FileNotFoundError, match="does not exist or is no file"):
            open_source(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["pipe", "device", "dangling link", "other size"])
def test_a_folder_of_images_with_something_else_in_it(tmp_path, kind):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 9, 3), np.uint8))
    second = tmp_path / "2.png"
    if kind == "pipe":
        os.mkfifo(second)
    elif kind == "other size":
        cv2.imwrite(str(second), np.zeros((9, 8, 3), np.uint8))
    else:
        second.symlink_to("/dev/zero" if kind == "device" else "nowhere")
    frames = iter(open_source(str(tmp_path)))
    assert next(frames).shape == (8, 9, 3)
    with pytest.raises(OSError, match=r"2\.png"):
        next(frames)


def test_a_link_to_an_image_is_an_image(tmp_path):
    (tmp_path / "image").write_bytes(cv2.imencode(".png", np.zeros((8, 9, 3), np.uint8))[1].tobytes())
    (tmp_path / "1.png").symlink_to("image")
    assert [frame.shape for frame in open_source(str(tmp_path))] == [(8, 9, 3)]


def test_a_local_playlist_opens_no_connection(tmp_path):
    """A file that says it is a video may name addresses; nobody asked for those."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n")
        (tmp_path / "a.m3u8").write_text((tmp_path / "a.mp4").read_text())
        (tmp_path / "b.mp4").write_text(f"ffconcat version 1.0\nfile '{address}'\n")
        for name in ("a.mp4", "a.m3u8", "b.mp4"):
            with pytest.raises(OSError):
                list(open_source(str(tmp_path / name)))
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_video_that_changes_size_is_refused(tmp_path):
    parts = []
    for index, size in enumerate([(64, 48), (96, 80)]):
        part = tmp_path / f"{index}.mpg"
        with av.open(str(part), "w", format="mpeg2video") as container:
            stream = container.add_stream("mpeg2video", 25)
            stream.width, stream.height = size
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
    (tmp_path / "both.mpg").write_bytes(b"".join(parts))
    with pytest.raises(OSError, match="has 96 x 80 pixels, not 64 x 48"):
        list(open_source(str(tmp_path / "both.mpg")))
