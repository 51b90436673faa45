"""Objects cut out of photographs with soft edges, and the backdrops that they move over.

Outlines are traced by hand in the pixels of the photographs, which keeps them the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tracker.sequences.photos import Image, coloured, load, to_linear

_FINE = 4  # outlines are drawn on a grid this many times finer than the photograph
_LEVELS = 4  # sizes kept of each picture, each half the one before, so that shrinking never aliases
_GRAIN = 2 ** (_LEVELS - 1)  # picture sides are multiples of this, so that halving is exact

Points = NDArray[np.float64]

_ASTRONAUT = (
    (18, 530), (21, 440), (25, 400), (35, 330), (45, 285), (60, 255), (85, 232), (110, 210), (117, 185), (126, 166),
    (150, 151), (180, 148), (184, 140), (178, 128), (166, 115), (156, 95), (155, 70), (165, 50), (190, 36), (205, 22),
    (232, 17), (262, 22), (290, 40), (299, 70), (300, 100), (289, 120), (277, 134), (264, 140), (258, 170), (275, 185),
    (291, 205), (302, 230), (330, 246), (344, 275), (354, 310), (362, 345), (395, 344), (430, 353), (460, 376),
    (481, 410), (491, 440), (496, 470), (498, 530),
)  # fmt: skip
_HEAD = (
    (184, 142), (178, 128), (166, 115), (156, 95), (155, 70), (165, 50), (190, 36), (205, 22), (232, 17), (262, 22),
    (290, 40), (299, 70), (300, 100), (289, 120), (277, 134), (264, 140), (259, 165), (248, 185), (225, 191),
    (200, 187), (187, 165),
)  # fmt: skip
_SHUTTLE = (
    (417, 3), (428, 11), (435, 28), (437, 46), (442, 42), (448, 50), (452, 66), (454, 100), (454, 185), (456, 232),
    (453, 244), (457, 260), (440, 266), (425, 264), (400, 267), (372, 268), (371, 255), (378, 236), (356, 231),
    (356, 218), (379, 186), (380, 110), (382, 62), (387, 45), (392, 46), (398, 58), (398, 24), (406, 9),
)  # fmt: skip
_HOPPER_HEAD = (
    (152, 122), (154, 104), (162, 92), (177, 84), (180, 70), (192, 55), (208, 43), (222, 31), (242, 25), (266, 25),
    (290, 32), (306, 43), (330, 55), (344, 68), (353, 84), (364, 90), (369, 112), (370, 142), (369, 175), (374, 192),
    (371, 215), (364, 245), (361, 265), (353, 290), (342, 302), (330, 310), (308, 328), (280, 334), (240, 334),
    (216, 325), (203, 311), (196, 298), (180, 288), (166, 274), (161, 255), (160, 235), (156, 215), (154, 192),
    (157, 175), (153, 150),
)  # fmt: skip
_HOPPER = (
    (152, 122), (154, 104), (162, 92), (177, 84), (180, 70), (192, 55), (208, 43), (222, 31), (242, 25), (266, 25),
    (290, 32), (306, 43), (330, 55), (344, 68), (353, 84), (364, 90), (369, 112), (370, 142), (369, 175), (374, 192),
    (371, 215), (364, 245), (361, 265), (353, 290), (342, 302), (330, 312), (346, 330), (380, 348), (420, 362),
    (460, 375), (489, 391), (500, 410), (509, 440), (520, 480), (525, 640), (12, 640), (22, 520), (27, 470), (34, 430),
    (50, 397), (62, 382), (100, 366), (140, 356), (170, 346), (190, 330), (200, 314), (196, 298), (180, 288),
    (166, 274), (161, 255), (160, 235), (156, 215), (154, 192), (157, 175), (153, 150),
)  # fmt: skip


@dataclass(frozen=True)
class Sprite:
    """A cut-out: a picture with soft edges, and its outline.

    Attributes:
        levels: (H, W, 4) float32 pictures, linear RGB multiplied by alpha, and alpha; each half the one before.
        shadows: (H, W) float32, alpha blurred, of the same sizes.
        anchor: (2,) the texture's origin, in pixels of ``levels[0]``.
        outline: (N, 2) outline of what is to be tracked, relative to ``anchor``; may be a part of the picture.
    """

    levels: tuple[Image, ...]
    shadows: tuple[Image, ...]
    anchor: Points
    outline: Points


def ellipse(x: float, y: float, a: float, b: float) -> Points:
    """(180, 2) points of the ellipse around (x, y) with half-axes ``a`` and ``b``."""
    turn = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    return np.column_stack([x + a * np.cos(turn), y + b * np.sin(turn)])


def smooth(points: Sequence[tuple[float, float]]) -> Points:
    """(8 N, 2) points of the closed curve through the N ``points``."""
    closed = np.array([*points, points[0]], np.float64)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    curve = CubicSpline(length, closed, bc_type="periodic")
    return curve(np.linspace(0, length[-1], 8 * len(points), endpoint=False))


def pyramid(picture: Image) -> tuple[Image, ...]:
    """``picture`` and its halvings."""
    levels = [picture]
    while len(levels) < _LEVELS:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.float32))
    return tuple(levels)


def cut(
    light: Image, shapes: Sequence[Points], *, part: Points | None = None, feather: float = 0.8, blur: float = 10.0
) -> Sprite:
    """Cut the union of ``shapes`` out of a picture.

    Args:
        light: (H, W, 3) linear RGB.
        shapes: closed outlines, (N, 2) each, in pixels of ``light``.
        part: outline of the part to be tracked; None for the whole union.
        feather: standard deviation of the soft edge, in pixels.
        blur: standard deviation of the shadow's soft edge, in pixels.
    """
    margin = int(3 * blur)
    everything = np.concatenate(shapes)
    low = np.floor(np.maximum(everything.min(axis=0), 0)).astype(int) - margin
    high = np.ceil(np.minimum(everything.max(axis=0), light.shape[1::-1])).astype(int) + margin
    width, height = ((high - low + _GRAIN - 1) // _GRAIN * _GRAIN).tolist()

    inside = np.zeros((height * _FINE, width * _FINE), np.uint8)
    for shape in shapes:
        cv2.fillPoly(inside, [np.round((shape - low) * _FINE - 0.5).astype(np.int32)], 255)
    top, left = np.maximum(low[::-1], 0)
    bottom, right = np.minimum(low[::-1] + np.array([height, width]), light.shape[:2])
    picture = np.zeros((height, width, 3), np.float32)
    window = np.s_[top - low[1] : bottom - low[1], left - low[0] : right - low[0]]
    picture[window] = light[top:bottom, left:right]
    within = np.zeros((height, width), np.float32)
    within[window] = 1.0

    hard = cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    alpha = np.asarray(cv2.GaussianBlur(hard, (0, 0), feather) * within, np.float32)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = (max(contours, key=len)[:, 0] + 0.5) / _FINE if part is None else part - low
    anchor = (outline.min(axis=0) + outline.max(axis=0)) / 2
    return Sprite(
        levels=pyramid(np.dstack([picture * alpha[..., None], alpha])),
        shadows=pyramid(np.asarray(cv2.GaussianBlur(alpha, (0, 0), blur), np.float32)),
        anchor=anchor,
        outline=outline - anchor,
    )


@cache
def astronaut() -> Sprite:
    """An astronaut down to the waist; the target is her head."""
    return cut(to_linear(load("astronaut")), [smooth(_ASTRONAUT)], part=smooth(_HEAD))


@cache
def shuttle() -> Sprite:
    """A model of the space shuttle on its tank."""
    return cut(to_linear(load("astronaut")), [np.array(_SHUTTLE, np.float64)])


@cache
def patch() -> Sprite:
    """The round embroidered patch on the astronaut's suit."""
    return cut(to_linear(load("astronaut")), [ellipse(170.5, 386, 36, 36.5)], feather=0.6)


