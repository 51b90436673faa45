from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tracker.core.paths import PROJECT
from tracker.doctor import trial
from tracker.formats.registry import Section
from tracker.serving import client

SERVER = """\
import sys, time
{before}
from trax import Image, Region, Server
with Server([Region.RECTANGLE], [{images}], {more}) as server:
    region = None
    while True:
        request = server.wait()
        if request.type == "quit":
            break
        {work}
        if request.type == "initialize":
            region = request.objects[0][0]
        server.status([(region, {{}})])
"""


def section(tmp_path, before="", images="Image.PATH", more="metadata={}", work="pass", **values):
    text = SERVER.format(before=before, images=images, more=more, work=work)
    (tmp_path / "small_server.py").write_text(text)
    defaults = {"protocol": "traxpython", "command": "small_server", "paths": ".", "timeout": "20"}
    given = {key: value for key, value in {**defaults, **values}.items() if value is not None}
    return Section("Small", tmp_path / "trackers.ini", given)


def examine(tmp_path, chosen):
    frames, region = trial.synthetic_frames(tmp_path)
    result = trial.run(chosen, frames, region)
    return result, list(trial.judge(result, chosen))


def test_a_good_tracker(tmp_path):
    result, findings = examine(tmp_path, section(tmp_path))
    assert findings == []
    assert result.handshake is not None
    assert len(result.replies) == trial.FRAMES
    assert not result.failure


def test_the_real_server_of_this_package(tmp_path):
    values = {"protocol": "traxpython", "command": "tracker", "paths": ".", "timeout": "30"}
    chosen = Section("NCC", PROJECT / "trackers.ini", {**values, "env_reciprocative_tracker": "NCC"})
    result, findings = examine(tmp_path, chosen)
    assert findings == []
    assert result.images == ["path", "memory", "buffer"]


def test_a_crash_at_the_start_shows_its_own_words(tmp_path):
    result, findings = examine(tmp_path, section(tmp_path, before="import a_missing_package"))
    assert result.handshake is None
    assert result.code == 1
    assert "No module named 'a_missing_package'" in findings[0].what
    assert "Unable to connect to tracker" in findings[0].why
    assert findings[0].mend.endswith("-m pip install a_missing_package")


def test_a_crash_at_the_first_frame_shows_its_own_words(tmp_path):
    result, findings = examine(tmp_path, section(tmp_path, work="raise RuntimeError('weights do not fit')"))
    assert result.handshake is not None
    assert not result.replies
    assert "RuntimeError: weights do not fit" in findings[0].what
    assert "small_server" in findings[0].mend
    assert findings[0].mend.startswith("cd /tmp && env")


def test_a_tracker_that_hangs_is_ended(tmp_path):
    chosen = section(
        tmp_path,
        before=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))",
        work="time.sleep(3600)",
        timeout="1",
    )
    _, findings = examine(tmp_path, chosen)
    assert "no reply to frame 0 within 1 s" in findings[0].what
    assert "timeout = 4" in findings[0].mend
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        for _ in range(600):
            os.kill(pid, 0)
            time.sleep(0.1)


def test_slow_replies_are_worth_knowing():
    chosen = Section("Small", Path("trackers.ini"), {"timeout": "30"})
    seen = trial.Trial([], {}, handshake=90.0, replies=[16.0, 0.1], images=["path"])
    (finding,) = trial.judge(seen, chosen)
    assert not finding.fails
    assert "frame 0 took 16.0 s of the 30 s" in finding.what
    assert finding.mend == "timeout = 64"


@pytest.mark.parametrize(
    ("changes", "what", "fails"),
    [
        ({"more": "metadata={'vot': 'python'}"}, "has the key 'vot'", False),
        ({"work": "sys.stderr.write('50%'); sys.stderr.flush()"}, "without ending the line", True),
        ({"command": "absent_module"}, "No module named absent_module", True),
        ({"protocol": "trax", "command": "/nowhere/tracker", "paths": None}, "No such file", True),
        ({"protocol": "trax", "command": "/nowhere/tracker"}, "unexpected keyword argument 'paths'", True),
    ],
)
def test_faults(tmp_path, changes, what, fails):
    _, findings = examine(tmp_path, section(tmp_path, **changes))
    assert what in findings[0].what
    assert findings[0].fails == fails


def test_non_ascii_paths_stop_a_plain_server_and_not_this_package_s(tmp_path):
    (tmp_path / "köln").mkdir()
    frames, region = trial.synthetic_frames(tmp_path / "köln")
    plain = section(tmp_path)
    result = trial.run(plain, frames, region)
    assert result.failure
    assert next(trial.judge(result, plain)).fails
    values = {"protocol": "traxpython", "command": "tracker", "paths": ".", "env_reciprocative_tracker": "NCC"}
    assert not trial.run(Section("NCC", PROJECT / "trackers.ini", values), frames, region).failure


def test_images_by_path_are_needed():
    chosen = Section("Small", Path("trackers.ini"), {"timeout": "30"})
    seen = trial.Trial([], {}, handshake=0.1, replies=[0.1] * 3, images=["memory"])
    (finding,) = trial.judge(seen, chosen)
    assert "does not accept images by path, only memory" in finding.what


def test_commands_are_those_of_the_toolkit(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS", "/w")

    def command_of(**values):
        return client.command_of("T", str(tmp_path / "trackers.ini"), values)

    values = {"protocol": "traxpython", "paths": "x:y", "env_file": "$WEIGHTS/f", "linkpaths": "lib"}
    argv, environment = command_of(command="a.b", **values)
    assert argv == [sys.executable, "-m", "a.b"]
    assert environment["PYTHONPATH"] == f"{tmp_path}/y:{tmp_path}/x"
    assert environment["FILE"] == "/w/f"
    assert environment["TRAX"] == "1"
    assert environment["LD_LIBRARY_PATH"] == f"{tmp_path}/lib"
    argv, _ = command_of(command="import a; a.run()", **values)
    assert argv[1] == "-c"
    assert argv[2].endswith("import a; a.run()")
    assert f"sys.path.insert(0, '{tmp_path}/x')" in argv[2]
    assert command_of(protocol="trax", command="./t -a 'b c'")[0] == ["./t", "-a", "b c"]


def test_trackers_of_matlab_are_not_tried(tmp_path):
    with pytest.raises(ValueError, match="traxmatlab"):
        examine(tmp_path, section(tmp_path, protocol="traxmatlab"))
