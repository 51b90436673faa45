"""Ground truth as people write it: every form gives the same regions, and what is none is named."""

from __future__ import annotations

import codecs

import numpy as np
import pytest

from tracker.core import listing
from tracker.formats import regions

PLAIN = "1,2,30,40\n2,2,30,40\nnan,nan,nan,nan\n"

FORMS = {
    "Unix": PLAIN.encode(),
    "no newline at the end": PLAIN.rstrip().encode(),
    "empty lines at the end": (PLAIN + "\n \n").encode(),
    "Windows": PLAIN.replace("\n", "\r\n").encode(),
    "old Mac": PLAIN.replace("\n", "\r").encode(),
    "byte order mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "UTF-16, little endian": codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
    "UTF-16, big endian": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "spaces": PLAIN.replace(",", "  ").encode(),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "commas and spaces": PLAIN.replace(",", ", ").encode(),
    "trailing commas": PLAIN.replace("\n", ",\n").encode(),
    "trailing tabs": PLAIN.replace("\n", "\t\n").encode(),
    "trailing separators of two kinds": PLAIN.replace("\n", ", ;\n").encode(),
    "decimals": PLAIN.replace("2,30,40", "2.000,30.0000,4e1").encode(),
    "NaN": PLAIN.replace("nan", "NaN").encode(),
    "all of Windows": codecs.BOM_UTF8 + PLAIN.replace(",", ";").replace("\n", ";\r\n").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_regions(tmp_path, form):
    (tmp_path / "groundtruth.txt").write_bytes(FORMS[form])
    first, second, absent = regions.read(tmp_path / "groundtruth.txt")
    assert first.box.tolist() == [1, 2, 30, 40]
    assert second.outline[0].tolist() == [2, 2]
    assert absent is None


@pytest.mark.parametrize(
    "line",
    ["0", "1", "nan", "0,0,0,0", "5,5,0,9", "nan,1,2,3", "-1,-1,-1,-1", "1,1,2,2,3,3", "m0,0,3,2,6"],
)
def test_frames_without_a_target(line):
    assert regions.parse(line) is None


@pytest.mark.parametrize("corners", [3, 4, 5, 12])
def test_polygons_of_any_number_of_corners(corners):
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    points = np.stack([50 + 20 * np.cos(angles), 40 + 20 * np.sin(angles)], axis=1)
    region = regions.parse(",".join(map(str, points.ravel())))
    assert np.allclose(region.outline, points)
    assert np.allclose(region.box[:2] + region.box[2:] / 2, [50, 40])


def test_a_mask_starts_on_its_box_and_shows_its_outline():
    region = regions.parse("m10,20,4,3,1,2,1,4,1,2,1")  # .##. / #### / .##.
    assert region.box.tolist() == [10, 20, 4, 3]
    assert {(10, 21), (13, 21), (11, 20), (12, 22)} <= set(map(tuple, region.outline.tolist()))
    assert region.outline.min(axis=0).tolist() == [10, 20]
    assert region.outline.max(axis=0).tolist() == [13, 22]


def test_a_mask_of_two_parts_has_the_box_of_both_and_the_outline_of_the_larger():
    region = regions.parse("m0,0,9,2,0,1,3,5,1,3,5")  # one pixel left, a larger part right
    assert region.box[2:].tolist() == [9, 2]
    assert region.outline[:, 0].max() == 8


def test_coordinates_from_one():
    for line in ("1,1,5,5", "1,1,6,1,6,6,1,6", "m1,1,5,5,0,25"):
        assert regions.parse(line, origin=1).box.tolist() == [0, 0, 5, 5]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,2,x,4", "is not a list of numbers"),
        ("", "is not a list of numbers"),
        ("1,,2,3", "is not a list of numbers"),
        ("1,2,3", "3 numbers are no region"),
        ("1,2,3,4,5", "5 numbers are no region"),
        ("inf,1,2,3", "must be finite numbers, found 'inf,1,2,3'"),
        ("1,2,-3,4", "width and height must not be negative, found '1,2,-3,4'"),
        ("m1,2,x", "not a mask"),
        ("m1,2,3,4,13", "its runs do not fit"),
        ("m0,0,60000,60000,1,2", "its runs do not fit"),
        ("m0,0,-5,-5,3", "its runs do not fit"),
    ],
)
def test_what_is_no_region_is_named_with_its_line(tmp_path, line, problem):
    (tmp_path / "g.txt").write_text(f"1,2,3,4\n{line}\n1,2,3,4\n")
    with pytest.raises(OSError, match=r"g\.txt, line 2: ") as refusal:
        regions.read(tmp_path / "g.txt")
    assert problem in str(refusal.value)


def loads(text):
    from vot.region import Region
    from vot.region.io import parse_region

    try:
        return isinstance(parse_region(text.strip()), Region)
    except (ValueError, IndexError):
        return False


LINES = ["1,2,3,4", "1, 2, 3, 4", "1,2,3,4,", "1 2 3 4", "1\t2\t3\t4", "1;2;3;4", "1,2,3,4;", "", "0", "nan", "1,2,3,"]


OTHERS = ("1,2,3,4,5,6", "m0,0,2,2,4", " 1,2,3,4\r", "nan,nan,nan,nan", "1,2,3,4,5,6,7,8", "1 , 2,3 ,4")


@pytest.mark.parametrize("line", [*LINES, *OTHERS])
def test_it_is_known_what_the_toolkit_loads(line):
    assert (regions.unloadable(line) is None) == loads(line)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("color/00000001.jpg", True),
        ("color/._00000001.jpg", False),
        ("__MACOSX/color/00000001.jpg", False),
        (".DS_Store", False),
        ("a/.git/b.txt", False),
        ("__macosx.txt", True),
        ("../a.txt", True),
    ],
)
def test_what_counts_as_data(name, data):
    assert listing.is_data(name) == data


def test_what_is_no_text_names_the_file(tmp_path):
    (tmp_path / "g.txt").write_bytes(b"1,2,3,4\n\xff\xfe\n")
    with pytest.raises(OSError, match=r"g\.txt is not UTF-8 text: byte 8"):
        regions.read(tmp_path / "g.txt")


def test_an_outline_is_that_of_the_line():
    assert regions.parse("1 2\t3 4").outline.tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]
    assert regions.parse("0,0,5,0,5,5").outline.tolist() == [[0, 0], [5, 0], [5, 5]]
