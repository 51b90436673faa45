"""Published raw results are as they are: what has one meaning is read, what is odd is told by file and line."""

from __future__ import annotations

import logging

import pytest
from vot.region import Polygon, Rectangle, Special
from vot.region.io import read_trajectory, write_trajectory

from tests.helpers.shared import SHARED
from tests.helpers.small import run_lines, write_run, write_workspace
from tracker.core.errors import DamagedFile
from tracker.vot.results.importing import import_results
from tracker.vot.results.raw import RESET_BASED_CODES, parse, published
from tracker.vot.tables.summary import summary

CODES = RESET_BASED_CODES
PLAIN = ["1", "10,20,30,40", "1.5,2,3,4,5,6", "2", "0", "0", "0", "0", "1", "11.25,20,30,40"]
LENGTH = len(PLAIN)
ODD = SHARED / "official" / "vot2015" / "odd"


def text(lines, end="\n"):
    return "".join(f"{line}{end}" for line in lines).encode()


def read(data, file="t/baseline/s/s_001.txt", length=LENGTH):
    return published(data, file, length, CODES)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_plain_run_keeps_its_bytes(end, caplog):
    assert read(text(PLAIN, end)) == (text(PLAIN, end), ".txt")
    assert not caplog.records
    assert read(text(PLAIN).rstrip()) == (text(PLAIN).rstrip(), ".txt")


