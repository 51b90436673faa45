from __future__ import annotations

import pytest

from tracker import Params
from tracker.core import settings


def test_every_parameter_but_views_can_be_given_as_text():
    known = settings.accepted(Params)
    defaults = {name: value for name, value in vars(Params()).items() if name != "views"}
    texts = [f"{name}={'none' if value is None else value}" for name, value in defaults.items()]
    read = settings.parse(texts, known, "DAT")
    assert read == defaults
    assert {name: type(value) for name, value in read.items()} == {
        name: type(value) for name, value in defaults.items()
    }
    with pytest.raises(ValueError, match="views is a tuple, which cannot be given as text"):
        settings.parse(["views=1"], known, "DAT")


def test_types_of_anybody_s_class():
    class Own:
        def __init__(self, fast: bool, name=None, scale: float | None = None, *rest, step=2, **more):
            pass

    known = settings.accepted(Own)
    assert list(known) == ["fast", "name", "scale", "step"]
    read = settings.parse(["fast=TRUE, name=x", "scale=none", "step=3"], known, "Own")
    assert read == {"fast": True, "name": "x", "scale": None, "step": 3}
    for text, message in (("fast=yes", "true or false"), ("step=2.5", "a whole number"), ("scale=inf", "a number")):
        with pytest.raises(ValueError, match=f"give {message}"):
            settings.parse([text], known, "Own")
