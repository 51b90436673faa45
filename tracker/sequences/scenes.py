"""What happens in each of the six sequences.

Five show one difficulty each; ``together`` shows all of them, one after another, among look-alikes. Every sequence
starts with some calm frames, in which nothing but its target moves. The seed changes paths, timing and noise a little,
never the story.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from tracker.sequences import cutouts
from tracker.sequences.cutouts import pyramid
from tracker.sequences.geometry import Camera, Pose, sway, track
from tracker.sequences.photos import Image
from tracker.sequences.rendering import SIZE, Actor, Scene

_BLUE = ((0.1, 0.1, 0.45), (0.15, 0.5, 0.3), (0.75, 0.15, 0.1))
_BROWN = ((0.55, 0.35, 0.0), (0.25, 0.55, 0.05), (0.2, 0.2, 0.3))


def occlusion(rng: np.random.Generator) -> Scene:
    """An officer walks along a brick wall behind two pillars, turns, and goes behind one of them again."""
    late = rng.uniform(-0.7, 0.7)
    times = [0, 9, 20 + late, 30 + late, 41 + late, 49, 59]
    x = track(times, [46, 68, 122, 172, 240, 280, 228], overshoot=False)
    bob, tilt = sway(rng, 1.2, 9), sway(rng, 0.03, 17)
    corner = (90, 110)

    def walk(t: float) -> Pose:
        return Pose(x(t) + corner[0], 132 + bob(t) + corner[1], 0.3, tilt(t), yaw=0.25 * np.sin(0.1 * t))

    still = [Actor(cutouts.pillar(w), _fixed(at + corner[0], 240), (16, 3)) for w, at in ((46, 118), (36, 222))]
    camera = _tripod(rng, (corner[0] + SIZE[0] / 2, corner[1] + SIZE[1] / 2))
    officer = Actor(cutouts.officer(), walk, (22, 10))
    return Scene("occlusion", pyramid(cutouts.wall()), (officer, *still), 0, camera)


def illumination(rng: np.random.Generator) -> Scene:
    """A bronze coin slides over gravel: a cloud, the shade of leaves, glaring sun, warm evening light."""
    x = track([0, 15, 30, 45, 59], [150 + rng.uniform(-8, 8), 215, 300, 340, 270])
    y = track([0, 15, 30, 45, 59], [200, 280, 300 + rng.uniform(-8, 8), 230, 190])
    spin = track([0, 30, 59], [0.0, 0.8, 0.1 + rng.uniform(-0.2, 0.2)])
    # The camera's automatic exposure follows too slowly to help: 0.14 is dark, 2.4 burns the gravel out.
    red = track([0, 12, 20, 27, 34, 41, 49, 59], [1.0, 1.0, 0.20, 0.16, 0.9, 2.5, 1.1, 0.55], overshoot=False)
    green = track([0, 12, 20, 27, 34, 41, 49, 59], [1.0, 1.0, 0.21, 0.18, 0.9, 2.4, 0.7, 0.30], overshoot=False)
    blue = track([0, 12, 20, 27, 34, 41, 49, 59], [1.0, 1.0, 0.28, 0.25, 0.9, 2.2, 0.4, 0.12], overshoot=False)
    drift = track([0, 26, 44, 59], [250, 200, -200, -450], overshoot=False)

    return Scene(
        "illumination",
        pyramid(cutouts.gravel()),
        (Actor(cutouts.coin(), lambda t: Pose(x(t), y(t), 1.0, spin(t)), (3, 4)),),
        0,
        _tripod(rng, (256, 250)),
        light=lambda t: np.array([red(t), green(t), blue(t)], np.float32),
        veil=pyramid(_leaves()),
        drift=lambda t: Pose(drift(t), -60, 1.6, 0.02 * np.sin(0.5 * t)),
    )


def motion(rng: np.random.Generator) -> Scene:
    """A round disc is thrown to and fro over a lawn, faster and faster, blurred by a slow shutter."""
    times = [0, 6, 12, 19, 26, 33, 40, 47, 53, 59]
    stray = rng.uniform(-5, 5, (2, 10))
    x = track(times, stray[0] + np.array([70, 80, 102, 196, 262, 170, 66, 160, 252, 170]))
    y = track(times, stray[1] + np.array([150, 148, 134, 76, 140, 186, 110, 60, 140, 190]))
    spin = track([0, 13, 59], [0.0, 0.5, 4.0])
    lean = sway(rng, 0.16, 24)
    corner = (80, 60)

    def fly(t: float) -> Pose:
        return Pose(x(t) + corner[0], y(t) + corner[1], 0.72, spin(t), lean(t), lean(t + 9))

    camera = _tripod(rng, (corner[0] + SIZE[0] / 2, corner[1] + SIZE[1] / 2))
    disc = Actor(cutouts.patch(), fly, (16, 20), 0.4)
    return Scene("motion", pyramid(cutouts.lawn()), (disc,), 0, camera, shutter=0.9)


def size(rng: np.random.Generator) -> Scene:
    """A shuttle flies towards the camera and away again over a launch pad at dusk."""
    scale = track([0, 11, 31, 37, 56, 59], [0.21, 0.22, 0.66, 0.66, 0.20, 0.19], overshoot=False)
    x = track([0, 15, 32, 45, 59], [96, 130, 196, 218, 188 + rng.uniform(-6, 6)])
    y = track([0, 15, 32, 45, 59], [150, 132, 118, 98, 82 + rng.uniform(-5, 5)])
    angle = track([0, 20, 40, 59], [0.35, 0.15, -0.2, -0.5])
    turn = sway(rng, 0.2, 40)
    middle = (300, 230)

    def fly(t: float) -> Pose:
        place = x(t) + middle[0] - SIZE[0] / 2, y(t) + middle[1] - SIZE[1] / 2
        return Pose(*place, scale(t), angle(t), turn(t), turn(t + 15))

    shuttle = Actor(cutouts.shuttle(), fly, darkness=0)
    return Scene("size", pyramid(cutouts.launch_pad()), (shuttle,), 0, _tripod(rng, middle))


def camera(rng: np.random.Generator) -> Scene:
    """An astronaut in a park; the hand-held camera shakes, pans, rolls and zooms. Her head is tracked."""
    awake = track([0, 10, 16, 59], [0, 0, 1, 1], overshoot=False)
    pan = track([0, 10, 24, 38, 50, 59], [0, 0, -46, 40, -30, 10])
    shake_x, shake_y, roll = sway(rng, 9.0, 8), sway(rng, 6.0, 7), sway(rng, 0.09, 13)
    zoom = track([0, 10, 30, 45, 59], [1.0, 1.0, 1.06, 0.97, 1.04])
    step, nod = sway(rng, 2.0, 26), sway(rng, 0.03, 20)

    def hold(t: float) -> Camera:
        a = awake(t)
        return Camera(312 + a * (pan(t) + shake_x(t)), 186 + a * shake_y(t), zoom(t), a * roll(t))

    def stand(t: float) -> Pose:
        return Pose(350 + step(t), 188 + 0.5 * step(t + 7), 0.37, nod(t), yaw=2 * nod(t + 5))

    astronaut = Actor(cutouts.astronaut(), stand, (20, 12), 0.35)
    return Scene("camera", pyramid(cutouts.park()), (astronaut,), 0, hold)


def together(rng: np.random.Generator) -> Scene:
    """A cup of coffee among its like: the camera zooms, a cup passes over it, dusk, a jerk, an unsteady camera."""
    times, stray = [0, 12, 22, 34, 43, 48, 52, 59], rng.uniform(-4, 4, (2, 8))
    x = track(times, stray[0] + np.array([250, 262, 292, 318, 330, 392, 410, 404]), overshoot=False)
    y = track(times, stray[1] + np.array([330, 322, 318, 326, 330, 304, 310, 322]))
    spin = track([0, 30, 59], [0.0, 0.35, -0.15 + rng.uniform(-0.1, 0.1)])
    zoom = track([0, 10, 21, 40, 59], [0.92, 0.92, 1.3, 1.3, 1.12], overshoot=False)
    awake = track([0, 42, 47, 59], [0, 0, 1, 1], overshoot=False)
    follow_x = track([0, 12, 30, 45, 59], [292, 292, 316, 330, 376])
    shake_x, shake_y, roll = sway(rng, 4.0, 7), sway(rng, 3.0, 8), sway(rng, 0.03, 11)
    carried_x, carried_y = track([0, 20, 40, 59], [700, 470, 180, 120]), track([0, 20, 40, 59], [130, 284, 400, 700])
    light = track([0, 33, 41, 47, 59], [1.0, 1.0, 0.3, 0.42, 0.9], overshoot=False)
    twist = rng.uniform(-0.3, 0.3)

    def hold(t: float) -> Camera:
        a = awake(t)
        return Camera(follow_x(t) + a * shake_x(t), 318 + a * shake_y(t), zoom(t), a * roll(t))

    def stroll(t: float) -> Pose:
        return Pose(210 + 0.7 * t, 240 + 0.25 * t, 0.16, 2.1 + twist + 0.01 * t)

    red, blue, brown = cutouts.cup(), cutouts.cup(_BLUE), cutouts.cup(_BROWN)
    return Scene(
        "together",
        pyramid(cutouts.paving()),
        (
            Actor(red, stroll, look_alike=True),
            Actor(brown, lambda t: Pose(340, 250, 0.17, 1.2 + twist - 0.006 * t), look_alike=True),
            Actor(blue, _fixed(196, 372, 0.17, -0.8), look_alike=True),
            Actor(brown, _fixed(402, 402, 0.16, 2.6 + twist), look_alike=True),
            Actor(red, lambda t: Pose(x(t), y(t), 0.17, spin(t))),
            Actor(blue, lambda t: Pose(carried_x(t), carried_y(t), 0.2, 0.5 + 0.01 * t), (14, 22), look_alike=True),
        ),
        4,
        hold,
        light=lambda t: np.array([1.0, 0.96, 0.9], np.float32) * np.float32(light(t)),
    )


SCENES: dict[str, Callable[[np.random.Generator], Scene]] = {
    make.__name__: make for make in (occlusion, illumination, motion, size, camera, together)
}
"""Name of each sequence, and the function that lays it out, given a random generator."""


def make_scene(name: str, seed: int) -> Scene:
    """The scene ``name`` of ``SCENES`` as ``seed`` lays it out."""
    return SCENES[name](np.random.default_rng([seed, *name.encode()]))


def _fixed(x: float, y: float, scale: float = 1.0, angle: float = 0.0) -> Callable[[float], Pose]:
    return lambda t: Pose(x, y, scale, angle)


def _tripod(rng: np.random.Generator, at: tuple[float, float]) -> Callable[[float], Camera]:
    """A camera that stands at ``at`` and trembles by a fraction of a pixel, as on a tripod in the wind."""
    x, y = sway(rng, 0.35, 25), sway(rng, 0.25, 30)
    return lambda t: Camera(at[0] + x(t), at[1] + y(t))


def _leaves() -> Image:
    """The shade of leaves, from grass out of focus: (512, 512) float32 transmittance, clear at its left."""
    blurred = cv2.GaussianBlur(cv2.resize(cutouts.lawn()[:, 60:420, 1], (512, 512)), (0, 0), 9)
    low, high = np.percentile(blurred, [35, 65])
    leaves = 0.75 * np.clip((high - blurred) / (high - low), 0, 1)
    return (1 - leaves * np.clip((np.arange(512) - 230) / 40, 0, 1)).astype(np.float32)
