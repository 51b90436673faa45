"""Follow a target: ``python quickstart.py [SEQUENCE]``, a folder with ground truth; without it one is rendered."""

import sys
import tempfile
from pathlib import Path

from tracker import ReciprocativeTracker, open_source
from tracker.core import boxes
from tracker.sequences.dataset import generate


def follow(sequence):
    """Print the box in each frame; a video, a folder of images or the number of a camera is read as well."""
    source = open_source(sequence)
    frames = iter(source)  # RGB uint8 arrays, (H, W, 3)
    start = boxes.from_polygon(source.ground_truth[0])  # or your own (x, y, w, h), 0-based pixels
    tracker = ReciprocativeTracker()
    tracker.init(next(frames), start)
    for number, frame in enumerate(frames, start=1):
        result = tracker.update(frame)
        x, y, w, h = result.box
        print(f"{number:3d}  {x:6.1f} {y:6.1f} {w:5.1f} {h:5.1f}  score {result.score:+6.2f}  {'lost' * result.lost}")


if __name__ == "__main__":
    if sys.argv[1:]:
        follow(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            name, _ = next(generate(folder))
            follow(str(Path(folder, name)))
