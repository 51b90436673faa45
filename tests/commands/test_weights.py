from __future__ import annotations

import pytest

from tests.helpers import scenes
from tests.helpers.matconvnet import kernels, write_mat
from tracker import cli
from tracker.doctor.weights import check_weights
from tracker.weights import registry


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(registry.ENVIRONMENT, str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def download(tmp_path):
    return write_mat(tmp_path / "imagenet-vgg-m.mat", kernels())


def test_list_tells_everything(folder, capsys):
    assert cli.main(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert str(folder) in out
    assert registry.ENVIRONMENT in out
    for name, entry in registry.REGISTRY.items():
        assert f"\n{name}: " in out
        assert entry.source in out
        assert entry.licence in out
    assert "efficientnet-lite0: here, " in out
    assert "used by DAT, MDNet" in out
    assert "vgg-m: not here, imagenet-vgg-m.mat" in out


def test_add_then_list_and_verify(folder, download, capsys):
    assert cli.main(["weights", "add", str(download)]) == 0
    assert (folder / download.name).is_file()
    assert cli.main(["weights", "list"]) == 0
    assert f"vgg-m: here, {folder / download.name}" in capsys.readouterr().out
    assert cli.main(["weights", "verify"]) == 0
    out = capsys.readouterr().out
    assert "ok    vgg-m: sha256 unchanged" in out
    assert "ok    efficientnet-lite0: sha256 as published" in out
    assert "--    nanotrack-head: not here" in out


def test_verify_finds_what_changed(folder, download, capsys):
    cli.main(["weights", "add", str(download)])
    with (folder / download.name).open("r+b") as file:
        file.seek(-2000, 2)
        file.write(b"damage")
    assert cli.main(["weights", "verify"]) == 1
    assert "FAIL  vgg-m:" in capsys.readouterr().out
    (finding,) = check_weights()
    assert not finding.fails  # no tracker that was asked for needs them
    (finding,) = check_weights({"vgg-m"})
    assert finding.fails
    assert finding.mend == "reciprocative weights add imagenet-vgg-m.mat"


def test_doctor_asks_for_the_weights_that_are_needed(folder):
    assert list(check_weights({"efficientnet-lite0"})) == []
    (finding,) = check_weights({"vgg-m"})
    assert finding.fails
    assert "imagenet-vgg-m.mat" in finding.what


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "ACTION"),
        (["fetch"], 2, "invalid choice"),
        (["add"], 2, "FILE"),
        (["add", "absent.mat"], 3, "absent.mat does not exist"),
        (["add", "other.bin"], 3, "or give --name ENTRY"),
        (["add", "other.bin", "--name", "vgg-m"], 3, "cannot be read as vgg-m weights"),
        (["add", "other.bin", "--name", "efficientnet-lite0"], 3, "comes with its package"),
        (["add", "other.bin", "--name", "resnet"], 2, "invalid choice"),
    ],
)
def test_refusals(folder, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.bin").write_bytes(b"not weights")
    try:
        found = cli.main(["weights", *words])
    except SystemExit as stop:
        found = stop.code
    assert found == code
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_a_tracker_without_its_weights_says_which(folder, tmp_path, capsys):
    sequence = scenes.write_vot(tmp_path / "walk")
    assert cli.main(["track", str(sequence), "--tracker", "DAT-paper", "--boxes", str(tmp_path / "b.txt")]) == 3
    message = capsys.readouterr().err
    assert "imagenet-vgg-m.mat" in message
    assert "reciprocative weights add" in message
    assert "FAST" in message
