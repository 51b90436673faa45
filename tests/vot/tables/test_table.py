"""Tables for papers: the report's numbers, column names, what is marked, and where files appear."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import pytest
from vot.stack import Stack

from tests.helpers.small import write_workspace
from tracker import cli
from tracker.core.paths import PROJECT
from tracker.vot import report, toolkit
from tracker.vot.accuracy import ChallengeTable
from tracker.vot.ranking import TagTable
from tracker.vot.tables import summary, table
from tracker.vot.tables.table import Figures
from tracker.vot.workspace import resolve

STACKS = sorted((PROJECT / "tracker" / "vot" / "stacks").glob("*.yaml"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("table") / "w")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield
    assert list((tmp_path / "here").iterdir()) == []  # nothing is dropped into the current folder


def printed(capsys, workspace, *words):
    assert cli.main(["table", str(workspace), *words]) == 0
    return capsys.readouterr().out


def test_csv_has_the_figures_of_make_evaluate_by_name(workspace, capsys):
    text = printed(capsys, workspace, "--format", "csv", "--experiment", "baseline")
    rows = {row["tracker"]: row for row in csv.DictReader(io.StringIO(text))}
    expected = {row.tracker: row for row in summary.summary(workspace)}
    assert rows.keys() == expected.keys() == {"Near", "Far", "Wide"}
    for name, row in rows.items():
        assert row["EAO"] == f"{expected[name].eao:.3f}"
        assert row["A"] == f"{expected[name].accuracy:.3f}"
        assert row["F"] == f"{expected[name].failures:.1f}"
        assert row["Rr (sequence)"].startswith("2" if name != "Near" else "1")
    assert {"Ar (tag)", "Ar (sequence)", "EAO (vot-toolkit)"} <= rows["Near"].keys()


def test_every_number_of_the_overview_stands_on_the_report_s_page(workspace, capsys):
    text = printed(capsys, workspace, "--format", "csv")
    page = toolkit.report(workspace, ["Near", "Far", "Wide"]).read_text()
    numbers = [word for line in text.splitlines() for word in line.split(",")[2:] if word[:1].isdigit()]
    assert len(numbers) > 25
    assert all(f">{number}<" in page for number in numbers)


def test_latex_marks_best_and_second_by_the_printed_digits():
    texts = {
        "A_1": ["0.50", "3.0"],
        "B": ["0.50", "1.0"],
        "C": ["0.40", "-"],
        "D": ["0.40", "1.0"],
        "E": ["0.30", "9.0"],
    }
    places = {"A_1": [1, 3], "B": [1, 1], "C": [3, None], "D": [3, 1], "E": [5, 4]}
    lines = table.render([Figures("base", "", ["A", "F %"], texts, places)], "latex").splitlines()
    assert lines == [
        r"% base; needs \usepackage{booktabs}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"tracker & A & F \% \\",
        r"\midrule",
        r"A\_1 & \textbf{0.50} & \underline{3.0} \\",
        r"B & \textbf{0.50} & \textbf{1.0} \\",
        r"C & \underline{0.40} & -- \\",
        r"D & \underline{0.40} & \textbf{1.0} \\",
        r"E & 0.30 & 9.0 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_per_tag_and_per_sequence(workspace, capsys):
    tags = printed(capsys, workspace, "--per", "tag", "--format", "csv").splitlines()
    assert tags[0] == "experiment,quantity,tracker,occlusion,empty,all"  # tags that never occur have no column
    assert any(line.startswith("baseline,Accuracy per tag,Near,0.") for line in tags)
    sequences = printed(capsys, workspace, "--per", "sequence")
    assert "baseline: Failures per sequence" in sequences
    (first,) = [line for line in sequences.splitlines() if line.startswith("| first") and "0.0" in line]
    assert first.replace(" ", "") == "|first|*1.0*|**0.0**|*1.0*|"  # trackers are compared along the row


def test_tables_inside_a_running_event_loop_as_in_a_notebook(workspace):
    async def cell():
        return table.tables(table.sections(*resolve(workspace, ["Near"])))

    assert asyncio.run(cell())[0].texts.keys() == {"Near"}


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_every_column_of_every_stack_has_a_name_of_its_own(file):
    baseline = Stack.read(str(file)).experiments["baseline"]
    shown = [analysis for analysis in baseline.analyses if not isinstance(analysis, TagTable)]
    columns = [column for analysis in shown for column in report.measure_columns(analysis, [])]
    names = table._figures(report.make_table(baseline, columns, []), "").columns
    assert len(names) == len(set(names))
    assert {"EAO", "A", "F", "R", "Ar (tag)"} <= {*names}
    assert ("A (Challenge table)" in names) == any(isinstance(analysis, ChallengeTable) for analysis in shown)


def test_json_has_names(workspace, capsys):
    document = json.loads(printed(capsys, workspace, "--format", "json", "Near", "Far"))
    (baseline, *_) = [one for one in document if one["experiment"] == "baseline"]
    assert baseline["rows"].keys() == {"Near", "Far"}
    assert isinstance(baseline["rows"]["Near"]["EAO"], float)


def test_files_and_figures(workspace, tmp_path, capsys):
    words = [
        "table",
        str(workspace),
        "--columns",
        "EAO,A",
        "--out",
        str(tmp_path / "t.tex"),
        "--plots",
        str(tmp_path / "p"),
    ]
    assert cli.main(words) == 0
    assert "tracker & EAO & A \\\\" in (tmp_path / "t.tex").read_text()
    files = {path.name: path.read_bytes()[:4] for path in (tmp_path / "p").iterdir()}
    assert {"baseline_EAO_curve.pdf", "baseline_EAO_curve.png", "unsupervised_success_plot.pdf"} <= files.keys()
    assert set(files.values()) == {b"%PDF", b"\x89PNG"}
    assert cli.main(words) == 3
    assert "give --overwrite" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["Nobody"], 2, "no tracker named Nobody"),
        (["--experiment", "base"], 2, "no experiment base in the stack; it has baseline, unsupervised"),
        (["--columns", "EOA"], 2, "no column EOA in baseline; it has A, F, R"),
        (["--out", "t.xls"], 2, "must end in one of .csv, .json, .md, .tex"),
        (["--format", "md", "--out", "t.tex"], 2, "must end in one of .md"),
    ],
)
def test_refusals(workspace, capsys, words, code, message):
    assert cli.main(["table", str(workspace), *words]) == code
    assert message in capsys.readouterr().err


def test_an_interrupted_evaluation_gives_the_table_of_what_is_complete_and_names_the_rest(tmp_path, capsys):
    folder = write_workspace(tmp_path / "w")
    (folder / "results" / "Far" / "baseline" / "second" / "second_001.txt").unlink()
    assert cli.main(["table", str(folder), "--format", "json"]) == 0
    output = capsys.readouterr()
    rows = {one["experiment"]: one["rows"].keys() for one in json.loads(output.out)}
    assert rows == {"baseline": {"Near", "Wide"}, "unsupervised": {"Near"}}
    assert output.err == (
        "note: Far is left out of baseline, it has no result on second: "
        f"run 'reciprocative evaluate Far --workspace {folder}', or import the rest\n"
    )
    whole = printed(capsys, folder, "--format", "csv", "Near", "Wide")
    assert printed(capsys, folder, "--format", "csv") == whole  # ranks are among those that are shown
    assert cli.main(["table", str(folder), "Near", "Far"]) == 3
    assert "second_001.txt: missing: evaluate or import Far on second" in capsys.readouterr().err


def test_where_nothing_is_complete_there_is_no_table(tmp_path, capsys):
    folder = write_workspace(tmp_path / "w")
    for file in folder.glob("results/*/baseline/second/*"):
        file.unlink()
    assert cli.main(["table", str(folder), "--experiment", "baseline"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in errors[:3]] == ["Far", "Near", "Wide"]
    assert errors[3].startswith("error: nothing to show of an experiment")


def test_damaged_results_give_no_table(tmp_path, capsys):
    folder = write_workspace(tmp_path / "w")
    (folder / "results" / "Far" / "baseline" / "second" / "second_001.txt").write_text("1\n1,2,3\n")
    assert cli.main(["table", str(folder)]) == 3
    assert "second_001.txt" in capsys.readouterr().err
