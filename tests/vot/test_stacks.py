"""The stacks hold the official reset-based experiments, and load in the toolkit."""

from pathlib import Path

import pytest
import vot
import yaml
from vot.stack import Stack

from tracker.core.paths import PROJECT
from tracker.vot.accuracy import AccuracyFailures, ChallengeTable
from tracker.vot.expected_overlap import ExpectedOverlap, ExpectedOverlapCurve
from tracker.vot.ranking import ARRank, TagTable

STACKS = PROJECT / "vot_workspace" / "stacks"
TOOLKIT = Path(vot.__file__).parent / "stack"
OFFICIAL = {
    "vot2013": "vot2013",
    "vot2014": "vot2014",
    "vot2015": "vot2015/rgb",
    "vot2016": "vot2016/rgb",
    "vot2017": "vot2017",
    "vot2018": "vot2018/shortterm",
    "vot2019": "vot2019/shortterm",
}
KINDS = {"supervised": "tracker.vot.reset_based.ResetBased", "unsupervised": "tracker.vot.reset_based.Unsupervised"}


def test_every_stack_is_here():
    assert {file.stem for file in STACKS.glob("*.yaml")} == {*OFFICIAL, "embedded", "own"}


@pytest.mark.parametrize("name", [*OFFICIAL, "embedded", "own"])
def test_a_stack_has_all_measures_and_the_protocols_numbers(name):
    baseline = Stack.read(str(STACKS / f"{name}.yaml")).experiments["baseline"]
    assert (baseline.repetitions, baseline.skip_initialize, baseline.failure_overlap) == (15, 5, 0)
    kinds = [type(analysis) for analysis in baseline.analyses]
    assert {AccuracyFailures, ARRank, TagTable, ExpectedOverlap, ExpectedOverlapCurve} <= set(kinds)
    assert (ChallengeTable in kinds) == (name in OFFICIAL)
    ranks = [analysis for analysis in baseline.analyses if type(analysis) is ARRank]
    assert {analysis.selection for analysis in ranks} == {"tag", "sequence"}
    sharing = "mean" if name in ("vot2013", "vot2014") else "best"
    assert {analysis.sharing for analysis in ranks} == {sharing}
    tests = {analysis.tests for analysis in baseline.analyses if isinstance(analysis, ARRank)}
    assert tests == {name if name in ("vot2013", "vot2014") else "vot2015"}
    assert all(getattr(analysis, "burnin", 10) == 10 for analysis in baseline.analyses if hasattr(analysis, "burnin"))


@pytest.mark.parametrize(("name", "official"), OFFICIAL.items())
def test_a_stack_holds_the_official_experiments(name, official):
    ours = yaml.safe_load((STACKS / f"{name}.yaml").read_text())
    theirs = yaml.safe_load((TOOLKIT / f"{official}.yaml").read_text())
    assert (ours["title"], ours["url"], ours["dataset"]) == (theirs["title"], theirs["url"], theirs["dataset"])
    assert set(ours["experiments"]) == set(theirs["experiments"])
    for key, experiment in theirs["experiments"].items():
        mine = ours["experiments"][key]
        assert mine["type"] == KINDS[experiment["type"]]
        for option in ("repetitions", "skip_initialize", "realtime"):
            assert mine.get(option) == experiment.get(option), (key, option)
        mine["analyses"] = [analysis.get("analysis", analysis) for analysis in mine["analyses"]]
        for analysis in experiment["analyses"]:
            (same,) = [one for one in mine["analyses"] if one["type"] == analysis["type"]]
            assert analysis.items() <= same.items(), (key, analysis)


@pytest.mark.parametrize(
    ("name", "interval"),
    [("vot2015", (108, 371)), ("vot2016", (108, 371)), ("vot2017", (100, 356)), ("vot2018", (100, 356)),
     ("vot2019", (46, 291)), ("vot2013", (None, None)), ("embedded", (None, None)),
     ("own", (None, None))],
)  # fmt: skip
def test_the_eao_interval_is_the_official_one_or_estimated(name, interval):
    baseline = Stack.read(str(STACKS / f"{name}.yaml")).experiments["baseline"]
    for analysis in baseline.analyses:
        if isinstance(analysis, ExpectedOverlap | ExpectedOverlapCurve):
            assert (analysis.low, analysis.high) == interval
