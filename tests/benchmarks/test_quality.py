"""Aggregation, bootstrap and bookkeeping of the benchmarks; runs of real trackers are tests of the benchmarks' user."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality, speed, tables, variants
from benchmarks.drive import follow
from benchmarks.identify import code_digest
from benchmarks.measures import ExpectedOverlap, bootstrap, failures
from benchmarks.published import published_runs
from benchmarks.runaway import runaway
from benchmarks.runs import series_of
from benchmarks.sequences import find_sequences, frames_of
from benchmarks.variants import Variant
from tests.helpers.shared import SHARED, needs
from tracker.core.paths import PROJECT
from tracker.core.tracker import Result
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.runs import Run

NAN = float("nan")


def make_run(overlaps, failed=(), skip=5):
    """A run with these overlaps that fails at some frames and starts anew ``skip`` frames later."""
    overlaps = np.array(overlaps, float)
    codes = np.full(len(overlaps), -1, np.int8)
    codes[0] = 1
    for frame in failed:
        codes[frame : frame + skip] = 0
        codes[frame] = 2
        codes[frame + skip : frame + skip + 1] = 1
    return Run(overlaps=np.where(codes == -1, overlaps, NAN), codes=codes)


def random_run(rng, frames):
    failed = [int(f) for f in np.arange(8, frames - 1, 20) if rng.random() < 0.5]
    return make_run(rng.uniform(0.2, 1, frames), failed)


@pytest.fixture
def repetitions():
    rng = np.random.default_rng(3)
    return [{f"s{i}": random_run(rng, frames) for i, frames in enumerate((40, 90, 25, 130))} for _ in range(3)]


NAMES = ["s0", "s1", "s2", "s3"]


def toolkit_score(chosen, interval):
    """EAO by the toolkit's own functions, over a list of runs."""
    from vot.analysis.supervised import compute_eao_curve

    overlaps, success = [], []
    for run in chosen:
        values = np.nan_to_num(run.overlaps)
        starts, ends = np.flatnonzero(run.codes == 1), np.flatnonzero(run.codes == 2)
        for i, start in enumerate(starts):
            overlaps.append(values[start : ends[i]] if i < len(ends) else values[start:])
            success.append(i >= len(ends))
    values = compute_eao_curve(overlaps, [1] * len(overlaps), success)
    return float(np.mean(values[interval[0] : interval[1] + 1]))


@pytest.mark.parametrize("interval", [(5, 30), (1, 129), (20, 400)])
def test_score_is_what_the_toolkit_prints(repetitions, interval):
    ours = ExpectedOverlap(repetitions, NAMES, interval).score()
    theirs = [toolkit_score(list(repetition.values()), interval) for repetition in repetitions]
    np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-6)


def test_score_of_drawn_sequences_is_the_score_of_their_multiset(repetitions):
    counts = np.array([[0, 2, 1, 1], [1, 0, 0, 3], [1, 1, 1, 1]])
    scores = ExpectedOverlap(repetitions, NAMES, (5, 30)).score(counts)
    for drawn, score in zip(counts, scores[1], strict=True):
        chosen = [repetitions[1][name] for name, n in zip(NAMES, drawn, strict=True) for _ in range(n)]
        assert score == pytest.approx(toolkit_score(chosen, (5, 30)), abs=1e-6)


def test_score_is_undefined_where_no_fragment_reaches_the_interval():
    run = make_run(np.ones(20))
    assert np.isnan(ExpectedOverlap([{"s": run}], ["s"], (20, 30)).score()).all()


def test_failures_are_counted_for_each_repetition_and_sequence():
    one, two = {"a": make_run(np.ones(30), [5, 15]), "b": make_run(np.ones(30))}, {"a": make_run(np.ones(30), [29])}
    two["b"] = make_run(np.ones(30), [10])
    np.testing.assert_array_equal(failures([one, two], ["a", "b"]), [[2, 0], [1, 1]])