@cache
def officer() -> Sprite:
    """A naval officer down to the waist; the target is her head."""
    return cut(to_linear(load("hopper")), [smooth(_HOPPER)], part=smooth(_HOPPER_HEAD), blur=20.0)


@cache
def cup(mix: tuple[tuple[float, float, float], ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))) -> Sprite:
    """A cup of coffee on its saucer, seen from above; ``mix`` (3, 3) makes other colours out of red, green and blue."""
    light = to_linear(load("coffee")) @ np.array(mix, np.float32).T
    spoon = smooth([(392, 75), (402, 66), (414, 66), (423, 74), (421, 90), (408, 125), (398, 120)])
    return cut(light, [ellipse(278, 222, 200, 166.5), ellipse(289.5, 112, 116, 93.5), spoon], blur=30.0)


@cache
def coin() -> Sprite:
    """A Greek coin, in bronze."""
    light = coloured("coins", (18, 12, 8), (112, 78, 44), (190, 148, 92), (250, 228, 178))
    return cut(light, [ellipse(335.5, 44.5, 29, 27)], feather=0.6, blur=4.0)


@cache
def pillar(width: int) -> Sprite:
    """A brick pillar, ``width`` pixels wide and taller than the image, lit from the left."""
    bricks = np.rot90(coloured("brick", (84, 76, 62), (178, 162, 132), (204, 190, 160), (232, 224, 206)))[:, 150:]
    across = np.linspace(-0.95, 0.95, width, dtype=np.float32)
    shade = np.clip(np.cos(np.arcsin(across) + 0.5), 0.12, None)
    side = cv2.resize(bricks[:, : int(width * 1.5)], (width, 512), interpolation=cv2.INTER_AREA)
    edges = np.array([(0, 0), (width, 0), (width, 512), (0, 512)], np.float64)
    return cut(side * shade[None, :, None], [edges], feather=0.6, blur=8.0)


