"""The definitions of Ar and Rr: each property that the protocol promises, and cases worked by hand."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, wilcoxon
from vot.analysis import Sorting
from vot.region import Rectangle

from tests.helpers.small import random_run, write_workspace
from tracker.vot.accuracy import Sample, Selection, burn_in, by_sequence, by_tag, sample
from tracker.vot.ranking import ARRank, TagTable, practical_thresholds, rank, shared_ranks
from tracker.vot.results.annotations import TAGS, Annotations, annotations_of
from tracker.vot.results.raw import FAILURE, INITIALIZATION
from tracker.vot.results.runs import REGION, Run, load
from tracker.vot.significance import accuracy_differs, robustness_differs
from tracker.vot.workspace import load_workspace

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


def truth(frames, name="sequence", practical=None, **tags):
    return Annotations(name, (Rectangle(0, 0, 10, 10),) * frames, (100, 100), tags, practical)


def trackers(seed, count, lengths, repetitions=1):
    rng = np.random.default_rng(seed)
    return [
        [[random_run(rng, n, rng.integers(0, 4), rng.uniform(0.4, 0.8)) for _ in range(repetitions)] for n in lengths]
        for _ in range(count)
    ]


def everything(lengths):
    return Selection("all", [np.arange(length) for length in lengths])


def of(overlaps, failures=0):
    return Sample(np.asarray(overlaps, float), np.full((1, 15), failures))


def different_accuracy(first, second, alpha=0.05, thresholds=None, test="vot2015"):
    return bool(accuracy_differs(np.array([first.overlaps, second.overlaps]), alpha, thresholds, test)[0, 1])


def different_robustness(first, second, alpha=0.05):
    return bool(robustness_differs([first.failures, second.failures], alpha)[0, 1])


@quick
@given(seeds, st.permutations(range(4)), st.sampled_from(["best", "mean", "median", "none"]))
def test_ranks_do_not_depend_on_the_order_of_the_trackers(seed, order, sharing):
    lengths = [40, 60, 80]
    samples = [sample(runs, everything(lengths)) for runs in trackers(seed, 4, lengths)]
    there = rank(samples, everything(lengths), sharing=sharing)
    back = rank([samples[index] for index in order], everything(lengths), sharing=sharing)
    assert len(set(there.accuracy)) == 4
    assert back.accuracy_rank == pytest.approx(there.accuracy_rank[list(order)])
    if len(set(there.failures)) == 4:
        assert back.robustness_rank == pytest.approx(there.robustness_rank[list(order)])


def test_exact_ties_rank_in_the_order_of_the_trackers():
    assert list(shared_ranks(np.array([2.0, 1.0, 2.0]), np.ones((3, 3), bool) ^ np.eye(3, dtype=bool))) == [2, 1, 3]


@quick
@given(seeds, st.integers(2, 6))
def test_unshared_ranks_are_monotone_in_accuracy_and_failures(seed, count):
    lengths = [30, 50]
    samples = [sample(runs, everything(lengths)) for runs in trackers(seed, count, lengths)]
    found = rank(samples, everything(lengths), sharing="none")
    assert sorted(found.accuracy_rank) == sorted(found.robustness_rank) == list(range(1, count + 1))
    assert list(np.argsort(found.accuracy_rank)) == list(np.argsort(-found.accuracy, kind="stable"))
    assert list(np.argsort(found.robustness_rank)) == list(np.argsort(found.failures, kind="stable"))


def test_shared_ranks_need_not_be_monotone():
    """Not being different is not transitive: the third is best's equal, the second, though better, is not."""
    different = np.zeros((3, 3), bool)
    different[0, 1] = different[1, 0] = True
    assert list(shared_ranks(np.array([1.0, 2.0, 3.0]), different, "best")) == [1, 2, 1]


@pytest.mark.parametrize(
    ("sharing", "expected"), [("best", [1, 1, 2, 4]), ("mean", [1.5, 2, 2.5, 4]), ("median", [1.5, 2, 2.5, 4])]
)
def test_sharing_worked_by_hand(sharing, expected):
    """In a chain 1 = 2 = 3 with 1 and 3 different, each shares with its own neighbours only; 4 stands alone."""
    different = ~np.eye(4, dtype=bool)
    different[[0, 1, 1, 2], [1, 0, 2, 1]] = False
    assert list(shared_ranks(np.array([0.1, 0.2, 0.3, 0.4]), different, sharing)) == pytest.approx(expected)


