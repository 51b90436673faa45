"""Raw result files and annotations: what cannot be used is refused with file and line."""

import json
import pickle

import numpy as np
import pytest
from vot.dataset import load_dataset
from vot.region import Polygon, Rectangle, RegionType, Special
from vot.region.io import write_trajectory

from tests.helpers.small import SIZE, run_lines, write_small_dataset
from tracker.core.errors import DamagedFile
from tracker.vot.results.annotations import TAGS, absent_frames, annotations_of
from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.results.raw import ONE_PASS_CODES, RESET_BASED_CODES, check, parse, rows


def test_text_gives_codes_rectangles_and_polygons():
    found = parse(b"1\n1.5,2,3,4\n0,0,4,0,4,4\n2\n", "a.txt")
    assert [region.type for region in found] == [
        RegionType.SPECIAL,
        RegionType.RECTANGLE,
        RegionType.POLYGON,
        RegionType.SPECIAL,
    ]
    assert (found[1].x, found[1].height, found[3].code) == (1.5, 4, 2)


def test_binary_gives_what_text_gives(tmp_path):
    regions = [Special(1), Rectangle(1.5, 2, 3, 4), Polygon([(0, 0), (4, 0), (4, 4)])]
    file = tmp_path / "a.bin"
    write_trajectory(str(file), regions)
    assert list(map(str, parse(file.read_bytes(), "a.bin"))) == list(map(str, regions))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("nan,1,2,3", "must be finite numbers, found 'nan,1,2,3'"),
        ("1,inf,2,3", "must be finite numbers"),
        ("nan", "must be finite numbers"),
        ("1.5", "a code must be a whole number"),
        ("1,2,-3,4", "width and height must not be negative"),
        ("1,2,3", "3 numbers are no region"),
        ("1,2,3,4,5,6,7", "7 numbers are no region"),
        ("one,2,3,4", "expected numbers separated by commas, found 'one,2,3,4'"),
        ("", "expected numbers separated by commas, found ''"),
        ("m1,2,x", "not a mask"),
    ],
)
def test_a_line_that_is_no_region_is_refused(line, problem):
    with pytest.raises(DamagedFile, match=r"run\.txt, line 2: ") as refusal:
        parse(f"1\n{line}\n1,2,3,4\n".encode(), "run.txt")
    assert problem in str(refusal.value)


@pytest.mark.parametrize("length", [0, 4, 8, 20])
def test_a_binary_file_that_ends_early_is_refused(tmp_path, length):
    file = tmp_path / "a.bin"
    write_trajectory(str(file), [Special(1), Rectangle(1, 2, 3, 4)])
    with pytest.raises(DamagedFile, match=r"a\.bin: not a whole binary trajectory"):
        parse(file.read_bytes()[:length], "a.bin")


def test_text_in_a_binary_file_is_refused():
    with pytest.raises(DamagedFile, match=r"a\.bin: not a whole binary trajectory"):
        parse(b"1\n2\n", "a.bin")


def test_nan_in_a_binary_file_is_refused(tmp_path):
    file = tmp_path / "a.bin"
    write_trajectory(str(file), [Special(1), Rectangle(1, float("nan"), 3, 4)])
    with pytest.raises(DamagedFile, match=r"a\.bin, line 2: a region must be finite"):
        parse(file.read_bytes(), "a.bin")


def test_something_else_than_text_is_refused():
    with pytest.raises(DamagedFile, match=r"a\.txt: not a text file"):
        parse(b"\x89PNG\xff\xfe", "a.txt")


@pytest.mark.parametrize(
    ("lines", "codes", "problem"),
    [
        (["1", "1,2,3,4"], RESET_BASED_CODES, "line 3: 2 regions, but the sequence has 3 frames"),
        (["1"] + ["1,2,3,4"] * 3, RESET_BASED_CODES, "line 4: 4 regions, but the sequence has 3 frames"),
        ([], RESET_BASED_CODES, "line 1: 0 regions"),
        (["1", "7", "1,2,3,4"], RESET_BASED_CODES, "line 2: unknown code 7, expected one of 0, 1, 2"),
        (["1", "2", "0"], ONE_PASS_CODES, "line 2: unknown code 2, expected one of 0, 1"),
        (["1,2,3,4"] * 3, RESET_BASED_CODES, "line 1: a run starts with code 1"),
        (["0", "1", "1,2,3,4"], RESET_BASED_CODES, "line 1: a run starts with code 1"),
    ],
)
def test_a_run_that_cannot_be_one_of_the_sequence_is_refused(lines, codes, problem):
    with pytest.raises(DamagedFile, match=r"run\.txt, ") as refusal:
        check(parse("\n".join(lines).encode(), "run.txt"), 3, codes, "run.txt")
    assert problem in str(refusal.value)


@pytest.fixture
def dataset(tmp_path):
    tags = {"occlusion": [0, 1, 1, 0, 0, 0], "illum_change": []}
    write_small_dataset(tmp_path / "sequences", {"first": 6, "second": 4}, tags)
    return tmp_path / "sequences"


