"""Where things are: poses of flat objects in the world, the camera, and the exact box of an object in the image.

All coordinates are continuous and 0-based: pixel (column c, row r) covers [c, c + 1) x [r, r + 1), the convention in
which a box (x, y, w, h) ends at x + w. The world is the plane of the backdrop, in its pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

Matrix = NDArray[np.float64]
Track = Callable[[float], float]

FOCAL_LENGTH = 500.0
"""World pixels between the eye and the plane of the backdrop; it sets how strong a tilt's perspective is."""


@dataclass(frozen=True)
class Pose:
    """Where a flat object stands in the world, and how it is turned.

    Attributes:
        x: world pixels, of the object's centre.
        y: world pixels, of the object's centre.
        scale: world pixels per texture pixel.
        angle: radians, clockwise on the screen.
        yaw: radians of turning about the object's upright axis.
        pitch: radians of turning about the object's level axis.
    """

    x: float
    y: float
    scale: float = 1.0
    angle: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0

    def matrix(self) -> Matrix:
        """(3, 3) homography from the object's texture (its centre at the origin) to the world."""
        ca, sa, cy, sy, cp, sp = (f(a) for a in (self.angle, self.yaw, self.pitch) for f in (np.cos, np.sin))
        rolled = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
        pitched = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        yawed = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        axes = (rolled @ pitched @ yawed)[:, :2] * self.scale  # (3, 2): the texture's two axes in space
        seen = np.eye(3)
        seen[:2, :2] = axes[:2]
        seen[2, :2] = axes[2] / FOCAL_LENGTH
        return translation(self.x, self.y) @ seen


@dataclass(frozen=True)
class Camera:
    """The window on the world: (x, y) world pixels at the image's centre, ``zoom`` image pixels per world pixel."""

    x: float
    y: float
    zoom: float = 1.0
    roll: float = 0.0

    def matrix(self, size: tuple[int, int]) -> Matrix:
        """(3, 3) homography from the world to an image of ``size`` (width, height)."""
        c, s = self.zoom * np.cos(self.roll), self.zoom * np.sin(self.roll)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
        return translation(size[0] / 2, size[1] / 2) @ turn @ translation(-self.x, -self.y)


def translation(x: float, y: float) -> Matrix:
    """(3, 3) homography that moves by (x, y)."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def project(matrix: Matrix, points: ArrayLike) -> Matrix:
    """``points`` (N, 2) through the homography ``matrix`` (3, 3): (N, 2) float64."""
    points = np.asarray(points, np.float64)
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T  # (N, 3)
    return mapped[:, :2] / mapped[:, 2:]


def oriented_box(matrix: Matrix, outline: ArrayLike) -> Matrix:
    """The tight box around an object in the image, turned as the object is turned.

    Args:
        matrix: (3, 3) homography from the object's texture to the image.
        outline: (N, 2) points of the object's outline, in its texture.

    Returns:
        (4, 2) float64 corners of a rectangle whose first side runs along the image of the object's level axis.
    """
    origin, ahead = project(matrix, [(0.0, 0.0), (1.0, 0.0)])
    level = (ahead - origin) / np.linalg.norm(ahead - origin)
    axes = np.array([level, [-level[1], level[0]]])  # (2, 2), one axis a row
    along = project(matrix, outline) @ axes.T  # (N, 2)
    (left, top), (right, bottom) = along.min(axis=0), along.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) @ axes


def track(times: ArrayLike, values: ArrayLike, *, overshoot: bool = True) -> Track:
    """A smooth curve through ``values`` at ``times`` (frames).

    With ``overshoot`` it is a natural cubic spline, for paths; without, it stays between neighbouring values (PCHIP),
    for light and scale. Before the first and after the last time it goes on as the last frame showed it.
    """
    curve = CubicSpline(times, values, bc_type="natural") if overshoot else PchipInterpolator(times, values)
    first, last = np.asarray(times)[[0, -1]]
    return lambda t: float(curve(np.clip(t, first, last)))


def sway(rng: np.random.Generator, amplitude: float, period: float) -> Track:
    """An unsteady hand: sine waves of about ``period`` frames and of random phase, standard deviation ``amplitude``."""
    rates = 2 * np.pi / (period * np.array([0.62, 1.0, 1.7]) * rng.uniform(0.9, 1.1, 3))
    phases = rng.uniform(0, 2 * np.pi, 3)
    weights = amplitude * np.sqrt(2) * np.array([0.35, 0.75, 0.56])
    return lambda t: float(np.sum(weights * np.sin(rates * t + phases)))
