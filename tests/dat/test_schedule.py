from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import scenes
from tracker import FAST, ReciprocativeTracker
from tracker.dat.learning import Learner
from tracker.dat.schedule import scheduled

BRIEF = replace(FAST, threads=1, initial_iterations=2, initial_negatives=200, views=(), update_interval=1)


def follow(params, count=4):
    tracker = ReciprocativeTracker(params)
    images = scenes.frames(count)
    tracker.init(images[0], np.array(scenes.boxes(1)[0], float))
    return tracker, [tracker.update(image).box for image in images[1:]]


def test_the_learner_sees_the_value_of_each_frame(monkeypatch):
    seen = []
    train = Learner.train

    def watched(self, *arguments, **options):
        seen.append(self.params.attention_weight)
        return train(self, *arguments, **options)

    monkeypatch.setattr(Learner, "train", watched)
    follow(scheduled(BRIEF, attention_weight=lambda frame: 3.0 - frame))
    assert seen[0] == 3.0 and seen[1:] == sorted(seen[1:], reverse=True) and set(seen) <= {3.0, 2.0, 1.0, 0.0}
    assert len(set(seen)) > 2


def test_a_constant_schedule_changes_no_box():
    plain, varying = follow(BRIEF)[1], follow(scheduled(BRIEF, attention_weight=lambda _: 1.0))[1]
    np.testing.assert_array_equal(plain, varying)


def test_the_fingerprint_tells_schedules_apart():
    def falling(speed):
        return lambda frame: max(0.0, 3.0 - speed * frame)

    made = [falling(0.1), falling(0.1), falling(0.2), lambda frame: 3.0]
    prints = [ReciprocativeTracker(scheduled(BRIEF, attention_weight=one)).fingerprint for one in made]
    assert prints[0] == prints[1] and len({*prints, ReciprocativeTracker(BRIEF).fingerprint}) == 4


def test_what_a_schedule_may_not_be():
    with pytest.raises(
        ValueError, match="grid cannot change while a target is followed; these can: attention_negatives"
    ):
        scheduled(FAST, grid=lambda frame: 5)
    with pytest.raises(TypeError, match=r"momentum is 0.5; give a function of the frame"):
        scheduled(FAST, momentum=0.5)
    with pytest.raises(ValueError, match="update_rate in frame 0 is nan; its function must give a number"):
        scheduled(FAST, update_rate=lambda frame: math.nan)
    with pytest.raises(ValueError, match=r"attention_weight is -1; it must be at least 0"):
        scheduled(FAST, attention_weight=lambda frame: 1 - frame).at(2)


def test_a_tracker_says_what_it_is():
    tracker, _ = follow(replace(BRIEF, attention_weight=3.0), 3)
    text = repr(tracker)
    assert "attention_weight=3.0" in text and tracker.fingerprint in text and "following, frame 2" in text
    assert "region_size" not in text
    assert repr(ReciprocativeTracker("MDNET")).startswith("ReciprocativeTracker('MDNET') on ")