def test_equal_trackers_do_not_differ(repetitions):
    for difference in bootstrap(repetitions, repetitions, NAMES, (5, 30), samples=200):
        assert (difference.value, difference.bound, difference.low, difference.high) == (0, 0, 0, 0)


def test_bootstrap_tells_a_sure_difference_from_a_chance_one():
    names = [f"s{i}" for i in range(10)]
    low = [{name: make_run(np.full(90, 0.4), [20]) for name in names}]
    high = [{name: make_run(np.full(90, 0.6)) for name in names}]
    eao, lost = bootstrap(high, low, names, (10, 50), samples=500)
    assert 0 < eao.low <= eao.bound <= eao.value <= eao.high
    assert lost.value == -10
    assert lost.low <= lost.value <= lost.bound <= lost.high < 0

    lucky = [{**low[0], "s0": high[0]["s0"]}]  # better in one sequence of ten: 35 % of the draws miss it
    eao, lost = bootstrap(lucky, low, names, (10, 50), samples=2000)
    assert eao.value > 0
    assert eao.bound == 0
    assert lost.bound == 0


def test_bootstrap_keeps_the_frames_and_seeds_of_a_sequence_together():
    """More repetitions of the same sequences must not narrow the interval."""
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(6)]
    first = {name: make_run(rng.uniform(0.2, 1) * np.ones(40)) for name in names}
    second = {name: make_run(rng.uniform(0.2, 1) * np.ones(40)) for name in names}
    one, _ = bootstrap([first], [second], names, (5, 30), samples=1000)
    many, _ = bootstrap([first] * 20, [second] * 20, names, (5, 30), samples=1000)
    assert (many.low, many.high) == pytest.approx((one.low, one.high))


def test_bootstrap_of_one_sequence_is_refused(repetitions):
    with pytest.raises(ValueError, match="at least two"):
        bootstrap(repetitions, repetitions, ["s0"])


def test_code_digest_sees_code_and_nothing_else(tmp_path):
    def digest(text):
        (tmp_path / "a.py").write_text(text)
        return code_digest([tmp_path / "a.py"])

    first = digest('"""One."""\nx = 1\n\n\ndef f():\n    """Two."""\n    return x  # three\n')
    assert first == digest("x = 1\ndef f():\n    return x\n")
    assert first != digest("x = 2\ndef f():\n    return x\n")


IDENTITY = {
    "fingerprint": "a",
    "code": "b",
    "overrides": {"threads": 1},
    "libraries": {"torch": "2"},
    "seeded": True,
    "deterministic": False,
}


def series(text="NCC", seeds=1, threads=1, **identity):
    return series_of(text, Variant.parse(text), {**IDENTITY, **identity}, seeds, threads)


@pytest.mark.parametrize("field", ["fingerprint", "code", "overrides", "libraries"])
def test_the_name_of_a_run_depends_on_all_that_decides_the_boxes(field):
    (one,) = series()
    assert one.name == series(**json.loads(json.dumps(IDENTITY)))[0].name
    assert one.name != series(**{field: "other"})[0].name
    assert one.identity == {**IDENTITY, "seed": 0}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["0", "1", "2"]),
        ({"seeded": False}, [None] * 3),
        ({"seeded": False, "deterministic": True}, [None]),
    ],
    ids=["seeded", "random", "deterministic"],
)
def test_each_seed_is_a_tracker_of_its_own_and_a_deterministic_one_runs_once(facts, expected):
    made = series(seeds=3, **facts)
    assert [one.section.get("env_reciprocative_seed") for one in made] == expected
    assert [one.name.rpartition("-")[2] for one in made] == [f"s{seed}" for seed in range(len(expected))]