def test_a_data_set_without_images_is_read_like_any_other(dataset):
    first, second = (annotations_of(sequence) for sequence in load_dataset(str(dataset)))
    assert (first.name, len(first), first.size, len(second)) == ("first", 6, SIZE, 4)
    assert first.groundtruth[2].x == 11
    assert np.flatnonzero(first.tags["occlusion"]).tolist() == [1, 2]
    assert first.frames("empty").tolist() == [0, 3, 4, 5]
    assert first.practical is None
    assert not (dataset / "first" / "illum_change.tag").exists()
    assert not set(TAGS) & set(second.tags)


def test_thresholds_are_read(dataset):
    (dataset / "first" / "practical.value").write_text("0.1\n" * 6)
    first = annotations_of(next(iter(load_dataset(str(dataset)))))
    assert first.practical.tolist() == [0.1] * 6


def test_a_short_tag_file_is_filled_with_zeros(dataset):
    (dataset / "first" / "occlusion.tag").write_text("1\n1\n")
    first = annotations_of(next(iter(load_dataset(str(dataset)))))
    assert first.frames("occlusion").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("occlusion.tag", "0\n" * 7, "occlusion.tag, line 7: 7 lines, but the sequence has 6 frames"),
        ("occlusion.tag", "0\n1\nx\n", "occlusion.tag, line 3: a tag is 0 or 1, found 'x'"),
        ("motion.label", "2\n", "motion.label, line 1: a tag is 0 or 1, found '2'"),
        ("practical.value", "0.1\n" * 4, "practical.value, line 5: 4 lines, but the sequence has 6 frames"),
        ("practical.value", "0.1\n" * 5 + "0\n", "practical.value, line 6: a threshold is a positive number"),
        ("practical.value", "0.1\n" * 5 + "nan\n", "practical.value, line 6: a threshold is a positive number"),
        ("practical.value", "0.1\n" * 5 + "x\n", "practical.value, line 6: a threshold is a positive number"),
        ("groundtruth.txt", "1,2,3,4\n" * 5 + "1,2,x,4\n", "groundtruth.txt, line 6: '1,2,x,4' is not a list"),
        ("groundtruth.txt", "1,2,3,4\n" * 5 + "1,2,-3,4\n", "groundtruth.txt, line 6: width and height must not"),
        ("groundtruth.txt", "1,2,3,4\n" * 5 + "1,2,3,4,\n", "groundtruth.txt, line 6: a separator at the end"),
        ("groundtruth.txt", "1,2,3,4\n" * 5 + "1 2 3 4\n", "groundtruth.txt, line 6: numbers separated by something"),
        ("groundtruth.txt", "\ufeff" + "1,2,3,4\n" * 6, "groundtruth.txt, line 1: a byte order mark"),
        ("occlusion.tag", "\ufeff1\n", "occlusion.tag, line 1: a byte order mark"),
        ("groundtruth.txt", "1,2,3,4\n" * 7, "groundtruth.txt, line 7: 7 lines, but the sequence has 6 frames"),
    ],
)
def test_annotations_that_do_not_fit_the_sequence_are_refused(dataset, file, text, problem):
    (dataset / "first" / file).write_text(text)
    with pytest.raises(DamagedFile) as refusal:
        annotations_of(next(iter(load_dataset(str(dataset)))))
    assert str(refusal.value).startswith(f"first/{problem}")


@pytest.mark.parametrize("absent", ["nan,nan,nan,nan", "0,0,0,0", "-1,-1,-1,-1", "5,5,5,5,5,5", "m0,0,2,2,4", "0"])
def test_every_way_of_writing_an_absent_target_is_one(dataset, absent):
    file = dataset / "first" / "groundtruth.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], absent, "m3,4,5,6,0,30", *lines[4:]]) + "\n")
    sequence = next(iter(load_dataset(str(dataset))))
    first = annotations_of(sequence)
    assert [isinstance(region, Special) for region in first.groundtruth] == [False, False, True, False, False, False]
    assert absent_frames(sequence) == [2]


def test_ground_truth_that_ends_early_is_loaded_as_the_toolkit_loads_it_but_gives_no_figures(dataset):
    (dataset / "first" / "groundtruth.txt").write_text("1,2,3,4\n")
    first, second = (annotations_of(sequence) for sequence in load_dataset(str(dataset)))
    assert [isinstance(region, Special) for region in first.groundtruth] == [False] + [True] * 5
    second.require_whole()
    with pytest.raises(DamagedFile, match=r"first/groundtruth\.txt, line 2: 1 lines, but the sequence has 6 frames"):
        first.require_whole()


def test_a_data_set_of_json_has_masks_polygons_and_absent_frames(tmp_path):
    regions = ["m1,2,3,4,0,12", [1, 2, 3, 4, 5, 7], [float("nan")] * 4, [0, 0, 0, 0], [1.5, 2, 3, 4]]
    (tmp_path / "a.json").write_text(json.dumps({"a": {"gt_rect": regions, "width": 9, "height": 9}}))
    write_dataset(tmp_path / "a.json", tmp_path / "sequences")
    (sequence,) = load_dataset(str(tmp_path / "sequences"))
    assert absent_frames(sequence) == [2, 3]


