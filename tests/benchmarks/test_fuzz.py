"""A small run of benchmarks/fuzz.py, and its judgement: what it calls broken."""

import random

import pytest

from benchmarks import fuzz

pytestmark = pytest.mark.slow

START = fuzz.INITIALIZE + fuzz.target()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    chosen = tmp_path_factory.mktemp("dialogues")
    fuzz.prepare(chosen)
    return chosen


@pytest.fixture
def hold(folder, tmp_path):
    return lambda dialogue: fuzz.hold(dialogue, folder, tmp_path / "log")


@pytest.mark.parametrize("make", [maker for maker, weight in fuzz.KINDS if weight])
def test_drawn_dialogues_keep_the_promises(hold, make):
    for seed in range(3):
        dialogue = make(random.Random(seed))
        outcome = hold(dialogue)
        assert not fuzz.broken(dialogue, outcome), (seed, dialogue.script[-300:], outcome.log)


@pytest.mark.parametrize(
    ("begin", "filling", "reason"),
    [
        pytest.param(START + b'@@TRAX:frame "', b"x", "a request of more than 256 MiB", id="line"),
        pytest.param(fuzz.INITIALIZE, fuzz.target(), "more than 1000 objects", id="objects"),
    ],
)
def test_a_request_without_end_is_refused_in_bounded_memory(hold, begin, filling, reason):
    dialogue = fuzz.Dialogue("endless", begin, orderly=False, endless=filling * ((1 << 20) // len(filling)))
    outcome = hold(dialogue)
    assert not fuzz.broken(dialogue, outcome)
    assert reason in outcome.log and reason in outcome.refusal.decode() and 20 << 20 < outcome.memory < 600 << 20


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(fuzz.INITIALIZE + fuzz.target(b"") + fuzz.frame(), "an empty region", id="empty-region"),
        pytest.param(
            fuzz.INITIALIZE + fuzz.target(b"mask:1,1,1e999,-7,8") + fuzz.frame(), "a mask that is not x,y", id="mask"
        ),
        pytest.param(START + fuzz.frame(b"file://a.png\0.jpg"), "embedded null", id="zero"),
        pytest.param(START + b"@@TRAX:frame \n", "@@TRAX:frame '", id="libtrax-counts-wrong"),
        pytest.param(START + fuzz.frame(b"file://fifo.png"), "is a pipe, socket or device", id="pipe"),
        pytest.param(START + fuzz.frame(b"file:///dev/zero"), "is a pipe, socket or device", id="device"),
        pytest.param(START + fuzz.frame(b"file://bomb.png"), "says it has", id="bomb"),
        pytest.param(START + fuzz.frame(b"file://dangling.png"), "No such file", id="dangling"),
    ],
)
def test_the_client_and_the_log_are_told_why(hold, script, reason):
    outcome = hold(fuzz.Dialogue("refused", script, orderly=False, replies=1))
    assert outcome.code == 1 and reason in outcome.refusal.decode() and reason in outcome.log


def test_quitting_inside_a_request_is_not_orderly(hold):
    outcome = hold(fuzz.Dialogue("quit", START + fuzz.QUIT))
    assert outcome.code == 1 and "the client quit inside a request" in outcome.log


def test_what_was_sent_before_both_ends_close_counts(hold):
    outcome = hold(fuzz.Dialogue("cut", START + fuzz.frame() * 9, leaves="both"))
    assert outcome.code == 1


GOOD = fuzz.Outcome(0, b"@@TRAX:hello \n@@TRAX:state \n", "", 1)
REFUSED = "tracker.core.errors.InvalidValue: no\ncannot go on"
BAD = fuzz.Outcome(1, b'@@TRAX:quit "trax.reason=InvalidValue: no" \n', REFUSED, 1)


@pytest.mark.parametrize(
    ("script", "orderly", "outcome", "problem"),
    [
        (START + fuzz.frame(), None, fuzz.Outcome(None, b"", "", 0), "left after 5 s"),
        (START + fuzz.frame(), None, fuzz.Outcome(-11, b"", "cannot go on", 0), "crashed with signal 11"),
        (START + fuzz.frame(), None, fuzz.Outcome(1, b"", "KeyError: 1\ncannot go on", 0), "a bug: KeyError"),
        (START + fuzz.frame(), None, fuzz.Outcome(1, b"", "", 0), "no reason in the log"),
        (START + fuzz.frame(), None, fuzz.Outcome(0, GOOD.output, "", 1 << 31), "2048 MiB resident"),
        (START + fuzz.frame(), True, BAD, "a legal dialogue refused"),
        (START + fuzz.frame() * 2, None, GOOD, "exit code 0 by mistake"),
        (START, None, GOOD, "exit code 0 by mistake"),
        (START + fuzz.frame() + b"@", None, GOOD, "exit code 0 by mistake"),
        (START + fuzz.frame(), False, GOOD, "exit code 0 by mistake"),
        (START + fuzz.frame(), True, GOOD, None),
        (START + fuzz.frame() + fuzz.QUIT + b"@", None, GOOD, None),
        (b"x\n", None, BAD, None),
    ],
)
def test_what_is_called_broken(script, orderly, outcome, problem):
    found = fuzz.broken(fuzz.Dialogue("any", script, orderly=orderly), outcome)
    assert len(found) == (problem is not None) and all(problem in one for one in found)


def test_a_seed_tells_the_dialogue():
    assert [fuzz.draw(1, number) for number in range(20)] == [fuzz.draw(1, number) for number in range(20)]
    assert fuzz.draw(1, 0) != fuzz.draw(2, 0)
    cuts = fuzz.cuts()
    longest = max(len(one.script) for one in cuts)
    assert len({(one.leaves, one.script) for one in cuts}) == len(cuts) == 3 * (1 + longest)
