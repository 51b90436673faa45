"""Files and folders appear whole or not at all, whatever happens while they are written."""

import errno
import os

import pytest

from tracker.core.files import PART, sweep, whole_file, whole_folder, write_whole


def test_full_disk_keeps_what_was_there(tmp_path, monkeypatch):
    write_whole(tmp_path / "file", "old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", "new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_an_interrupted_file_and_folder_leave_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "file") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "folder") as folder:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_by_a_folder_leaves_no_part(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_appears_with_all_that_is_in_it(tmp_path):
    with whole_folder(tmp_path / "new" / "folder", beside=tmp_path / "new") as folder:
        (folder / "file").write_text("content")
        assert not (tmp_path / "new").exists()
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["new", "new/folder", "new/folder/file"]


def test_what_a_killed_process_left_is_swept(tmp_path):
    with whole_file(tmp_path / "file", publish=False) as file:
        file.write(b"whole, but nobody renames it")
    assert [path.suffix for path in tmp_path.iterdir()] == [PART]
    sweep(tmp_path)
    sweep(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
