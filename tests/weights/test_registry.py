"""The registry and its loaders, on files in the published layouts."""

import os
import struct
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
import torch

from tests.helpers import memory
from tests.helpers.matconvnet import kernels, write_mat
from tracker.formats import matfile
from tracker.weights import readers, registry
from tracker.weights.registry import WeightsError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    chosen = tmp_path / "weights"
    monkeypatch.setenv("RECIPROCATIVE_WEIGHTS", str(chosen))
    torch_file = replace(registry.entry("vgg-m"), name="torch-file", file="convolutions.pth", reader=readers.state)
    monkeypatch.setitem(registry.REGISTRY, torch_file.name, torch_file)
    return chosen


def write_pth(path, tensors, **changes):
    """A file of torch.save, with layers that nobody uses."""
    state = {"fc4.weight": torch.zeros(512, 4608)}
    for i, (kernel, bias) in enumerate(tensors, 1):
        state[f"conv{i}.weight"] = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        state[f"conv{i}.bias"] = torch.from_numpy(bias[:, 0])
    torch.save(state | changes, path)
    return path


@pytest.mark.parametrize(("name", "write"), [("vgg-m", write_mat), ("torch-file", write_pth)])
def test_published_layout_gives_pytorch_kernels(tmp_path, folder, name, write):
    expected = kernels()
    file = write(tmp_path / registry.entry(name).file, expected)
    assert registry.add(file) == folder / file.name
    loaded = registry.load(name)
    assert set(loaded.tensors) == {f"conv{i}.{kind}" for i in (1, 2, 3) for kind in ("weight", "bias")}
    for i, (kernel, bias) in enumerate(expected, 1):
        weight = loaded.tensors[f"conv{i}.weight"]
        assert weight.dtype == torch.float32
        assert float(weight[5, 2, 1, 0]) == kernel[1, 0, 2, 5]
        np.testing.assert_array_equal(weight.numpy(), kernel.transpose(3, 2, 0, 1))
        np.testing.assert_array_equal(loaded.tensors[f"conv{i}.bias"].numpy(), bias[:, 0])
    assert loaded.sha256 == registry.checksum(file)
    assert "unchanged since it was added" in registry.verify(name)


def test_default_weights_come_with_the_wheel_and_match_their_checksum():
    loaded = registry.load("efficientnet-lite0")
    assert loaded.sha256 == registry.entry("efficientnet-lite0").sha256
    assert loaded.tensors["_blocks.10._project_conv.weight"].shape == (112, 672, 1, 1)
    assert "as published" in registry.verify("efficientnet-lite0")


@pytest.mark.parametrize("name", ["vgg-m", "torch-file"])
def test_missing_file_says_where_from_where_to_and_what_needs_none(folder, name):
    known = registry.entry(name)
    with pytest.raises(WeightsError) as caught:
        registry.load(name)
    for part in (known.file, known.source, str(folder), "FAST", "weights add"):
        assert part in str(caught.value)


def test_wrong_shape_names_key_and_shapes(tmp_path):
    tensors = kernels()
    tensors[1] = (tensors[1][0][:3], tensors[1][1])
    with pytest.raises(WeightsError, match=r"conv2\.weight has shape \(256, 96, 3, 5\), expected \(256, 96, 5, 5\)"):
        registry.add(write_mat(tmp_path / "imagenet-vgg-m.mat", tensors))


def test_wrong_key_is_named(tmp_path):
    file = write_pth(tmp_path / "convolutions.pth", kernels()[:2])
    with pytest.raises(WeightsError, match=r"has no conv3\.weight; it is not torch-file"):
        registry.add(file)


def test_values_that_are_not_finite_are_refused(tmp_path):
    tensors = kernels()
    tensors[2][1][7] = np.nan
    with pytest.raises(WeightsError, match=r"conv3\.bias holds values that are not finite"):
        registry.add(write_mat(tmp_path / "imagenet-vgg-m.mat", tensors))


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", b"MATLAB 5.0 MAT-file" + bytes(200)])
@pytest.mark.parametrize("name", ["vgg-m", "torch-file"])
def test_files_that_are_no_weights_are_refused(tmp_path, folder, name, content):
    file = tmp_path / registry.entry(name).file
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        registry.add(file)
    assert not folder.exists()


def test_another_network_in_the_same_format_is_refused(tmp_path):
    file = tmp_path / "imagenet-vgg-m.mat"
    scipy.io.savemat(file, {"layers": np.zeros((1, 20))})
    with pytest.raises(WeightsError, match=r"cannot be read.*vlfeat"):
        registry.add(file)


def test_pickles_that_run_code_are_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("harm",))

    file = tmp_path / "convolutions.pth"
    torch.save({"conv1.weight": Harmful()}, file)
    with pytest.raises(WeightsError, match="cannot be read"):
        registry.add(file)


