"""Frames per second of a tracker that has the machine to itself; the times of a parallel evaluation are disturbed."""

from __future__ import annotations

import json
from pathlib import Path

from tracker.core.files import write_whole
from tracker.vot.evaluation.probe import probe

FILE = "speed.json"

WHOLE_SEQUENCE = 10**9


def frames_per_second(workspace: Path | str, tracker: str, fingerprint: str) -> float:
    """Speed on the workspace's whole first sequence, the initialisation included, as the toolkit measures it.

    The measurement is kept in ``results/<tracker>/speed.json``, and made again for another fingerprint.

    Args:
        workspace: folder of a workspace.
        tracker: reference of a tracker in its registry.
        fingerprint: of the tracker's parameters, weights and settings.

    Raises:
        TrackerFailed: the tracker does not run.
    """
    file = Path(workspace, "results", tracker, FILE)
    kept = json.loads(file.read_text()) if file.exists() else {}
    if kept.get("fingerprint") != fingerprint:
        measured = probe(workspace, tracker, WHOLE_SEQUENCE)
        kept = {"fingerprint": fingerprint, "fps": measured.fps, "frames": measured.frames + 1}
        write_whole(file, json.dumps(kept) + "\n")
    return float(kept["fps"])
