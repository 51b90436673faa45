"""A baseline for tracker/baselines.py: what a class has to be so that every command and the toolkit can name it."""

from tracker import Result, Tracker
from tracker.core import boxes


class Still(Tracker):
    """The first box again and again: what every tracker has to beat."""

    def __init__(self, threads=1):
        """Nothing to prepare."""

    def init(self, image, box):
        """Remember ``box`` (x, y, w, h) of ``image`` (H, W, 3)."""
        self._box = boxes.checked(box, image.shape[1], image.shape[0])
        return Result(self._box.copy(), score=1.0, lost=False)

    def update(self, image):
        """Say it again."""
        return Result(self._box.copy(), score=1.0, lost=False)
