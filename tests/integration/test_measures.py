"""The measures through the toolkit's own commands: `vot analysis` and `vot report`."""

import json
import re
import sys

import pytest
import vot.utilities.cli as toolkit

from tests.helpers.shared import SHARED, needs
from tests.helpers.small import run_lines, write_run, write_workspace
from tests.helpers.workspaces import run
from tracker import cli
from tracker.core.paths import PROJECT
from tracker.vot.results.annotations import TAGS
from tracker.vot.results.raw import FAILURE
from tracker.vot.tables.summary import summary

pytestmark = pytest.mark.integration
VOT2018 = SHARED / "vot2018"


@pytest.fixture
def vot(monkeypatch):
    """Run a command of the toolkit in this process, without its look for updates; gives the exit code."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["vot", *map(str, arguments)])
        monkeypatch.setattr(toolkit, "check_updates", lambda: (False, None))
        with pytest.raises(SystemExit) as end:
            toolkit.main()
        return end.value.code

    return command


def analyses(workspace, name="figures", experiment="baseline"):
    document = json.loads((workspace / "analysis" / f"{name}.json").read_text())
    return list(document["trackers"]), document["results"][experiment]["results"]


def report_tables(workspace, name="page"):
    """The cells of every table of a report: list of tracker -> texts."""
    page = (workspace / "reports" / name / "report.html").read_text()
    tables = []
    for table in re.findall(r'<table class="overview-table.*?</table>', page, re.DOTALL):
        rows = re.findall(r'<tr data-tracker="(.*?)">(.*?)</tr>', table, re.DOTALL)
        tables.append({tracker: re.findall(r"<td(?: [^>]*)?>([^<]*)</td>", row) for tracker, row in rows})
    return tables, page


def test_analysis_and_report_show_the_figures_of_the_summary(tmp_path, vot):
    workspace = write_workspace(tmp_path / "workspace")
    names = ["Near", "Far", "Wide"]
    assert vot("analysis", *names, "--workspace", workspace, "--name", "figures") == 0
    assert vot("report", *names, "--workspace", workspace, "--name", "page") == 0
    rows = summary(workspace, names)
    trackers, (pooled, per_tag, per_sequence, tags, overlap, curves, toolkits) = analyses(workspace)
    assert trackers == names
    tables, page = report_tables(workspace)
    for index, row in enumerate(rows):
        assert pooled[index][:3] == [row.accuracy, row.failures, row.failures_per_100_frames]
        assert per_sequence[index][:2] == [row.accuracy_rank, row.robustness_rank]
        assert overlap[index][0] == row.eao
        assert overlap[index][1]["low"] <= overlap[index][1]["high"]
        assert curves[index][0][0] == 1
        assert len(curves[index][0]) == 40
        assert toolkits[index][0] != row.eao
        assert set(per_tag[index][3]) == {*TAGS, "all"}
        assert per_tag[index][3]["occlusion"]["frames"] == 18
        assert per_tag[index][3]["illum_change"]["Ar"] is None
        assert tags[index][2] == per_tag[index][3]["occlusion"]["A"]
        assert len(tags[index]) == 28
        shown = tables[0][row.tracker]
        assert shown[:3] == [f"{row.accuracy:.3f}", f"{row.failures:.1f}", f"{row.failures_per_100_frames:.2f}"]
        assert shown[5:8] == [f"{row.accuracy_rank:.2f}", f"{row.robustness_rank:.2f}", f"{row.eao:.3f}"]
    _, one_pass = analyses(workspace, experiment="unsupervised")
    assert [[cells is None for cells in analysis] for analysis in one_pass] == [[False, True, True]]
    assert tables[1]["Near"][0] != "-"
    assert tables[1]["Far"] == ["-"] * 4
    for title in ("AR plot", "A-R ranks per tag", "A-R ranks per sequence", "expected average overlap", "EAO curve"):
        assert f"baseline {title}" in page
    for title in ("Accuracy per tag", "Failures per tag", "Accuracy rank per tag", "Robustness rank per tag"):
        assert title in page
    assert page.count("<svg") > 6


def test_the_default_report_shows_the_measures_too_and_ends(tmp_path):
    """Table and plots submit each uncached analysis twice, which hangs the toolkit when they share an identifier."""
    workspace = write_workspace(tmp_path / "workspace")
    config = (workspace / "config.yaml").read_text()
    (workspace / "config.yaml").write_text(config[: config.index("report:")])
    stack = (workspace / "stack.yaml").read_text()
    (workspace / "stack.yaml").write_text(stack[: stack.index("  unsupervised:")])
    done = run("vot", "report", "Near", "Far", "--workspace", workspace, "--name", "page", timeout=120)
    assert done.returncode == 0, done.stderr
    tables, page = report_tables(workspace)
    assert len(tables[0]["Near"]) == 3 + 2 + 2 + 28 + 1 + 1
    assert "baseline_None" in page


def test_results_written_anew_are_analysed_anew(tmp_path, vot):
    """The toolkit's cache does not look at the content of the results; these analyses are not cached."""
    workspace = write_workspace(tmp_path / "workspace")
    assert vot("analysis", "Near", "--workspace", workspace, "--name", "before") == 0
    write_run(workspace / "results" / "Near" / "baseline", "first", run_lines(40, 1, failures=(12,)))
    assert vot("analysis", "Near", "--workspace", workspace, "--name", "after") == 0
    assert analyses(workspace, "before")[1][0][0][1] == 0
    assert analyses(workspace, "after")[1][0][0][1] == 1


