"""Trackers of other interfaces: what becomes a tracker, what its answers mean, what is refused."""

from __future__ import annotations

import sys
import threading
import types

import cv2
import numpy as np
import pytest

from tests.helpers import scenes
from tracker import Result, adapters, catalog
from tracker.baselines import MIL, OpenCV
from tracker.core.paths import PROJECT

EXAMPLES = PROJECT / "examples"
BOX = np.array([10.0, 30.0, 24.0, 24.0])


class Own:
    """Answers whatever it is told to."""

    def __init__(self, answer=None):
        self.answer, self.images = answer, []

    def init(self, image, box):
        self.box = box
        box[0] = 99  # its own business

    def update(self, image):
        self.images.append(image)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def following(answer):
    tracker = adapters.adapt(Own(answer))
    tracker.init(scenes.frames(1)[0], BOX)
    return tracker.update(scenes.frames(1)[0])


@pytest.mark.parametrize(
    ("answer", "box", "score", "lost"),
    [
        pytest.param([1, 2, 3, 4], [1, 2, 3, 4], 1, False, id="list"),
        pytest.param((np.array([1, 2, 3, 4.5]), 0.25), [1, 2, 3, 4.5], 0.25, False, id="box-and-score"),
        pytest.param([[1, 2], [4, 2], [4, 6], [1, 6]], [1, 2, 3, 4], 1, False, id="corners"),
        pytest.param(None, BOX.tolist(), -1, True, id="lost"),
        pytest.param(Result(np.array([5.0, 6, 7, 8]), 3.0, False), [5, 6, 7, 8], 3, False, id="result"),
    ],
)
def test_what_an_answer_means(answer, box, score, lost):
    result = following(answer)
    assert result.box.tolist() == pytest.approx(box)
    assert (result.score, result.lost) == (score, lost)
    assert (result.polygon is not None) == (isinstance(answer, list) and len(np.ravel(answer)) == 8)


@pytest.mark.parametrize("answer", ["box", [1, 2, 3], [np.nan] * 4, ([1, 2, 3, 4], "high"), {"box": 1}, True])
def test_what_is_no_box_is_refused(answer):
    with pytest.raises(adapters.AdapterError, match=r"Own\.update returned .* return x, y, w, h"):
        following(answer)


def test_an_error_of_its_own_is_told_with_its_cause():
    with pytest.raises(adapters.AdapterError, match=r"Own\.update: ValueError: broken") as caught:
        following(ValueError("broken"))
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("given", [Own, Own(), lambda: Own()], ids=["class", "object", "function"])
def test_another_object_gets_a_tracker_of_its_own(given):
    first = adapters.adapt(given)
    second = first.fork()
    for tracker, shift in ((first, 0.0), (second, 5.0)):
        tracker.init(scenes.frames(1)[0], BOX + shift)
    assert first.update(scenes.frames(1)[0]).box.tolist() == BOX.tolist()
    assert second.update(scenes.frames(1)[0]).box.tolist() == (BOX + 5.0).tolist()


def test_an_object_that_cannot_be_copied_serves_one_target():
    own = Own([1, 2, 3, 4])
    own.lock = threading.Lock()
    tracker = adapters.adapt(own)
    tracker.init(scenes.frames(1)[0], BOX)
    with pytest.raises(adapters.AdapterError, match=r"another Own, which cannot be copied .*: give its class"):
        tracker.fork()


def test_what_is_no_tracker_is_refused():
    for given in (3, object(), dict, "own_tracker:Own"):
        with pytest.raises(TypeError, match="is no tracker: it has no init"):
            adapters.adapt(given)
    with pytest.raises(TypeError, match="made already"):
        adapters.adapt(Own(), {"answer": 1})
    with pytest.raises(adapters.AdapterError, match=r"Broken could not be made: KeyError: 'weights'"):
        adapters.adapt(Broken)


class Broken(Own):
    def __init__(self):
        raise KeyError("weights")


