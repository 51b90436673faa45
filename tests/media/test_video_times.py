"""Time stamps of video that no container tells the rate of, and file names that look like addresses."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.helpers import scenes
from tracker import cli
from tracker.media.video import open_source

JITTER = [0, 31, 68, 99, 135, 166, 201, 233, 268, 300, 335, 366]


def write(path, times, codec="libvpx", base=Fraction(1, 1000)):
    """A video whose frames have these time stamps, in units of ``base``, and no rate of its own."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=1000)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.time_base = base
        for time, image in zip(times, scenes.frames(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "times", "rate"),
    [
        ("browser.webm", "libvpx", JITTER, 11 / 0.366),
        ("variable.mkv", "libx264", [0, 100, 150, 400, 450, 700, 800, 950], 7 / 0.95),
        ("variable.webm", "libvpx", [0, 40, 80, 520, 560, 600], 5 / 0.6),
        ("late.webm", "libvpx", [5000 + time for time in JITTER], 11 / 0.366),
        ("slow.mkv", "libx264", [0, 2000, 4000, 6000], 0.5),
        ("fast.webm", "libvpx", [0, 8, 17, 25, 33, 42, 50], 6 / 0.05),
    ],
)
def test_the_rate_is_that_of_the_frames(tmp_path, name, codec, times, rate):
    source = open_source(str(write(tmp_path / name, times, codec)))
    assert source.rate == pytest.approx(rate, rel=0.02)
    assert source.length == len(times) == sum(1 for _ in source)
    out = tmp_path / "out.mp4"
    assert cli.main(["track", str(tmp_path / name), "--box", "10,30,24,24", "--tracker", "NCC", "--out", str(out)]) == 0
    written = open_source(str(out))
    assert written.length == len(times)
    assert written.rate == pytest.approx(rate, rel=0.02)


def test_a_single_frame_has_the_usual_rate(tmp_path):
    source = open_source(str(write(tmp_path / "one.webm", [0])))
    assert (source.rate, source.length) == (30, 1)


def test_the_rate_can_be_given(tmp_path, capsys):
    path = write(tmp_path / "browser.webm", JITTER)
    argv = ["track", str(path), "--box", "10,30,24,24", "--tracker", "NCC", "--overwrite", "--out"]
    assert cli.main([*argv, str(tmp_path / "o.mp4"), "--rate", "12.5"]) == 0
    assert open_source(str(tmp_path / "o.mp4")).rate == 12.5
    for rate in ("0", "-5", "nan", "1e9"):
        assert cli.main([*argv, str(tmp_path / "p.mp4"), "--rate", rate]) == 2
        assert "from 0.01 to 1000" in capsys.readouterr().err


NAMES = ["cam1:main.mp4", "http:x.mp4", "file:a.mp4", "concat:a|b.mp4", "50%d.mp4", "rtsp:::1.mp4"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_colons_is_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    folder = scenes.write_vot(tmp_path / "cam2:walk")
    assert cli.main(["track", "cam2:walk", "--tracker", "NCC", "--out", name]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, name])
    source = open_source(name)
    assert source.length == len(list(source)) == 12
    assert source.name == name.removesuffix(".mp4")
    assert cli.main(["track", name, "--tracker", "NCC", "--box", "10,30,24,24", "--boxes", "b:x.txt"]) == 0
    assert np.loadtxt(tmp_path / "b:x.txt", delimiter=",").shape == (12, 4)
