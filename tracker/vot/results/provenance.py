"""Where results come from: a record beside them that tells whether they still belong to what would be run today.

``results/<tracker>/<experiment>/<sequence>/fingerprint.json`` says which parameters and weights (the tracker's own
fingerprint, from its TraX handshake), which section of trackers.ini, which rules of the experiment and which data
made the trajectories beside it. Trackers that tell no fingerprint are known by their section alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vot.dataset import Sequence
from vot.experiment import Experiment, SupervisedExperiment
from vot.tracker import Tracker

from tracker.core.errors import DamagedFile
from tracker.core.files import write_whole
from tracker.vot.results.runfiles import trajectories

FILE = "fingerprint.json"
UNKNOWN = "unknown"
"""The tracker's fingerprint in records of before 0.2.0, whose form cannot be compared with today's."""
_FORM = 2

_NO_EFFECT_ON_BOXES = {"label", "timeout", "tags", "paths", "python", "linkpaths"}
_NO_EFFECT_IN_ENVIRONMENT = {"RECIPROCATIVE_LOG", "PYTHONPATH", "PYTHONUNBUFFERED", "LD_LIBRARY_PATH", "PATH", "TRAX"}
_RULES_LEFT_OUT = {"analyses", "repetitions", "early_stop", "type"}


@dataclass(frozen=True)
class Provenance:
    """What decides the trajectories of one tracker in one experiment on one sequence.

    Attributes:
        tracker: fingerprint of parameters and weights as the tracker tells it; None if it tells none, or ``UNKNOWN``.
        settings: its section of trackers.ini, less what cannot change a box (label, timeout, paths, ...).
        experiment: the experiment's parameters, less analyses and number of repetitions.
        data: hash of ground truth, values and the sizes of all image files.
    """

    tracker: str | None
    settings: dict[str, str]
    experiment: dict[str, Any]
    data: str

    @property
    def digest(self) -> str:
        """12 hexadecimal digits; equal digests mean results that may stand side by side."""
        return digest(asdict(self))

    def differences(self, other: Provenance) -> list[str]:
        """What was otherwise when ``other`` was made, one line each: ``name: then -> now``."""
        lines = []
        if other.tracker not in (self.tracker, UNKNOWN):
            lines.append(f"parameters or weights: {other.tracker} -> {self.tracker}")
        pairs = ("", self.settings, other.settings), ("experiment ", self.experiment, other.experiment)
        for label, now, then in pairs:
            for key in sorted(now.keys() | then.keys()):
                if now.get(key) != then.get(key):
                    lines.append(f"{label}{key}: {then.get(key)} -> {now.get(key)}")
        if other.data != self.data:
            lines.append("the sequence itself (ground truth or images)")
        return lines


def settings_of(tracker: Tracker) -> dict[str, str]:
    """A tracker's section of trackers.ini, less what cannot change a box; environment variables as ``env_NAME``."""
    section = tracker.describe()
    environment = section.pop("env") or {}
    arguments = section.pop("arguments") or {}
    settings = {key: str(value) for key, value in section.items() if key not in _NO_EFFECT_ON_BOXES}
    settings |= {f"env_{key}": value for key, value in environment.items() if key not in _NO_EFFECT_IN_ENVIRONMENT}
    return settings | {f"arg_{key}": str(value) for key, value in arguments.items()}


def rules_of(experiment: Experiment, absent: bool = False) -> dict[str, Any]:
    """Parameters of an experiment that decide its trajectories.

    ``absent``: frames of the sequence have no target, which reset-based results before 0.2.0 took for failures.
    """
    rules = {key: value for key, value in experiment.dump().items() if key not in _RULES_LEFT_OUT}
    return rules | {"absent": "no failure"} if absent and isinstance(experiment, SupervisedExperiment) else rules


def data_of(sequence: Sequence) -> str:
    """Hash of a sequence's ground truth, its per-frame values and tags, and the sizes of its image files."""
    frames = []
    for index in range(len(sequence)):
        frame = sequence.frame(index)
        files = [frame.filename(channel) for channel in sorted(sequence.channels())]
        sizes = [Path(file).stat().st_size if file and Path(file).exists() else 0 for file in files]
        frames.append([str(sequence.groundtruth(index)), sequence.values(index), sorted(sequence.tags(index)), sizes])
    return digest(frames)


def read(folder: Path) -> Provenance | None:
    """The record in ``folder``; None if there is none.

    Raises:
        DamagedFile: the record is not what :func:`write` writes.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        record = json.loads(file.read_text())
        kinds = {"tracker": str | None, "settings": dict, "experiment": dict, "data": str}
        if not all(isinstance(record[key], kind) for key, kind in kinds.items()):
            raise TypeError("values of other types")
        provenance = Provenance(**{key: record[key] for key in kinds})
        comparable = "form" in record or provenance.tracker is None
        return provenance if comparable else replace(provenance, tracker=UNKNOWN)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFile(str(file), f"not a record of provenance ({error}); delete it to keep the results") from error


def write(folder: Path, provenance: Provenance) -> None:
    """Record where the trajectories that will stand in ``folder`` come from.

    Trajectories that are there already without a record are named in it: nobody knows what made them.
    """
    before = read(folder)
    if before is not None and before.tracker != UNKNOWN:
        return
    record: dict[str, Any] = {"form": _FORM, "fingerprint": provenance.digest, **asdict(provenance)}
    if unrecorded := trajectories(folder):
        record["unrecorded"] = unrecorded
    write_whole(folder / FILE, json.dumps(record, indent=1, sort_keys=True) + "\n")


def confirm(folder: Path, provenance: Provenance) -> None:
    """Make sure that ``folder`` still belongs to ``provenance``.

    Raises:
        RuntimeError: its record has been deleted or replaced: another evaluation makes other results there.
    """
    record = read(folder)
    if record is None or record.digest != provenance.digest:
        raise RuntimeError(f"{folder} belongs to another evaluation by now; what this one made is dropped")


def digest(value: Any) -> str:
    """12 hexadecimal digits of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]
