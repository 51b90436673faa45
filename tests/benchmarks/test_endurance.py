import math

import pytest

from benchmarks import endurance
from benchmarks.endurance import Loop, Promise, Run, chain_promises, frame_promises, growth
from benchmarks.toolkits import largest_difference, leaves


def test_a_loop_goes_there_and_back_without_a_jump():
    loop = Loop([str(index) for index in range(4)], [None] * 4)
    indices = [loop.index(frame) for frame in range(13)]
    assert indices == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0]


def long_run(leak: float = 0.0, faults: int = 0, slow: float = 1.0) -> Run:
    """3000 frames; ``leak`` MB a frame, every twentieth one with a disturbance."""
    memory = [500 + leak * frame + 200 * (frame % 20 == 0) for frame in range(3000)]
    return Run(seconds=[0.02 * slow] * 3000, memory=memory, faults=faults)


@pytest.mark.parametrize(
    ("run", "broken"),
    [
        (long_run(), []),
        (long_run(leak=0.02), ["growth"]),
        (long_run(leak=0.4), ["largest", "growth"]),
        (long_run(slow=1.2), ["time"]),
        (long_run(faults=1), ["faults"]),
    ],
)
def test_each_broken_bound_is_seen(run, broken):
    promises = frame_promises(run, run, long_run())
    found = [promise.what for promise in promises if not promise.kept]
    assert len(found) == len(broken)
    assert all(word in what for word, what in zip(broken, found, strict=True))


def test_growth_is_that_of_medians():
    assert growth([9.0] * 10 + [1, 1, 50, 2, 2, 2], 10, 3) == 1.0
    assert [promise.kept for promise in chain_promises([500 + 0.6 * number for number in range(200)])] == [True, False]


def test_a_broken_promise_says_so():
    assert Promise("memory", 12.34, 10.0, "MB", 1).row() == ["memory", "12.3 MB", "10.0 MB", "BROKEN"]


def test_the_exit_code_is_1_if_a_promise_is_broken(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(endurance, "find_sequences", lambda *_: [None])
    monkeypatch.setattr(endurance, "frames_of", lambda *_: ([], []))
    for bound, code in ((1.0, 1), (2.0, 0)):
        part = {"chain": lambda *_, bound=bound: ([Promise("memory", 2.0, bound, "MB")], "note")}
        monkeypatch.setattr(endurance, "PARTS", part)
        assert endurance.main(["--sequences", str(tmp_path), "--parts", "chain"]) == code
        assert ("BROKEN" in capsys.readouterr().out) == (code == 1)


def test_the_picture_is_drawn(tmp_path):
    endurance.draw(tmp_path / "made" / "curves.png", long_run())
    assert (tmp_path / "made" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_differences_of_two_releases_are_found():
    ours = {"a": [1.0, math.nan], "b": [2.0]}
    assert largest_difference(ours, {"a": [1.0, math.nan], "b": [2.0]}) == 0
    assert largest_difference(ours, {"a": [1.0, math.nan], "b": [2.25]}) == 0.25
    assert largest_difference(ours, {"a": [1.0], "b": [2.0]}) == math.inf
    assert largest_difference(ours, {"a": [1.0, math.nan]}) == math.inf
    assert largest_difference(ours, {"a": [1.0, 3.0], "b": [2.0]}) == math.inf
    assert dict(leaves({"x": [1, {"y": 2.5}], "z": "text", "w": True}, "")) == {"/x/0": 1.0, "/x/1/y": 2.5}