@pytest.mark.parametrize(
    ("factor", "frames", "score", "expected"),
    [
        pytest.param(2.1, 10, 1.0, True, id="long enough"),
        pytest.param(0.45, 10, 1.0, True, id="too small"),
        pytest.param(2.1, 9, 1.0, False, id="too short"),
        pytest.param(1.9, 30, 1.0, False, id="not far enough"),
        pytest.param(2.1, 30, 0.0, False, id="known to be lost"),
        pytest.param(np.nan, 30, 1.0, False, id="no box"),
    ],
)
def test_a_box_runs_away_if_a_side_is_wrong_for_long_and_it_counts_as_found(factor, frames, score, expected):
    truths, scores = np.full((60, 4), 40.0), np.full(60, 1.0)
    boxes = truths.copy()
    boxes[20 : 20 + frames, 3] *= factor
    scores[20 : 20 + frames] = score
    assert runaway(boxes, truths, scores, (320, 240)) is expected


@pytest.mark.parametrize(("box", "expected"), [([-60, 10, 80, 40], False), ([10, 10, 80, 40], True)])
def test_what_a_box_has_outside_the_image_has_not_run_away(box, expected):
    truths = np.tile([0.0, 10, 20, 40], (20, 1))
    assert runaway(np.tile(np.array(box, float), (20, 1)), truths, np.ones(20), (320, 240)) is expected


def test_variant_reads_values_and_refuses_nonsense():
    assert Variant.parse("DAT:grid=7,attention_weight=2.5,device=cpu").overrides == (
        ("attention_weight", 2.5),
        ("device", "cpu"),
        ("grid", 7),
    )
    assert str(Variant.parse("NCC")) == "NCC"
    with pytest.raises(ValueError, match="'grid' is no setting"):
        Variant.parse("DAT:grid")
    with pytest.raises(ValueError, match=r"unknown tracker 'mine'; write one of DAT, .*'reciprocative evaluate'"):
        Variant.parse("mine:Mine")


def test_a_variant_is_a_section_with_its_parameters():
    (made,) = series("DAT:grid=7,attention_weight=3", threads=2)
    assert made.label == "DAT:grid=7,attention_weight=3"
    assert made.section["env_reciprocative_params"] == "attention_weight=3.0,grid=7"
    assert (made.section["command"], made.section["env_reciprocative_tracker"]) == ("tracker", "DAT")
    assert made.section["env_reciprocative_threads"] == "2"
    assert "env_reciprocative_params" not in series("DAT")[0].section


def test_an_interpreter_that_dies_without_a_word_is_told_by_its_exit_code(tmp_path, monkeypatch):
    (tmp_path / "trackers.ini").write_text("[NCC]\ncommand = tracker\npython = sh -c 'kill -9 $$'\n")
    monkeypatch.setattr(variants, "REGISTRIES", (str(tmp_path / "trackers.ini"),))
    with pytest.raises(ValueError, match=r"tracker NCC with .* cannot be made: exit code -9"):
        Variant("NCC").identity(1, PROJECT)


def make_sequence(folder: Path, name: str, frames: int = 30) -> Path:
    """A moving square in the VOT layout."""
    import cv2

    (folder / name / "color").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    lines = []
    for frame in range(frames):
        image = np.full((80, 120, 3), 90, np.uint8)
        image[30:50, 10 + frame : 30 + frame] = noise
        cv2.imwrite(str(folder / name / "color" / f"{frame + 1:08d}.png"), image)
        lines.append(f"{10 + frame},30,20,20")
    (folder / name / "groundtruth.txt").write_text("\n".join(lines) + "\n")
    (folder / name / "occlusion.tag").write_text("0\n" * (frames - 3) + "1\n" * 3)
    (folder / name / "sequence").write_text(f"channels.color=color/%08d.png\nfps=30\nformat=default\nname={name}\n")
    with open(folder / "list.txt", "a") as file:
        file.write(f"{name}\n")
    return folder / name


def test_sequences_of_one_name_cannot_stand_in_one_table(tmp_path):
    for folder in ("a", "b"):
        make_sequence(tmp_path / folder, "same", 5)
    with pytest.raises(ValueError, match="leave one out"):
        find_sequences([tmp_path / "a", tmp_path / "b"])


