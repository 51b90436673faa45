"""EAO: against the definition written out in MATLAB's terms, and cases worked by hand."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from vot.analysis import Sorting
from vot.region import Rectangle

from tests.helpers.small import STACK, random_run, run_lines, write_run, write_workspace
from tracker.core.errors import DamagedFile
from tracker.vot.expected_overlap import ExpectedOverlap, ExpectedOverlapCurve, curve, fragments, interval_of, score
from tracker.vot.results.annotations import TAGS, Annotations, annotations_of
from tracker.vot.results.raw import FAILURE, INITIALIZATION, UNKNOWN
from tracker.vot.results.runs import REGION, Run, load
from tracker.vot.workspace import load_workspace

quick = settings(max_examples=40, deadline=None)


def run(text):
    """Letters: i initialisation, f failure, u unknown, digits: tenths of overlap."""
    codes = {"i": INITIALIZATION, "f": FAILURE, "u": UNKNOWN}
    return Run(
        np.array([math.nan if letter in codes else int(letter) / 10 for letter in text]),
        np.array([codes.get(letter, REGION) for letter in text], np.int8),
    )


def by_definition(runs, tagged=None):
    """The protocol's description, fragment by fragment and length by length, with frames counted from 1."""
    longest = max(len(one.codes) for repeated in runs for one in repeated)
    pieces = []
    for sequence, repeated in enumerate(runs):
        for one in repeated:
            n = len(one.codes)
            o = {t: one.overlaps[t - 1] for t in range(1, n + 1)}
            failures = [t for t in range(1, n + 1) if one.codes[t - 1] == FAILURE]
            starts = [1] + [t + 5 for t in failures if t + 5 <= n]
            for index, start in enumerate(starts):
                last = index + 1 == len(starts)
                end = n if last else starts[index + 1]
                piece = {t - start + 1: o[t] for t in range(start, end + 1)}
                if failures:
                    piece = {t: 0 if math.isnan(value) else value for t, value in piece.items()}
                if not last:
                    piece |= {t: 0 for t in range(end - start + 2, longest + 1)}
                weight = 1 / len(repeated)
                if tagged is not None:
                    frames = [tagged[sequence][t - 1] for t in range(start, end + 1)]
                    weight *= sum(frames) / len(frames)
                pieces.append((weight, piece))
    values = [1.0]
    for length in range(2, longest + 1):
        long_enough = [(weight, piece) for weight, piece in pieces if not math.isnan(piece.get(length, math.nan))]
        total = sum(weight for weight, _ in long_enough)
        mean = [weight * sum(piece[t] for t in range(2, length + 1)) / (length - 1) for weight, piece in long_enough]
        values.append(sum(mean) / total if total else math.nan)
    return np.array(values)


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(0, 6), st.booleans())
def test_the_curve_is_the_definition_written_out(seed, repetitions, failures, with_tags):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 40, 3)
    runs = [[random_run(rng, n, failures) for _ in range(repetitions if n % 2 else 1)] for n in lengths]
    for one in (one for repeated in runs for one in repeated if rng.random() < 0.3):
        holes = (rng.random(len(one.codes)) < 0.05) & (one.codes == REGION)
        one.codes[holes], one.overlaps[holes] = UNKNOWN, math.nan
    tagged = [rng.random(n) < 0.3 for n in lengths] if with_tags else None
    assert curve(runs, tagged=tagged) == pytest.approx(by_definition(runs, tagged), nan_ok=True)


def test_a_run_without_failure_worked_by_hand():
    """The first frame is never used; lengths 2 and 3 average one and two frames."""
    assert curve([[run("i48")]]) == pytest.approx([1, 0.4, 0.6])


def test_an_unknown_frame_of_a_run_without_failure_stays_unknown():
    """That length is taken from the other run; means over the frame do not exist."""
    assert curve([[run("i4u8")], [run("i666")]]) == pytest.approx([1, 0.5, 0.6, math.nan], nan_ok=True)
    assert curve([[run("i4u8fuuuui")]])[1:4] == pytest.approx([0.4, 0.2, 0.4])  # with a failure it counts as 0


def test_a_failure_continues_with_zeros_and_starts_again_five_frames_later():
    one = run("i6fuuuui8")
    assert list(fragments(one)) == [(0, 7, True), (7, 8, False)]
    assert curve([[one]]) == pytest.approx([1, (0.6 + 0.8) / 2, *(0.6 / length for length in range(2, 9))])


def test_a_failure_in_the_last_five_frames_does_not_continue_with_zeros():
    long = run("i555555555555")
    late, early = run("i5555fuuuu"), run("i5555fuuuui")
    assert list(fragments(late)) == [(0, 9, False)]
    assert curve([[late], [long]])[10] == pytest.approx(0.5)  # the late one has ended: the long one alone
    assert curve([[early], [long]])[11] == pytest.approx((0.5 * 4 / 11 + 0.5) / 2)


