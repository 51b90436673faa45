"""Files of weights to tensors by key, one function a format; torch and scipy are imported when they read."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker.formats import matfile

if TYPE_CHECKING:
    from torch import Tensor


def matconvnet(path: Path) -> dict[str, Tensor]:
    """conv1 to conv3 of a MatConvNet network: layers 0, 4, 8, each a (H, W, in, out) kernel and a bias."""
    import torch

    layers = matfile.read(path, "layers")[0]
    tensors = {}
    for i in range(3):
        kernel, bias = layers[4 * i]["weights"][0, 0].ravel()
        kernel = np.transpose(kernel, (3, 2, 0, 1))  # (out, in, H, W)
        tensors[f"conv{i + 1}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel, np.float32))
        tensors[f"conv{i + 1}.bias"] = torch.from_numpy(np.ascontiguousarray(bias, np.float32).ravel())
    return tensors


def npz(path: Path) -> dict[str, Tensor]:
    """Arrays of a NumPy archive, without pickles."""
    import torch

    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}


def onnx(path: Path) -> dict[str, Tensor]:
    """No tensors: OpenCV reads the network itself, here to see that it can."""
    import cv2

    cv2.dnn.readNetFromONNX(str(path))
    return {}


def state(path: Path) -> dict[str, Any]:
    """What ``torch.save`` wrote: tensors and plain containers only, none of them larger than the file."""
    import torch

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its members are compressed, which torch.save never does")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("its members are larger than the file")
    return dict(torch.load(path, map_location="cpu", weights_only=True))
