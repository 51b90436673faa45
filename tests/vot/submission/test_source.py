"""The packed source is the whole project, nothing that was made with it, and always the same bytes."""

import io
import tarfile

import pytest

from tracker.core.paths import PROJECT
from tracker.vot.submission.pack import _of_this_package
from tracker.vot.submission.source import refuse_installed, source_distribution


def names(packed):
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


def test_every_module_is_packed():
    packed = source_distribution(PROJECT)
    modules = {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("tracker/**/*.py")}
    assert "tracker/sequences/photos.py" in modules
    assert modules <= names(packed)
    assert packed == source_distribution(PROJECT)


def test_what_a_workspace_made_is_not_packed(tmp_path):
    for file in (
        "vot_workspace/stacks/embedded.yaml",
        "vot_workspace/results/DAT/a.txt",
        "vot_workspace/sequences/list.txt",
        "tracker/sequences/scenes.py",
        "tracker/__pycache__/scenes.py",
        "tracker/photo.jpg",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    assert names(source_distribution(tmp_path)) == {"vot_workspace/stacks/embedded.yaml", "tracker/sequences/scenes.py"}


def test_installed_package_without_source_is_refused(tmp_path):
    refuse_installed(PROJECT)
    (tmp_path / "tracker").mkdir()
    with pytest.raises(FileNotFoundError, match=r"has no pyproject.toml, .*: .* pack from a checkout"):
        refuse_installed(tmp_path)


def test_only_trackers_of_this_package_are_packed_with_its_source():
    section = {"command": "tracker", "env_RECIPROCATIVE_PARAMS": "grid=7"}
    assert _of_this_package(section)
    assert _of_this_package({**section, "env_RECIPROCATIVE_TRACKER": "MDNet"})
    assert not _of_this_package({**section, "env_RECIPROCATIVE_TRACKER": "mine:Mine"})
    assert not _of_this_package({"command": "mine"})
