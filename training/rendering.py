"""Rendered clips: a target before a photograph, beside look-alikes, seen anew in every frame.

A frame is what the tracker's trunk sees: a square search region, in which the target has about the size that it has
there while tracking. Boxes are those of the whole target, (x, y, w, h) in pixels of the region, also where something
hides part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pictures import Picture, Pictures

SIDE = 288  # of a frame, pixels
TARGET = 68.0  # root of a target's area in most frames, pixels
GREY = 127
Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """A few frames of one target.

    Attributes:
        images: (F, SIDE, SIDE, 3) uint8 RGB.
        targets: (F, 4).
        visible: (F,), share of the target that nothing hides.
        others: (F, D, 4), boxes of the objects beside the target; rows without one are zero.
    """

    images: NDArray[np.uint8]
    targets: Boxes
    visible: NDArray[np.float64]
    others: NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    picture: Picture  # RGBA
    offset: NDArray[np.float64]  # of its centre, in units of the object's size
    size: float  # in units of the object's size
    swing: float  # how far it turns from frame to frame, degrees


@dataclass(frozen=True)
class _Pose:
    centre: NDArray[np.float64]
    size: float  # root of the object's area, pixels
    angle: float
    aspect: float
    shear: float
    mirrored: bool
    bend: float  # amplitude of the smooth displacement, in units of the size


class Renderer:
    """Makes clips from pictures.

    Args:
        pictures: what to draw from.
        rng: source of all randomness.
    """

    def __init__(self, pictures: Pictures, rng: np.random.Generator):
        self._pictures, self._rng = pictures, rng

    def clip(self, frames: int, others: int) -> Clip:
        """A clip of that many frames, with up to ``others`` objects beside the target."""
        rng = self._rng
        background = self._background()
        target = self._object()
        if rng.random() < 0.35:
            target = self._camouflaged(target, background)
        count = int(rng.integers(0, others + 1)) if rng.random() < 0.85 else 0
        beside = [self._look_alike(target) if rng.random() < 0.6 else self._object() for _ in range(count)]
        hidden = rng.random() < 0.35
        first = self._first_pose()
        paths = [self._first_pose(spread=120) for _ in beside]
        images, boxes, visible = [], [], []
        rest = np.zeros((frames, others, 4))
        light = rng.normal(0, 0.12, 3)
        for number in range(frames):
            canvas = self._moved(background)
            pose = self._later(first) if number else first
            order = rng.permutation(count)
            above = int(rng.integers(0, count + 1)) if number and rng.random() < 0.5 else count
            for k in order[:above]:
                rest[number, k] = self._paint(canvas, beside[k], self._later(paths[k]))[0]
            box, mask = self._paint(canvas, target, pose)
            seen = mask.sum()
            for k in order[above:]:
                rest[number, k], cover = self._paint(canvas, beside[k], self._later(paths[k]))
                mask = mask * (1 - cover)
            if number and hidden and rng.random() < 0.6:
                mask = mask * (1 - self._occlude(canvas, box))
            images.append(self._photographed(canvas, light if number else np.zeros(3), number))
            boxes.append(box)
            visible.append(float(mask.sum() / max(seen, 1)))
        return Clip(np.stack(images), np.stack(boxes), np.array(visible), rest)

    # what there is to paint

    def _object(self) -> list[_Part]:
        """One picture, or several parts that move against each other."""
        rng = self._rng
        if rng.random() < 0.7:
            return [_Part(self._cutout(), np.zeros(2), 1.0, 0.0)]
        parts = [_Part(self._cutout(), np.zeros(2), 0.75, 0.0)]
        for _ in range(int(rng.integers(1, 4))):
            way = rng.uniform(0, 2 * np.pi)
            offset = np.array([np.cos(way), np.sin(way)]) * rng.uniform(0.35, 0.65)
            parts.append(_Part(self._cutout(), offset, rng.uniform(0.3, 0.6), rng.uniform(0, 40)))
        return parts

    def _look_alike(self, target: list[_Part]) -> list[_Part]:
        """The same object in slightly other colours."""
        return [_Part(self._coloured(part.picture, 0.25), part.offset, part.size, part.swing) for part in target]

    def _camouflaged(self, target: list[_Part], background: Any) -> list[_Part]:
        """The object in colours of the background."""
        mean, deviation = background.mean(axis=(0, 1)), background.std(axis=(0, 1)) + 8
        parts = []
        for part in target:
            colours, alpha = part.picture[:, :, :3].astype(np.float32), part.picture[:, :, 3]
            own = colours[alpha > 127]
            shifted = (colours - own.mean(axis=0)) / (own.std(axis=0) + 8) * deviation + mean
            share = self._rng.uniform(0.4, 1.0)
            mixed = np.clip(share * shifted + (1 - share) * colours, 0, 255).astype(np.uint8)
            parts.append(_Part(np.dstack([mixed, alpha]), part.offset, part.size, part.swing))
        return parts

    def _cutout(self) -> Picture:
        rng = self._rng
        if rng.random() < 0.5:
            stamp = self._pictures.stamps[int(rng.integers(len(self._pictures.stamps)))]
            return self._coloured(stamp, 0.5) if rng.random() < 0.6 else stamp
        return self._blob()

    def _blob(self) -> Picture:
        """A patch of a photograph with a smooth outline."""
        rng = self._rng
        side = 160
        texture = self._patch(side, rng.uniform(0.25, 1.5))
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        radius = np.ones(72)
        for k in range(1, int(rng.integers(2, 7))):
            radius += rng.normal(0, 0.35 / k) * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
        corners = rng.uniform(2, 6)  # from a circle towards a square
        shape = (np.abs(np.cos(angles)) ** corners + np.abs(np.sin(angles)) ** corners) ** (-1 / corners)
        radius = np.clip(radius, 0.3, 2.5) * shape
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None]
        points = (points - points.min(axis=0)) / np.ptp(points, axis=0) * (side - 4) + 2
        alpha = np.zeros((side, side), np.uint8)
        cv2.fillPoly(alpha, [points.round().astype(np.int32)], 255)
        picture = np.dstack([texture, alpha])
        if rng.random() < 0.6:
            picture = self._coloured(picture, 0.5)
        return np.ascontiguousarray(picture)

    def _coloured(self, picture: Picture, strength: float) -> Picture:
        gain = np.exp(self._rng.normal(0, 0.6 * strength, 3))
        offset = self._rng.normal(0, 60 * strength)
        mixing = np.eye(3) + self._rng.normal(0, 0.4 * strength, (3, 3))
        colours = np.clip((picture[:, :, :3].reshape(-1, 3) @ mixing.T) * gain + offset, 0, 255)
        return np.dstack([colours.reshape(*picture.shape[:2], 3).astype(np.uint8), picture[:, :, 3]])

    def _patch(self, side: int, zoom: float) -> Any:
        """A square of a photograph; ``zoom`` is photograph pixels per patch pixel."""
        rng = self._rng
        photograph = self._pictures.photographs[int(rng.integers(len(self._pictures.photographs)))]
        height, width = photograph.shape[:2]
        n = int(np.clip(side * zoom, 24, min(height, width)))
        x, y = int(rng.integers(width - n + 1)), int(rng.integers(height - n + 1))
        patch = cv2.resize(photograph[y : y + n, x : x + n], (side, side), interpolation=cv2.INTER_AREA)
        return patch[:, ::-1] if rng.random() < 0.5 else patch

    def _background(self) -> Any:
        rng = self._rng
        background = self._patch(SIDE + 96, np.exp(rng.uniform(np.log(0.4), np.log(2.5))))
        for _ in range(int(rng.integers(3, 20)) if rng.random() < 0.75 else 0):  # clutter
            place, size, angle = rng.uniform(0, SIDE + 96, 2), np.exp(rng.uniform(2.5, 5.3)), rng.uniform(-180, 180)
            pose = _Pose(place, size, angle, 1.0, 0.0, False, 0)
            self._paint(background, [_Part(self._cutout(), np.zeros(2), 1.0, 0.0)], pose)
        return background

    # how it moves

    def _first_pose(self, spread: float = 55) -> _Pose:
        rng = self._rng
        return _Pose(
            SIDE / 2 + rng.uniform(-spread, spread, 2),
            TARGET * np.exp(rng.normal(0, 0.22)),
            rng.normal(0, 25),
            np.exp(rng.normal(0, 0.3)),
            rng.normal(0, 0.1),
            bool(rng.random() < 0.5),
            rng.uniform(0, 0.08),
        )

    def _later(self, pose: _Pose) -> _Pose:
        rng = self._rng
        wild = rng.random() < 0.25
        return _Pose(
            np.clip(pose.centre + rng.normal(0, 40, 2), 20, SIDE - 20),
            pose.size * np.exp(rng.normal(0, 0.25)),
            pose.angle + (rng.uniform(-90, 90) if wild else rng.normal(0, 12)),
            pose.aspect * np.exp(rng.normal(0, 0.3 if wild else 0.12)),
            pose.shear + rng.normal(0, 0.15),
            pose.mirrored ^ bool(rng.random() < 0.06),
            rng.uniform(0, 0.16 if wild else 0.1),
        )

    def _moved(self, background: Any) -> Any:
        x, y = self._rng.integers(0, 97, 2)
        return background[y : y + SIDE, x : x + SIDE].copy()

    # painting

    def _paint(self, canvas: Any, parts: list[_Part], pose: _Pose) -> tuple[Boxes, NDArray[np.float32]]:
        """Paint an object in place; its box and its opacity (H, W)."""
        rng = self._rng
        height, width = canvas.shape[:2]
        total = np.zeros((height, width), np.float32)
        boxes: list[list[float]] = []
        turn = np.deg2rad(pose.angle)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        stretch = np.diag([np.sqrt(pose.aspect), 1 / np.sqrt(pose.aspect)]) @ np.array([[1, pose.shear], [0, 1]])
        if pose.mirrored:
            stretch = stretch @ np.diag([-1.0, 1.0])
        for part in parts:
            h, w = part.picture.shape[:2]
            swing = np.deg2rad(rng.normal(0, part.swing)) if part.swing else 0.0
            own = np.array([[np.cos(swing), -np.sin(swing)], [np.sin(swing), np.cos(swing)]])
            scale = pose.size * part.size / np.sqrt(w * h)
            linear = rotation @ stretch @ own * scale
            middle = pose.centre + rotation @ stretch @ own @ part.offset * pose.size
            corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 @ linear.T + middle
            low, high = np.floor(corners.min(axis=0)) - 8, np.ceil(corners.max(axis=0)) + 8
            size = np.minimum((high - low).astype(int), 700)
            inverse = np.linalg.inv(linear)
            ys, xs = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
            xs, ys = xs + np.float32(low[0] - middle[0]), ys + np.float32(low[1] - middle[1])
            u = inverse[0, 0] * xs + inverse[0, 1] * ys + w / 2
            v = inverse[1, 0] * xs + inverse[1, 1] * ys + h / 2
            if pose.bend:
                field = rng.normal(0, pose.bend * np.sqrt(w * h), (2, 4, 4)).astype(np.float32)
                u = u + cv2.resize(field[0], (int(size[0]), int(size[1])), interpolation=cv2.INTER_CUBIC)
                v = v + cv2.resize(field[1], (int(size[0]), int(size[1])), interpolation=cv2.INTER_CUBIC)
            source: Any = part.picture
            if scale < 0.6:
                blur = max(int(0.5 / scale) * 2 + 1, 1)
                source = cv2.blur(source, (blur, blur))
            u, v = u.astype(np.float32), v.astype(np.float32)
            layer: Any = cv2.remap(source, u, v, cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
            alpha = layer[:, :, 3]
            rows, columns = (np.flatnonzero((alpha > 127).any(axis=axis)) for axis in (1, 0))
            if not len(rows):
                continue
            boxes.append([low[0] + columns[0], low[1] + rows[0], low[0] + columns[-1] + 1, low[1] + rows[-1] + 1])
            x0, y0 = int(max(low[0], 0)), int(max(low[1], 0))
            x1, y1 = int(min(low[0] + size[0], width)), int(min(low[1] + size[1], height))
            if x0 >= x1 or y0 >= y1:
                continue
            piece = layer[y0 - int(low[1]) : y1 - int(low[1]), x0 - int(low[0]) : x1 - int(low[0])]
            opacity = piece[:, :, 3:].astype(np.float32) / 255
            canvas[y0:y1, x0:x1] = (piece[:, :, :3] * opacity + canvas[y0:y1, x0:x1] * (1 - opacity)).astype(np.uint8)
            total[y0:y1, x0:x1] = np.maximum(total[y0:y1, x0:x1], opacity[:, :, 0])
        if not boxes:
            return np.concatenate([pose.centre, [1.0, 1.0]]), total
        edges = np.array(boxes)
        low, high = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
        return np.concatenate([low, high - low]), total

    def _occlude(self, canvas: Any, box: NDArray[np.float64]) -> NDArray[np.float32]:
        rng = self._rng
        centre = box[:2] + box[2:] * rng.uniform(-0.1, 1.1, 2)
        size = np.sqrt(box[2] * box[3]) * rng.uniform(0.3, 1.0)
        pose = _Pose(centre, size, rng.uniform(-180, 180), np.exp(rng.normal(0, 0.6)), 0.0, False, 0.0)
        return self._paint(canvas, [_Part(self._cutout(), np.zeros(2), 1.0, 0.0)], pose)[1]

    # the camera

    def _photographed(self, canvas: Any, light: NDArray[np.float64], number: int) -> Picture:
        rng = self._rng
        image = canvas
        if rng.random() < 0.5:
            factor = rng.uniform(0.3, 0.9)
            small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            image = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.3:
            length = int(rng.integers(3, 15))
            kernel = np.zeros((length, length), np.float32)
            way = rng.uniform(0, np.pi)
            reach = np.array([np.cos(way), np.sin(way)]) * (length // 2)
            centre = np.array([length // 2, length // 2])
            start, end = (tuple(int(v) for v in np.round(centre + sign * reach)) for sign in (-1, 1))
            cv2.line(kernel, start, end, 1.0)
            image = cv2.filter2D(image, -1, kernel / kernel.sum())
        gain = np.exp(light + rng.normal(0, 0.06, 3) + rng.normal(0, 0.12))
        values = np.clip(image * gain + rng.normal(0, 8), 0, 255)
        if rng.random() < 0.4:
            values = values + rng.normal(0, rng.uniform(1, 10), values.shape)
        image = np.clip(values, 0, 255).astype(np.uint8)
        if rng.random() < 0.1:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if rng.random() < 0.5:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
            image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
        if number and rng.random() < 0.12:  # the region reaches beyond the image
            width, turns = int(rng.integers(8, 90)), int(rng.integers(4))
            image = np.rot90(image, turns).copy()
            image[:width] = GREY
            image = np.rot90(image, -turns)
        return np.ascontiguousarray(image)