def test_one_class_for_every_tracker_of_opencv():
    named = adapters.adapt(cv2.TrackerMIL)
    made = adapters.adapt(lambda: cv2.TrackerMIL.create())
    assert type(named) is MIL
    assert type(made) is OpenCV
    assert type(catalog.create("cv2:TrackerMIL", threads=1)) is MIL
    images = scenes.frames(4)
    for tracker in (named, made):
        tracker.init(images[0], BOX)
        for image in images[1:]:
            result = tracker.update(image)
            assert result.box[2:].tolist() == BOX[2:].tolist(), "where it looks is chance"
            assert not result.lost
    with pytest.raises(ValueError, match="Vit cannot be made without more, such as files: give a function"):
        catalog.create("cv2:TrackerVit")
    with pytest.raises(TypeError, match="starts once only: give its class"):
        adapters.adapt(cv2.TrackerMIL.create())


def test_a_class_by_its_name(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    tracker = catalog.create("own_tracker:Still", drift=2.0)
    tracker.init(scenes.frames(1)[0], BOX)
    assert tracker.update(scenes.frames(1)[0]).box.tolist() == [12, 30, 24, 24]
    assert catalog.options("own_tracker:Still") == {"drift": float}
    with pytest.raises(ValueError, match="own_tracker has no Stil; did you mean 'Still'"):
        catalog.create("own_tracker:Stil")
    with pytest.raises(ImportError, match=r"no module no_such in .*examples or among the installed packages"):
        catalog.create("no_such:Still")
    with pytest.raises(ValueError, match="has no parameter speed; it takes drift"):
        catalog.create("own_tracker:Still", speed=1)


class Got10kTracker:
    """The GOT-10k toolkit's base class, as its documentation has it."""

    def __init__(self, name, is_deterministic=False):
        self.name, self.is_deterministic = name, is_deterministic


@pytest.fixture
def got10k(monkeypatch):
    """The GOT-10k toolkit, or what stands in for it where it is not installed."""
    try:
        import got10k.trackers as trackers
    except ImportError:
        trackers = types.ModuleType("got10k.trackers")
        trackers.Tracker = Got10kTracker
        monkeypatch.setitem(sys.modules, "got10k", types.ModuleType("got10k"))
        monkeypatch.setitem(sys.modules, "got10k.trackers", trackers)
    monkeypatch.delitem(sys.modules, "tracker.got10k", raising=False)
    yield trackers
    sys.modules.pop("tracker.got10k", None)


def test_a_tracker_of_the_got10k_toolkit(got10k):
    class Theirs(got10k.Tracker):
        def __init__(self):
            super().__init__("Theirs", is_deterministic=True)

        def init(self, image, box):
            assert image.size == scenes.SIZE[::-1]
            assert image.mode == "RGB"
            self.box = box

        def update(self, image):
            assert image.size == scenes.SIZE[::-1]
            return np.add(self.box, [1, 0, 0, 0])

    tracker = adapters.adapt(Theirs)
    tracker.init(scenes.frames(1)[0], BOX)
    assert tracker.update(scenes.frames(1)[0]).box.tolist() == [11, 30, 24, 24]
    assert tracker.deterministic
    tracker.fork().init(scenes.frames(1)[0], BOX)
    assert adapters.adapt(Theirs())._tracker.__class__.__name__ == "Got10k"


def test_a_tracker_for_the_got10k_toolkit(got10k):
    from PIL import Image

    from tracker.got10k import Exported

    tracker = Exported("NCC", threads=1)
    assert isinstance(tracker, got10k.Tracker)
    assert tracker.name == "NCC"
    assert tracker.is_deterministic
    images = [Image.fromarray(image) for image in scenes.frames(4)]
    tracker.init(images[0], np.add(scenes.boxes(4)[0], [1, 1, 0, 0]))  # counted from 1, as its annotations
    for image, truth in zip(images[1:], scenes.boxes(4)[1:], strict=True):
        assert tracker.update(image).tolist() == [truth[0] + 1, truth[1] + 1, *truth[2:]]
    assert Exported(Own, "mine").name == "mine"
    assert Exported("DAT", threads=1).is_deterministic