def test_the_next_piece_begins_where_the_experiment_starts_again():
    one = run("i6fi8")
    assert list(fragments(one, skip=1)) == [(0, 3, True), (3, 4, False)]
    assert curve([[one]], skip=1)[1] == pytest.approx((0.6 + 0.8) / 2)
    assert curve([[one]])[1] == pytest.approx(0.6)


def test_a_sequence_weighs_the_same_however_often_it_was_run():
    one, other = run("i999999"), run("i333333")
    assert curve([[one], [other]]) == pytest.approx(curve([[one], [other] * 15]))


def test_a_fragment_weighs_as_much_as_its_share_of_tagged_frames():
    one, other = run("i999"), run("i333")
    tagged = [np.array([1, 1, 0, 0], bool), np.array([0, 0, 0, 1], bool)]
    assert curve([[one], [other]], tagged=tagged)[1:] == pytest.approx([(2 * 0.9 + 0.3) / 3] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a tag that nobody carries is nothing to worry about
        nothing = curve([[one]], tagged=[np.zeros(4, bool)])
        assert np.isnan(nothing[1:]).all()
        assert math.isnan(score(nothing, (2, 4)))


def test_the_score_includes_both_ends_and_skips_what_is_missing():
    values = np.array([1.0, 0.8, 0.6, 0.4, math.nan])
    assert score(values, (2, 3)) == pytest.approx(0.7)
    assert score(values, (4, 5)) == pytest.approx(0.4)
    assert score(values, (3, 99)) == pytest.approx(0.5)


@quick
@given(st.lists(st.integers(20, 400), min_size=2, max_size=60))
def test_the_interval_holds_half_of_the_density_and_lies_within_the_lengths(lengths):
    low, high = interval_of(lengths)
    assert 1 <= low <= high <= max(lengths)
    assert interval_of(list(reversed(lengths))) == (low, high)
    assert interval_of(lengths, mass=0.2)[1] - interval_of(lengths, mass=0.2)[0] <= high - low


def interval_by_definition(lengths, mass):
    """The protocol's description of the interval, sum by sum, with lengths counted from 1."""
    n = len(lengths)
    mean = sum(lengths) / n
    variance = sum(x * x for x in lengths) / n - mean**2
    z = [(x - mean) / math.sqrt(variance) for x in lengths]
    a = 1 / (4 / (3 * n)) ** (2 / 5)
    roughness = 0
    for zi in z:
        for zj in z:
            m = a * (zi - zj) ** 2
            term = 2 * a**2 * (1 - 2 * m) + (1 - m) ** 2 * a**2
            roughness += math.sqrt(a / (2 * math.pi)) * math.exp(-m / 2) * term / n**2
    kernel = (1 / (n * math.sqrt(4 * math.pi) * roughness)) ** (2 / 5) * variance
    p = {t: sum(math.exp(-((t - x) ** 2) / (2 * kernel)) for x in lengths) for t in range(1, max(lengths) + 1)}
    total = sum(p.values())
    low = high = max(p, key=p.get)
    assume(all(t == low or p[t] < (1 - 1e-9) * p[low] for t in p))  # rounding decides between equals
    while (held := sum(p[t] for t in range(low, high + 1))) < mass * total:
        left, right = p.get(low - 1, 0), p.get(high + 1, 0)
        assume(abs(left - right) > 1e-9 * (left + right))
        low, high = (low - 1, high) if left > right else (low, high + 1)
    assume(held > (mass + 1e-9) * total)
    return low, high


@quick
@given(st.lists(st.integers(20, 120), min_size=2, max_size=25).filter(lambda x: len(set(x)) > 1), st.floats(0.1, 0.9))
@example([1, 2, 3, 90], 0.5)  # the interval reaches the shortest possible length
@example([1, 40, 41, 42], 0.5)  # and the longest one
def test_the_interval_is_the_definition_written_out(lengths, mass):
    assert interval_of(lengths, mass) == interval_by_definition(lengths, mass)


def test_sequences_of_one_length_make_an_interval_of_it():
    assert interval_of([77] * 9) == (77, 77)


def test_the_interval_of_two_far_groups_lies_around_the_larger():
    low, high = interval_of([50] * 20 + [52] * 20 + [900] * 5)
    assert low <= 51 <= high < 900


def truth(frames):
    return Annotations("sequence", (Rectangle(0, 0, 9, 9),) * frames, (50, 50), {}, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"low": 5}, "both low <= high or neither, got low=5, high=None"), ({"low": 9, "high": 5}, "low=9, high=5")],
)
def test_half_an_interval_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ExpectedOverlap(**options).interval([truth(60)])


def test_an_interval_beyond_the_sequences_is_refused():
    message = (
        "low=108, but the longest sequence has 60 frames: leave low and high out of the stack "
        "to have the interval estimated"
    )
    with pytest.raises(ValueError, match=message):
        ExpectedOverlap(low=108, high=371).interval([truth(60)])


