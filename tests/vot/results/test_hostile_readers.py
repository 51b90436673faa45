"""Readers of files that anybody may have written: whatever is in them, only documented errors come out."""

import io
import json
import string
import struct
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from vot.dataset import load_dataset
from vot.region import Polygon, Rectangle, Special
from vot.region.io import write_trajectory

from tests.helpers import memory
from tests.helpers.small import write_small_dataset
from tracker.core import archive
from tracker.core.errors import DamagedFile
from tracker.doctor import registry, workspace
from tracker.formats import regions
from tracker.formats.registry import read_section
from tracker.media.video import open_source
from tracker.vot.results import importing, provenance, runfiles
from tracker.vot.results.annotations import Annotations, check_files
from tracker.vot.results.groundtruth import write_dataset
from tracker.vot.results.raw import parse
from tracker.vot.submission import manifest
from tracker.vot.submission.verify import Submission

pytestmark = pytest.mark.slow

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

NUMBERS = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "-1",
        "1.5",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "1e999",
        "9" * 5000,
        "²",
        "x",
        "",
        " ",
        "m",
        "m1",
        "1_0",
    ]
)
LINES = st.lists(st.one_of(NUMBERS, st.integers(-5, 10**7).map(str)), max_size=12).map(",".join)
MASKS = st.lists(st.integers(-9, 10**7) | st.integers(0, 20), max_size=9).map(lambda v: "m" + ",".join(map(str, v)))
TEXTS = st.lists(st.one_of(LINES, MASKS, st.text(max_size=20)), max_size=8).map("\n".join)
CONTENTS = st.one_of(TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=300))


def binary_trajectory():
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        write_trajectory(file.name, [Special(1), Rectangle(1, 2, 3, 4), Polygon([(0, 0), (4, 0), (4, 4)])])
        return Path(file.name).read_bytes()


