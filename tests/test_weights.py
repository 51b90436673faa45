"""The registry and its loaders, on files in the published layouts."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import torch

from tracker import weights
from tracker.weights import WeightsError

SHAPES = ((96, 3, 7), (256, 96, 5), (512, 256, 3))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    chosen = tmp_path / "weights"
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(chosen))
    return chosen


def kernels():
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal((k, k, c, o), np.float32), rng.standard_normal((o, 1), np.float32)) for o, c, k in SHAPES
    ]


def write_mat(path, tensors):
    """A MatConvNet SimpleNN file: a 1 x L cell of 1 x 1 structs; conv layers hold a 1 x 2 cell of HWIO kernel, bias."""
    layers = np.empty((1, 9), object)
    for i in range(9):
        if i % 4 == 0:
            pair = np.empty((1, 2), object)
            pair[0, 0], pair[0, 1] = tensors[i // 4]
            layers[0, i] = {"weights": pair, "name": f"conv{i // 4 + 1}", "type": "conv", "stride": [2, 2]}
        else:
            layers[0, i] = {"name": f"other{i}", "type": ("relu", "normalize", "pool")[i % 4 - 1]}
    scipy.io.savemat(path, {"layers": layers, "meta": {"classes": "none"}})
    return path


def write_pth(path, tensors, **changes):
    """A py-MDNet file, with the fc layers that it also holds."""
    state = {}
    for i, (kernel, bias) in enumerate(tensors, 1):
        state[f"conv{i}.0.weight"] = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        state[f"conv{i}.0.bias"] = torch.from_numpy(bias[:, 0])
    state["fc4.0.weight"], state["fc5.1.weight"] = torch.zeros(512, 4608), torch.zeros(512, 512)
    torch.save({"shared_layers": state | changes}, path)
    return path


@pytest.mark.parametrize(("name", "write"), [("vgg-m", write_mat), ("mdnet", write_pth)])
def test_published_layout_gives_pytorch_kernels(tmp_path, folder, name, write):
    expected = kernels()
    file = write(tmp_path / weights.entry(name).file, expected)
    assert weights.add(file) == folder / file.name
    loaded = weights.load(name)
    assert set(loaded.tensors) == {f"conv{i}.{kind}" for i in (1, 2, 3) for kind in ("weight", "bias")}
    for i, (kernel, bias) in enumerate(expected, 1):
        weight = loaded.tensors[f"conv{i}.weight"]
        assert weight.dtype == torch.float32
        assert float(weight[5, 2, 1, 0]) == kernel[1, 0, 2, 5]
        np.testing.assert_array_equal(weight.numpy(), kernel.transpose(3, 2, 0, 1))
        np.testing.assert_array_equal(loaded.tensors[f"conv{i}.bias"].numpy(), bias[:, 0])
    assert loaded.sha256 == weights.checksum(file)
    assert "unchanged since it was added" in weights.verify(name)


def test_default_weights_come_with_the_wheel_and_match_their_checksum():
    loaded = weights.load("efficientnet-lite0")
    assert loaded.sha256 == weights.entry("efficientnet-lite0").sha256
    assert loaded.tensors["_blocks.10._project_conv.weight"].shape == (112, 672, 1, 1)
    assert "as published" in weights.verify("efficientnet-lite0")


@pytest.mark.parametrize("name", ["vgg-m", "mdnet"])
def test_missing_file_says_where_from_where_to_and_what_needs_none(folder, name):
    known = weights.entry(name)
    with pytest.raises(WeightsError) as caught:
        weights.load(name)
    for part in (known.file, known.source, str(folder), "FAST", "weights add"):
        assert part in str(caught.value)


def test_wrong_shape_names_key_and_shapes(tmp_path):
    tensors = kernels()
    tensors[1] = (tensors[1][0][:3], tensors[1][1])
    with pytest.raises(WeightsError, match=r"conv2\.weight has shape \(256, 96, 3, 5\), expected \(256, 96, 5, 5\)"):
        weights.add(write_mat(tmp_path / "imagenet-vgg-m.mat", tensors))


def test_wrong_key_is_named(tmp_path):
    file = write_pth(tmp_path / "mdnet_imagenet_vid.pth", kernels()[:2])
    with pytest.raises(WeightsError, match=r"has no conv3\.weight; it is not mdnet"):
        weights.add(file)


def test_values_that_are_not_finite_are_refused(tmp_path):
    tensors = kernels()
    tensors[2][1][7] = np.nan
    with pytest.raises(WeightsError, match=r"conv3\.bias holds values that are not finite"):
        weights.add(write_mat(tmp_path / "imagenet-vgg-m.mat", tensors))


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", b"MATLAB 5.0 MAT-file" + bytes(200)])
@pytest.mark.parametrize("name", ["vgg-m", "mdnet"])
def test_files_that_are_no_weights_are_refused(tmp_path, folder, name, content):
    file = tmp_path / weights.entry(name).file
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.add(file)
    assert not folder.exists()


def test_another_network_in_the_same_format_is_refused(tmp_path):
    file = tmp_path / "imagenet-vgg-m.mat"
    scipy.io.savemat(file, {"layers": np.zeros((1, 20))})
    with pytest.raises(WeightsError, match=r"cannot be read.*vlfeat"):
        weights.add(file)


def test_pickles_that_run_code_are_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("harm",))

    file = tmp_path / "mdnet_imagenet_vid.pth"
    torch.save({"shared_layers": Harmful()}, file)
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.add(file)


def test_damage_after_adding_is_found(tmp_path):
    stored = weights.add(write_mat(tmp_path / "imagenet-vgg-m.mat", kernels()))
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)
    with pytest.raises(WeightsError, match="sha256 is"):
        weights.verify("vgg-m")


def test_damaged_wheel_is_found(tmp_path, monkeypatch):
    copy = tmp_path / "efficientnet.pth"
    copy.write_bytes(weights.path("efficientnet-lite0").read_bytes()[:-1] + b"?")
    monkeypatch.setattr(weights, "path", lambda name: copy)
    with pytest.raises(WeightsError, match="Reinstall"):
        weights.load("efficientnet-lite0")


def test_unknown_names_list_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r"unknown weights 'vgg'.*efficientnet-lite0, vgg-m, mdnet"):
        weights.load("vgg")
    file = tmp_path / "weights.bin"
    file.touch()
    with pytest.raises(WeightsError, match=r"imagenet-vgg-m\.mat \(vgg-m\)"):
        weights.add(file)


def test_adding_under_another_file_name_and_adding_twice(tmp_path, folder):
    file = write_mat(tmp_path / "download.mat", kernels())
    stored = weights.add(file, "vgg-m")
    assert weights.add(stored) == stored == folder / "imagenet-vgg-m.mat"
    assert sorted(p.name for p in folder.iterdir()) == ["imagenet-vgg-m.mat", "imagenet-vgg-m.mat.sha256"]


def test_registry_imports_without_torch():
    code = "import sys, tracker.weights as w; w.path('vgg-m'); sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
