"""Tiny VOT workspaces for the tests: grey frames, a target that walks in a zigzag, the dummy tracker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from tracker.core.paths import PROJECT

WIDTH, HEIGHT = 96, 64
FPS = 4
"""Frame rate of the sequences, which goes before that of a real-time experiment."""

EXPERIMENTS = """\
  baseline:
    type: tracker.vot.reset_based.ResetBased
    repetitions: {repetitions}
    skip_initialize: 5
    analyses:
    - type: supervised_average_ar
      burnin: 3
    - type: supervised_eao_score
      low: 3
      high: 12
  unsupervised:
    type: tracker.vot.reset_based.Unsupervised
    analyses:
    - type: average_accuracy
"""
MULTISTART = """\
  multistart:
    type: tracker.vot.reset_based.MultiStart
    analyses:
    - type: multistart_average_ar
"""
REALTIME = """\
  realtime:
    type: tracker.vot.reset_based.ResetBased
    skip_initialize: 5
    realtime:
      grace: 1
    analyses:
    - type: supervised_average_ar
"""


def write_sequence(folder: Path, length: int = 30, phase: int = 0) -> None:
    """Write a sequence in the VOT layout: a 16 x 12 target that turns back every 10 frames, anchors at both ends."""
    (folder / "color").mkdir(parents=True)
    boxes = []
    for index in range(length):
        step = (index + phase) % 20
        boxes.append((20 + 3 * (step if step < 10 else 20 - step), 20 + 0.25 * index, 16, 12))
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        x, y, w, h = (round(value) for value in boxes[-1])
        image[y : y + h, x : x + w] = 200
        cv2.imwrite(str(folder / "color" / f"{index + 1:08d}.jpg"), image)
    (folder / "groundtruth.txt").write_text("".join(",".join(map(str, box)) + "\n" for box in boxes))
    anchors = [1] + [0] * (length - 2) + [-1]
    (folder / "anchor.value").write_text("".join(f"{anchor}\n" for anchor in anchors))
    (folder / "sequence").write_text(f"channels.color=color/%08d.jpg\nfps={FPS}\nformat=default\nname={folder.name}\n")


def write_workspace(
    folder: Path,
    experiments: str = EXPERIMENTS.format(repetitions=3),
    sequences: dict[str, int] | None = None,
    trackers: dict[str, dict[str, str]] | None = None,
) -> Path:
    """Write a workspace.

    Args:
        folder: where to; made if it does not exist.
        experiments: YAML of the stack's experiments.
        sequences: name -> number of frames.
        trackers: name of a section of trackers.ini -> its settings beside those of the dummy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sequences = sequences or {"left": 30, "middle": 24, "right": 27}
    (folder / "stack.yaml").write_text(f"title: Tiny\nexperiments:\n{experiments}")
    (folder / "config.yaml").write_text("registry: [trackers.ini]\nsequences: sequences\nstack: stack.yaml\n")
    for phase, (name, length) in enumerate(sequences.items()):
        write_sequence(folder / "sequences" / name, length, 3 * phase)
    (folder / "sequences" / "list.txt").write_text("".join(f"{name}\n" for name in sequences))
    write_registry(folder, trackers or {"Dummy": {}})
    return folder


def write_registry(folder: Path, trackers: dict[str, dict[str, str]]) -> None:
    """Write ``trackers.ini``: every tracker is the dummy with the settings given."""
    lines = []
    for name, settings in trackers.items():
        section = {
            "protocol": "traxpython",
            "command": "dummy_tracker",
            "paths": str(Path(__file__).parent),
            "timeout": "20",
            **settings,
        }
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in section.items()), ""]
    (folder / "trackers.ini").write_text("\n".join(lines))


def other_python() -> str | None:
    """The interpreter of the second toolkit release: OTHER_TOOLKIT_PYTHON, or the one that make test-toolkits made."""
    made = PROJECT / ".venv-toolkit-0.9.0" / "bin" / "python"
    return os.environ.get("OTHER_TOOLKIT_PYTHON") or (str(made) if made.exists() else None)


def run(*command: str | os.PathLike[str], python: str = sys.executable, **options) -> subprocess.CompletedProcess[str]:
    """Run ``python -m command...`` from a folder that is not the project's, without a network check."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **options.pop("env", {})}
    return subprocess.run(
        [python, "-m", *map(str, command)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 240),
        **options,
    )


def files(folder: Path, times: bool = False) -> dict[str, bytes]:
    """Every result file below ``folder`` by relative path; without ``times`` those that a clock wrote are left out."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: content
        for name, content in found.items()
        if not name.endswith("fingerprint.json") and (times or not name.endswith("_time.value"))
    }


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())