def test_damage_after_adding_is_found(tmp_path):
    stored = registry.add(write_mat(tmp_path / "imagenet-vgg-m.mat", kernels()))
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)
    with pytest.raises(WeightsError, match="sha256 is"):
        registry.verify("vgg-m")


def test_damaged_wheel_is_found(tmp_path, monkeypatch):
    copy = tmp_path / "efficientnet.pth"
    copy.write_bytes(registry.path("efficientnet-lite0").read_bytes()[:-1] + b"?")
    monkeypatch.setattr(registry, "path", lambda name: copy)
    with pytest.raises(WeightsError, match="Reinstall"):
        registry.load("efficientnet-lite0")


def test_unknown_names_list_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r"unknown weights 'vgg'.*efficientnet-lite0, box-estimator, vgg-m"):
        registry.load("vgg")
    file = tmp_path / "weights.bin"
    file.touch()
    with pytest.raises(WeightsError, match=r"imagenet-vgg-m\.mat \(vgg-m\)"):
        registry.add(file)


def test_adding_under_another_file_name_and_adding_twice(tmp_path, folder):
    file = write_mat(tmp_path / "download.mat", kernels())
    stored = registry.add(file, "vgg-m")
    assert registry.add(stored) == stored == folder / "imagenet-vgg-m.mat"
    assert sorted(p.name for p in folder.iterdir()) == ["imagenet-vgg-m.mat", "imagenet-vgg-m.mat.sha256"]


def test_registry_imports_without_torch():
    code = "import sys\nfrom tracker.weights.registry import path\npath('vgg-m')\n"
    code += "sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Files made to do harm.


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(number, sizes, body=b"", name=b""):
    """A MATLAB matrix of class ``number``: 1 a cell, 4 characters, 9 bytes, 16 a function, 17 an opaque object."""
    head = element(6, struct.pack("<II", number, 0)) + element(5, struct.pack(f"<{len(sizes)}i", *sizes))
    return element(14, head + element(1, name) + body)


def packed(number, size):
    """A compressed variable of ``size`` zero bytes."""
    head = element(6, struct.pack("<II", number, 0)) + element(5, struct.pack("<2i", size, 1)) + element(1, b"layers")
    squeeze = zlib.compressobj(9)
    data = squeeze.compress(struct.pack("<II", 14, (len(head) + 8 + size) % 2**32) + head)
    data += squeeze.compress(struct.pack("<II", 2, size % 2**32))
    for _ in range(size >> 24):
        data += squeeze.compress(bytes(1 << 24))
    return element(15, data + squeeze.flush())


def nested(depth):
    """Cells within cells."""
    inner = matrix(9, (1, 1), element(2, b"1"))
    heads, length = [], len(inner)
    for level in range(depth):
        name = b"layers" if level == depth - 1 else b""
        head = element(6, struct.pack("<II", 1, 0)) + element(5, struct.pack("<2i", 1, 1)) + element(1, name)
        heads.append(struct.pack("<II", 14, len(head) + length) + head)
        length += len(heads[-1])
    return b"".join(reversed(heads)) + inner


NUMBER = element(2, b"1")
OPAQUE = element(6, struct.pack("<II", 17, 0)) + element(1, b"layers") + element(1, b"MCOS") + element(1, b"x")
HOSTILE_MAT = {
    "deep": (lambda: nested(200_000), "cells within cells beyond 8 levels"),
    "claims-cells": (lambda: matrix(1, (2**31 - 1, 1), name=b"layers"), "more than 100000 cells"),
    "claims-cells-of-many-sizes": (lambda: matrix(1, (2**31 - 1,) * 8, name=b"layers"), "more than 100000 cells"),
    "claims-numbers": (lambda: matrix(9, (2**31 - 1, 9), NUMBER, b"layers"), "holds fewer"),
    "claims-characters": (lambda: matrix(4, (2**31 - 1, 1), element(4, b""), b"layers"), "holds fewer"),
    "claims-a-length": (lambda: matrix(9, (1, 1), struct.pack("<II", 2, 2**32 - 9), b"layers"), "reaches beyond"),
    "function": (lambda: matrix(16, (1, 1), matrix(9, (1, 1), NUMBER), b"layers"), "an object of class 16"),
    "function-inside": (lambda: matrix(1, (1, 1), matrix(16, (1, 1), NUMBER), b"layers"), "an object of class 16"),
    "opaque": (lambda: element(14, OPAQUE + matrix(9, (1, 1), NUMBER)), "an object of class 17"),
    "sparse": (lambda: matrix(5, (9, 9), NUMBER, b"layers"), "an object of class 5"),
    "bomb": (lambda: packed(9, 1 << 28), "unpacks to too much"),
    "endless-zlib": (lambda: element(15, packed(9, 1 << 24)[8:200]), "ends early"),
    "no-zlib": (lambda: element(15, b"not zlib"), "is damaged"),
    "no-matrix": (lambda: element(9, b"12345678"), "data of type 9"),
    "another-name": (lambda: matrix(9, (1, 1), NUMBER, b"layer"), "there is no variable layers"),
}