@st.composite
def changed(draw, whole):
    """``whole`` with some bytes replaced, left out or put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        width = draw(st.integers(0, 4))
        data[place : place + width] = draw(st.binary(max_size=4) | st.sampled_from([b"\xff" * 4, b"\x7f" * 4]))
    return bytes(data)


@few
@given(CONTENTS)
def test_raw_text(data):
    try:
        parse(data, "a.txt")
    except DamagedFile as error:
        assert str(error).startswith("a.txt")


@few
@given(changed(binary_trajectory()) | st.binary(max_size=100))
def test_raw_binary(data):
    try:
        parse(data, "a.bin")
    except DamagedFile as error:
        assert str(error).startswith("a.bin")


def test_a_mask_that_claims_a_size_takes_no_memory():
    for text in ("m0,0,60000,60000,1,2", "m0,0,2000000000,3,1", "m0,0,5,5,1,4000000000", "m-1,-1,-5,-5,3"):
        with memory.at_most(100 << 20), pytest.raises(DamagedFile, match="not a mask"):
            parse(text.encode(), "a.txt")
    data = struct.pack("<II", 0x10, 1)
    with memory.at_most(100 << 20), pytest.raises(DamagedFile):
        parse(data + b"\xff" * 40, "a.bin")


@few
@given(CONTENTS)
def test_ground_truth_of_a_source(tmp_path, data):
    (tmp_path / "groundtruth.txt").write_bytes(data)
    try:
        found = regions.read(tmp_path / "groundtruth.txt")
    except OSError as error:
        assert "groundtruth.txt" in str(error)
    else:
        assert all(region is None or region.outline.shape[1] == 2 for region in found)


@few
@given(st.sampled_from(["groundtruth.txt", "occlusion.tag", "a.label", "practical.value"]), CONTENTS)
def test_files_of_a_sequence(tmp_path, name, data):
    if not (tmp_path / "sequences").exists():
        write_small_dataset(tmp_path / "sequences", {"a": 3})
    (sequence,) = load_dataset(str(tmp_path / "sequences"))
    file = tmp_path / "sequences" / "a" / name
    before = file.read_bytes() if file.exists() else None
    file.write_bytes(data)
    try:
        check_files(sequence)
    except DamagedFile as error:
        assert str(error).startswith(f"a/{name}")
    finally:
        file.unlink() if before is None else file.write_bytes(before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "gt_rect", "width", "height", "occlusion", "..", "a\0b"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
SEQUENCES = st.dictionaries(
    st.text(max_size=5), st.fixed_dictionaries({"gt_rect": JSON, "width": JSON, "height": JSON})
)
DEEP = [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900, b"9" * 10_000]


@few
@given((JSON | SEQUENCES).map(lambda value: json.dumps(value).encode()) | st.sampled_from(DEEP) | CONTENTS)
def test_ground_truth_as_json(data):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.json").write_bytes(data)
        try:
            write_dataset(Path(folder) / "a.json", Path(folder) / "sequences")
        except OSError:
            assert not (Path(folder) / "sequences").exists()


@few
@given(JSON.map(lambda value: json.dumps(value).encode()) | st.sampled_from(DEEP) | CONTENTS)
def test_record_of_provenance(tmp_path, data):
    (tmp_path / provenance.FILE).write_bytes(data)
    try:
        provenance.read(tmp_path)
    except DamagedFile as error:
        assert provenance.FILE in str(error)


@pytest.mark.parametrize("key", ["tracker", "settings", "experiment", "data"])
def test_record_of_provenance_with_a_value_of_another_type(tmp_path, key):
    record = {"tracker": "a", "settings": {}, "experiment": {}, "data": ""}
    (tmp_path / provenance.FILE).write_text(json.dumps(record | {key: [1]}))
    with pytest.raises(DamagedFile, match="not a record of provenance"):
        provenance.read(tmp_path)


YAML = st.one_of(
    JSON.map(lambda value: json.dumps(value)),
    TEXTS,
    st.lists(st.sampled_from(list("{}[]:,-?|>&*!%@`#'\"\n \ta1~=<")), max_size=40).map("".join),
    st.sampled_from(
        ["int", "float", "bool", "timestamp", "binary", "set", "omap", "python/object/apply:os.system"]
    ).flatmap(
        lambda tag: st.sampled_from([f"a: !!{tag} ''", f"identifier: !!{tag} x", f"!!{tag} [1]", f"!!{tag} {{a: b}}"])
    ),
    st.sampled_from(["[" * 400, "a: &a [*a]", "{" * 400, "- " * 400]),
)


@few
@given(YAML.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=60))
def test_manifest(data):
    with pytest.raises(ValueError, match=manifest.MANIFEST):
        manifest.parse(data)


def test_a_manifest_may_not_multiply_itself():
    names = [f"n{i}" for i in range(1000)]
    level = [f"a: &a {{{', '.join(f'{name}: 1' for name in names)}}}"]
    level.append(f"b: &b {{{', '.join(f'{name}: {{runs: *a}}' for name in names)}}}")
    level.append(f"identifier: X\nresults: {{{', '.join(f'{name}: *b' for name in names)}}}")
    with memory.at_most(200 << 20), pytest.raises(ValueError, match="alias"):
        manifest.parse("\n".join(level).encode())


def packed():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("baseline/a/a_001.txt", "1\n1,2,3,4\n")
        file.writestr("baseline/a/a_001_time.value", "0.1\n0.1\n")
        file.writestr("manifest.yml", "identifier: A\n" * 20)
    return buffer.getvalue()


def nameless():
    """An archive whose last member has a comment instead of a name."""
    data = bytearray(packed())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 28], data[entry + 32] = 0, len("manifest.yml")
    return bytes(data)


@few
@given(changed(packed()) | st.binary(max_size=60))
@example(nameless())
def test_archives(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    try:
        archive.read(tmp_path / "a.zip")
    except ValueError:
        pass
    with pytest.raises(ValueError):
        Submission(tmp_path / "a.zip")
    try:
        importing.read_source(tmp_path / "a.zip")
    except DamagedFile as error:
        assert "a.zip" in str(error)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_packed_by_other_methods_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
        file.writestr("baseline/a/a_001.txt", "1\n" * 100)
    with pytest.raises(archive.UnsafeArchive, match="packed by a method"):
        archive.read(tmp_path / "a.zip")


def test_published_results_may_be_no_zip_bomb(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(1, 16):
            file.writestr(f"baseline/a/a_{number:03d}.txt", b"1\n" * (1 << 24))
    with memory.at_most(100 << 20), pytest.raises(DamagedFile, match="a zip bomb"):
        importing.read_source(tmp_path / "a.zip")


@few
@given(
    st.dictionaries(
        st.sampled_from(["baseline/a/a_001.txt", "baseline/a/a_002.bin", "x/baseline/a/a_001.txt", "a_001.txt", "../a"])
        | st.sampled_from(["baseline/a/a_time.txt", "baseline/a/a_001_time.value", "baseline/a/a_999.txt"]),
        CONTENTS | st.just(b"1\n1,2,3,4\n"),
        max_size=4,
    )
)
def test_runs_of_published_results(files):
    truth = Annotations("a", (Rectangle(1, 2, 3, 4),) * 2, (9, 9), {}, None)
    try:
        selected = importing.select_runs(
            {PurePosixPath(name): data for name, data in files.items()}, {"a": truth}, "baseline", "zip"
        )
    except DamagedFile:
        return
    assert all(name.startswith("a/a_") and ".." not in name for name in selected)
    for name, data in selected.items():
        if name.endswith(".value"):
            assert all(float(line) is not None for line in data.decode().split())


@few
@given(CONTENTS, CONTENTS)
def test_results_of_the_toolkit(tmp_path, trajectory, times):
    (tmp_path / "a_001.txt").write_bytes(trajectory)
    (tmp_path / "a_001_time.value").write_bytes(times)
    try:
        runfiles.read_run(tmp_path, "a_001", 2)
    except DamagedFile as error:
        assert "a_001" in str(error)


INI = st.lists(
    st.one_of(
        st.sampled_from(
            ["[A]", "[A]", "[DEFAULT]", "[]", "[B", "]", "=", ":", "a", " indented", "command = x", "command"]
        ),
        st.builds(
            "{} {} {}".format,
            st.sampled_from(["command", "protocol", "timeout", "version", "paths", "python", "env_x", "", "label"]),
            st.sampled_from(["=", ":", ""]),
            st.sampled_from(["x" * 5000, "trax", "%", "%(x)s", "%(command)s", "²", "9" * 5000, "\0", "a;b", "~", "# x"])
            | st.text(max_size=9),
        ),
        st.text(string.printable, max_size=12),
    ),
    max_size=8,
).map("\n".join)


@few
@given(INI)
def test_trackers_ini(tmp_path, text):
    file = tmp_path / "trackers.ini"
    file.write_text(text, errors="replace")
    list(registry.check_registry(file))
    list(registry.check_name("A", [file]))
    read_section(file, "A")


PROPERTIES = st.lists(
    st.builds(
        "{}={}".format,
        st.sampled_from(["fps", "channels.color", "length", "width", "format", "name", ""]),
        st.sampled_from(["²", "1.2.3", "9" * 5000, "color/%99999999999d.jpg", "%d%d", "%", "%s", "%08d.jpg", "0", "-1"])
        | st.text(max_size=9),
    ),
    max_size=5,
).map("\n".join)


@few
@given(PROPERTIES, st.sampled_from(["0.jpg", "1²3.jpg", "x.png", "²2.jpg"]))
def test_properties_of_a_sequence(text, image):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / image).write_bytes(b"no image")
        (place / "sequence").write_text(text, errors="replace")
        (place / "groundtruth.txt").write_text("1,2,3,4\n")
        list(workspace._check_sequence(place))
        assert open_source(folder).rate > 0
        with pytest.raises(OSError):
            list(open_source(folder))


@few
@given(YAML, YAML)
def test_configuration_of_a_workspace(config, stack):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "config.yaml").write_text(config, errors="replace")
        (place / "own.yaml").write_text(stack, errors="replace")
        workspace.registries(place)
        workspace.sequences_folder(place)
        list(workspace._check_stack(place, "0.9.0"))
        (place / "config.yaml").write_text("stack: own.yaml\n")
        list(workspace._check_stack(place, "0.9.0"))


def test_a_configuration_may_not_multiply_itself(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    (tmp_path / "config.yaml").write_text("\n".join([*lines, "stack: *a8", "sequences: *a8", "registry: *a8"]))
    with memory.at_most(100 << 20):
        list(workspace.check_workspace(tmp_path))