def test_mean_and_median_sharing_differ():
    different = np.zeros((4, 4), bool)
    different[0, 2] = different[2, 0] = True
    values = np.array([0.1, 0.2, 0.3, 0.4])
    assert shared_ranks(values, different, "mean")[0] == pytest.approx(7 / 3)
    assert shared_ranks(values, different, "median")[0] == 2


def test_an_unknown_sharing_is_refused():
    with pytest.raises(ValueError, match="best, mean, median, none, got 'worst'"):
        shared_ranks(np.array([1.0]), np.zeros((1, 1), bool), "worst")


def test_a_tracker_without_value_has_no_rank_and_shares_none():
    found = shared_ranks(np.array([3.0, math.nan, 1.0]), np.zeros((3, 3), bool), "mean")
    assert np.isnan(found[1])
    assert list(found[[0, 2]]) == [1.5, 1.5]
    unshared = shared_ranks(np.array([3.0, math.nan, 1.0]), np.zeros((3, 3), bool), "none")
    assert unshared == pytest.approx([2, math.nan, 1], nan_ok=True)


@quick
@given(seeds, st.sampled_from(["best", "mean", "median"]))
def test_identical_trackers_share_a_rank(seed, sharing):
    lengths = [60, 70]
    runs = trackers(seed, 3, lengths)
    samples = [sample(one, everything(lengths)) for one in [*runs, runs[1]]]
    assume(np.sum(~np.isnan(samples[1].overlaps)) >= 25)
    found = rank(samples, everything(lengths), sharing=sharing)
    assert found.accuracy_rank[1] == found.accuracy_rank[3]
    assert found.robustness_rank[1] == found.robustness_rank[3]


def test_identical_trackers_differ_in_accuracy_below_25_common_frames():
    for frames, expected in ((24, True), (25, False)):
        one = of(np.linspace(0.2, 0.8, frames))
        assert different_accuracy(one, one) is expected
        assert different_robustness(one, one) is False


def test_only_common_frames_are_compared():
    whole = np.full(40, 0.9)
    for unknown, expected in ((16, True), (15, False)):  # 24 and 25 common frames, all equal
        partial = np.where(np.arange(40) < unknown, np.nan, 0.9)
        assert different_accuracy(of(whole), of(partial)) is expected
    worse_elsewhere = np.where(np.arange(40) < 10, 0.1, 0.9)
    assert not different_accuracy(of(np.where(np.arange(40) < 10, np.nan, 0.9)), of(worse_elsewhere))


@quick
@given(seeds, st.sampled_from(["tag", "sequence"]))
def test_one_repetition_filled_equals_fifteen_identical_ones(seed, selection):
    lengths = [40, 50]
    once = trackers(seed, 3, lengths)
    often = [[runs * 15 for runs in sequences] for sequences in once]
    truths = [truth(n, str(n), occlusion=np.arange(n) % 2 == 0) for n in lengths]
    analysis = ARRank(selection=selection)
    for one, other in zip(analysis.rankings(once, truths), analysis.rankings(often, truths), strict=True):
        for name in ("accuracy", "failures", "accuracy_rank", "robustness_rank"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True), name


def test_missing_repetitions_count_as_the_mean_of_the_others():
    codes = [np.full(30, REGION, np.int8) for _ in range(3)]
    codes[0][5] = codes[0][15] = codes[1][7] = FAILURE
    found = sample([[Run(np.full(30, 0.5), code) for code in codes]], everything([30]))
    assert found.failures.shape == (1, 15)
    assert found.failures[0, :3].tolist() == [2, 1, 0]
    assert set(found.failures[0, 3:]) == {1.0}
    assert found.failure_count == 1


def test_with_a_single_column_robustness_could_never_be_told_apart():
    """Why the repetitions are filled: in one sequence, 0 against 9 failures."""
    few, many = of([0.5] * 30, 0), of([0.5] * 30, 9)
    assert different_robustness(few, many)
    one_column = [replace(one, failures=one.failures[:, :1]) for one in (few, many)]
    assert not different_robustness(*one_column)