@pytest.mark.parametrize(("low", "high"), [(7, 7), (60, 60), (5, 371)])
def test_an_interval_that_reaches_the_sequences_is_kept(low, high):
    assert ExpectedOverlap(low=low, high=high).interval([truth(30), truth(60)]) == (low, high)


def test_the_interval_is_estimated_when_not_given():
    assert ExpectedOverlap().interval([truth(60), truth(60)]) == (60, 60)


@pytest.fixture(scope="module", params=[5, 3])
def small(tmp_path_factory, request):
    """Experiment, trackers (Near, Far, Wide) and sequences; frames to the next initialisation: 5 and 3."""
    folder = tmp_path_factory.mktemp("overlap") / "workspace"
    stack = STACK.replace("skip_initialize: 5", f"skip_initialize: {request.param}")
    workspace = load_workspace(write_workspace(folder, stack=stack))
    experiment = workspace.stack.experiments["baseline"]
    assert experiment.skip_initialize == request.param
    return experiment, workspace.registry.resolve("Near", "Far", "Wide"), list(workspace.dataset)


def test_rows_have_the_score_over_all_frames_and_per_tag(small):
    experiment, trackers, sequences = small
    truths = [annotations_of(sequence) for sequence in sequences]
    interval = interval_of([40, 30])
    occluded = [np.isin(np.arange(len(one)), one.frames("occlusion")) for one in truths]
    assert [mask.sum() for mask in occluded] == [18, 0]
    rows = ExpectedOverlap().rows(experiment, trackers, sequences)
    assert len({row[0] for row in rows}) == 3
    for runs, (overall, details) in zip(load(*small), rows, strict=True):
        assert overall == pytest.approx(score(curve(runs, experiment.skip_initialize), interval))
        assert (details["low"], details["high"]) == interval
        per_tag = details["EAO per tag"]
        assert set(details) == {"low", "high", "EAO per tag"}
        assert set(per_tag) == set(TAGS)
        expected = score(curve(runs, experiment.skip_initialize, occluded), interval)
        assert per_tag["occlusion"] == pytest.approx(expected)
        assert per_tag["illum_change"] is None


def test_a_given_interval_reaches_the_rows(small):
    experiment = small[0]
    options = {"low": 5, "high": 12}
    scores, curves = ExpectedOverlap(**options).rows(*small), ExpectedOverlapCurve(**options).rows(*small)
    for runs, (overall, details), (values, interval) in zip(load(*small), scores, curves, strict=True):
        expected = curve(runs, experiment.skip_initialize)
        assert overall == pytest.approx(score(expected, (5, 12)))
        assert values == pytest.approx(expected.tolist())
        assert len(values) == 40
        assert interval == options
        assert {key: details[key] for key in options} == options


def test_a_length_that_no_fragment_reaches_has_no_value_in_the_curve(tmp_path):
    workspace = write_workspace(tmp_path / "workspace", {"first": 40})
    lines = [*run_lines(40)[:20], *["0"] * 20]
    write_run(workspace / "results" / "Near" / "baseline", "first", lines)
    loaded = load_workspace(workspace)
    experiment = loaded.stack.experiments["baseline"]
    ((values, _),) = ExpectedOverlapCurve().rows(experiment, loaded.registry.resolve("Near"), list(loaded.dataset))
    assert values[20:] == [None] * 20
    assert None not in values[:20]


def test_damaged_results_and_unfit_intervals_are_found_by_the_check(small, tmp_path):
    experiment, trackers, sequences = small
    ExpectedOverlap().check(experiment, trackers, sequences)
    with pytest.raises(ValueError, match="low=41, but the longest sequence has 40 frames"):
        ExpectedOverlap(low=41, high=50).check(experiment, trackers, sequences)
    workspace = write_workspace(tmp_path / "workspace")
    write_run(workspace / "results" / "Far" / "baseline", "first", run_lines(36))
    loaded = load_workspace(workspace)
    with pytest.raises(DamagedFile, match="36 regions, but the sequence has 40 frames"):
        ExpectedOverlap().check(
            loaded.stack.experiments["baseline"], loaded.registry.resolve("Far"), list(loaded.dataset)
        )


def test_the_columns_that_the_toolkit_shows():
    measure, details = ExpectedOverlap().describe()
    assert (measure.name, measure.abbreviation) == ("Expected average overlap (MATLAB definition)", "EAO")
    assert (measure.minimal, measure.maximal, measure.direction) == (0, 1, Sorting.DESCENDING)
    plot, interval = ExpectedOverlapCurve().describe()
    assert (plot.name, plot.abbreviation, plot.wrt) == ("Expected overlap", "EAO", "Sequence length")
    assert (plot.minimal, plot.maximal, plot.trait) == (0, 1, "eao")
    assert details is None
    assert interval is None
