"""The table of `make evaluate` and the paper's comparison."""

import numpy as np
import pytest
from rich.console import Console

from tests.helpers.small import run_lines, write_run, write_workspace
from tracker import cli
from tracker.core.errors import DamagedFile
from tracker.vot.tables.paper import (
    OTB2013,
    OTB2015,
    VOT2016,
    measure_one_pass,
    measure_reset_based,
    print_comparison,
    table,
)
from tracker.vot.tables.summary import print_table, summary
from tracker.vot.workspace import load_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("summary") / "workspace")


def overlap(shift, frames):
    """Of boxes of 20 pixels, ``shift`` to the right, by columns of pixels; both sides are rounded."""
    target = 10 + 0.5 * np.arange(frames)
    left, right = np.round(target), np.round(target + shift)
    common = 20 - np.abs(right - left)
    return common / (40 - common)


def test_the_figures_of_a_small_workspace_by_hand(workspace):
    rows = {row.tracker: row for row in summary(workspace)}
    assert set(rows) == {"Near", "Far", "Wide"}
    assert (rows["Near"].failures, rows["Far"].failures, rows["Wide"].failures) == (0, 2, 2)
    assert rows["Far"].failures_per_100_frames == pytest.approx(100 * 2 / 70)
    expected = np.concatenate([overlap(1, 40)[10:], overlap(1, 30)[10:]]).mean()
    assert rows["Near"].accuracy == pytest.approx(expected, abs=1e-6)
    assert rows["Near"].accuracy_rank == rows["Near"].robustness_rank == 1
    assert rows["Far"].eao < rows["Wide"].eao < rows["Near"].eao
    assert all(row.fps is None for row in rows.values())


def test_the_trackers_named_are_the_peers(workspace):
    rows = {row.tracker: row for row in summary(workspace, ["Far", "Wide"])}
    assert list(rows) == ["Far", "Wide"]
    assert rows["Wide"].accuracy_rank == 1


def test_the_table_shows_the_best_first_and_a_dash_without_times(workspace):
    console = Console(record=True, width=100)
    print_table(summary(workspace), console)
    text = console.export_text()
    lines = [line for line in text.splitlines() if any(name in line for name in ("Near", "Wide", "Far"))]
    assert [name for line in lines for name in ("Near", "Wide", "Far") if name in line] == ["Near", "Wide", "Far"]
    assert lines[0].split("│")[-2].strip() == "-"
    for heading in ("EAO", "failures", "per 100", "Ar", "Rr", "fps"):
        assert heading in text


def test_a_result_written_anew_is_measured_anew(tmp_path):
    folder = write_workspace(tmp_path / "workspace")
    before = {row.tracker: row.failures for row in summary(folder)}
    write_run(folder / "results" / "Near" / "baseline", "first", run_lines(40, failures=(5, 15, 25)))
    after = {row.tracker: row.failures for row in summary(folder)}
    assert (before["Near"], after["Near"]) == (0, 3)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [(["Nobody"], ValueError, "no tracker named Nobody in the registry of the workspace; it has Far, Near, Wide")],
)
def test_an_unknown_tracker_is_refused(workspace, names, error, message):
    with pytest.raises(error, match=message):
        summary(workspace, names)


def test_what_is_no_workspace_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a VOT workspace"):
        summary(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.yaml", "registry: [\n"),
        ("config.yaml", "registry: [./trackers.ini]\nsequences: sequences\nstack: nothing.yaml\n"),
        ("config.yaml", "registry: [./trackers.ini]\nsequences: nowhere\nstack: stack.yaml\n"),
        ("trackers.ini", "command = outside of a section\n"),
    ],
)
def test_a_workspace_that_cannot_be_loaded_is_one_line_of_error(tmp_path, capsys, file, text):
    folder = write_workspace(tmp_path / "workspace")
    (folder / file).write_text(text)
    assert cli.main(["paper", "--workspace", str(folder)]) == 3
    assert "config.yaml: the toolkit cannot load this workspace: " in capsys.readouterr().err


def test_a_missing_sequence_is_refused(tmp_path):
    folder = write_workspace(tmp_path / "workspace")
    (folder / "results" / "Far" / "baseline" / "second" / "second_001.txt").unlink()
    with pytest.raises(DamagedFile, match=r"results/Far/baseline/second/second_001\.txt: missing: evaluate or import"):
        summary(folder)


def lines_of(text, name):
    """Measure, reported, recomputed and measured of a tracker's lines, of every table in turn."""
    lines = text.splitlines()
    tables = []
    for start in (index for index, line in enumerate(lines) if line.startswith(f"│ {name} ")):
        end = next(index for index in range(start, len(lines)) if not lines[index].startswith("│"))
        tables.append([[cell.strip() for cell in line.split("│")[2:-1]] for line in lines[start:end]])
    return tables


