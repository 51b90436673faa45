"""Seven published VOT2018 runs against figures of an independent implementation."""

import json

import numpy as np
import pytest
from vot.dataset import load_dataset

from tests.helpers.shared import SHARED, needs
from tracker.vot.accuracy import Selection, by_tag, sample
from tracker.vot.expected_overlap import curve, interval_of, score
from tracker.vot.ranking import ARRank
from tracker.vot.results.annotations import TAGS, annotations_of
from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.results.raw import FAILURE, RESET_BASED_CODES, check, parse
from tracker.vot.results.runs import REGION, Run, measure

VOT2018 = SHARED / "vot2018"
pytestmark = needs("vot2018")
PEER_SETS = ("toolkit_rasteriser", "toolkit_rasteriser_second_peer_set")


@pytest.fixture(scope="module")
def golden():
    return json.loads((VOT2018 / "golden.json").read_text())


@pytest.fixture(scope="module")
def truths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vot2018") / "sequences"
    write_dataset(VOT2018 / "groundtruth.json", folder)
    return [annotations_of(sequence) for sequence in load_dataset(str(folder))]


@pytest.fixture(scope="module")
def runs(golden, truths):
    def of(tracker, truth):
        folder = VOT2018 / "results" / tracker / "baseline" / truth.name
        files = sorted(folder.glob(f"{truth.name}_0??.txt"))
        return [measure(file.read_bytes(), file.name, truth) for file in files]

    peers = golden["toolkit_rasteriser"]["peer_set"]
    return {tracker: [of(tracker, truth) for truth in truths] for tracker in peers}


def test_the_interval_follows_from_the_lengths(truths):
    assert interval_of([len(truth) for truth in truths]) == (100, 356)


def test_eao(golden, truths, runs):
    for tracker, expected in golden["toolkit_rasteriser"]["trackers"].items():
        found = score(curve(runs[tracker]), (100, 356))
        assert found == pytest.approx(expected["EAO_100_356"], abs=golden["tolerance"]["EAO"]), tracker


def test_accuracy_and_failures(golden, truths, runs):
    everything = by_tag(truths, ["all"])[0]
    for tracker, expected in golden["toolkit_rasteriser"]["trackers"].items():
        found = sample(runs[tracker], everything)
        assert found.accuracy == pytest.approx(expected["accuracy_pooled"], abs=golden["tolerance"]["A"]), tracker
        assert found.failure_count == expected["failures"], tracker
        assert found.failures_per_100_frames == pytest.approx(expected["failures_per_100_frames"], abs=5e-5), tracker


@pytest.mark.parametrize("sharing", ["best", "mean"])
@pytest.mark.parametrize("peer_set", PEER_SETS)
def test_ranks_per_tag(golden, truths, runs, peer_set, sharing):
    peers = golden[peer_set]["peer_set"]
    rankings = ARRank(selection="tag", sharing=sharing).rankings([runs[peer] for peer in peers], truths)
    assert [ranking.name for ranking in rankings] == [*TAGS, "all"]
    for index, peer in enumerate(peers):
        expected = golden[peer_set]["trackers"][peer]
        for ranking in rankings:
            cell = expected[f"per_tag_{sharing}"][ranking.name]
            assert ranking.accuracy[index] == pytest.approx(cell["A"], abs=golden["tolerance"]["A"])
            assert ranking.failures[index] == cell["failures"]
            assert ranking.accuracy_rank[index] == pytest.approx(cell["Ar"], abs=1e-3), (peer, ranking.name)
            assert ranking.robustness_rank[index] == pytest.approx(cell["Rr"], abs=1e-3), (peer, ranking.name)
        per_tag = [ranking for ranking in rankings if ranking.name != "all"]
        accuracy = np.mean([ranking.accuracy_rank[index] for ranking in per_tag])
        robustness = np.mean([ranking.robustness_rank[index] for ranking in per_tag])
        assert accuracy == pytest.approx(expected[f"Ar_per_tag_{sharing}"], abs=1e-3), peer
        assert robustness == pytest.approx(expected[f"Rr_per_tag_{sharing}"], abs=1e-3), peer


@pytest.mark.parametrize("sharing", ["best", "mean"])
@pytest.mark.parametrize("peer_set", PEER_SETS)
def test_ranks_per_sequence(golden, truths, runs, peer_set, sharing):
    peers = golden[peer_set]["peer_set"]
    rankings = ARRank(selection="sequence", sharing=sharing).rankings([runs[peer] for peer in peers], truths)
    assert len(rankings) == 60
    for index, peer in enumerate(peers):
        expected = golden[peer_set]["trackers"][peer]
        accuracy = np.mean([ranking.accuracy_rank[index] for ranking in rankings])
        robustness = np.mean([ranking.robustness_rank[index] for ranking in rankings])
        assert accuracy == pytest.approx(expected[f"Ar_per_sequence_{sharing}"], abs=1e-3), peer
        assert robustness == pytest.approx(expected[f"Rr_per_sequence_{sharing}"], abs=1e-3), peer


def test_ranks_hold_for_a_peer_set_in_reverse_order(golden, truths, runs):
    """The golden figures are of one order; where two trackers tie exactly, another order may give other ranks."""
    peers = golden["toolkit_rasteriser"]["peer_set"]
    there = ARRank(selection="tag").rankings([runs[peer] for peer in peers], truths)
    back = ARRank(selection="tag").rankings([runs[peer] for peer in reversed(peers)], truths)
    for one, other in zip(there, back, strict=True):
        assert list(one.accuracy_rank) == list(reversed(other.accuracy_rank))
        if len(set(one.failures)) == len(peers):
            assert list(one.robustness_rank) == list(reversed(other.robustness_rank))


@needs("vot2016_dat_authors")
def test_the_authors_own_vot2016_run():
    """No ground truth comes with it: failures, frames, and the interval that VOT2016's lengths give."""
    codes = []
    for file in sorted((SHARED / "vot2016_dat_authors" / "baseline").glob("*/*_001.txt")):
        regions = parse(file.read_bytes(), file.name)
        check(regions, len(regions), RESET_BASED_CODES, file.name)
        codes.append(np.array([getattr(region, "code", REGION) for region in regions]))
    one = [[Run(np.full(len(code), np.nan), code)] for code in codes]
    found = sample(one, Selection("all", [np.arange(len(code)) for code in codes]))
    assert sum(map(len, codes)) == 21455
    assert found.failure_count == 58 == sum((code == FAILURE).sum() for code in codes)
    assert interval_of([len(code) for code in codes]) == (108, 371)