def short(workspace):
    write_run(workspace / "results" / "Far" / "baseline", "first", run_lines(36))
    return "results/Far/baseline/first/first_001.txt, line 37: 36 regions, but the sequence has 40 frames"


def long(workspace):
    write_run(workspace / "results" / "Far" / "baseline", "second", run_lines(33))
    return "results/Far/baseline/second/second_001.txt, line 31: 33 regions, but the sequence has 30 frames"


def unknown_code(workspace):
    lines = run_lines(40)
    write_run(workspace / "results" / "Wide" / "baseline", "first", [*lines[:9], "7", *lines[10:]], 2)
    return "results/Wide/baseline/first/first_002.txt, line 10: unknown code 7, expected one of 0, 1, 2"


def not_a_number(workspace):
    lines = run_lines(40)
    write_run(workspace / "results" / "Near" / "baseline", "first", [*lines[:9], "nan,1,2,3", *lines[10:]])
    return "results/Near/baseline/first/first_001.txt, line 10: a region must be finite numbers, found 'nan,1,2,3'"


def missing_sequence(workspace):
    (workspace / "results" / "Near" / "baseline" / "second" / "second_001.txt").unlink()
    return "results/Near/baseline/second/second_001.txt: missing: evaluate or import Near on second"


def long_tag(workspace):
    (workspace / "sequences" / "first" / "occlusion.tag").write_text("1\n" * 41)
    return "first/occlusion.tag, line 41: 41 lines, but the sequence has 40 frames"


def short_thresholds(workspace):
    (workspace / "sequences" / "first" / "practical.value").write_text("0.1\n" * 39)
    return "first/practical.value, line 40: 39 lines, but the sequence has 40 frames"


def wrong_interval(workspace):
    stack = (workspace / "stack.yaml").read_text()
    given = "ExpectedOverlap\n      low: 90\n      high: 99\n"
    (workspace / "stack.yaml").write_text(stack.replace("ExpectedOverlap\n", given))
    return "low=90, but the longest sequence has 40 frames: leave low and high out of the stack"


def damaged_one_pass(workspace):
    write_run(workspace / "results" / "Near" / "unsupervised", "first", run_lines(40, failures=(9,)))
    return f"results/Near/unsupervised/first/first_001.txt, line 10: unknown code {FAILURE}, expected one of 0, 1"


@pytest.mark.parametrize(
    "damage",
    [
        short,
        long,
        unknown_code,
        not_a_number,
        missing_sequence,
        long_tag,
        short_thresholds,
        wrong_interval,
        damaged_one_pass,
    ],
    ids=lambda damage: damage.__name__,
)
def test_bad_input_ends_the_commands_with_file_and_line_and_writes_nothing(tmp_path, vot, caplog, damage):
    workspace = write_workspace(tmp_path / "workspace")
    message = damage(workspace)
    for command, folder in (("analysis", "analysis"), ("report", "reports")):
        caplog.clear()
        assert vot(command, "Near", "Far", "Wide", "--workspace", workspace, "--name", "bad") == 1
        assert message in caplog.text
        assert not list((workspace / folder).rglob("*")) if (workspace / folder).exists() else True


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A workspace of VOT2018's ground truth with seven published runs, made with this package's commands."""
    workspace = tmp_path_factory.mktemp("published")
    stack = PROJECT / "vot_workspace" / "stacks" / "vot2018.yaml"
    (workspace / "config.yaml").write_text(
        f"registry: [./trackers.ini]\nsequences: sequences\nstack: {stack}\n"
        "report:\n  index:\n  - type: tracker.vot.report.ProtocolReport\n"
    )
    assert cli.main(["import-groundtruth", str(VOT2018 / "groundtruth.json"), str(workspace / "sequences")]) == 0
    for folder in sorted((VOT2018 / "results").iterdir()):
        assert cli.main(["import-results", str(folder), "--workspace", str(workspace)]) == 0
    return workspace


@needs("vot2018")
def test_published_runs_give_the_golden_figures_through_the_toolkit(published, vot):
    golden = json.loads((VOT2018 / "golden.json").read_text())["toolkit_rasteriser"]
    peers = golden["peer_set"]
    for command, name in (("analysis", "figures"), ("report", "page")):
        assert vot(command, *peers, "--workspace", published, "--name", name) == 0
    trackers, (pooled, _, per_tag, per_sequence, _, overlap, _, _, toolkits, _) = analyses(published)
    tables, _ = report_tables(published)
    assert trackers == peers
    for index, peer in enumerate(peers):
        expected = golden["trackers"][peer]
        assert overlap[index][0] == pytest.approx(expected["EAO_100_356"], abs=5e-4)
        assert toolkits[index][0] == pytest.approx(expected["EAO_100_356_toolkit_as_is"], abs=5e-4)
        assert pooled[index][0] == pytest.approx(expected["accuracy_pooled"], abs=5e-4)
        assert pooled[index][1] == expected["failures"]
        ranks = [*per_tag[index][:2], *per_sequence[index][:2]]
        names = [f"{rank}_per_{kind}_best" for kind in ("tag", "sequence") for rank in ("Ar", "Rr")]
        assert ranks == pytest.approx([expected[name] for name in names], abs=1e-3)
        assert tables[0][peer][5:9] == [f"{rank:.2f}" for rank in ranks]
        assert tables[0][peer][9] == f"{overlap[index][0]:.3f}"
