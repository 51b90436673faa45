"""A manifest is believed only if it has the right form and its names can do no harm."""

import pytest
import yaml

from tracker.vot.submission.manifest import MANIFEST, parse

GOOD = {"identifier": "DAT-paper", "results": {"baseline": {"ants_1.v2": {"runs": {"ants_1.v2_001": 30}}}}}
HARMFUL = ["/etc/evil", "../evil", "a/b", "", ".", "..", ".hidden", "-rf", "a b", "a]\n[b", "é", 5, None]


def document(**changes):
    return yaml.safe_dump({**GOOD, **changes}).encode()


def test_good_manifest_is_read():
    manifest = parse(document())
    assert manifest.identifier == "DAT-paper"
    assert manifest.results == {"baseline": {"ants_1.v2": {"ants_1.v2_001": 30}}}


@pytest.mark.parametrize("name", HARMFUL, ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda name: {"identifier": name}, id="tracker"),
        pytest.param(lambda name: {"results": {name: {"s": {"runs": {"r": 1}}}}}, id="experiment"),
        pytest.param(lambda name: {"results": {"e": {name: {"runs": {"r": 1}}}}}, id="sequence"),
        pytest.param(lambda name: {"results": {"e": {"s": {"runs": {name: 1}}}}}, id="run"),
    ],
)
def test_names_that_are_no_plain_names_are_refused(place, name):
    with pytest.raises(ValueError, match=r"must be letters, digits and _\.-"):
        parse(document(**place(name)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the manifest must be a mapping"),
        (b"[1", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"a: 2001-99-99", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (document(results=5), "results must be a mapping with entries, not 5"),
        (document(results={}), "results must be a mapping with entries, not {}"),
        (document(results={"baseline": 5}), "baseline must be a mapping with entries, not 5"),
        (document(results={"baseline": {"a": {}}}), "runs of a must be a mapping"),
        (document(results={"baseline": {"a": {"runs": {"a_001": "x"}}}}), "frames of a_001 must be 1 or more, not 'x'"),
        (document(results={"baseline": {"a": {"runs": {"a_001": True}}}}), "frames of a_001 must be 1 or more"),
        (document(results={"reproduce": {"a": {"runs": {"a_001": 1}}}}), "no experiment may be named reproduce"),
    ],
)
def test_another_form_is_refused(content, message):
    with pytest.raises(ValueError, match=MANIFEST) as caught:
        parse(content)
    assert message in str(caught.value)
