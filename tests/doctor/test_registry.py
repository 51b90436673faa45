from __future__ import annotations

import subprocess
import sys

import pytest

from tracker.core.paths import REGISTRY
from tracker.doctor import registry
from tracker.formats.registry import read_section

GOOD = """\
# a comment; with 100 % of anything
[DAT]
label = DAT
protocol = traxpython
command = tracker
paths = .
timeout = 120
env_RECIPROCATIVE_TRACKER = DAT

[Published]
command =
"""


def check(tmp_path, text, name=None):
    path = tmp_path / "trackers.ini"
    path.write_text(text)
    return list(registry.check_registry(path, name))


def test_good_registries(tmp_path):
    assert check(tmp_path, GOOD) == []
    assert check(tmp_path, GOOD, "DAT") == []
    assert check(tmp_path, GOOD, "Published") == []
    assert list(registry.check_registry(REGISTRY)) == []


@pytest.mark.parametrize(
    ("old", "new", "what", "mend"),
    [
        ("label = DAT", "label = DAT 50%", "line 3: a percent sign", "label = DAT 50%%"),
        ("timeout = 120", "timeout = 120  # seconds", "the comment in 'timeout = 120  # seconds'", "timeout = 120"),
        ("timeout = 120", "timeout = 120 ; seconds", "the comment in 'timeout", "timeout = 120"),
        ("timeout = 120", "timeout = 2.5", "timeout = 2.5", "timeout = 120"),
        ("timeout = 120", "timeout = 0", "timeout = 0", "timeout = 120"),
        ("paths = .", "paths = .;..", "';' in paths", "paths = .:.."),
        ("paths = .", "paths = nowhere", "names nowhere, which is not a folder", "an existing folder"),
        ("protocol = traxpython", "protocol = python", "protocol = python", "protocol = traxpython"),
        ("command = tracker\n", "", "[DAT] has no command", "command ="),
        ("[Published]", "[DAT]", "line 10: a second section [DAT]", "rename or remove"),
        ("label = DAT", "label = DAT\nlabel = D", "label is given twice", "remove one"),
        ("[DAT]\n", "", "no section headers", "every line is"),
        ("[DAT]", "[DAT v2]", "not a valid name", "[DAT_v2]   (and below it: label = DAT v2)"),
        ("label = DAT", "version = 1.0", "version = 1.0", "version = 1-0"),
        ("label = DAT", "python = /no/python3", "python = /no/python3 cannot be executed", sys.executable),
        ("label = DAT", "python = /my python/python3", "cannot be executed", "python ="),
    ],
)
def test_faults(tmp_path, old, new, what, mend):
    assert old in GOOD
    findings = check(tmp_path, GOOD.replace(old, new, 1))
    assert findings
    assert what in findings[0].what
    assert mend in findings[0].mend
    assert findings[0].why
    assert findings[0].fails


def test_only_the_tracker_asked_for_is_looked_at(tmp_path):
    text = GOOD + "\n[Other]\nprotocol = traxpython\ncommand = x\ntimeout = soon\n"
    assert check(tmp_path, text, "DAT") == []
    assert len(check(tmp_path, text, "Other")) == 1
    assert len(check(tmp_path, text)) == 1


def test_what_loses_the_whole_registry_is_found_in_every_section(tmp_path):
    (finding,) = check(tmp_path, GOOD + "\n[Other]\ncommand = x\nversion = 1.0\n", "DAT")
    assert "[Other]: version = 1.0" in finding.what
    assert "no tracker at all" in finding.why


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "trackers.ini").write_bytes(GOOD.replace("label = DAT", "label = D\xe4T").encode("latin1"))
    (finding,) = registry.check_registry(tmp_path / "trackers.ini", "DAT")
    assert "trackers.ini is not UTF-8 text" in finding.what
    assert "iconv" in finding.mend


def test_a_name_with_a_plus_is_mended_to_one_that_is_free(tmp_path):
    text = GOOD.replace("[DAT]", "[Ocean+]") + "\n[Oceanplus]\ncommand =\n"
    (finding,) = check(tmp_path, text)
    head, _, label = finding.mend.removesuffix(")").partition("   (and below it: ")
    assert head == "[Oceanplus_2]"
    assert label == "label = Ocean+"
    assert check(tmp_path, text.replace("[Ocean+]", head).replace("label = DAT", label)) == []


@pytest.mark.parametrize("paths", ["C:\\x;D:\\y", "c:/trackers/x", "C:\\x"])
def test_paths_of_windows_have_no_mend(tmp_path, paths):
    (finding,) = check(tmp_path, GOOD.replace("paths = .", f"paths = {paths}"))
    assert "are paths of Windows" in finding.what
    assert finding.mend is None
    assert finding.fails


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("label = DAT", "label = DAT 50%"),
        ("timeout = 120", "timeout = 120  # seconds"),
        ("timeout = 120", "timeout = 2.5"),
        ("paths = .", "paths = .;.."),
        ("protocol = traxpython", "protocol = python"),
        ("label = DAT", "version = 1.0"),
        ("label = DAT", "python = /no/python3"),
    ],
)
def test_a_line_that_is_offered_mends(tmp_path, old, new):
    text = GOOD.replace(old, new, 1)
    (finding,) = check(tmp_path, text)
    assert check(tmp_path, text.replace(new, finding.mend.partition("   (")[0], 1)) == []


def test_a_byte_order_mark_is_named_and_removed(tmp_path):
    path = tmp_path / "trackers.ini"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    (finding,) = registry.check_registry(path, "DAT")
    assert "trackers.ini begins with a byte order mark" in finding.what
    assert finding.fails
    subprocess.run(["sh", "-e", "-c", finding.mend], check=True)
    assert list(registry.check_registry(path, "DAT")) == []
    assert path.read_text() == GOOD


def test_an_unknown_tracker_and_an_absent_file(tmp_path):
    (tmp_path / "a.ini").write_text(GOOD)
    (tmp_path / "b.ini").write_text("[Other]\ncommand =\n")
    paths = [tmp_path / "a.ini", tmp_path / "b.ini"]
    assert list(registry.check_name("DAT", paths)) == list(registry.check_name("Other", paths)) == []
    (finding,) = registry.check_name("SiamFC", paths)
    assert "no tracker SiamFC" in finding.what
    assert "known: DAT, Other, Published" in finding.what
    assert "reciprocative registry" in finding.mend
    (finding,) = registry.check_name("SiamFC", paths, tmp_path)
    assert finding.mend.startswith(f"- {REGISTRY} ")
    assert f"{tmp_path}/config.yaml" in finding.mend
    (finding,) = registry.check_registry(tmp_path / "absent.ini")
    assert "exits with 0" in finding.why


def test_semicolons_of_a_command_are_its_own(tmp_path):
    script = "command = import tracker.serving.server; tracker.serving.server.main()\n"
    assert check(tmp_path, GOOD.replace("command = tracker\n", script)) == []


def test_sections_are_read_as_the_toolkit_sees_them(tmp_path):
    (tmp_path / "trackers.ini").write_text(GOOD)
    section = read_section(tmp_path / "trackers.ini", "DAT")
    assert section is not None
    assert section.timeout == 120
    assert section.values["env_reciprocative_tracker"] == "DAT"
    assert read_section(tmp_path / "trackers.ini", "None") is None