def test_the_analysis_fills_up_to_the_repetitions_asked_for():
    codes = np.full(40, REGION, np.int8)
    failing = codes.copy()
    failing[10:19] = FAILURE
    runs = [[[Run(np.full(40, 0.5), each)]] for each in (codes, failing)]
    for repetitions, ranks in ((15, [1, 2]), (1, [1, 1])):
        (found,) = ARRank(selection="sequence", repetitions=repetitions).rankings(runs, [truth(40)])
        assert list(found.robustness_rank) == ranks


def test_a_nan_p_value_is_not_different():
    assert different_robustness(of([0.5], 0), of([0.5], 0)) is False
    assert different_accuracy(of([0.5] * 30), of([0.5] * 30)) is False


def normal_p(difference):
    """MATLAB's signrank with the normal approximation, written out."""
    difference = difference[difference != 0]
    size = np.abs(difference)
    ranks = np.array([np.sum(size < one) + (np.sum(size == one) + 1) / 2 for one in size])
    ties = np.array([np.sum(size == one) for one in np.unique(size)])
    n = len(difference)
    variance = (n * (n + 1) * (2 * n + 1) - (ties**3 - ties).sum() / 2) / 24
    z = (ranks[difference > 0].sum() - n * (n + 1) / 4) / math.sqrt(variance)
    return math.erfc(abs(z) / math.sqrt(2))


@quick
@given(seeds, st.integers(1, 60), st.booleans())
def test_the_wilcoxon_test_is_the_asymptotic_one_at_every_n(seed, nonzero, coarse):
    rng = np.random.default_rng(seed)
    difference = np.zeros(max(25, nonzero))
    difference[:nonzero] = rng.normal(0.15, 0.3, nonzero)
    if coarse:
        difference = np.round(difference, 1)
    assume(difference.any())
    base = rng.uniform(1, 2, len(difference))
    found = base + difference - base
    p = normal_p(found)
    for alpha in (0.001, 0.05, 0.5):
        assume(abs(p - alpha) > 1e-9)
        assert different_accuracy(of(base + difference), of(base), alpha) == (p <= alpha)


def test_all_pairs_at_once_are_the_pairs_one_by_one():
    rng = np.random.default_rng(3)
    overlaps = np.clip(rng.normal(rng.uniform(0.5, 0.56, (9, 1)), 0.1, (9, 120)), 0, 1).round(2)
    overlaps[rng.random(overlaps.shape) < 0.1] = np.nan
    failures = [rng.poisson(rate, (3, 15)) for rate in rng.uniform(0.5, 1.5, 9)]
    differ, lose = accuracy_differs(overlaps), robustness_differs(failures)
    for i in range(9):
        for j in range(9):
            difference = (overlaps[i] - overlaps[j])[~np.isnan(overlaps[i] - overlaps[j])]
            same = not difference.any()
            p = 1 if same else wilcoxon(difference, correction=False, method="approx").pvalue
            assert differ[i, j] == (p <= 0.05), (i, j)
            p = mannwhitneyu(failures[i].ravel(), failures[j].ravel(), method="asymptotic").pvalue
            assert lose[i, j] == (p <= 0.05), (i, j)
    assert 0 < differ.sum() < 72
    assert 0 < lose.sum() < 72


def test_five_positive_differences_tell_the_asymptotic_test_from_the_exact_one():
    """W = 15 of 5 differences: p = 0.043 in the normal approximation, 0.0625 exactly."""
    difference = np.zeros(25)
    difference[:5] = 0.1, 0.2, 0.3, 0.4, 0.5
    assert normal_p(difference) == pytest.approx(0.0431, abs=1e-4)
    assert different_accuracy(of(0.4 + difference), of(np.full(25, 0.4)))


def rank_sum_p(x, y):
    """MATLAB's ranksum with the normal approximation, written out; not a number if all values are equal."""
    both = np.concatenate([x, y])
    ranks = np.array([np.sum(both < one) + (np.sum(both == one) + 1) / 2 for one in both])
    ties = np.array([np.sum(both == one) for one in np.unique(both)])
    nx, ny, n = len(x), len(y), len(both)
    distance = ranks[:nx].sum() - nx * (n + 1) / 2
    variance = nx * ny / 12 * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1)))
    if variance == 0:
        return math.nan
    z = (distance - 0.5 * np.sign(distance)) / math.sqrt(variance)
    return math.erfc(abs(z) / math.sqrt(2))