FORMS = {
    "byte order mark": b"\xef\xbb\xbf" + text(PLAIN),
    "UTF-16": text(PLAIN).decode().encode("utf-16"),
    "trailing commas": text(PLAIN, ",\n"),
    "trailing semicolons, Windows": text(PLAIN, ";\r\n"),
    "empty lines at the end": text(PLAIN) + b"\n\r\n",
    "tabs": text(line.replace(",", "\t") for line in PLAIN),
    "spaces": text(line.replace(",", "   ") for line in PLAIN),
    "semicolons": text(line.replace(",", " ; ") for line in PLAIN),
    "old Mac with tabs": text((line.replace(",", "\t") for line in PLAIN), "\r"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_run(tmp_path, form, caplog):
    content, suffix = read(FORMS[form])
    assert (content, suffix) == (text(PLAIN), ".txt")
    assert not caplog.records
    (tmp_path / "s_001.txt").write_bytes(content)
    assert len(read_trajectory(str(tmp_path / "s_001.txt"))) == LENGTH  # by the toolkit itself


def vot2013(lines):
    """Codes as VOT2013's toolkit wrote them: a rectangle that is none."""
    written = {"1": "NaN,NaN,NaN,-1", "2": "NaN,NaN,NaN,-2", "0": "NaN,NaN,NaN,0"}
    return [written.get(line, line) for line in lines]


@pytest.mark.parametrize("change", [str, str.lower, lambda line: line.replace("-1", "-1.0000").replace(",0", ",0.0")])
def test_codes_of_vot2013(change, caplog):
    lines = ["1", "10,20,30,40", "2", "0", "0", "0", "0", "1", "11,20,30,41"]
    content, _ = read(text(map(change, vot2013(lines))), length=9)
    kinds = [region.code if isinstance(region, Special) else None for region in parse(content, "a.txt")]
    assert kinds == [1, None, 2, 0, 0, 0, 0, 1, None]
    assert not caplog.records


def test_a_rectangle_of_negative_size_is_the_polygon_through_its_corners(caplog):
    content, _ = read(text([*PLAIN[:2], "480,270,-480,-270", "7,8,-2,4", *PLAIN[4:]]))
    regions = parse(content, "a.txt")
    assert regions[2].points() == [(480, 270), (0, 270), (0, 0), (480, 0)]
    assert regions[3].points() == [(7, 8), (5, 8), (5, 12), (7, 12)]
    assert caplog.messages == [
        "t/baseline/s/s_001.txt, line 3-4: a rectangle of negative size, read as the polygon through its corners"
    ]
    with pytest.raises(DamagedFile, match="width and height must not be negative"):
        parse(text(["1", "480,270,-480,-270"]), "ours.txt")  # our own trackers may not write one


def test_nan_is_unknown(caplog):
    content, _ = read(text([*PLAIN[:2], "nan,nan,nan,nan", "1,2,nan,4", *PLAIN[4:8], "NaN", "1"]))
    assert content.split()[2:4] == [b"0", b"0"]
    assert content.split()[8] == b"0"
    assert "line 3-4, 9: NaN, read as unknown (code 0)" in caplog.text


@pytest.mark.parametrize("missing", [1, 2, 5])
def test_missing_lines_at_the_end_are_unknown(missing, caplog):
    lines = ["1"] + ["10,20,30,40"] * 19
    content, _ = read(text(lines[:-missing]), length=20)
    assert content == text([*lines[:-missing], *["0"] * missing])
    first = "20" if missing == 1 else f"{21 - missing}-20"
    assert caplog.messages == [f"t/baseline/s/s_001.txt, line {first}: missing, of 20; read as unknown (code 0)"]


def test_binary_files_are_read_likewise(tmp_path, caplog):
    file = tmp_path / "s_001.bin"
    write_trajectory(str(file), [Special(1), Rectangle(480, 270, -480, -270), Polygon([(1, 2), (9, 2), (5, 8)])])
    content, suffix = published(file.read_bytes(), "s_001.bin", 3, CODES)
    assert suffix == ".txt"
    assert content.decode().splitlines()[1] == "480,270,0,270,0,0,480,0"
    assert "s_001.bin, line 2: a rectangle of negative size" in caplog.text
    write_trajectory(str(file), [Special(1), Rectangle(1, 2, 3, 4)])
    assert published(file.read_bytes(), "s_001.bin", 2, CODES) == (file.read_bytes(), ".bin")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (PLAIN[:-6], "line 5: 4 regions, but the sequence has 10 frames"),
        ([*PLAIN, "1,2,3,4"], "line 11: 11 regions, but the sequence has 10 frames"),
        ([*PLAIN[:4], "", *PLAIN[5:]], "line 5: '' is not a list of numbers"),
        ([*PLAIN[:4], "one,2,3,4", *PLAIN[5:]], "line 5: 'one,2,3,4' is not a list of numbers"),
        ([*PLAIN[:4], "1,2,3", *PLAIN[5:]], "line 5: 3 numbers are no region"),
        ([*PLAIN[:4], "1,2,inf,4", *PLAIN[5:]], "line 5: a region must be finite"),
        ([*PLAIN[:4], "7", *PLAIN[5:]], "line 5: unknown code 7"),
        ([*PLAIN[:4], "m1,2,x", *PLAIN[5:]], "line 5: not a mask"),
        (["NaN,NaN,NaN,NaN", *PLAIN[1:]], "line 1: a run starts with code 1"),
        (PLAIN[1:], "line 1: a run starts with code 1"),
    ],
)
def test_what_has_no_meaning_is_refused(lines, problem, caplog):
    with pytest.raises(DamagedFile, match=r"t/baseline/s/s_001\.txt, ") as refusal:
        read(text(lines))
    assert problem in str(refusal.value)
    assert not caplog.records


def test_binary_data_that_is_none_is_refused():
    with pytest.raises(DamagedFile, match=r"s\.bin, line 1: a region of unknown type 51"):
        published(b"1\n1,2,3,4\n", "s.bin", 2, CODES)
    with pytest.raises(DamagedFile, match=r"s\.txt: not a text file"):
        published(b"1\n\xff\xfe1,2\n", "s.txt", 2, CODES)


@pytest.mark.skipif(not ODD.is_dir(), reason="the published files are not in the project")
@pytest.mark.parametrize(
    ("file", "length", "message"),
    [
        ("kcfv2_hand_001.txt", 267, "line 267: missing, of 267; read as unknown (code 0)"),
        ("HT_iceskater1_011.txt", 661, "line 586: a rectangle of negative size"),
    ],
)
def test_odd_files_of_vot2015(file, length, message, caplog):
    content, _ = published((ODD / file).read_bytes(), file, length, CODES)
    assert len(parse(content, file)) == length
    assert len(caplog.messages) == 1
    assert message in caplog.messages[0]


