"""The TraX server against a real client, and against clients that vanish."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.baselines import NCC
from tracker.core import boxes
from tracker.core.paths import PROJECT

HELPERS = PROJECT / "tests" / "helpers"
REAL = [sys.executable, "-m", "tracker"]
FAKE = [sys.executable, str(HELPERS / "fake_server.py")]
LIMIT = 240  # seconds after which a process counts as hanging


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """The server runs in a folder of its own, as under the toolkit, and finds the package by PYTHONPATH."""
    (tmp_path / "record").mkdir()
    for name in list(os.environ):
        if name.startswith(("RECIPROCATIVE_", "FAKE_", "TRAX")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("RECIPROCATIVE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_RECORD", str(tmp_path / "record"))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def picture(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "picture.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return ["path", str(tmp_path / "picture.png")]


def talk(steps, server=FAKE, **options):
    """Hold a session; returns the handshake, the answers and how it ended."""
    session = json.dumps({"server": server, "steps": steps, **options})
    run = subprocess.run(
        [sys.executable, str(HELPERS / "trax_client.py")], input=session, text=True, capture_output=True, timeout=LIMIT
    )
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return (lines[0] if len(lines) > 1 else None), lines[1:-1], lines[-1]


def recorded(kind):
    return [dict(np.load(file)) for file in sorted(Path("record").glob(f"*_{kind}.npz"))]


RECTANGLE = ["rectangle", 10, 20, 8, 6]


def test_regions_of_every_kind_in_one_process(environment, picture):
    mask = np.zeros((9, 12), np.uint8)
    mask[2:5, 3:8] = 1
    np.save("mask.npy", mask)
    regions = [
        (["rectangle", 10.5, 20.25, 8, 6], [10.5, 20.25, 8, 6]),
        (["polygon", 30, 5, 40, 15, 30, 25, 20, 15], [30 - math.sqrt(50), 15 - math.sqrt(50), *[math.sqrt(200)] * 2]),
        (["mask", "mask.npy", 0, 0], [3, 2, 5, 3]),
        (["mask", "mask.npy", 20, 30], [23, 32, 5, 3]),
        (["rectangle", -3, -4, 10, 10], [-3, -4, 10, 10]),
    ]
    steps = [step for region, _ in regions for step in (["initialize", picture, [region]], ["frame", picture, []])]
    hello, answers, end = talk([*steps, ["quit"]])
    assert end == {"exit": 0, "error": "", "stderr": ""}
    assert sorted(hello["regions"]) == ["mask", "polygon", "rectangle"]
    assert sorted(hello["images"]) == ["buffer", "memory", "path"]
    assert hello["channels"] == ["color"]
    assert hello["multiobject"]
    assert hello["fingerprint"] == "fake-1"
    assert "vot" not in hello  # it would make the toolkit restart the process at every initialisation
    assert len(recorded("create")) == 1
    for (_, expected), given in zip(regions, recorded("init"), strict=True):
        assert given["box"] == pytest.approx(expected, abs=1e-3)
    for (_, (x, y, w, h)), first, second in zip(regions, answers[::2], answers[1::2], strict=True):
        assert first["objects"][0][1] == pytest.approx([x, y, w, h], abs=1e-3)
        assert second["objects"][0][1] == pytest.approx([x + 1, y, w, h], abs=1e-3)


def test_images_of_every_kind(environment, tmp_path):
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (24, 32, 3), np.uint8)
    deep = rng.integers(0, 65536, (24, 32), np.uint16)
    grey = (deep >> 8).astype(np.uint8)
    bgr = rgb[..., ::-1]
    repeated = np.repeat(grey[..., np.newaxis], 3, axis=2)
    files = {
        "color.png": (bgr, rgb),
        "alpha.png": (np.dstack([bgr, grey]), rgb),
        "grey.png": (grey, repeated),
        "deep.png": (deep, repeated),
        "deep_alpha.png": (np.dstack([bgr.astype(np.uint16) * 257, deep]), rgb),
        "color.jpg": (bgr, None),
        "grey.jpg": (grey, None),
    }
    cases = []
    for name, (pixels, expected) in files.items():
        cv2.imwrite(str(tmp_path / name), pixels)
        if expected is None:
            expected = cv2.imread(str(tmp_path / name), cv2.IMREAD_COLOR)[..., ::-1]
        cases += [(["path", str(tmp_path / name)], expected), (["buffer", name], expected)]
    for name, pixels, expected in (("rgb", rgb, rgb), ("grey", grey, repeated), ("deep", deep, repeated)):
        np.save(f"{name}.npy", pixels)
        cases.append((["memory", f"{name}.npy"], expected))
    _, answers, end = talk([["initialize", image, [RECTANGLE]] for image, _ in cases] + [["quit"]])
    assert end["exit"] == 0
    assert len(answers) == len(cases)
    for (image, expected), given in zip(cases, recorded("init"), strict=True):
        np.testing.assert_array_equal(given["image"], expected, err_msg=str(image))


def test_a_large_image_in_memory(environment):
    pixels = np.random.default_rng(2).integers(0, 256, (720, 1280, 3), np.uint8)
    np.save("large.npy", pixels)
    _, _, end = talk([["initialize", ["memory", "large.npy"], [RECTANGLE]], ["frame", ["memory", "large.npy"], []]])
    assert end["exit"] == 0
    np.testing.assert_array_equal(recorded("update")[0]["image"], pixels)


def test_several_objects_come_and_keep_their_order(environment, picture):
    def starts(answer):
        return [values[0] for _, values, _ in answer["objects"]]

    def at(x):
        return ["rectangle", x, 5, 6, 7]

    _, answers, end = talk(
        [
            ["initialize", picture, [at(1), at(11)]],
            ["frame", picture, []],
            ["frame", picture, [at(31)]],
            ["frame", picture, []],
            ["initialize", picture, [at(50)]],
            ["frame", picture, []],
        ]
    )
    assert end["exit"] == 0
    assert [starts(answer) for answer in answers] == [[1, 11], [2, 12], [3, 13, 31], [4, 14, 32], [50], [51]]
    assert len(recorded("create")) == 1  # and its weights serve all objects
    assert len(recorded("warm_up")) == 1  # before the handshake: replies are timed


def test_confidence_faults_and_polygons(environment, picture):
    environment.setenv("FAKE_MODE", "polygon")
    _, answers, _ = talk([["initialize", picture, [RECTANGLE]], *[["frame", picture, []]] * 2])
    assert [float(answer["objects"][0][2]["confidence"]) for answer in answers] == [0, 0.25, 0.5]
    assert [answer["objects"][0][2]["faults"] for answer in answers] == ["0", "0", "1"]
    kind, values, _ = answers[1]["objects"][0]
    assert kind == "polygon"
    assert values == pytest.approx((boxes.corners([11, 20, 8, 6]) + 0.25).ravel().tolist(), abs=1e-3)


def test_parameters_come_from_the_environment_before_the_handshake(environment, picture):
    environment.setenv("RECIPROCATIVE_TRACKER", "DAT")
    environment.setenv("RECIPROCATIVE_THREADS", "3")
    environment.setenv("RECIPROCATIVE_SEED", "random")
    environment.setenv("RECIPROCATIVE_DEVICE", "cpu")
    hello, answers, end = talk([["initialize", picture, [RECTANGLE], {"threads": "9"}]])
    assert hello["name"] == "DAT"
    assert len(answers) == 1
    assert end["exit"] == 0
    order = [file.stem.split("_", 1)[1] for file in sorted(Path("record").iterdir())]
    assert order == ["create", "warm_up", "init"]
    assert str(recorded("create")[0]["parameters"]) == "{'threads': 3, 'seed': None, 'device': 'cpu'}"
    log = Path("log").read_text()
    assert "seed 7, fingerprint fake-1" in log
    assert "'threads': '9'" in log  # named as having no effect


def test_what_others_print_does_not_reach_the_protocol(environment, picture):
    environment.setenv("FAKE_MODE", "noise")
    _, answers, end = talk([["initialize", picture, [RECTANGLE]], *[["frame", picture, []]] * 20])
    assert len(answers) == 21
    assert end == {"exit": 0, "error": "", "stderr": ""}
    log = Path("log").read_text()
    assert all(f"fragment {of}" in log for of in ("on stdout", "on stderr", "of a native library"))


def test_the_log_lies_in_the_state_folder_by_default(environment, picture, tmp_path):
    environment.delenv("RECIPROCATIVE_LOG")
    environment.setenv("HOME", str(tmp_path / "home"))
    assert talk([["initialize", picture, [RECTANGLE]]])[2]["exit"] == 0
    (log,) = [file for root in ("state", "home") for file in (tmp_path / root).rglob("DAT.log")]
    assert "object 1 at [10.0, 20.0, 8.0, 6.0]" in log.read_text()


def test_a_socket_instead_of_pipes(environment, picture):
    _, answers, end = talk([["initialize", picture, [RECTANGLE]], ["frame", picture, []], ["quit"]], socket=True)
    assert len(answers) == 2
    assert end == {"exit": 0, "error": "", "stderr": ""}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param("folder", "Is a directory", id="folder"),
        pytest.param(b"", "(0 bytes) is corrupt", id="empty"),
        pytest.param(b"no image at all", "is corrupt", id="text"),
        pytest.param(".jpg", "is corrupt, incomplete", id="half-a-jpeg"),
        pytest.param(".png", "is corrupt, incomplete", id="half-a-png"),
    ],
)
def test_bad_image_files(environment, picture, tmp_path, content, message):
    file = tmp_path / "bad"
    if content == "folder":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    elif content:
        data = cv2.imencode(content, cv2.imread(picture[1]))[1].tobytes()
        file.write_bytes(data[: len(data) // 2])
    refused([["initialize", picture, [RECTANGLE]], ["frame", ["path", str(file)], []]], message, answered=1)


def test_bad_image_buffer(environment, tmp_path):
    (tmp_path / "bad").write_bytes(b"\x89PNG\r\n\x1a\n and nothing of the kind")
    refused([["initialize", ["buffer", "bad"], [RECTANGLE]]], "image buffer")


@pytest.mark.parametrize(
    ("region", "message"),
    [
        pytest.param(["rectangle", 10, 10, 0, 5], "has no area", id="zero-width"),
        pytest.param(["rectangle", 10, 10, 5, -1], "has no area", id="negative-height"),
        pytest.param(["rectangle", 64, 10, 5, 5], "outside the image of 64 x 48", id="outside"),
        pytest.param(["rectangle", "nan", 10, 5, 5], "NaN", id="nan"),
        pytest.param(["rectangle", 1, 1, 5, "inf"], "not finite", id="infinite"),
        pytest.param(["polygon", 1, 1, 5, 5, 9, 9], "has no area", id="line"),
        pytest.param(["polygon", 1, 1, 1, 1, 1, 1, 1, 1], "has no area", id="point"),
        pytest.param(["mask", "empty.npy", 0, 0], "is empty", id="empty-mask"),
        pytest.param(["mask", "full.npy", 90, 90], "outside the image", id="mask-outside"),
    ],
)
def test_bad_regions(environment, picture, region, message):
    np.save("empty.npy", np.zeros((5, 5), np.uint8))
    np.save("full.npy", np.ones((5, 5), np.uint8))
    refused([["initialize", picture, [region]]], message)


@pytest.mark.parametrize(
    ("mode", "message", "traceback"),
    [("nan box", "not finite", False), ("nan score", "not finite", False), ("bug", "KeyError: 'no such key'", True)],
)
def test_a_tracker_that_fails(environment, picture, mode, message, traceback):
    environment.setenv("FAKE_MODE", mode)
    end = refused([["initialize", picture, [RECTANGLE]], ["frame", picture, []]], message, answered=1)
    assert end["stderr"].startswith("Traceback") == traceback


def refused(steps, message, answered=0):
    """The client is told why, so are stderr (whole lines) and the log, and the exit code is 1."""
    hello, answers, end = talk(steps)
    assert hello is not None
    assert len(answers) == answered
    assert end["error"].startswith("Server terminated the session: ")
    assert message in end["error"]
    assert end["exit"] == 1
    assert message in end["stderr"]
    assert end["stderr"].endswith("\n")
    assert message in Path("log").read_text()
    return end


def test_names_of_files_may_hold_any_character(environment, picture):
    names = ["grüße ☃.png", "100% sure %41.png", 'a "quote" and \\ more.png']
    for name in names:
        Path(name).write_bytes(Path(picture[1]).read_bytes())
    steps = [["initialize", ["path", str(Path(name).resolve())], [RECTANGLE]] for name in names]
    _, answers, end = talk([*steps, ["quit"]])
    assert end == {"exit": 0, "error": "", "stderr": ""}
    assert len(answers) == 3


def test_the_reason_is_ascii_and_short(environment, picture, tmp_path):
    file = tmp_path / ("x" * 200) / ("ü" * 200)
    end = refused([["initialize", ["path", str(file)], [RECTANGLE]]], "No such file")
    assert len(end["error"]) < 550
    assert "\\xfc" in end["error"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param({"RECIPROCATIVE_TRACKER": "DTA"}, "unknown tracker 'DTA'; choose one of DAT,", id="tracker"),
        pytest.param({"RECIPROCATIVE_THREADS": "two"}, "RECIPROCATIVE_THREADS is 'two'", id="threads"),
        pytest.param(
            {"RECIPROCATIVE_THREADS": "0", "RECIPROCATIVE_TRACKER": "NCC"},
            "RECIPROCATIVE_THREADS is '0'; give a whole number, 1 or more",
            id="no threads",
        ),
        pytest.param({"RECIPROCATIVE_SEED": "-1"}, "RECIPROCATIVE_SEED is '-1'", id="seed"),
        pytest.param({"RECIPROCATIVE_LOG": "no/such/folder/log"}, "set RECIPROCATIVE_LOG to a path", id="log"),
        pytest.param({"FAKE_MODE": "no weights"}, "weights file model.mat is missing", id="weights"),
        pytest.param({"TRAX_SOCKET": "1"}, "TRAX_SOCKET: [Errno", id="socket"),
    ],
)
def test_a_server_that_cannot_start_says_why(environment, variables, message):
    for name, value in variables.items():
        environment.setenv(name, value)
    run = subprocess.run(FAKE, input=b"", capture_output=True, timeout=LIMIT)
    assert run.returncode == 2
    assert message in run.stderr.decode()
    assert b"@@TRAX" not in run.stdout


def test_arguments_are_refused_with_help(environment):
    run = subprocess.run([*REAL, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert run.returncode == 2
    assert "RECIPROCATIVE_TRACKER" in run.stderr


def test_start_imports_neither_torch_nor_the_toolkit(environment):
    code = "import sys, tracker.serving.server as s; s.catalog.create('NCC'); print({'torch', 'vot'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


# Clients that vanish. The messages are what libtrax's client sends.

INITIALIZE = b'@@TRAX:initialize \n@@TRAX:initialize "10.0000,20.0000,8.0000,6.0000" \n@@TRAX:frame "file://%s" \n'
FRAME = b'@@TRAX:frame "file://%s" \n'


class Server:
    """A server process, spoken to in bytes."""

    def __init__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(FAKE, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0)

    def send(self, message):
        self.process.stdin.write(message)

    def expect(self, kind):
        while not (line := self.process.stdout.readline()).startswith(b"@@TRAX:" + kind):
            assert line, f"the server ended with code {self.process.wait(LIMIT)}"
        return line

    def started(self, count, kind="update"):
        """Wait until the fake tracker has begun its ``count``-th call."""
        deadline = time.monotonic() + LIMIT
        while len(list(Path("record").glob(f"*_{kind}.npz"))) < count:
            assert time.monotonic() < deadline
            assert self.process.poll() is None
            time.sleep(0.01)

    def close(self):
        self.process.stdin.close()
        return self.process.wait(LIMIT)


@pytest.fixture
def server(environment):
    made = []

    def make(mode=""):
        environment.setenv("FAKE_MODE", mode)
        made.append(Server())
        return made[0]

    yield make
    for one in made:
        one.process.kill()
        one.process.wait()
        one.process.stdout.close()


@pytest.mark.parametrize("requests", [0, 1, 2])
def test_pipe_closed_between_requests(server, picture, requests):
    one = server()
    one.expect(b"hello")
    for message in [INITIALIZE, FRAME][:requests]:
        one.send(message % picture[1].encode())
        one.expect(b"state")
    assert one.close() == 0


@pytest.mark.parametrize("kept", [3, 12, 20, 45, 80, -1])
def test_pipe_closed_inside_a_request(server, picture, kept):
    one = server()
    one.expect(b"hello")
    one.send((INITIALIZE % picture[1].encode())[:kept])
    assert one.close() == 1


def test_pipe_closed_while_the_tracker_works(server, picture):
    one = server("slow")
    one.send((INITIALIZE + FRAME) % ((picture[1].encode(),) * 2))
    one.started(1)
    assert one.close() == 1


def test_reading_end_closed_while_the_tracker_works(server, picture):
    one = server("slow")
    one.send((INITIALIZE + FRAME) % ((picture[1].encode(),) * 2))
    one.started(1)
    one.process.stdout.close()
    assert one.process.wait(LIMIT) == 1


def test_a_client_that_leaves_at_the_error_does_not_make_it_a_success(server, picture):
    one = server("bug")
    one.send((INITIALIZE + FRAME) % ((picture[1].encode(),) * 2))
    assert b"no such key" in one.expect(b"quit")
    one.process.stdout.close()
    assert one.close() == 1


ENDING = """
import logging, threading, time
from tracker.serving.watchdog import Watchdog

