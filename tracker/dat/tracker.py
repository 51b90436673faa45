"""The tracker: ``init`` learns a :class:`~tracker.dat.target.Target`, ``update`` follows it (Pu et al., NIPS 2018)."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.core.boxes import Boxes, checked
from tracker.core.errors import InvalidType, InvalidValue, MissingPackage
from tracker.core.tracker import Maps, Result, Tracker
from tracker.dat.backbone import Backbone, load
from tracker.dat.fingerprint import fingerprint
from tracker.dat.params import FAST, PRESETS, Params
from tracker.dat.target import Target


class ReciprocativeTracker(Tracker):
    """DAT: ``init(image, box)`` on the first frame, then ``update(image)`` for each one.

    Images are (H, W, 3) uint8 RGB, boxes (x, y, w, h) in 0-based float pixels. The number of CPU threads, and that
    convolutions on a GPU are float32 rather than TF32, is set for the whole process, as torch knows no other way.

    Args:
        params: a preset, its name, ``dataclasses.replace`` of one, or :func:`tracker.dat.schedule.scheduled`.
        backbone: the frozen network, if it is loaded already.

    Attributes:
        params: what it was made with.
        backbone: the frozen network.
        target: what it follows; None before ``init``.
        fingerprint: of parameters (but the seed) and weights.
        seed: of the target; before ``init`` that of the parameters, None if one will be drawn.

    Raises:
        tracker.weights.registry.WeightsError: a weights file is missing or not what its name says.
        MissingPackage: ``params.device`` is "cuda" and there is none.
        ValueError: no preset has that name.

    >>> ReciprocativeTracker("MDNET").params.attention_weight
    0.0
    """

    def __init__(self, params: Params | str = FAST, backbone: Backbone | None = None):
        if isinstance(params, str):
            if params not in PRESETS:
                raise InvalidValue(f"params is {params!r}; the presets are {', '.join(PRESETS)}")
            params = PRESETS[params]
        self.params = params
        self.device = _device(params.device)
        torch.set_num_threads(params.threads)
        self.backbone = backbone or load(params, self.device)
        self.fingerprint = fingerprint(params, self.device.type, self.backbone.sha256)
        self.seed = params.seed
        self.target: Target | None = None

    def warm_up(self) -> None:
        """Learn and follow briefly, so that the first frame does not pay for what torch does at first use."""
        p = self.params
        brief = replace(
            p,
            initial_positives=p.batch_positives,
            initial_negatives=4 * p.batch_negatives,
            initial_iterations=2,
            views=p.views[:1],
            regression_samples=64,
            update_iterations=1,
        )
        image = np.zeros((96, 128, 3), np.uint8)
        Target(self.backbone, brief, image, np.array([40.0, 30.0, 40.0, 30.0])).follow(image)

    def fork(self) -> ReciprocativeTracker:
        """A tracker with the same parameters and weights, for another target."""
        return ReciprocativeTracker(self.params, self.backbone)

    def init(self, image: NDArray[np.uint8], box: Boxes) -> Result:
        """Learn the target from the first frame; the one before is forgotten.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: (4,) target, (x, y, w, h); it may reach beyond the image.

        Returns:
            The box itself, with the margin that the trained head gives it.

        Raises:
            TypeError: the image is not uint8.
            ValueError: the image is not (H, W, 3), or the box has no area, is not finite or lies outside the image.
            RuntimeError: the head cannot learn the target, as its numbers do not stay finite.
        """
        height, width = _checked_image(image)
        box = checked(box, width, height)
        self.target = None  # its memory is free for the new one
        self.target = Target(self.backbone, self.params, image, box)
        self.seed = self.target.seed
        return self._result(self.target)

    def update(self, image: NDArray[np.uint8]) -> Result:
        """Find the target in the next frame, (H, W, 3) uint8 RGB, and learn from it.

        Raises:
            RuntimeError: ``init`` has not been called.
            TypeError: the image is not uint8.
            ValueError: the image is not (H, W, 3).
        """
        _checked_image(image)
        target = self._started()
        target.follow(image)
        return self._result(target)

    def attention(self, image: NDArray[np.uint8], box: Boxes) -> Maps:
        """Attention of the present head for the sample of a box (4,) in an image (H, W, 3) uint8 RGB, eqs. 1-2.

        Returns:
            Maps of the target's and of the background's score over the sample, (h, w) float32 each, h and w as
            ``params.attention_at`` has it.

        Raises:
            RuntimeError: ``init`` has not been called.
        """
        height, width = _checked_image(image)
        return self._started().attention(image, checked(box, width, height))

    def __repr__(self) -> str:
        """How it was made, and of which code."""
        params = self.target.params if self.target else self.params
        preset = next((name for name, values in PRESETS.items() if values == params), None)
        changed = [
            name for name in (field.name for field in fields(FAST)) if getattr(params, name) != getattr(FAST, name)
        ]
        made = repr(preset) if preset else ", ".join(f"{name}={getattr(params, name)!r}" for name in changed)
        state = f"following, frame {self.target.frames}" if self.target else "no target"
        return f"{type(self).__name__}({made}) on {self.device}, fingerprint {self.fingerprint}, {state}"

    def _started(self) -> Target:
        if self.target is None:
            raise RuntimeError("the tracker follows no target yet: call init(image, box) first")
        return self.target

    def _result(self, target: Target) -> Result:
        return Result(
            target.reported.copy(),
            target.score,
            lost=target.lost > 0,
            faults=target.learner.faults,
            seed=target.seed,
            fingerprint=self.fingerprint,
        )


def _checked_image(image: NDArray[np.uint8]) -> tuple[int, int]:
    if image.dtype != np.uint8:
        raise InvalidType(f"image has dtype {image.dtype}; give uint8 RGB")
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InvalidValue(f"image has shape {image.shape}; give RGB, (H, W, 3)")
    return image.shape[0], image.shape[1]


def _device(name: str) -> torch.device:
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise MissingPackage(
            "device is 'cuda', but torch finds none; set device='cpu' or install a CUDA build of torch"
        )
    if name == "cpu" or not found:
        return torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False  # with it, the second frame's box is .01 pixels off, without 1e-5
    return torch.device("cuda")
