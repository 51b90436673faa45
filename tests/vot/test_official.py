"""Raw runs that the challenges and the paper's authors published, against the tables that they printed."""

import csv

import pytest
from vot.dataset import load_dataset

from tests.helpers.shared import SHARED, needs
from tracker.vot.accuracy import by_tag, challenge_table, sample
from tracker.vot.expected_overlap import curve, interval_of, score
from tracker.vot.results.annotations import annotations_of
from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.results.runs import measure

OFFICIAL = SHARED / "official"
INTERVAL = (108, 371)
pytestmark = needs("official")

NAMES = {"muster": "MUSTer", "ncc": "NCC", "srdcf": "SRDCF"}
"""Of the printed table, where those of the folders differ."""


@pytest.fixture(scope="module", params=["vot2015", "vot2016"])
def challenge(request):
    """Name, ground truth, and a function that reads a tracker's runs by sequence and repetition."""
    truths = [annotations_of(sequence) for sequence in load_dataset(str(OFFICIAL / request.param / "groundtruth"))]
    return request.param, truths, lambda folder: read_runs(folder, truths)


def read_runs(folder, truths):
    return [
        [
            measure(file.read_bytes(), file.name, truth)
            for file in sorted((folder / "baseline" / truth.name).glob(f"{truth.name}_0??.txt"))
        ]
        for truth in truths
    ]


def printed(year):
    with (OFFICIAL / year / "published_table.csv").open() as file:
        return {row["tracker"]: row for row in csv.DictReader(file)}


def test_the_interval_of_the_challenge_follows_from_the_lengths(challenge):
    _, truths, _ = challenge
    assert len(truths) == 60
    assert interval_of([len(truth) for truth in truths]) == INTERVAL


@pytest.mark.parametrize("challenge", ["vot2015"], indirect=True)
@pytest.mark.parametrize("folder", ["DSST", "DeepSRDCF", "KCF2", "muster", "ncc", "srdcf"])
def test_the_table_of_vot2015(challenge, folder):
    year, truths, read = challenge
    row = printed(year)[NAMES.get(folder, folder)]
    runs = read(OFFICIAL / year / "results" / folder)
    accuracy, failures = challenge_table(runs, truths)
    rounding = 0.0051  # two digits are printed, and .565 was printed as .56
    assert accuracy == pytest.approx(float(row["A"]), abs=rounding)
    assert failures == pytest.approx(float(row["R_failures"]), abs=rounding)
    assert score(curve(runs), INTERVAL) == pytest.approx(float(row["EAO"]), abs=rounding)


@pytest.mark.parametrize("challenge", ["vot2015"], indirect=True)
def test_pooled_figures_are_others_than_the_tables(challenge):
    """What an evaluation of the same runs gives that pools the frames: the question of toolkit-legacy's issue 121."""
    year, truths, read = challenge
    pooled = sample(read(OFFICIAL / year / "results" / "ncc"), by_tag(truths, ["all"])[0])
    row = printed(year)["NCC"]
    assert pooled.accuracy - float(row["A"]) > 0.01
    assert float(row["R_failures"]) - pooled.failure_count / len(truths) > 3


@pytest.mark.parametrize("challenge", ["vot2016"], indirect=True)
def test_the_authors_run_has_the_eao_of_their_paper(challenge):
    _, truths, read = challenge
    runs = read(SHARED / "vot2016_dat_authors")
    assert score(curve(runs), INTERVAL) == pytest.approx(0.320, abs=0.0006)
    assert sample(runs, by_tag(truths, ["all"])[0]).failure_count == 58


@pytest.mark.parametrize("challenge", ["vot2016"], indirect=True)
def test_more_scales_do_not_make_siamfc_better(challenge):
    _, _, read = challenge
    three, five = (score(curve(read(OFFICIAL / "vot2016" / "results" / f"SiamFC-{n}s")), INTERVAL) for n in (3, 5))
    assert three == pytest.approx(0.2918, abs=5e-5)
    assert five == pytest.approx(0.2715, abs=5e-5)


def test_the_line_of_siamrpn_in_the_table_of_vot2018(tmp_path):
    """A .586, R .276, EAO .383: A as in VOT2015's table (pooled it is .588), R in failures per 100 frames."""
    write_dataset(SHARED / "vot2018" / "groundtruth.json", tmp_path / "sequences")
    truths = [annotations_of(sequence) for sequence in load_dataset(str(tmp_path / "sequences"))]
    runs = read_runs(SHARED / "vot2018" / "results" / "DaSiamRPN", truths)
    pooled = sample(runs, by_tag(truths, ["all"])[0])
    assert challenge_table(runs, truths)[0] == pytest.approx(0.586, abs=0.00051)
    assert pooled.accuracy == pytest.approx(0.588, abs=0.00051)
    assert pooled.failures_per_100_frames == pytest.approx(0.276, abs=0.00051)
    assert score(curve(runs), (100, 356)) == pytest.approx(0.383, abs=0.0006)
