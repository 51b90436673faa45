"""The tables of the report: order, marks and what stands where there is no figure."""

import json
from collections import namedtuple
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from vot.analysis import Measure, Sorting
from vot.tracker import Registry
from vot.utilities.io import JSONEncoder, YAMLEncoder

from tests.helpers.small import write_workspace
from tracker.vot.accuracy import AccuracyFailures
from tracker.vot.expected_overlap import ExpectedOverlap, ExpectedOverlapCurve
from tracker.vot.precision import OnePass
from tracker.vot.ranking import ARRank, TagTable
from tracker.vot.report import make_table, measure_columns, tag_tables, tell_apart
from tracker.vot.tables.paper import measure_one_pass
from tracker.vot.tables.summary import summary
from tracker.vot.tables.table import plots, sections, tables
from tracker.vot.toolkit import report
from tracker.vot.workspace import resolve

EXPERIMENT = SimpleNamespace(identifier="baseline")
TRACKERS = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        (Sorting.ASCENDING, {"a": 2, "b": 1, "c": 5, "d": 2}),
        (Sorting.DESCENDING, {"a": 1, "b": 3, "c": 5, "d": 1}),
        (Sorting.UNSORTABLE, None),
    ],
)
def test_equal_values_share_a_place_and_a_missing_one_comes_last(direction, expected):
    column = (SimpleNamespace(title="x"), Measure("Accuracy", "A", direction=direction), [0.5, 0.25, None, 0.5])
    table = make_table(EXPERIMENT, [column], TRACKERS)
    assert table.order == [expected]
    assert [row[0] for row in table.data.values()] == ["0.500", "0.250", "-", "0.500"]


def test_figures_have_the_digits_that_they_deserve():
    values = {"A": 0.51234, "F": 59.0, "R": 0.27634, "Ar": 2.8333, "CLE": 12.345}
    columns = [(SimpleNamespace(title="x"), Measure(name, name), [value]) for name, value in values.items()]
    assert make_table(EXPERIMENT, columns, ["a"]).data["a"] == ["0.512", "59.0", "0.28", "2.83", "12.3"]


def test_a_tag_table_becomes_one_table_a_quantity_with_a_column_a_tag():
    analysis = TagTable(tags=["occlusion", "empty"], sharing="mean")
    rows = [tuple(range(12)), tuple(range(12, 24))]
    assert len(measure_columns(analysis, rows)) == 12
    tables = tag_tables(EXPERIMENT, ["a", "b"], analysis, rows)
    assert [table.header[1][0].title for table in tables] == [
        "Accuracy per tag",
        "Failures per tag",
        "Accuracy rank per tag (shared: mean)",
        "Robustness rank per tag (shared: mean)",
    ]
    assert [measure.abbreviation for measure in tables[1].header[2]] == ["occlusion", "empty", "all"]
    assert tables[1].data["b"] == ["15.0", "16.0", "17.0"]
    assert tables[0].order[0] == {"a": 2, "b": 1}
    assert tables[3].order[0] == {"a": 1, "b": 2}


def test_tags_that_do_not_occur_have_no_column():
    analysis = TagTable(tags=["occlusion", "empty"], sharing="mean")
    first = (None, 0.5, 0.5, None, 1.0, 1.0, None, 1.0, 1.0, None, 1.0, 1.0)
    accuracy, *others = tag_tables(EXPERIMENT, ["a", "b"], analysis, [first, first])
    assert [measure.abbreviation for measure in accuracy.header[2]] == ["empty", "all"]
    assert len(others) == 3
    assert accuracy.data["a"] == ["0.500", "0.500"]


@pytest.mark.parametrize("values", [[0.5, None], [None, None]])
def test_no_value_is_never_among_the_three_that_are_marked(values):
    column = (SimpleNamespace(title="x"), Measure("Accuracy", "A", direction=Sorting.DESCENDING), values)
    (order,) = make_table(EXPERIMENT, [column], TRACKERS[:2]).order
    assert all(order[name] > 3 for name, value in zip(TRACKERS, values, strict=False) if value is None)