@quick
@given(seeds, st.integers(1, 4), st.floats(0, 2), st.floats(0, 2))
def test_the_robustness_test_is_the_asymptotic_one_with_ties_and_continuity(seed, sequences, rate, other_rate):
    rng = np.random.default_rng(seed)
    first, second = (Sample(np.full(30, 0.5), rng.poisson(mean, (sequences, 15))) for mean in (rate, other_rate))
    p = rank_sum_p(first.failures.ravel(), second.failures.ravel())
    for alpha in (0.001, 0.05, 0.5):
        assume(not abs(p - alpha) <= 1e-9)
        assert different_robustness(first, second, alpha) == different_robustness(second, first, alpha) == (p <= alpha)


@pytest.mark.parametrize(("size", "worst"), [(8, 4), (9, 6)])
def test_the_level_of_significance_in_accuracy_is_0_05(size, worst):
    """Differences 0.1, 0.2, ... of which one is negative: p = 0.04995 and 0.05061."""
    difference = np.concatenate([np.arange(1, size + 1) / 10, np.zeros(20)])
    difference[worst - 1] *= -1
    p = normal_p(difference)
    assert p == pytest.approx(0.05, abs=7e-4)
    assert different_accuracy(of(difference), of(np.zeros(len(difference)))) == (p <= 0.05)


@pytest.mark.parametrize(("ones", "other"), [(2, (6, 1)), (3, (6, 2))])
def test_the_level_of_significance_in_robustness_is_0_05(ones, other):
    """Fifteen repetitions with no, one or two failures: p = 0.0486 and 0.0505."""
    first, second = (np.repeat([0, 1, 2], [15 - one - two, one, two]) for one, two in ((ones, 0), other))
    p = rank_sum_p(first, second)
    assert p == pytest.approx(0.05, abs=2e-3)
    few, many = (Sample(np.full(30, 0.5), counts[None]) for counts in (first, second))
    assert different_robustness(few, many) == (p <= 0.05)


@pytest.mark.parametrize(("size", "worst", "ranks"), [(8, 4, [2, 1]), (9, 6, [1, 1])])
def test_the_level_of_significance_of_the_analysis_is_0_05(size, worst, ranks):
    difference = np.concatenate([np.zeros(10), np.arange(1, size + 1) / 20, np.zeros(20)])  # after the burn-in
    difference[10 + worst - 1] *= -1
    codes = np.full(len(difference), REGION, np.int8)
    codes[0] = INITIALIZATION
    runs = [[[Run(0.5 + offset, codes)]] for offset in (np.zeros(len(codes)), difference)]
    (found,) = ARRank(selection="sequence").rankings(runs, [truth(len(codes))])
    assert list(found.accuracy_rank) == ranks


def test_a_p_value_equal_to_the_level_is_significant():
    """Both p-values are exactly 1: as many signs up as down, and the same failures."""
    balanced = of(0.5 + np.tile([0.25, -0.25], 15))
    assert different_accuracy(balanced, of(np.full(30, 0.5)), alpha=1)
    one = Sample(np.full(30, 0.5), np.array([[0, 1] * 7]))
    assert different_robustness(one, one, alpha=1)


def test_practical_difference_worked_by_hand():
    """0.05 better on 30 frames: significant; within thresholds of 0.1 (0.5 of them), beyond those of 0.04 (1.25)."""
    better, worse = of(np.full(30, 0.65)), of(np.full(30, 0.6))
    assert different_accuracy(better, worse)
    assert not different_accuracy(better, worse, thresholds=np.full(30, 0.1))
    assert different_accuracy(better, worse, thresholds=np.full(30, 0.04))


def test_practical_difference_overrides_too_few_frames():
    better, worse = of(np.full(10, 0.65)), of(np.full(10, 0.6))
    assert different_accuracy(better, worse)
    assert not different_accuracy(better, worse, thresholds=np.full(10, 0.1))


