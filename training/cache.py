"""Features of rendered clips, computed once: the trunk is frozen.

``python -m training.cache FOLDER --clips 10000`` writes ``fine.npy`` (clips, F, 40, 36, 36) and ``coarse.npy``
(clips, F, 112, 18, 18), both float16, and ``boxes.npz`` with what ``training.rendering.Clip`` holds beside its images.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tracker.features.efficientnet import CHANNELS, STRIDES, Captured, EfficientNetLite0, fused
from tracker.weights import registry as weights
from training import pictures
from training.rendering import SIDE, Renderer

FRAMES, OTHERS = 4, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Render clips and keep their features; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.cache", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where each worker's trunk runs: cpu or cuda (cpu)")
    args = parser.parse_args(argv)
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, shape in _shapes(args.clips).items():
        np.lib.format.open_memmap(args.folder / name, "w+", np.float16, shape)
    parts = np.array_split(np.arange(args.clips), args.workers)
    with ProcessPoolExecutor(args.workers) as pool:
        jobs = [
            pool.submit(_fill, args.folder, args.clips, part, args.seed + k, args.device)
            for k, part in enumerate(parts)
        ]
        done = [job.result() for job in jobs]
    names = ("targets", "visible", "others")
    arrays: dict[str, Any] = {name: np.concatenate([one[name] for one in done]) for name in names}
    np.savez(args.folder / "boxes.npz", **arrays)
    return 0


def _shapes(clips: int) -> dict[str, tuple[int, ...]]:
    levels = {"fine.npy": (CHANNELS[0], SIDE // STRIDES[0]), "coarse.npy": (CHANNELS[1], SIDE // STRIDES[1])}
    return {name: (clips, FRAMES, channels, side, side) for name, (channels, side) in levels.items()}


def _fill(folder: Path, clips: int, rows: np.ndarray, seed: int, device: str) -> dict[str, np.ndarray]:
    torch.set_num_threads(1)
    network = EfficientNetLite0(weights.load("efficientnet-lite0").tensors).to(device)
    trunk = (fused if device == "cpu" else Captured)(network, SIDE)
    levels = [np.load(folder / name, mmap_mode="r+") for name in _shapes(clips)]
    renderer = Renderer(pictures.load(), np.random.default_rng(seed))
    kept = []
    started = time.monotonic()
    with torch.inference_mode():
        for count, row in enumerate(rows):
            clip = renderer.clip(FRAMES, OTHERS)
            kept.append(clip)
            for number, image in enumerate(clip.images):
                pixels = torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float()
                for level, values in zip(levels, trunk(pixels.sub_(127).div_(128)), strict=True):
                    level[row, number] = values[0].cpu().numpy()
            if count % 200 == 199:
                print(f"{count + 1} of {len(rows)} clips, {time.monotonic() - started:.0f} s", file=sys.stderr)
    return {name: np.stack([getattr(clip, name) for clip in kept]) for name in ("targets", "visible", "others")}


if __name__ == "__main__":
    sys.exit(main())