@pytest.mark.parametrize("case", HOSTILE_MAT)
def test_hostile_mat_files_are_refused_without_memory(tmp_path, folder, monkeypatch, case):
    monkeypatch.setattr(matfile, "MAX_BYTES", 1 << 27)
    make, message = HOSTILE_MAT[case]
    file = tmp_path / "imagenet-vgg-m.mat"
    file.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x100) + b"IM" + make())
    refused_without_memory(file, message)
    assert not folder.exists()


def refused_without_memory(file, message):
    with memory.at_most(100 << 20), pytest.raises(WeightsError, match=message):
        registry.add(file)


@pytest.mark.parametrize(("name", "write"), [("vgg-m", write_mat), ("torch-file", write_pth)])
def test_truncated_files_are_refused_wherever_they_end(tmp_path, name, write):
    file = write(tmp_path / registry.entry(name).file, kernels())
    whole = file.read_bytes()
    for kept in (4, 127, 128, 200, len(whole) // 3, len(whole) // 2, int(len(whole) * 0.7)):
        file.write_bytes(whole[:kept])
        with pytest.raises(WeightsError):
            registry.add(file)


def test_compressed_mat_files_are_read(tmp_path):
    file = write_mat(tmp_path / "imagenet-vgg-m.mat", kernels())
    plain = registry.entry("vgg-m").reader(file)
    layers = scipy.io.loadmat(file)["layers"]
    scipy.io.savemat(file, {"first": np.arange(9), "layers": layers, "last": "x"}, do_compression=True)
    again = registry.entry("vgg-m").reader(file)
    assert all(torch.equal(plain[key], again[key]) for key in plain)


def pth_of(pickle, path, compression=zipfile.ZIP_STORED):
    """A file of torch.save around another pickle."""
    torch.save({}, path)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, pickle if name.endswith("data.pkl") else content)
    return path


@pytest.mark.parametrize(
    "pickle",
    [
        pytest.param(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", id="deep"),
        pytest.param(b"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00trueo.", id="os.system"),
        pytest.param(b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", id="eval"),
        pytest.param(b"\x80\x04\x8d" + struct.pack("<Q", 2**50) + b"x.", id="claims-text"),
        pytest.param(b"\x80\x02ctorch\nFloatStorage\nJ\xff\xff\xff\x7f\x85R.", id="claims-storage"),
        pytest.param(b"\x80\x02X\x01\x00\x00\x00x" + b"q\x00h\x00" * 10 + b".", id="no-mapping"),
    ],
)
def test_hostile_pickles_are_refused_without_memory(tmp_path, pickle):
    refused_without_memory(pth_of(pickle, tmp_path / "convolutions.pth"), "cannot be read as torch-file")


def test_zip_bombs_are_refused_without_memory(tmp_path):
    file = pth_of(bytes(1 << 28), tmp_path / "convolutions.pth", compression=zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 1 << 20
    refused_without_memory(file, "members are compressed")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(torch.zeros(1).expand(10**6, 10**6), id="huge-view"),
        pytest.param(torch.zeros(1).expand(96, 3, 7, 8), id="view-of-another-shape"),
        pytest.param(torch.zeros(96, 3, 7, 7).to_sparse(), id="sparse"),
        pytest.param(torch.zeros(96, 3, 7, 7, dtype=torch.int64), id="integers"),
        pytest.param("text", id="text"),
    ],
)
def test_what_is_no_tensor_of_the_network_is_refused(tmp_path, value):
    file = write_pth(tmp_path / "convolutions.pth", kernels(), **{"conv1.weight": value})
    refused_without_memory(file, r"conv1\.weight|cannot be read")


def test_parameters_and_half_precision_are_weights(tmp_path):
    bias = torch.nn.Parameter(torch.ones(96)), torch.ones(256, dtype=torch.bfloat16)
    changes = {"conv1.bias": bias[0], "conv2.bias": bias[1]}
    registry.add(write_pth(tmp_path / "convolutions.pth", kernels(), **changes))
    loaded = registry.load("torch-file").tensors
    assert loaded["conv1.bias"].dtype == loaded["conv2.bias"].dtype == torch.float32
    assert not loaded["conv1.bias"].requires_grad
    assert loaded["conv2.bias"].sum() == 256


@pytest.mark.parametrize("record", [b"", b"\xff\xfe", b"\n"])
def test_a_damaged_record_of_the_checksum_is_found(tmp_path, record):
    stored = registry.add(write_mat(tmp_path / "imagenet-vgg-m.mat", kernels()))
    stored.with_name(stored.name + ".sha256").write_bytes(record)
    with pytest.raises(WeightsError, match="sha256 is"):
        registry.load("vgg-m")


def test_what_is_no_file_is_not_read(tmp_path):
    file = tmp_path / "convolutions.pth"
    os.mkfifo(file)
    with pytest.raises(WeightsError, match="does not exist or is no file"):
        registry.add(file)
