"""Take the pictures: layers composed in linear light, blurred by the motion within the exposure, seen by a sensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.sequences.cutouts import Sprite
from tracker.sequences.geometry import Camera, Matrix, Pose, oriented_box, project, translation
from tracker.sequences.photos import Image, to_srgb

SIZE = (320, 240)
"""Width and height of the images, pixels."""
LENGTH = 60
"""Frames of each sequence."""
_MOST_INSTANTS = 17
_CORNERS = ((0.0, 0.0), (SIZE[0], 0.0), (SIZE[0], SIZE[1]), (0.0, SIZE[1]))

Window: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True)
class Actor:
    """A cut-out and its path.

    Attributes:
        sprite: what it looks like.
        pose: where it is at a time, in frames.
        shadow: (x, y) world pixels from the object to its shadow.
        darkness: share of the light that the shadow takes away; 0 for none.
        look_alike: True for an object that could be taken for the target.
    """

    sprite: Sprite
    pose: Callable[[float], Pose]
    shadow: tuple[float, float] = (5.0, 8.0)
    darkness: float = 0.55
    look_alike: bool = False


@dataclass(frozen=True)
class Scene:
    """Everything that a sequence shows; times are in frames, ``t = 0`` is the first one's.

    Attributes:
        name: of the sequence.
        backdrop: halvings of the background, (H, W, 3) float32 linear RGB each.
        actors: from far to near; those after the target may hide it.
        target: index of the target in ``actors``.
        camera: the window on the world at a time.
        light: (3,) gain of red, green and blue at a time.
        veil: halvings of a pattern of shade, (H, W) float32 transmittance, that lies over everything; None for none.
        drift: the veil's pose at a time.
        shutter: exposure time, in frame periods.
        noise: standard deviation of the sensor's noise at full light, in linear units.
    """

    name: str
    backdrop: tuple[Image, ...]
    actors: tuple[Actor, ...]
    target: int
    camera: Callable[[float], Camera]
    light: Callable[[float], NDArray[np.float32]] = lambda t: np.ones(3, np.float32)
    veil: tuple[Image, ...] | None = None
    drift: Callable[[float], Pose] = lambda t: Pose(0, 0)
    shutter: float = 0.5
    noise: float = 0.012

    def view(self, actor: Actor, t: float) -> Matrix:
        """(3, 3) homography from the actor's texture (its anchor at the origin) to the image at time ``t``."""
        return self.camera(t).matrix(SIZE) @ actor.pose(t).matrix()

    def box(self, t: float) -> Matrix:
        """(4, 2) corners of the target's tight box in the image, turned as the target is (see ``oriented_box``)."""
        target = self.actors[self.target]
        return oriented_box(self.view(target, t), target.sprite.outline)


def camera_motion(scene: Scene, start: float, end: float) -> Matrix:
    """(4,) pixels by which the camera's motion between two times moves what was seen in the image's corners."""
    shift = scene.camera(end).matrix(SIZE) @ np.linalg.inv(scene.camera(start).matrix(SIZE))
    return np.linalg.norm(project(shift, _CORNERS) - _CORNERS, axis=1)


def warp(levels: tuple[Image, ...], matrix: Matrix, window: Window | None = None) -> Image:
    """A texture through ``matrix`` (texture to image), taken from the level that has just enough detail.

    With a ``window`` it is (h, w, ...) as large as that, and nothing surrounds the texture; without, it is as large as
    the image, and the texture is mirrored at its edges.
    """
    height, width = levels[0].shape[:2]
    x, y = width / 2, height / 2
    here, right, below = project(matrix, [(x, y), (x + 1, y), (x, y + 1)])
    area = abs(np.linalg.det(np.stack([right - here, below - here])))
    level = int(np.clip(np.floor(-0.5 * np.log2(max(area, 1e-9)) + 0.3), 0, len(levels) - 1))
    reach = float(2**level)
    left, top, size, border = 0, 0, SIZE, cv2.BORDER_REFLECT_101
    if window is not None:
        rows, columns = window
        left, top, border = columns.start, rows.start, cv2.BORDER_CONSTANT
        size = (columns.stop - left, rows.stop - top)
    whole = translation(-0.5 - left, -0.5 - top) @ matrix @ np.diag([reach, reach, 1.0]) @ translation(0.5, 0.5)
    return cv2.warpPerspective(levels[level], whole, size, flags=cv2.INTER_LINEAR, borderMode=border).astype(np.float32)