def test_variants_of_one_label_are_told_apart(tmp_path):
    section = "[{}]\nlabel = {}\nprotocol = traxpython\ncommand = tracker\n{}\n"
    sections = [
        ("A", "DAT", "env_RECIPROCATIVE_PARAMS = attention_weight=3,grid=7"),
        ("B", "DAT", "env_RECIPROCATIVE_PARAMS = attention_weight=5"),
        ("C", "DAT", ""),
        ("D", "Other", "env_RECIPROCATIVE_PARAMS = grid=3"),
    ]
    (tmp_path / "trackers.ini").write_text("".join(section.format(*one) for one in sections))
    registry = Registry([str(tmp_path / "trackers.ini")])
    trackers = [registry[name] for name, *_ in sections]
    tell_apart(trackers)
    assert [one.label for one in trackers] == [
        "DAT attention_weight=3,grid=7",
        "DAT attention_weight=5",
        "DAT (C)",
        "Other",
    ]
    tell_apart(trackers)
    assert trackers[0].label == "DAT attention_weight=3,grid=7"


def test_values_that_are_printed_alike_share_a_place():
    column = (SimpleNamespace(title="x"), Measure("Accuracy", "A", direction=Sorting.DESCENDING), [0.5001, 0.4999, 0.3])
    assert make_table(EXPERIMENT, [column], TRACKERS[:3]).order == [{"a": 1, "b": 1, "c": 3}]


def test_the_page_explains_its_colours_and_markers_are_whole(tmp_path):
    folder = write_workspace(tmp_path / "w", {"first": 40, "second": 40})
    page = report(folder, ["Near", "Far"]).read_text()
    assert "Key to the tables" in page
    assert "overflow-x: auto" in page
    assert "40 frames" in page
    assert "40 to 40" not in page
    workspace, trackers = resolve(folder, ["Near", "Far"])
    found = sections(workspace, trackers)
    plots = {plot.identifier: plot for plot in found["baseline figures"]}
    for name in ("baseline AR plot", "baseline expected average overlap, 40 frames"):
        markers = plots[name].axes.collections
        assert len(markers) == 2  # Near has reliability 1
        assert not any(marker.get_clip_on() for marker in markers)


def readings(folder):
    """Every number that people read of a workspace: those of tables, and those of plots."""
    workspace, trackers = resolve(folder)
    found = sections(workspace, trackers, per_sequence=True)
    drawn = []
    for plot in plots(found):
        lines = [line.get_xydata() for line in plot.axes.lines]
        drawn.append([*lines, *(np.asarray(points.get_offsets()) for points in plot.axes.collections)])
    texts = [tables(found, per) for per in (None, "tag", "sequence")]
    return (texts, summary(workspace), measure_one_pass(workspace)), drawn


def test_a_column_put_before_the_others_changes_nothing_that_is_read(tmp_path, monkeypatch):
    folder = write_workspace(tmp_path / "w")
    expected, drawn = readings(folder)

    def shifted(row, value):
        return namedtuple("Shifted", ["inserted", *row._fields])(value, *row)

    for kind in (AccuracyFailures, ARRank, ExpectedOverlap, ExpectedOverlapCurve, OnePass):
        describe, rows = kind.describe, kind.rows
        monkeypatch.setattr(kind, "describe", lambda self, describe=describe: shifted(describe(self), None))
        monkeypatch.setattr(kind, "rows", lambda *args, rows=rows: [shifted(row, "wrong") for row in rows(*args)])
    now, drawn_now = readings(folder)
    assert now == expected
    assert len(drawn) == len(drawn_now) > 4
    for before, after in zip(drawn, drawn_now, strict=True):
        assert len(before) == len(after) > 0
        for a, b in zip(before, after, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_named_row_is_written_like_any_other():
    row = (
        AccuracyFailures()
        .describe()
        ._replace(accuracy=0.5, failures=1.0, failures_per_100_frames=None, point=(0.2, 0.5))
    )
    for dump in (partial(json.dumps, cls=JSONEncoder), partial(yaml.dump, Dumper=YAMLEncoder)):
        assert dump([row]) == dump([tuple(row)])
