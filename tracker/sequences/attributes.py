"""Per-frame attributes, measured from the scene and not from the pictures: a tag is true where its difficulty occurs.

The names of the first five are VOT's. Frame 0, where a tracker is given the target, has no motion tags.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.sequences.geometry import Matrix, project
from tracker.sequences.rendering import LENGTH, SIZE, Scene, camera_motion, coverage, shade

TAGS: dict[str, str] = {
    "occlusion": "at least a quarter of the target's area is hidden by something nearer",
    "illum_change": "the light on the target changes by a factor of 1.2 or more within two frames before to two after",
    "motion_change": "the target moves by 0.15 of its size or more since the frame before, the camera's motion aside",
    "size_change": "the target's size changes by a factor of 1.1 or more within two frames before to two after",
    "camera_motion": "the camera's motion moves the backdrop by 1.5 pixels or more since the frame before",
    "clutter": "the centre of a look-alike is nearer to the target's than 1.5 times the diagonal of the target",
}
"""Name of each tag, and when it is true. Size is the square root of the area of the ground-truth polygon."""

_HIDDEN = 0.25
_LIGHT = 1.2
_SPEED = 0.15
_GROWTH = 1.1
_SHIFT = 1.5
_NEAR = 1.5
_AROUND = 2  # frames before and after, for slow changes


def tags(scene: Scene) -> dict[str, NDArray[np.bool_]]:
    """(LENGTH,) booleans for each name in ``TAGS``."""
    frames = range(LENGTH)
    sizes = np.array([_size(scene.box(t)) for t in frames])
    lights = np.array([_light(scene, t) for t in frames])
    speeds = np.array([0.0, *(_speed(scene, t) / sizes[t] for t in frames[1:])])
    shifts = np.array([0.0, *(camera_motion(scene, t - 1, t).mean() for t in frames[1:])])
    return {
        "occlusion": np.array([hidden(scene, t) for t in frames]) >= _HIDDEN,
        "illum_change": _change(lights) >= _LIGHT,
        "motion_change": speeds >= _SPEED,
        "size_change": _change(sizes) >= _GROWTH,
        "camera_motion": shifts >= _SHIFT,
        "clutter": np.array([_nearest(scene, t) for t in frames]) <= _NEAR,
    }


def silhouette(scene: Scene, t: float) -> NDArray[np.float32]:
    """(240, 320) float32: share of each pixel that the whole target covers, hidden parts included."""
    target = scene.actors[scene.target]
    fine = 4
    mask = np.zeros((SIZE[1] * fine, SIZE[0] * fine), np.uint8)
    points = project(scene.view(target, t), target.sprite.outline) * fine - 0.5
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, shift=4)
    return np.asarray(cv2.resize(mask, SIZE, interpolation=cv2.INTER_AREA) / np.float32(255), np.float32)


def hidden(scene: Scene, t: float) -> float:
    """Share of the target's area in the image that nearer objects hide, 0..1."""
    whole = silhouette(scene, t)
    visible = whole.copy()
    for actor in scene.actors[scene.target + 1 :]:
        visible *= 1 - coverage(scene, actor, t)
    return 1 - float(visible.sum() / whole.sum())


def _size(box: Matrix) -> float:
    return float(np.sqrt(np.linalg.norm(box[1] - box[0]) * np.linalg.norm(box[3] - box[0])))


def _light(scene: Scene, t: float) -> float:
    """Mean light on the target as a share of full white light."""
    weight = silhouette(scene, t)
    luminance = float(np.dot(scene.light(t), (0.2126, 0.7152, 0.0722)))
    return luminance * float((weight * shade(scene, t)).sum() / weight.sum())


def _speed(scene: Scene, t: int) -> float:
    """Image pixels that the target's centre moves from frame ``t - 1`` to ``t``, seen by the camera of ``t``."""
    target, camera = scene.actors[scene.target], scene.camera(t).matrix(SIZE)
    before, now = (project(camera @ target.pose(s).matrix(), [(0.0, 0.0)])[0] for s in (t - 1, t))
    return float(np.linalg.norm(now - before))


def _nearest(scene: Scene, t: int) -> float:
    """Distance from the target's centre to the nearest look-alike's, in diagonals of the target's box; inf if none."""
    box = scene.box(t)
    centres = [project(scene.view(actor, t), [(0.0, 0.0)])[0] for actor in scene.actors if actor.look_alike]
    inside = [c for c in centres if 0 <= c[0] <= SIZE[0] and 0 <= c[1] <= SIZE[1]]
    distances = [np.linalg.norm(c - box.mean(axis=0)) for c in inside]
    return float(min(distances, default=np.inf) / np.linalg.norm(box[2] - box[0]))


def _change(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) largest factor between two of the values within ``_AROUND`` frames of each frame."""
    padded = np.pad(values, _AROUND, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)  # (N, 5)
    return windows.max(axis=1) / windows.min(axis=1)
