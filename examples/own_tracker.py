"""A tracker of one's own, ranked beside DAT: two methods, and ``tracker.serve`` for the VOT toolkit."""

import tracker


class Still:
    """The first box again and again."""

    def __init__(self, drift: float = 0.0):
        """Move it by ``drift`` pixels a frame."""
        self.drift = drift

    def init(self, image, box):
        """Start on ``image`` (H, W, 3) RGB uint8 with the target at ``box`` (x, y, w, h), 0-based pixels."""
        self.box = box

    def update(self, image):
        """The box in the next frame; ``(box, score)`` tells a confidence, None that the target is lost."""
        self.box[0] += self.drift
        return self.box


if __name__ == "__main__":
    tracker.serve(Still)