def test_without_a_workspace_the_paper_is_reported_and_nothing_measured():
    console = Console(record=True, width=80)
    print_comparison(console=console)
    vot2016, otb2013, otb2015 = lines_of(console.export_text(), "DAT")
    assert vot2016 == [["EAO", "0.320", "0.3205", "-"], ["Ar", "1.47", "-", "-"], ["Rr", "2.10", "-", "-"]]
    assert otb2013[0] == ["CLE", "7.85", "7.826", "-"]
    assert otb2013[3] == ["OS 0.5", "0.913", "0.9126", "-"]
    assert otb2015[1] == ["DP", "0.895", "0.8946", "-"]
    assert otb2015[2] == ["OS", "0.668", "0.6677", "-"]


def test_measured_figures_stand_beside_the_reported_of_the_same_tracker(workspace):
    console = Console(record=True, width=80)
    figures = {"dat": (0.3, 1.0, 2.0), "Near": (0.9, 1.5, None)}
    console.print(table(VOT2016, figures, "measured: here"))
    text = console.export_text()
    assert [line[1::2] for line in lines_of(text, "DAT")[0]] == [["0.320", "0.300"], ["1.47", "1.00"], ["2.10", "2.00"]]
    assert lines_of(text, "Near") == [[["EAO", "-", "-", "0.900"], ["Ar", "-", "-", "1.50"], ["Rr", "-", "-", "-"]]]
    assert lines_of(text, "CCOT")[0][0] == ["EAO", "0.331", "-", "-"]


def test_the_command_shows_a_workspace_and_says_that_it_is_not_the_papers_data_set(workspace, capsys):
    assert cli.main(["paper", "--workspace", str(workspace)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "measured: Small, 2 sequences, 70 frames" in text
    assert "Not comparable: the paper's data set has 60 sequences, 21455 frames" in text
    assert "Ranks are among its 3 trackers, the paper's among its 7" in text


def test_only_trackers_with_one_pass_results_have_one_pass_figures(workspace):
    loaded = load_workspace(workspace)
    one_pass = measure_one_pass(loaded).figures
    assert set(measure_reset_based(loaded).figures) == {"Near", "Far", "Wide"}
    assert set(one_pass) == {"Near"}
    error, precise, area, half = one_pass["Near"]
    assert error == pytest.approx((3 * 39 / 40 + 3 * 29 / 30) / 2)
    assert precise == half == 1
    thresholds = np.linspace(0, 1, 21)
    success = [(1 * (thresholds < 1) + (n - 1) * (thresholds < 17 / 23)) / n for n in (40, 30)]
    assert area == pytest.approx(np.mean(success))


def test_the_paper_beside_a_stack_of_one_pass_alone(tmp_path, capsys):
    stack = "title: Otb\nexperiments:\n  unsupervised:\n    type: unsupervised\n    analyses: []\n"
    folder = write_workspace(tmp_path / "workspace", stack=stack)
    assert cli.main(["paper", "--workspace", str(folder)]) == 0
    text = capsys.readouterr().out
    words = " ".join(text.split())
    assert "measured: nothing" in words
    assert "measured: Otb, 2 sequences, 70 frames" in words
    otb2013, otb2015 = ([line[3] for line in lines] for lines in lines_of(text, "Near"))
    assert otb2013 == otb2015
    assert len(otb2013) == 4
    assert "-" not in otb2013


def test_a_tracker_with_one_pass_results_alone_is_not_ranked_unless_it_is_named(tmp_path, capsys):
    folder = write_workspace(tmp_path / "workspace")
    with (folder / "trackers.ini").open("a") as registry:
        registry.write("[Once]\ncommand =\n")
    for name, length in (("first", 40), ("second", 30)):
        write_run(folder / "results" / "Once" / "unsupervised", name, run_lines(length))
    assert [row.tracker for row in summary(folder)] == ["Far", "Near", "Wide"]
    assert cli.main(["paper", "--workspace", str(folder)]) == 0
    assert len(lines_of(capsys.readouterr().out, "Once")) == 2  # in the two tables of OTB
    with pytest.raises(DamagedFile, match=r"results/Once/baseline/first/first_001\.txt: missing"):
        summary(folder, ["Once"])


def test_trackers_without_a_workspace_are_refused(capsys):
    assert cli.main(["paper", "DAT"]) == 2
    assert "need --workspace" in capsys.readouterr().err


def test_the_papers_ranks_are_multiples_of_a_sixtieth():
    """Means of whole ranks over 60 sequences, printed with two decimals: a check of the transcription."""
    for figures in VOT2016.reported.values():
        for rank in figures[1:]:
            assert abs(rank - round(rank * 60) / 60) <= 0.005


@pytest.mark.parametrize("paper", [VOT2016, OTB2013, OTB2015])
def test_every_table_has_the_papers_tracker_and_as_many_figures_as_names(paper):
    assert {"DAT", "MDNet"} <= paper.reported.keys()
    assert {len(figures) for figures in (*paper.reported.values(), *paper.recomputed.values())} == {len(paper.digits)}