def coverage(scene: Scene, actor: Actor, t: float) -> Image:
    """(240, 320) float32 alpha of one actor in the image."""
    alpha = np.zeros(SIZE[::-1], np.float32)
    matrix = scene.view(actor, t) @ translation(*-actor.sprite.anchor)
    window = _window(actor.sprite.levels, matrix)
    if window is not None:
        alpha[window] = warp(actor.sprite.levels, matrix, window)[..., 3]
    return alpha


def instant(scene: Scene, t: float) -> Image:
    """What the camera sees at one moment under plain white light, (240, 320, 3) float32 linear RGB."""
    view = scene.camera(t).matrix(SIZE)
    frame = warp(scene.backdrop, view)
    for actor in scene.actors:
        pose = actor.pose(t).matrix() @ translation(*-actor.sprite.anchor)
        if actor.darkness:
            cast = view @ translation(*actor.shadow) @ pose
            window = _window(actor.sprite.shadows, cast)
            if window is not None:
                frame[window] *= _thrice(1 - actor.darkness * warp(actor.sprite.shadows, cast, window))
        window = _window(actor.sprite.levels, view @ pose)
        if window is not None:
            layer = warp(actor.sprite.levels, view @ pose, window)
            frame[window] *= _thrice(1 - layer[..., 3])
            frame[window] += cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)
    if scene.veil is not None:
        frame *= _thrice(shade(scene, t))
    return frame


def shade(scene: Scene, t: float) -> Image:
    """(240, 320) float32 share of the light that the veil lets through; 1 without a veil."""
    if scene.veil is None:
        return np.ones(SIZE[::-1], np.float32)
    return warp(scene.veil, scene.camera(t).matrix(SIZE) @ scene.drift(t).matrix())


def exposure(scene: Scene, frame: int) -> Image:
    """The light that the sensor gathers around the time ``frame``, (240, 320, 3) float32 linear RGB."""
    start, end = frame - scene.shutter / 2, frame + scene.shutter / 2
    moved = [np.abs(scene.box(end) - scene.box(start)).max()]
    moved.append(camera_motion(scene, start, end).max())
    for actor in scene.actors:
        a, b = (project(scene.view(actor, t), [(0.0, 0.0)]) for t in (start, end))
        moved.append(np.abs(b - a).max())
    instants = int(np.clip(2 * np.ceil(max(moved) / 2.4) + 1, 1, _MOST_INSTANTS))
    times = frame + scene.shutter * ((np.arange(instants) + 0.5) / instants - 0.5)
    total = instant(scene, times[0])
    for t in times[1:]:
        total += instant(scene, t)
    return total * (scene.light(frame) / np.float32(instants))


def develop(light: Image, noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the sensor makes of it: vignette, noise that grows with the light, sRGB; (240, 320, 3) uint8."""
    y, x = np.mgrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j].astype(np.float32)
    light = light * (1 - 0.16 * (x**2 + y**2) / 2)[..., None]
    grain = rng.standard_normal(light.shape, np.float32)
    return to_srgb(light + grain * noise * np.sqrt(np.clip(light, 0.004, 1.0)))


def photograph(scene: Scene, frame: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture of ``frame`` (0-based), (240, 320, 3) uint8 RGB."""
    return develop(exposure(scene, frame), scene.noise, rng)


def _window(levels: tuple[Image, ...], matrix: Matrix) -> Window | None:
    """The part of the image that a texture can reach through ``matrix``; None if it is all outside."""
    height, width = levels[0].shape[:2]
    corners = project(matrix, [(0, 0), (width, 0), (width, height), (0, height)])
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, SIZE).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, SIZE).tolist()
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _thrice(factor: Image) -> Image:
    """One factor a pixel, (H, W), for three channels, (H, W, 3): several times faster than numpy's broadcasting."""
    return np.asarray(cv2.merge([factor, factor, factor]), np.float32)