watchdog, ending = Watchdog(), threading.Event()

def shutdown():
    watchdog.tell("shutdown")
    ending.set()
    time.sleep(0.2)  # time for the second to come in, if it can
    {fault}

logging.shutdown = shutdown
threading.Thread(target=watchdog.exit, args=(3, "the first")).start()
ending.wait()
watchdog.exit(4, "the second")
"""


@pytest.mark.parametrize("fault", ["pass", "raise MemoryError"])
def test_the_first_thread_that_ends_the_process_is_the_only_one(fault):
    pipe = subprocess.PIPE
    run = subprocess.run(
        [sys.executable, "-c", ENDING.format(fault=fault)], stdin=pipe, capture_output=True, timeout=LIMIT
    )
    assert run.returncode == 3
    assert run.stderr.count(b"shutdown") == 1


def test_requests_sent_ahead_of_a_quit_are_answered(environment, picture):
    path = picture[1].encode()
    script = INITIALIZE % path + FRAME % path * 300 + b"@@TRAX:quit \n"
    run = subprocess.run(FAKE, input=script, capture_output=True, timeout=LIMIT)
    assert run.returncode == 0
    assert run.stdout.count(b"@@TRAX:state") == 301


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(b'@@TRAX:initialize "file:///a.png" "1,2,3,4" \n', "cannot read the request", id="protocol-3"),
        pytest.param(
            b'@@TRAX:initialize "1,2,3" \n@@TRAX:frame "file:///a" \n', "cannot read the request", id="numbers"
        ),
        pytest.param(b'@@TRAX:initialize "1,2,a,4" \n@@TRAX:frame "file:///a" \n', "No such file", id="letters"),
        pytest.param(INITIALIZE.replace(b"file:", b"http:"), "cannot read the request", id="url"),
        pytest.param(
            INITIALIZE.replace(b"file://%s", b"image:5;5;rgb;AAAA"), "cannot read the request", id="short-memory"
        ),
        pytest.param(
            INITIALIZE.replace(b"file://%s", b"image:5;5;rgba;AAAA"), "cannot read the request", id="rgba-memory"
        ),
        pytest.param(INITIALIZE.replace(b"file://%s", b"data:image/tiff;AAAA"), "image buffer", id="tiff-buffer"),
    ],
)
def test_messages_that_no_client_should_send(server, message, reason):
    message = b"@@TRAX:initialize \n" * (b"initialize" in message) + message
    run = subprocess.run(FAKE, input=message + b"@@TRAX:quit \n", capture_output=True, timeout=LIMIT)
    assert run.returncode == 1
    assert reason in run.stdout.decode()
    waiting = server()
    waiting.send(message)
    assert reason in waiting.expect(b"quit").decode()
    assert waiting.process.wait(LIMIT) == 1


def test_frame_before_initialisation(server, picture):
    one = server()
    one.send(FRAME % picture[1].encode())
    assert b"frame before initialisation" in one.expect(b"quit")
    assert one.process.wait(LIMIT) == 1


def test_no_input_at_all(environment):
    run = subprocess.run(FAKE, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
    assert run.returncode == 0
    assert run.stdout.startswith(b"@@TRAX:hello")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_an_idle_server(server, picture, number):
    one = server()
    one.send(INITIALIZE % picture[1].encode())
    one.expect(b"state")
    one.process.send_signal(number)
    assert one.process.wait(LIMIT) == 0


def test_sigterm_while_the_tracker_works(server, picture):
    one = server("slow")
    one.send((INITIALIZE + FRAME) % ((picture[1].encode(),) * 2))
    one.started(1)
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(LIMIT / 2) == 0


def test_ncc_through_the_server_is_ncc(environment, tmp_path):
    environment.setenv("RECIPROCATIVE_TRACKER", "NCC")
    environment.setenv("RECIPROCATIVE_SEED", "5")  # NCC has none: it must not mind
    rng = np.random.default_rng(3)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (120, 160, 3), np.uint8), (0, 0), 2)
    target = rng.integers(0, 256, (20, 30, 3), np.uint8)
    frames, direct = [], NCC()
    for i in range(5):
        frame = scene.copy()
        frame[30 + 2 * i : 50 + 2 * i, 40 + 3 * i : 70 + 3 * i] = target
        cv2.imwrite(str(tmp_path / f"{i}.png"), frame[..., ::-1])
        frames.append((["path", str(tmp_path / f"{i}.png")], frame))
    steps = [["initialize", frames[0][0], [["rectangle", 40, 30, 30, 20]]]]
    _, answers, end = talk([*steps, *[["frame", path, []] for path, _ in frames[1:]], ["quit"]], server=REAL)
    assert end == {"exit": 0, "error": "", "stderr": ""}
    expected = [direct.init(frames[0][1], np.array([40.0, 30, 30, 20]))]
    expected += [direct.update(frame) for _, frame in frames[1:]]
    for i, (answer, result) in enumerate(zip(answers, expected, strict=True)):
        assert answer["objects"][0][1] == pytest.approx(result.box.tolist(), abs=1e-3)
        assert answer["objects"][0][1] == pytest.approx([40 + 3 * i, 30 + 2 * i, 30, 20], abs=1e-3)


OWN = """
import sys
import numpy as np, tracker