def test_a_sequence_without_images_needs_their_size(dataset):
    file = dataset / "first" / "sequence"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("width")))
    truth = annotations_of(next(iter(load_dataset(str(dataset)))))
    for needed in ("bounds", "digest"):
        with pytest.raises(DamagedFile, match="first/sequence: no images, and no width and height"):
            getattr(truth, needed)


def test_annotations_that_are_no_text_are_refused(dataset):
    (dataset / "first" / "occlusion.tag").write_bytes(b"\x89\xff\xfe\x00")
    with pytest.raises(DamagedFile, match=r"first/occlusion\.tag: not a text file"):
        annotations_of(next(iter(load_dataset(str(dataset)))))


def sequence_json(**changes):
    return json.dumps({"a": {"gt_rect": [[1, 2, 3, 4]], "width": 9, "height": 9} | changes})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not JSON"),
        (json.dumps({"a": {"gt_rect": [[1, 2, 3, 4]]}}), "sequence 'a' lacks width, height"),
        (json.dumps({"a": {"gt_rect": [[1, 2]], "width": 9, "height": 9}}), "ground truth of a, line 1: 2 numbers"),
        (
            json.dumps({"a": {"gt_rect": [[1, 2, 3, 4]], "width": 9, "height": 9, "occlusion": [0, 1]}}),
            "sequence 'a' has 1 frames, but 2 values of occlusion",
        ),
        ("[]", "expected an object with at least one sequence"),
        ("{}", "expected an object with at least one sequence"),
        ('{"a": 5}', "sequence 'a' is not an object"),
        (sequence_json(gt_rect=5), "sequence 'a' needs a gt_rect"),
        (sequence_json(gt_rect=[5]), "sequence 'a' needs a gt_rect"),
        (sequence_json(gt_rect=[]), "sequence 'a' needs a gt_rect"),
        (sequence_json(gt_rect=[[1, None, 3, 4]]), "ground truth of a, line 1: .* is not a list of numbers"),
        (sequence_json(width=None), "sequence 'a' has width None"),
        (sequence_json(height=0), "sequence 'a' has height 0"),
        (sequence_json(occlusion=[7]), "sequence 'a' has values of occlusion that are not 0 or 1"),
        (sequence_json(occlusion=1), "sequence 'a' has values of occlusion that are not 0 or 1"),
        (sequence_json().replace('"a"', '"../evil"'), r"sequence '\.\./evil' has a name that is not one folder"),
        (sequence_json().replace('"a"', '".."'), r"sequence '\.\.' has a name that is not one folder"),
        (sequence_json().replace('"a"', '"a\\nb"'), "has a name that is no line of list.txt"),
    ],
)
def test_json_that_is_no_data_set_is_refused_before_anything_is_written(tmp_path, content, problem):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DamagedFile, match=problem):
        write_dataset(tmp_path / "a.json", tmp_path / "sequences")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_data_set_that_cannot_be_finished_leaves_nothing(tmp_path):
    whole = {"gt_rect": [[1, 2, 3, 4]], "width": 9, "height": 9}
    (tmp_path / "a.json").write_text(json.dumps({"a": whole, "list.txt": whole}))  # a folder where the list goes
    with pytest.raises(OSError, match=r"list\.txt"):
        write_dataset(tmp_path / "a.json", tmp_path / "sequences")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_data_set_is_not_written_over_another(dataset, tmp_path):
    with pytest.raises(FileExistsError, match="is not empty: name another folder"):
        write_dataset(tmp_path / "sequences.json", dataset)


def test_run_lines_of_the_helpers_are_runs():
    check(parse("\n".join(run_lines(30, failures=(4, 27))).encode(), "a.txt"), 30, RESET_BASED_CODES, "a.txt")


def test_plain_files_are_read_at_once():
    counts, values = rows(b"1\r\n1,2,3.5,4\r\n-1e1,0,1,0,1,+1\r\n")
    assert counts.tolist() == [1, 4, 6]
    assert values.tolist() == [1, 1, 2, 3.5, 4, -10, 0, 1, 0, 1, 1]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"1\n\n", b"1\n\n1,2,3,4\n", b"1,2,3,4,\n", b"1 2 3 4\n", b"1, 2,3,4\n", b"nan\n", b"1e999\n",
     b"1_0\n", b"1,2\n", b"1,2,3,4,5\n", b"1,2,-3,4\n", b"\xef\xbb\xbf1\n", b"m0,0,2,2,4\n", b"--1\n"],
)  # fmt: skip
def test_any_other_file_is_left_to_the_strict_reader(data):
    assert rows(data) is None


def test_what_is_wrong_with_a_file_passes_between_processes():
    error = DamagedFile("a.txt", "no numbers", 3)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, DamagedFile)
    assert str(again) == str(error) == "a.txt, line 3: no numbers"
