"""What a fingerprint depends on, and that those of results on disk do not change by accident."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass, replace

import pytest

from tracker.dat import fingerprint as module
from tracker.dat.fingerprint import fingerprint
from tracker.dat.params import FAST, MDNET, Params
from tracker.dat.schedule import scheduled


def of(params, device="cpu"):
    return fingerprint(params, device, "w" * 64)


@pytest.mark.parametrize(
    ("params", "expected"), [(FAST, "02cd74d5d62d38f8"), (MDNET, "3df7bbc2381c8366")], ids=["FAST", "MDNET"]
)
def test_the_form_has_not_changed(params, expected):
    """A change here makes every stored result stale: see ``AS_BEFORE`` and ``FORMERLY``."""
    assert of(params) == expected


def test_parameters_device_and_weights_decide_it_and_the_seed_does_not():
    different = {of(FAST), of(MDNET), of(replace(FAST, views=())), of(FAST, "cuda"), fingerprint(FAST, "cpu", "v" * 64)}
    assert len(different) == 5
    assert of(replace(FAST, seed=7, device="cpu")) == of(FAST)


def test_equal_numbers_are_equal_whatever_their_type():
    assert of(replace(FAST, attention_weight=3)) == of(replace(FAST, attention_weight=3.0))
    assert of(replace(FAST, clip_apart=False)) != of(FAST)


def test_the_order_of_the_fields_has_no_part_in_it():
    names = reversed(Params.__dataclass_fields__)
    turned = make_dataclass("Turned", [(name, object, getattr(FAST, name)) for name in names])
    assert of(turned()) == of(FAST)


@dataclass(frozen=True)
class Later(Params):
    smoothing: float = 0.0


def test_a_field_that_is_added_later_has_no_part_in_it_at_its_old_meaning(monkeypatch):
    monkeypatch.setitem(module.AS_BEFORE, "smoothing", 0.0)
    assert of(Later()) == of(FAST)
    assert of(Later(smoothing=0.5)) != of(FAST)


def test_a_field_with_a_new_name_keeps_its_part(monkeypatch):
    names = [("lambda_" if name == "attention_weight" else name) for name in Params.__dataclass_fields__]
    values = [getattr(FAST, name) for name in Params.__dataclass_fields__]
    renamed = make_dataclass("Renamed", [(*pair[:1], object, pair[1]) for pair in zip(names, values, strict=True)])
    assert of(renamed()) != of(FAST)
    monkeypatch.setitem(module.FORMERLY, "lambda_", "attention_weight")
    assert of(renamed()) == of(FAST)


def test_schedules_are_told_apart_by_what_they_do():
    falling = [scheduled(FAST, attention_weight=lambda frame, by=by: 3.0 - by * frame) for by in (0.1, 0.1, 0.2)]
    assert of(falling[0]) == of(falling[1]) != of(falling[2])
    assert of(falling[0]) != of(replace(FAST, attention_weight=3.0))