def test_only_the_named_sequences_are_taken_and_an_unknown_one_is_told(tmp_path):
    for name in ("left", "right"):
        make_sequence(tmp_path, name, 5)
    assert [sequence.name for sequence in find_sequences([tmp_path], ["right"])] == ["right"]
    with pytest.raises(ValueError, match="no sequence is called up; there are left, right"):
        find_sequences([tmp_path], ["up"])


def test_frames_are_images_and_boxes_without_one_where_the_target_is_absent(tmp_path):
    folder = make_sequence(tmp_path, "square", 4)
    (folder / "groundtruth.txt").write_text("10,30,20,20\n1,1,5,1,5,9,1,9\n0\n13,30,20,20\n")
    (sequence,) = find_sequences([tmp_path])
    paths, boxes = frames_of(sequence, 3)
    assert paths == [str(folder / "color" / f"{number:08d}.png") for number in (1, 2, 3)]
    assert boxes == [[10, 30, 20, 20], [1, 1, 4, 8], None]
    assert len(frames_of(sequence, None)[0]) == 4


def arguments(folder: Path, *trackers: str, sequences: str = "sequences") -> list[str]:
    """A command line of the benchmark that keeps its runs in ``folder``."""
    where = ["--sequences", str(folder / sequences), "--runs", str(folder / "runs")]
    return [*trackers, *where, "--interval", "5", "20", "--seeds", "1"]


def runs_in(folder: Path) -> dict[str, int]:
    """When each run was written, by tracker and sequence without key and digest."""
    files = (folder / "runs" / "results").glob("*/baseline/*/*_001.bin")
    return {f"{file.parts[-4][:3]} {file.parts[-2].partition('-')[0]}": file.stat().st_mtime_ns for file in files}


@pytest.mark.integration
def test_quality_runs_a_tracker_once_and_prints_its_tables(tmp_path, capsys):
    for name in ("left", "right"):
        make_sequence(tmp_path / "sequences", name)
    document = tmp_path / "results.md"
    document.write_text("# Results\n<!-- begin quality -->\nold\n<!-- end quality -->\nrest\n")
    command = [*arguments(tmp_path, "NCC"), "--workers", "1"]
    assert quality.main([*command, "--write", str(document)]) == 0
    first = capsys.readouterr()
    assert "2 tasks run, 0 were complete before, 0 failed" in first.err
    row = next(line for line in first.out.splitlines() if line.startswith("| NCC"))
    runs, *_, lost, runaways, origin = (cell.strip() for cell in row.split("|")[2:-1])
    assert (runs, lost, runaways, origin) == ("1", "0.0", "0.0", "measured")
    text = document.read_text()
    assert "old" not in text
    assert row in text
    assert text.endswith("<!-- end quality -->\nrest\n")
    (identity,) = (tmp_path / "runs" / "results").glob("NCC-*-s0/identity.json")
    assert json.loads(identity.read_text())["overrides"] == {"threads": 1}

    made = runs_in(tmp_path)
    assert quality.main(command) == 0
    again = capsys.readouterr()
    assert again.err == ""
    assert again.out == first.out
    assert runs_in(tmp_path) == made


@pytest.mark.integration
def test_sequences_are_told_apart_by_content_not_by_name(tmp_path, capsys):
    for folder, frames in (("a", 30), ("b", 25)):
        make_sequence(tmp_path / folder, "same", frames)
    tables = []
    for folder in ("a", "b", "a"):
        assert quality.main(arguments(tmp_path, "NCC", sequences=folder)) == 0
        captured = capsys.readouterr()
        tables.append(captured.out)
    assert captured.err == ""  # the runs on the first were kept
    assert tables[0] == tables[2] != tables[1]


