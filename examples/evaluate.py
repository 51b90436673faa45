"""An evaluation from Python: the tracker of own_tracker.py beside NCC, on the embedded sequences.

``python evaluate.py WORKSPACE`` makes the workspace, runs what is missing in it and shows the figures. In place of
``sequences``, ``import-video`` takes a video of your own.
"""

import sys
from pathlib import Path

import tracker
from tracker.cli import main as reciprocative

if __name__ == "__main__":
    workspace = Path(sys.argv[1])
    if not workspace.exists():
        reciprocative(["init", str(workspace), "NCC", "own_tracker:Still"])
        reciprocative(["sequences", str(workspace / "sequences")])
    result = tracker.evaluate(workspace, ["NCC", "Still"])
    print(result)  # the report's tables; a notebook shows them as such
    for row in result.rows:
        print(f"{row.tracker}: EAO {row.eao:.3f}, accuracy {row.accuracy:.3f}, {row.failures:.1f} failures")
    result.figures()["baseline EAO curve"].savefig(workspace / "curve.png")
