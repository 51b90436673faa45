"""What benchmarks/mutants.py and benchmarks/covered.py make of their tools' output."""

import pytest

from benchmarks import covered, mutants

LISTING = """\
    tracker.core.boxes.x_area__mutmut_1: killed
    tracker.core.boxes.x_area__mutmut_2: timeout
    tracker.core.boxes.x_clip__mutmut_1: survived
    tracker.core.boxes.x_clip__mutmut_2: no tests
    tracker.vot.ranking.x\u01c1ARRank\u01c1rows__mutmut_10: killed
"""
DIFF = """\
# tracker.core.boxes.x_clip__mutmut_1: survived
--- tracker/core/boxes.py
+++ tracker/core/boxes.py
@@ -1,3 +1,3 @@
 def clip(boxes):
-    return boxes + 1
+    return boxes - 1
"""


@pytest.fixture(autouse=True)
def versions(monkeypatch):
    """The tools are not installed where the tests run."""
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.0")


def test_mutants_without_a_failing_test_count_as_survivors():
    counts = mutants.count(mutants.statuses(LISTING))
    assert counts["tracker/core/boxes.py"] == {"killed": 1, "timeout": 1, "survived": 2}
    assert counts["tracker/vot/ranking.py"] == {"killed": 1}
    assert [mutants.score(one) for one in counts.values()] == [50, 100]


def test_survivors_stand_in_the_report_with_their_reason(monkeypatch):
    monkeypatch.setattr(mutants, "REASONS", {"known": "it is the same"})
    counts = mutants.count(mutants.statuses(LISTING))
    survivors = {f"tracker.core.boxes.x_clip__mutmut_{k}": f"old -> {new}" for k, new in ((1, "known"), (2, "new"))}
    report = mutants.render(counts, survivors)
    assert "| tracker/core/boxes.py  |       4 |      1 |       1 |        2 |  50.0 % |" in report
    assert "- `old -> known`: it is the same\n- `old -> new`: no test notices it" in report


@pytest.mark.parametrize(
    ("listing", "code"), [(LISTING, 1), (LISTING.partition("    tracker.core.boxes.x_clip")[0], 0)]
)
def test_a_module_below_the_floor_is_an_error(monkeypatch, capsys, tmp_path, listing, code):
    answers = {"run": "", "results": listing, "show": DIFF}
    monkeypatch.setattr(mutants, "mutmut", lambda command, *_: answers[command])
    monkeypatch.setattr(mutants.tables, "PROJECT", tmp_path)
    document = tmp_path / "trust.md"
    document.write_text("<!-- begin mutants -->\n<!-- end mutants -->\n")
    assert mutants.main(["--write", str(document)]) == code
    assert "tracker/core/boxes.py" in capsys.readouterr().out
    assert "tracker/core/boxes.py" in document.read_text()
    assert ("return boxes + 1 -> return boxes - 1" in document.read_text()) == bool(code)


def summary(statements, run):
    return {"summary": {"num_statements": statements, "covered_lines": run, "percent_covered": 0}}


def test_coverage_is_summed_by_folder():
    files = covered.read(
        {"files": {"tracker/vot/a.py": summary(10, 8), "tracker/b.py": summary(90, 90), "tracker/c.py": summary(0, 0)}}
    )
    report = covered.render(files)
    assert "| tracker     |    90 |  90 | 100.0 % |" in report
    assert "| tracker/vot |    10 |   8 |  80.0 % |" in report
    assert "| all         |   100 |  98 |  98.0 % |" in report
    assert "Files below 90 %: tracker/vot/a.py 80 %." in report


@pytest.mark.parametrize(("tests", "run", "code"), [(0, 90, 0), (0, 89, 1), (1, 100, 1)])
def test_failing_tests_and_too_little_coverage_are_errors(monkeypatch, tests, run, code):
    monkeypatch.setattr(covered, "measure", lambda *_: (tests, {"tracker/a.py": covered.Lines(100, run)}))
    assert covered.main([]) == code