@pytest.fixture
def source(tmp_path):
    for name, length in (("first", 40), ("second", 30)):
        write_run(tmp_path / "Odd" / "baseline", name, run_lines(length, 3, (12,)))
    return tmp_path / "Odd"


@pytest.fixture
def workspace(tmp_path):
    return write_workspace(tmp_path / "workspace", {"first": 40, "second": 30})


def rewrite(source, change):
    for file in source.glob("baseline/*/*_001.txt"):
        file.write_bytes(change(file.read_text().splitlines()))


CHANGES = {
    "VOT2013": lambda lines: text(vot2013(lines)),
    "mark and tabs": lambda lines: b"\xef\xbb\xbf" + text(line.replace(",", "\t") for line in lines),
    "trailing commas": lambda lines: text(lines, ",\r\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_import_of_any_form_gives_the_same_figures(workspace, source, change):
    import_results(source, workspace, "Plain")
    rewrite(source, CHANGES[change])
    import_results(source, workspace, "Changed")
    rows = {row.tracker: row for row in summary(workspace)}
    for measure in ("eao", "accuracy", "failures"):
        assert getattr(rows["Changed"], measure) == getattr(rows["Plain"], measure)


def test_odd_runs_join_and_are_told(workspace, source, caplog):
    rewrite(source, lambda lines: text([*lines[:5], "60,40,-20,-10", *lines[6:-1]]))
    with caplog.at_level(logging.WARNING):
        import_results(source, workspace, "Odd")
    assert len(caplog.messages) == 4
    assert "Odd: baseline/first/first_001.txt, line 6: a rectangle of negative size" in caplog.text
    assert "Odd: baseline/second/second_001.txt, line 30: missing" in caplog.text
    assert "Odd" in {row.tracker for row in summary(workspace)}


def test_what_file_managers_leave_is_no_result(workspace, source):
    names = ("baseline/first/._first_001.txt", "__MACOSX/Odd/baseline/first/._first_001.txt", ".trash/baseline/a/b.txt")
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"\x00\x05\x16\x07")
    assert import_results(source, workspace, "Odd").files == 2


@pytest.mark.parametrize("separator", [",", ", ", "\t", " ", ";"])
def test_times_of_nine_columns(workspace, source, separator):
    for repetition in range(2, 10):
        write_run(source / "baseline", "first", run_lines(40, 3, (12,)), repetition)
    row = separator.join(f"{column}.5" for column in range(1, 10))
    (source / "baseline/first/first_time.txt").write_text(f"{row}\n" * 40)
    import_results(source, workspace, "Timed")
    for repetition in range(1, 10):
        file = workspace / f"results/Timed/baseline/first/first_{repetition:03d}_time.value"
        assert file.read_text() == f"{repetition}.5\n" * 40


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        ("1,2\n" * 30, r"first_time\.txt, line 31: 30 lines of seconds, but the sequence has 40 frames"),
        ("1,2\n" * 41, r"first_time\.txt, line 41: 41 lines of seconds"),
        ("1,2\n" * 39 + "1\n", r"first_time\.txt, line 40: 1 columns, but 2 in line 1"),
        ("1,x\n" * 40, r"first_001_time, line 1: seconds must be a number"),
    ],
)
def test_times_that_do_not_fit_are_refused(workspace, source, times, problem):
    (source / "baseline/first/first_time.txt").write_text(times.replace("1,x", "x,1"))
    with pytest.raises(DamagedFile, match=problem):
        import_results(source, workspace, "Timed")
    assert not (workspace / "results/Timed").exists()


def test_multi_start_runs_are_named_as_such(workspace, source):
    for file in list(source.glob("baseline/*/*_001.txt")):
        file.rename(file.with_name(file.name.replace("_001", "_00000000")))
    with pytest.raises(DamagedFile, match=r"first_00000000\.txt: a run of the multi-start protocol"):
        import_results(source, workspace, "Multi")