class Own:
    made = 0

    def __init__(self, step: float = 1.0):
        Own.made += 1
        print("made", Own.made)
        self.step = step

    def warm_up(self):
        print("warmed up", file=sys.stderr)

    def init(self, image, box):
        self.box = box

    def update(self, image):
        self.box[0] += self.step
        if self.box[0] > 90:
            raise ValueError("too far")
        return self.box, 0.5

if __name__ == "__main__":
    tracker.serve({given})
"""


def own_server(tmp_path, given):
    (tmp_path / "own.py").write_text(OWN.format(given=given))
    return [sys.executable, str(tmp_path / "own.py")]


@pytest.mark.parametrize("given", ["Own", "Own()", "lambda: Own()"])
def test_anybody_s_tracker_becomes_a_server(environment, picture, tmp_path, given):
    steps = [["initialize", picture, [["rectangle", 1, 5, 6, 7], ["rectangle", 11, 5, 6, 7]]]]
    hello, answers, end = talk([*steps, *[["frame", picture, []]] * 2, ["quit"]], own_server(tmp_path, given))
    assert end == {"exit": 0, "error": "", "stderr": ""}
    assert hello["multiobject"]
    assert "vot" not in hello
    assert [[values[0] for _, values, _ in answer["objects"]] for answer in answers] == [[1, 11], [2, 12], [3, 13]]
    assert float(answers[1]["objects"][0][2]["confidence"]) == 0.5
    log = Path("log").read_text()
    assert "warmed up" in log
    assert "client quit after 3 frames" in log


def test_parameters_of_anybody_s_tracker(environment, picture, tmp_path):
    server = own_server(tmp_path, "Own")
    environment.setenv("RECIPROCATIVE_PARAMS", "step=5")
    environment.setenv("RECIPROCATIVE_SEED", "1")  # it has none, and that is no error
    _, answers, _ = talk([["initialize", picture, [RECTANGLE]], ["frame", picture, []]], server)
    assert answers[1]["objects"][0][1][0] == 15
    for value, message in (("stp=5", "tracker Own has no parameter 'stp'; did you mean 'step'?"), ("step=x", "'x'")):
        environment.setenv("RECIPROCATIVE_PARAMS", value)
        run = subprocess.run(server, input=b"", capture_output=True, timeout=LIMIT)
        assert run.returncode == 2
        assert message in run.stderr.decode()


def test_an_error_of_anybody_s_tracker_is_told_with_its_traceback(environment, picture, tmp_path):
    steps = [["initialize", picture, [["rectangle", 40, 5, 6, 7]]], ["frame", picture, []]]
    environment.setenv("RECIPROCATIVE_PARAMS", "step=60")
    _, answers, end = talk(steps, own_server(tmp_path, "Own"))
    assert len(answers) == 1
    assert end["exit"] == 1
    assert "Own.update: ValueError: too far" in end["error"]
    assert "own.py" in end["stderr"]
    assert "Traceback" in end["stderr"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("atention_weight=3", "has no parameter 'atention_weight'; did you mean 'attention_weight'?"),
        ("grid=2.5", "grid is '2.5'; give a whole number"),
        ("attention_weight=nan", "attention_weight is 'nan'; give a number"),
        ("views=2", "views is a tuple, which cannot be given as text"),
        ("grid", "'grid' is no setting: write parameter=value"),
        ("grid=7,grid=5", "grid is set twice"),
        ("threads=2", "threads is set twice, by RECIPROCATIVE_THREADS and by RECIPROCATIVE_PARAMS"),
    ],
)
def test_parameters_are_checked_before_anything_is_loaded(environment, params, message):
    environment.setenv("RECIPROCATIVE_TRACKER", "DAT")
    environment.setenv("RECIPROCATIVE_THREADS", "1")
    environment.setenv("RECIPROCATIVE_PARAMS", params)
    run = subprocess.run(FAKE, input=b"", capture_output=True, timeout=LIMIT)
    assert run.returncode == 2
    assert message in run.stderr.decode()


def test_parameters_reach_the_tracker_with_their_types(environment, picture):
    environment.setenv("RECIPROCATIVE_PARAMS", "attention_weight=3, grid=7, seed=none")
    talk([["initialize", picture, [RECTANGLE]]])
    assert str(recorded("create")[0]["parameters"]) == "{'attention_weight': 3.0, 'grid': 7, 'seed': None}"