@pytest.mark.integration
def test_unknown_parameter_is_told_before_anything_runs(tmp_path, capsys):
    make_sequence(tmp_path / "sequences", "left")
    for tracker, problem in (
        ("NCC:speling=3", "NCC has no parameter 'speling'"),
        ("NCC:threads=no", "threads is 'no'"),
        ("DAT:attention_weight=-1", "cannot be made: .*attention_weight is -1.0"),
        ("None", "unknown tracker 'None'; trackers.ini and"),
    ):
        assert quality.main(arguments(tmp_path, tracker)) == 1
        assert re.search(problem, capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


@pytest.mark.integration
def test_a_tracker_that_dies_is_told_with_the_end_of_its_log_and_the_others_are_kept(tmp_path, capsys, monkeypatch):
    make_sequence(tmp_path / "sequences", "left")
    (tmp_path / "crashes").mkdir()
    helpers = PROJECT / "tests" / "helpers"
    (tmp_path / "trackers.ini").write_text(
        "[MIL]\nprotocol = traxpython\ncommand = dummy_tracker\ntimeout = 20\n"
        f"python = env PYTHONPATH={PROJECT}:{helpers} {sys.executable}\nenv_DUMMY_CRASH = {tmp_path / 'crashes'}\n"
    )
    monkeypatch.setattr(variants, "REGISTRIES", (str(tmp_path / "trackers.ini"), "trackers.ini"))
    assert quality.main(arguments(tmp_path, "MIL", "NCC")) == 1
    captured = capsys.readouterr()
    assert "the dummy was told to crash" in captured.err
    assert "1 tasks run, 0 were complete before, 1 failed" in captured.err
    assert captured.out == ""
    assert list(runs_in(tmp_path)) == ["NCC left"]

    monkeypatch.undo()
    assert quality.main(arguments(tmp_path, "NCC")) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.integration
def test_a_run_whose_rules_were_others_is_made_again(tmp_path, capsys):
    make_sequence(tmp_path / "sequences", "left")
    assert quality.main(arguments(tmp_path, "NCC")) == 0
    first = capsys.readouterr()
    (record,) = (tmp_path / "runs").rglob("fingerprint.json")
    record.write_text(record.read_text().replace('"skip_initialize": 5', '"skip_initialize": 3'))
    made = runs_in(tmp_path)
    assert quality.main(arguments(tmp_path, "NCC")) == 0
    again = capsys.readouterr()
    assert "skip_initialize: 3 -> 5" in again.err
    assert runs_in(tmp_path) != made
    assert again.out == first.out


def test_ground_truth_that_ends_early_is_told_before_anything_runs(tmp_path, capsys):
    folder = make_sequence(tmp_path / "sequences", "left")
    truth = (folder / "groundtruth.txt").read_text().splitlines(keepends=True)
    (folder / "groundtruth.txt").write_text("".join(truth[:-3]))
    assert quality.main(arguments(tmp_path, "NCC")) == 1
    assert "27 lines, but the sequence has 30 frames" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_published_runs_are_cut_to_the_local_frames(tmp_path):
    for name in ("square", "other"):
        make_sequence(tmp_path / "local", name, 20)
    boxes = [[10.0 + i, 30.0, 20.0, 20.0] for i in range(40)]
    folder = tmp_path / "vot"
    (folder / "results" / "Peer" / "baseline" / "square").mkdir(parents=True)
    truth = {"square": {"gt_rect": boxes}, "other": {"gt_rect": [[0.0, 0.0, 5.0, 5.0]] * 40}}
    (folder / "groundtruth.json").write_text(json.dumps(truth))
    lines = ["1"] + [",".join(map(str, box)) for box in boxes[1:]]
    lines[10:15], lines[15], lines[30] = ["2", "0", "0", "0", "0"], "1", "2"
    (folder / "results" / "Peer" / "baseline" / "square" / "square_001.txt").write_text("\n".join(lines))
    names, trackers = published_runs(folder, find_sequences([tmp_path / "local"]))
    assert names == ["square"]  # the other one only has the same name
    run = trackers["Peer"][0]["square"]
    assert len(run.codes) == 20
    assert failures(trackers["Peer"], names).tolist() == [[1]]
    assert run.overlaps[1:10] == pytest.approx(1)


def test_markers_must_be_there(tmp_path):
    document = tmp_path / "a.md"
    document.write_text("<!-- end quality -->\n<!-- begin quality -->\n")
    with pytest.raises(ValueError, match="in this order"):
        tables.write_between(document, "quality", "text")


class Late:
    """Repeats the first box for ever; says that learning took a known time in every second update."""

    def init(self, image, box):
        self.box, self.calls = box, 0
        return Result(box, 0.0, False)

    def update(self, image):
        from tracker.core.timing import stage

        self.calls += 1
        if self.calls % 2 == 0:
            with stage("learning"):
                pass
        return Result(self.box, 0.0, False)


def test_driver_starts_anew_after_a_failure_and_reports_stages(tmp_path):
    folder = make_sequence(tmp_path, "square", 40)
    paths = [str(path) for path in sorted((folder / "color").iterdir())]
    truth = [[10.0 + i, 30.0, 20.0, 20.0] for i in range(40)]
    frames = follow(Late(), paths, truth, scale=0.5)
    lost = [i for i, frame in enumerate(frames) if frame["lost"]]
    assert lost == [20]  # the boxes part at a shift of 20 pixels
    assert [i for i, frame in enumerate(frames) if frame["initialised"]] == [0, 21]
    assert len(frames) == 21 + 15  # four frames are skipped
    assert "learning" in frames[2]["stages"]
    assert "learning" not in frames[1]["stages"]
    assert all(frame["stages"]["read"] > 0 for frame in frames)


def test_timing_tables_add_up():
    frame = {"seconds": 0.01, "initialised": False, "lost": False, "stages": {"read": 0.002, "trunk": 0.004}}
    learned = {**frame, "seconds": 0.03, "stages": {"read": 0.002, "trunk": 0.004, "learning": 0.02}}
    start = {**frame, "seconds": 0.5, "initialised": True}
    fast = speed.Timing(frames={"a": [start, frame, learned]}, peak=123.0)
    slow = speed.Timing(frames={"a": [{**frame, "seconds": 0.1, "stages": {"read": 0.002}}]}, peak=50.0)
    stages = fast.stage_milliseconds()
    assert stages == pytest.approx({"read": 2, "trunk": 4, "learning": 10, "other": 6})
    assert fast.rate("a") == pytest.approx(50)
    assert "| mean     | 50.0 | 10.0 |       5.00 |" in speed.rate_table({"DAT": fast, "CSRT": slow})
    row = next(line for line in speed.frame_table({"DAT": fast}).splitlines() if line.startswith("| DAT"))
    assert [cell.strip() for cell in row.split("|")[2:-1]][:6] == ["50.0", "20.0", "20.0", "29.0", "30.0", "10.0"]
    on_gpu = speed.Timing(frames={"a": [start, frame]}, peak=9.0, gpu=("H100", 456.7))
    table = speed.frame_table({"DAT": fast, "DAT:device=cuda": on_gpu}).splitlines()
    assert [line.split("|")[-2].strip() for line in table[2:]] == ["-", "457"]


@pytest.mark.integration
def test_speed_drives_trackers_in_processes_of_their_own(tmp_path, capsys):
    make_sequence(tmp_path, "square", 12)
    assert speed.main(["NCC", "--sequences", str(tmp_path), "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert "| NCC " in out
    assert "threads of a tracker: 1" in out


@needs("vot2018")
def test_published_vot2018_runs_give_the_known_figures():
    """Failures and accuracy of ../shared/data/BASELINES.md, counted by another implementation."""
    sequences = find_sequences([SHARED / "sequences"])
    names, trackers = published_runs(SHARED / "vot2018", sequences)
    truths = [annotations_of(sequence) for sequence in sequences if sequence.name in names]
    known = {"LightTrack": (2, 0.559), "SiamBAN": (4, 0.648), "DaSiamRPN": (5, 0.633), "ECOHC": (5, 0.514)}
    known |= {"SiamTPN": (7, 0.707), "SiamAPN": (8, 0.651), "NCC": (33, 0.487)}
    rows = quality.overall(trackers, truths, (60, 300)).splitlines()[2:]
    found = {}
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        found[cells[0]] = (float(cells[6].split()[0]), float(cells[5].split()[0]))
    assert found == known