def test_practical_difference_is_the_mean_of_ratios_over_common_frames():
    """Differences 0.5, thresholds 0.25 and 1: ratios 2 and 0.5, mean 1.25; by the mean threshold it would be 0.8."""
    better, worse = of(np.full(30, 0.75)), of(np.full(30, 0.25))
    thresholds = np.tile([0.25, 1], 15)
    assert different_accuracy(better, worse, thresholds=thresholds)
    assert different_accuracy(worse, better, thresholds=thresholds)
    unknown = of(np.where(np.arange(30) % 2 == 0, np.nan, 0.75))  # leaves the ratios of 0.5
    assert not different_accuracy(unknown, worse, thresholds=thresholds)


def test_a_difference_as_large_as_its_threshold_is_a_practical_one():
    better, worse = of(np.full(30, 0.75)), of(np.full(30, 0.25))
    assert different_accuracy(better, worse, thresholds=np.full(30, 0.5))


def test_trackers_without_a_common_frame_differ():
    first = of([0.5] * 30 + [np.nan] * 30)
    second = of([np.nan] * 30 + [0.5] * 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert different_accuracy(first, second, thresholds=np.full(60, 0.1)) is True


def test_a_single_common_frame_can_tell_that_the_difference_is_not_a_practical_one():
    assert not different_accuracy(of([0.65]), of([0.6]), thresholds=np.array([0.1]))


def differs_by_definition(first, second, thresholds, test):
    """A pair as each challenge's toolkit tests it, frame by frame, p by scipy."""
    common = [i for i in range(len(first)) if not math.isnan(first[i]) and not math.isnan(second[i])]
    difference = [first[i] - second[i] for i in common]
    if len(common) < (25 if test == "vot2015" else 5):
        different = test == "vot2015"
    elif any(difference):
        different = wilcoxon(difference, correction=False, method="approx").pvalue <= 0.05
    else:
        different = False
    if test == "vot2013" and common and sum(value == 0 for value in difference) / len(common) > 0.95:
        different = False
    if test != "vot2013" and thresholds is not None and common:
        ratios = [value / thresholds[i] for value, i in zip(difference, common, strict=True)]
        different = different and abs(sum(ratios) / len(ratios)) >= 1
    return different


@pytest.mark.parametrize("test", ["vot2013", "vot2014", "vot2015"])
@pytest.mark.parametrize("practical", [False, True])
def test_each_challenge_tests_accuracy_in_its_own_way(test, practical):
    rng = np.random.default_rng(11)
    outcomes = []
    for frames in (0, 3, 4, 5, 6, 24, 25, 26, 60, 300):
        overlaps = np.clip(rng.normal(rng.uniform(0.4, 0.6, (8, 1)), 0.05, (8, frames)), 0, 1)
        overlaps[1:4] = np.where(rng.random((3, frames)) < (0.04, 0.06, 0.3)[frames % 3], overlaps[:3], overlaps[0])
        overlaps[1:3, : frames // 30] += 0.1
        overlaps[rng.random(overlaps.shape) < 0.03] = np.nan
        thresholds = rng.uniform(0.02, 0.1, frames) if practical else None
        found = accuracy_differs(overlaps, 0.05, thresholds, test)
        expected = [[differs_by_definition(one, other, thresholds, test) for other in overlaps] for one in overlaps]
        np.fill_diagonal(expected := np.array(expected), False)
        assert (found == expected).all(), frames
        outcomes += expected.ravel().tolist()
    assert 0.1 < np.mean(outcomes) < 0.9


def test_too_few_common_frames_differ_in_vot2015_only():
    better, worse = (of(np.full(4, overlap)) for overlap in (0.9, 0.1))
    assert different_accuracy(better, worse)
    assert not any(different_accuracy(better, worse, test=test) for test in ("vot2013", "vot2014"))
    better, worse = (of(start + np.arange(5) * step) for start, step in ((0.5, 0.1), (0.1, 0.05)))
    assert all(different_accuracy(better, worse, test=test) for test in ("vot2013", "vot2014"))


@pytest.mark.parametrize(("unequal", "expected"), [(9, False), (10, True)])
def test_vot2013_asks_for_unequal_overlaps_on_five_percent_of_the_frames(unequal, expected):
    """9 and 10 of 200 frames, all better: p = 0.008 and 0.005."""
    better = of(0.5 + np.repeat([0, 0.1], [200 - unequal, unequal]))
    assert different_accuracy(better, of(np.full(200, 0.5)), test="vot2013") is expected
    assert different_accuracy(better, of(np.full(200, 0.5)), test="vot2014")


def test_the_analysis_tests_as_it_is_asked_to():
    runs, thresholds = [run_of(0.65, 50), run_of(0.6, 50)], [truth(50, practical=np.full(50, 0.1))]
    for tests, ranks in (("vot2013", [1, 2]), ("vot2014", [1, 1]), ("vot2015", [1, 1])):
        (found,) = ARRank(selection="sequence", tests=tests).rankings(runs, thresholds)
        assert list(found.accuracy_rank) == ranks
        assert found.practical is (tests != "vot2013")
    short, plain = [run_of(0.65, 30), run_of(0.6, 30)], [truth(30)]
    assert list(ARRank(selection="sequence").rankings(short, plain)[0].accuracy_rank) == [1, 2]
    few = [[[Run(one[0][0].overlaps[:14], one[0][0].codes[:14])]] for one in short]  # four after the burn-in
    for tests, ranks in (("vot2013", [1, 1]), ("vot2014", [1, 1]), ("vot2015", [1, 2])):
        (found,) = ARRank(selection="sequence", tests=tests).rankings(few, [truth(14)])
        assert list(found.accuracy_rank) == ranks
    with pytest.raises(ValueError, match="vot2012"):
        ARRank(tests="vot2012")


@pytest.mark.parametrize(("alpha", "ranks"), [(0.001, [1, 1]), (0.05, [1, 2])])
def test_the_level_of_significance_holds_for_both_tests(alpha, ranks):
    """p = 0.0022 in accuracy, 0.0013 in failures."""
    difference = np.concatenate([np.arange(1, 13) / 20, np.zeros(20)])
    better = Sample(0.2 + difference, np.repeat([0, 1], [12, 3])[None])
    worse = Sample(np.full(32, 0.2), np.repeat([0, 1], [3, 12])[None])
    found = rank([better, worse], everything([32]), alpha)
    assert list(found.accuracy_rank) == list(found.robustness_rank) == ranks


def test_the_best_rank_is_shared_if_nothing_else_is_asked_for():
    samples = [of(np.full(30, 0.5)), of(np.full(30, 0.5))]
    found = rank(samples, everything([30]))
    assert list(found.accuracy_rank) == list(found.robustness_rank) == [1, 1]


def run_of(overlap, frames):
    codes = np.full(frames, REGION, np.int8)
    codes[0] = INITIALIZATION
    return [[Run(np.where(codes == REGION, overlap, np.nan), codes)]]


def test_practical_thresholds_reach_the_ranks():
    runs = [run_of(0.65, 50), run_of(0.6, 50)]
    with_thresholds = [truth(50, practical=np.full(50, 0.1))]
    used = ARRank(selection="sequence").rankings(runs, with_thresholds)[0]
    ignored = ARRank(selection="sequence", practical=False).rankings(runs, with_thresholds)[0]
    assert list(used.accuracy_rank) == [1, 1]
    assert used.practical
    assert list(ignored.accuracy_rank) == [1, 2]
    assert not ignored.practical


def test_the_log_tells_when_practical_differences_were_asked_for_but_no_thresholds_are_there(caplog):
    runs = [run_of(0.65, 50), run_of(0.6, 50)]
    caplog.set_level("INFO")
    for practical, thresholds, told in ((True, None, True), (False, None, False), (True, np.full(50, 0.1), False)):
        caplog.clear()
        ARRank(selection="sequence", practical=practical).rankings(runs, [truth(50, practical=thresholds)])
        assert ("Ranks per sequence (shared: best): practical difference not used" in caplog.text) is told


def test_practical_thresholds_are_those_of_the_selected_frames():
    thresholds = np.arange(1.0, 11)
    both = [truth(10, "a", thresholds, occlusion=np.arange(10) > 6), truth(5, "b", np.full(5, 0.5))]
    selection = by_tag(both, ["occlusion"])[0]
    assert practical_thresholds(both, selection).tolist() == [8, 9, 10]
    one_lacks_them = [replace(both[0], practical=None), both[1]]
    assert practical_thresholds(one_lacks_them, selection) is None
    assert practical_thresholds(one_lacks_them, by_sequence(both)[1]).tolist() == [0.5] * 5
    with pytest.raises(ValueError, match="shorter"):
        practical_thresholds(both, by_tag(both[:1], ["occlusion"])[0])  # a selection of other sequences


def test_burn_in_counts_selected_frames():
    """An initialisation outside a tag masks nothing inside it; one inside masks ten *selected* frames."""
    codes = np.full(40, REGION, np.int8)
    codes[0] = codes[20] = INITIALIZATION
    runs = [[Run(np.where(codes == REGION, 0.5, np.nan), codes)]]
    outside = sample(runs, Selection("late", [np.arange(1, 15)]))
    assert np.isnan(outside.overlaps).sum() == 0
    every_other = sample(runs, Selection("even", [np.arange(0, 40, 2)]))
    assert np.flatnonzero(np.isnan(every_other.overlaps)).tolist() == list(range(20))
    assert every_other.accuracy == 0
    assert burn_in(codes, 10).sum() == 20


def test_the_first_ten_frames_do_not_count():
    """The initialisation and nine more have no overlap, the eleventh frame is the first that counts."""
    codes = np.full(30, REGION, np.int8)
    codes[0] = INITIALIZATION
    runs = [[[Run(np.where(np.arange(30) < counted, 0.0, 0.5), codes)]] for counted in (10, 11)]
    assert np.flatnonzero(np.isnan(sample(runs[0], everything([30])).overlaps)).tolist() == list(range(10))
    (found,) = ARRank(selection="sequence").rankings(runs, [truth(30)])
    assert found.accuracy == pytest.approx([0.5, 0.5 * 19 / 20])


def test_a_tag_without_frames_ranks_nobody():
    runs = [run_of(0.6, 30), run_of(0.5, 30)]
    found = {one.name: one for one in ARRank(tags=["occlusion", "empty"]).rankings(runs, [truth(30)])}
    assert np.isnan(found["occlusion"].accuracy_rank).all()
    assert np.isnan(found["occlusion"].failures).all()
    assert list(found["empty"].accuracy_rank) == list(found["all"].accuracy_rank)
    assert found["empty"].length == 30


def test_empty_is_the_frames_without_any_tag():
    one = truth(4, occlusion=np.array([1, 0, 0, 0], bool), other=np.array([0, 1, 0, 0], bool))
    assert one.frames("empty").tolist() == [2, 3]
    assert one.frames("all").tolist() == [0, 1, 2, 3]
    assert one.frames("occlusion").tolist() == [0]
    assert one.frames("illum_change").tolist() == []


def test_a_misspelt_option_is_refused():
    with pytest.raises(Exception, match="expected one of best, mean, median, none, got 'bset'"):
        ARRank(sharing="bset")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Experiment, trackers (Near, Far, Wide) and sequences of a workspace; one of the sequences is called all."""
    folder = tmp_path_factory.mktemp("ranking") / "workspace"
    workspace = load_workspace(write_workspace(folder, {"all": 40, "second": 30}))
    experiment = workspace.stack.experiments["baseline"]
    return experiment, workspace.registry.resolve("Near", "Far", "Wide"), list(workspace.dataset)


@pytest.mark.parametrize("selection", ["tag", "sequence"])
def test_the_rows_are_the_means_over_selections_with_the_figures_of_each(small, selection):
    experiment, trackers, sequences = small
    analysis = ARRank(selection=selection, sharing="mean")
    truths = [annotations_of(sequence) for sequence in sequences]
    rankings = {one.name: one for one in analysis.rankings(load(*small), truths)}
    averaged = {"tag": TAGS, "sequence": ["all", "second"]}[selection]
    rows = analysis.rows(experiment, trackers, sequences)
    assert len(rows) == 3
    assert len({row[0] for row in rows}) > 1
    for index, (accuracy, robustness, point, details) in enumerate(rows):
        assert accuracy == pytest.approx(np.nanmean([rankings[name].accuracy_rank[index] for name in averaged]))
        assert robustness == pytest.approx(np.nanmean([rankings[name].robustness_rank[index] for name in averaged]))
        assert point == (robustness, accuracy)
        assert set(details) == {"all", *averaged}
        for name, found in details.items():
            expected = rankings[name]
            assert found == {
                "frames": expected.length,
                "A": pytest.approx(expected.accuracy[index]) if expected.length else None,
                "failures": pytest.approx(expected.failures[index]) if expected.length else None,
                "Ar": pytest.approx(expected.accuracy_rank[index]) if expected.length else None,
                "Rr": pytest.approx(expected.robustness_rank[index]) if expected.length else None,
                "practical difference": "not used",
            }


def test_the_rows_of_a_small_workspace_by_hand(small):
    """Far fails once a sequence, in frame 15, Wide in frame 20 of each; occlusion is frames 12 to 29 of the first."""
    near, far, wide = (row[-1] for row in ARRank().rows(*small))
    assert [one["all"]["failures"] for one in (near, far, wide)] == [0, 2, 2]
    assert [one["occlusion"]["failures"] for one in (near, far, wide)] == [0, 1, 1]
    assert [one["all"]["Rr"] for one in (near, far, wide)] == [1, 2, 2]
    assert (near["all"]["frames"], near["occlusion"]["frames"], near["empty"]["frames"]) == (70, 18, 52)
    by_tag = {tag: one["Ar"] for tag, one in near.items()}
    assert by_tag["illum_change"] is None
    assert by_tag["occlusion"] == by_tag["empty"] == 1


def test_the_rows_say_where_practical_differences_were_used(tmp_path):
    workspace = write_workspace(tmp_path / "workspace")
    (workspace / "sequences" / "first" / "practical.value").write_text("9\n" * 40)
    loaded = load_workspace(workspace)
    experiment = loaded.stack.experiments["baseline"]
    rows = ARRank(selection="sequence").rows(experiment, loaded.registry.resolve("Near", "Far"), list(loaded.dataset))
    assert [row[-1]["first"]["Ar"] for row in rows] == [1, 1]
    assert [row[-1]["second"]["Ar"] for row in rows] == [1, 2]
    used = {name: details["practical difference"] for name, details in rows[0][-1].items()}
    assert used == {"first": "used", "second": "not used"}


def test_ranks_over_tags_that_no_frame_carries_are_missing(small):
    for accuracy, robustness, point, details in ARRank(tags=["illum_change"]).rows(*small):
        assert accuracy is None
        assert robustness is None
        assert np.isnan(point).all()
        assert details["all"]["Ar"] is not None


def test_the_columns_that_the_toolkit_shows():
    accuracy, robustness, plot, details = ARRank(selection="sequence").describe()
    assert [(one.name, one.abbreviation) for one in (accuracy, robustness)] == [
        ("Accuracy rank", "Ar"),
        ("Robustness rank", "Rr"),
    ]
    for one in (accuracy, robustness):
        assert (one.minimal, one.maximal, one.direction) == (1, None, Sorting.ASCENDING)
    assert (plot.name, plot.abbreviation, plot.dimensions) == ("A-R rank plot per sequence", "ArRr", 2)
    assert ([plot.label(axis) for axis in (0, 1)], plot.trait) == (["Robustness rank", "Accuracy rank"], "ar")
    assert {bound(axis) for bound in (plot.minimal, plot.maximal) for axis in (0, 1)} == {None}
    assert details is None


def test_the_tag_table_has_a_column_a_tag_and_quantity(small):
    options = {"tags": ["occlusion", "empty"], "sharing": "mean"}
    table = TagTable(**options)
    details = [row[-1] for row in ARRank(**options).rows(*small)]
    cells = [(key, tag) for key in ("A", "failures", "Ar", "Rr") for tag in ("occlusion", "empty", "all")]
    assert table.rows(*small) == [tuple(one[tag][key] for key, tag in cells) for one in details]
    columns, names = table.describe(), [f"{key} {tag}" for key, tag in cells]
    assert [one.name for one in columns] == names
    assert [one.abbreviation for one in columns] == names
    directions = {"A": Sorting.DESCENDING} | dict.fromkeys(("failures", "Ar", "Rr"), Sorting.ASCENDING)
    assert [one.direction for one in columns] == [directions[key] for key, _ in cells]
    assert {(one.minimal, one.maximal) for one in columns} == {(0, None)}


def test_titles_tell_what_is_ranked_and_how():
    assert ARRank(selection="sequence", sharing="mean").title == "Ranks per sequence (shared: mean)"
    assert TagTable().title == "Per tag (shared: best)"