def lawn() -> Image:
    """Grass that recedes from the viewer, (360, 480, 3) linear RGB."""
    grass = coloured("grass", (20, 28, 8), (70, 95, 35), (150, 165, 85), (215, 215, 150))
    corners = np.array([(0, 0), (512, 0), (512, 512), (0, 512)], np.float32)
    receding = np.array([(110, 0), (370, 0), (530, 360), (-50, 360)], np.float32)
    view = cv2.getPerspectiveTransform(corners, receding)
    ground = cv2.warpPerspective(grass, view, (480, 360), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(ground, np.float32)


def wall() -> Image:
    """A red brick wall, (512, 512, 3) linear RGB."""
    bricks = coloured("brick", (40, 25, 20), (120, 62, 45), (165, 95, 70), (205, 190, 170))
    return np.ascontiguousarray(np.rot90(bricks))


def paving() -> Image:
    """Grey paving bricks, (640, 640, 3) linear RGB."""
    bricks = coloured("brick", (42, 42, 40), (112, 112, 106), (146, 144, 136), (205, 200, 188))
    larger = cv2.resize(np.ascontiguousarray(bricks[::-1]), (640, 640), interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.float32)


def gravel() -> Image:
    """Gravel, (512, 512, 3) linear RGB."""
    return coloured("gravel", (30, 27, 24), (104, 96, 86), (160, 150, 136), (220, 212, 200))


def launch_pad() -> Image:
    """A launch pad at dusk, (424, 640, 3) linear RGB."""
    return to_linear(load("rocket")[:424])


def park() -> Image:
    """A man who films in a park, (512, 512, 3) linear RGB."""
    above = coloured("cameraman", (14, 14, 18), (96, 88, 84), (160, 164, 172), (176, 204, 236))
    below = coloured("cameraman", (14, 14, 14), (88, 92, 58), (138, 150, 86), (214, 214, 186))
    ground = 1 / (1 + np.exp(-(np.arange(512, dtype=np.float32) - 262) / 3))[:, None, None]
    return (above * (1 - ground) + below * ground).astype(np.float32)
