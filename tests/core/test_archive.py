"""Archives: the same bytes for the same content, and nothing that a hostile one can do."""

import io
import stat
import zipfile

import pytest

from tracker.core import archive

MEMBERS = {"b/2.txt": b"two", "a.txt": b"one", "c.bin": bytes(range(256)) * 40}


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.zip"
    archive.write(path, MEMBERS)
    return path


def test_written_in_any_order_the_bytes_are_the_same(good, tmp_path):
    other = tmp_path / "other.zip"
    archive.write(other, dict(reversed(MEMBERS.items())))
    assert good.read_bytes() == other.read_bytes()
    assert {name: content for name, content in archive.read(good).items() if name != archive.CHECKSUMS} == MEMBERS


def test_checksums_are_those_of_sha256sum(good):
    import hashlib

    listing = archive.read(good)[archive.CHECKSUMS].decode()
    assert listing.splitlines()[0] == f"{hashlib.sha256(b'one').hexdigest()}  a.txt"


def single(name, content=b"x", **attributes):
    """An archive of one member, with what zipfile would not write by itself."""

    def build(path):
        info = zipfile.ZipInfo("placeholder" if name.startswith("dup:") else name)
        for key, value in attributes.items():
            setattr(info, key, value)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(info, content, zipfile.ZIP_DEFLATED)

    return build


def named(*names):
    return lambda path: archive.write(path, dict.fromkeys(names, b"x"))


def twice(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a.txt", b"2")


def cut(path):
    archive.write(path, MEMBERS)
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path):
    archive.write(path, {"c.bin": bytes(range(256)) * 40})
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)


def sharing_bytes(path):
    """Two entries of the directory that point at one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a", b"x" * 5000)
        file.writestr("b", b"")
        other = zipfile.ZipInfo("c")
        vars_ = ("header_offset", "CRC", "compress_size", "file_size")
        for key in vars_:
            setattr(other, key, getattr(file.filelist[0], key))
        file.filelist += [other]
        file.NameToInfo["c"] = other
        file._didModify = True
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        pytest.param(single("../evil.txt"), "leads out of the archive", id="parent folder"),
        pytest.param(single("a/../../evil.txt"), "leads out of the archive", id="hidden parent folder"),
        pytest.param(single("./a.txt"), "has an empty or '.' part", id="dot"),
        pytest.param(single("a//b.txt"), "has an empty or '.' part", id="empty part"),
        pytest.param(named("a", "a-b", "a/b/c"), "'a' is a file and a folder", id="file and folder"),
        pytest.param(single("/etc/evil"), "is an absolute path", id="absolute"),
        pytest.param(single("C:/evil"), "is an absolute path", id="drive"),
        pytest.param(single("a\\..\\evil"), "has a backslash", id="backslash"),
        pytest.param(
            single("link", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16), "is a link", id="link"
        ),
        pytest.param(single("bomb", bytes(30 * 2**20)), "zip bomb", id="bomb"),
        pytest.param(twice, "occurs twice", id="twice"),
        pytest.param(sharing_bytes, "share bytes", id="overlapping"),
        pytest.param(cut, "not a whole zip", id="cut"),
        pytest.param(flipped, "is damaged", id="flipped byte"),
        pytest.param(lambda path: path.write_bytes(b"no zip"), "not a whole zip", id="no zip"),
    ],
)
def test_hostile_and_damaged_archives_are_refused(tmp_path, build, message):
    path = tmp_path / "bad.zip"
    build(path)
    with pytest.raises(ValueError, match=message):
        archive.read(path)


def test_bounds_on_number_and_size(good, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    with pytest.raises(archive.UnsafeArchive, match="4 members, at most 2"):
        archive.read(good)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 100)
    monkeypatch.setattr(archive, "MAX_TOTAL", 1000)
    with pytest.raises(archive.UnsafeArchive, match="at most 1000 are read"):
        archive.read(good)
