"""Pictures of what a tracker does: boxes, score history, attention maps, overlap curves, on RGB uint8 frames.

Colours say the state: green tracked, red lost, amber found again. Attention maps are drawn on one scale for both
classes, from 0 to the larger of their two maxima, which is printed beside the colour bar.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes
from tracker.core.tracker import Result
from tracker.formats.regions import Polygon as Region
from tracker.media.video import Image

Colour = tuple[int, int, int]
Map = NDArray[np.float32]  # attention (h, w) over the sample box, not negative

TRACKED, LOST, FOUND = (60, 200, 90), (235, 60, 50), (250, 180, 30)
TRUTH, INK, PAPER, LINE = (245, 245, 245), (230, 230, 235), (24, 26, 32), (90, 94, 104)
TARGET_TINT, BACKGROUND_TINT = (255, 140, 0), (40, 110, 255)
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 190, 130),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (120, 140, 255),
    (170, 220, 100),
)  # Okabe and Ito, "Color Universal Design" (2008), black and dark blue replaced: both vanish on dark ground
FOUND_FRAMES = 10


def draw_region(image: Image, region: Region, colour: Colour, thickness: int = 2) -> None:
    """Outline ``region``, a box (4,) or a polygon (N, 2), on ``image`` in place."""
    points = boxes.corners(region) if region.ndim == 1 else region
    if np.isfinite(points).all():
        limit = 8.0 * max(image.shape)  # far outside the image nothing is seen, and OpenCV's fixed point overflows
        fixed = np.round(np.clip(points - 0.5, -limit, limit) * 16).astype(np.int32)
        cv2.polylines(image, [fixed], True, colour, thickness, cv2.LINE_AA, shift=4)


def text_scale(image: Image) -> float:
    """OpenCV font scale that suits the height of ``image``."""
    return float(np.clip(image.shape[0] / 900, 0.36, 1.0))


def draw_text(image: Image, text: str, x: int, y: int, colour: Colour = INK, scale: float = 0.4) -> int:
    """Write ``text`` with its baseline's left end at (x, y), in place; returns the x where it ends."""
    text = text.encode("ascii", "replace").decode()  # what OpenCV's built-in font has
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
    return x + text_width(text, scale)


def text_width(text: str, scale: float) -> int:
    """Width in pixels of ``text`` as ``draw_text`` writes it."""
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0]


def canvas(height: int, width: int) -> Image:
    """An empty dark picture (height, width, 3)."""
    return np.full((height, width, 3), PAPER, np.uint8)


def shade(image: Image) -> int:
    """Darken ``image``, a view, in place so that text on it can be read; returns its height."""
    image[:] = (image * 0.35).astype(np.uint8)
    return image.shape[0]


class Annotator:
    """Draws a tracker's results frame after frame, remembering the scores for the history below the frame."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._history: deque[tuple[float, Colour]] = deque(maxlen=4096)
        self._since_lost: int | None = None  # frames since the target was last lost
        self._index = -1

    def __call__(
        self,
        frame: Image,
        result: Result,
        truth: Region | None = None,
        attention: tuple[Map, Map] | None = None,
        beside: bool = True,
    ) -> Image:
        """The annotated picture of the next ``frame`` (H, W, 3); it has the same size every time.

        ``truth`` is a polygon (N, 2). Positive and negative ``attention`` over ``result.box`` are shown in a panel
        ``beside``, which is empty without them, or as a tint over the frame.
        """
        self._index += 1
        state, colour = self._state(result.lost)
        picture = frame.copy()
        if attention is not None and not beside:
            tint_attention(picture, result.box, *attention)
        if truth is not None:
            draw_region(picture, truth, TRUTH, 1)
        region = result.box if result.polygon is None else result.polygon
        draw_region(picture, region, colour)
        scale = text_scale(picture)
        line = f"{self._label}  frame {self._index}  score {result.score:+.2f}  {state}"
        draw_text(picture, line, 6, shade(picture[: round(24 * scale) + 6]) - 6, colour, scale)
        self._history.append((result.score, colour))
        picture = np.concatenate([picture, self._score_strip(frame.shape[1], max(28, frame.shape[0] // 12))])
        if beside:
            panel = attention_panel(frame, result.box, attention, picture.shape[0])
            picture = np.concatenate([picture, panel], axis=1)
        return picture

    def _state(self, lost: bool) -> tuple[str, Colour]:
        if lost:
            self._since_lost = 0
            return "LOST", LOST
        if self._since_lost is not None:
            self._since_lost += 1
            if self._since_lost <= FOUND_FRAMES:
                return "found again", FOUND
        return "tracked", TRACKED

    def _score_strip(self, width: int, height: int) -> Image:
        """Scores of the last frames as bars from a line at 0, newest at the right, scaled to the largest of them."""
        strip = canvas(height, width)
        bar = 3
        recent = list(self._history)[-(width // bar) :]
        scores = np.array([score for score, _ in recent])
        peak = max(float(np.abs(scores).max()), 1e-6)
        low = float(min(scores.min(), 0.0)) / peak
        zero = round((height - 5) * (1 / (1 - low))) + 2  # the line of score 0: at the bottom unless some are negative
        unit = zero - 2
        cv2.line(strip, (0, zero), (width, zero), LINE, 1)
        for column, (score, colour) in enumerate(recent):
            left = width - (len(recent) - column) * bar
            end = zero - round(score / peak * unit)
            cv2.rectangle(strip, (left, min(zero, end)), (left + bar - 2, max(zero, end)), colour, -1)
        return strip


def crop(image: Image, box: NDArray[np.float64], width: int, height: int) -> Image:
    """The part of ``image`` inside ``box``, resampled to (height, width, 3); edge pixels continue outside the image."""
    x, y, w, h = box
    matrix = np.array([[w / width, 0, x + 0.5 * w / width - 0.5], [0, h / height, y + 0.5 * h / height - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def heat(values: Map, peak: float) -> Image:
    """``values`` (h, w) from 0 to ``peak`` as colours (h, w, 3), dark to bright."""
    levels = np.clip(values / max(peak, 1e-12) * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1], np.uint8)


def attention_tile(image: Image, box: NDArray[np.float64], values: Map | None, peak: float, side: int) -> Image:
    """A square (side, side, 3): the sample in ``box``, alone or in grey under its attention ``values`` (h, w)."""
    factor = side / max(box[2], box[3], 1e-6)
    width, height = (int(np.clip(round(length * factor), 1, side)) for length in box[2:])
    sample = crop(image, box, width, height)
    if values is not None:
        smooth = cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        grey = sample.mean(axis=2, keepdims=True)
        sample = (0.3 * grey + 0.7 * heat(np.asarray(smooth, np.float32), peak)).astype(np.uint8)
    square = canvas(side, side)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = sample
    return square


def colour_bar(height: int, width: int, peak: float) -> Image:
    """The scale from 0 (bottom) to ``peak`` (top), (height, width, 3), labelled."""
    bar = canvas(height, width)
    ramp = np.linspace(1, 0, height - 8, dtype=np.float32)[:, None].repeat(10, axis=1)  # (height - 8, 10)
    bar[4 : height - 4, 4:14] = heat(ramp, 1.0)
    draw_text(bar, f"{peak:.2g}", 18, 14, scale=0.36)
    draw_text(bar, "0", 18, height - 5, scale=0.36)
    return bar


def attention_panel(
    image: Image, box: NDArray[np.float64], attention: tuple[Map, Map] | None, height: int, caption: int = 18
) -> Image:
    """Sample, positive and negative attention one above the other, with the common scale: (height, any, 3)."""
    side = max(32, height // 3 - caption)
    peak = max(float(values.max()) for values in attention) if attention else 0.0
    positive, negative = attention or (None, None)
    rows = []
    for title, values in (("sample", None), ("A_p (target)", positive), ("A_n (background)", negative)):
        row = canvas(side + caption, max(side + 58, text_width("A_n (background)", 0.4) + 8))
        draw_text(row, title, 4, caption - 5)
        if values is not None or title == "sample":
            row[caption:, 4 : 4 + side] = attention_tile(image, box, values, peak, side)
        if values is not None:
            row[caption:, 4 + side : 58 + side] = colour_bar(side, 54, peak)
        rows.append(row)
    panel = np.concatenate(rows)[:height]
    return np.concatenate([panel, canvas(height - panel.shape[0], panel.shape[1])])


def tint_attention(image: Image, box: NDArray[np.float64], positive: Map, negative: Map) -> None:
    """Tint ``image`` in place where attention is: orange for the target's, blue for the background's."""
    peak = max(float(positive.max()), float(negative.max()), 1e-12)
    height, width = image.shape[:2]
    x, y, w, h = box
    blended = image.astype(np.float32)
    for values, tint in ((positive, TARGET_TINT), (negative, BACKGROUND_TINT)):
        rows, columns = values.shape
        matrix = np.array([[w / columns, 0, x + 0.5 * w / columns - 0.5], [0, h / rows, y + 0.5 * h / rows - 0.5]])
        alpha = cv2.warpAffine(values / np.float32(peak) * np.float32(0.75), matrix, (width, height))[..., None]
        blended = blended * (1 - alpha) + alpha * np.array(tint, np.float32)
    image[:] = np.clip(blended, 0, 255).astype(np.uint8)
    scale = text_scale(image)
    shade(image[height - round(24 * scale) - 6 :])
    end = draw_text(image, "target attention", 6, height - 8, TARGET_TINT, scale)
    draw_text(image, f"background attention  (full tint = {peak:.2g})", end + 12, height - 8, BACKGROUND_TINT, scale)


def grid(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Image]]], caption: int = 20) -> Image:
    """Pictures of one size in a table with a title for each column and each row."""
    left = max(text_width(title, 0.42) for title, _ in rows) + 16
    cells = rows[0][1]
    height, width = cells[0].shape[:2]
    picture = canvas(caption + len(rows) * (height + 6), left + len(columns) * (width + 6))
    for column, title in enumerate(columns):
        draw_text(picture, title, left + column * (width + 6), caption - 6, scale=0.42)
    for row, (title, images) in enumerate(rows):
        top = caption + row * (height + 6)
        draw_text(picture, title, 6, top + height // 2 + 4, scale=0.42)
        for column, image in enumerate(images):
            x = left + column * (width + 6)
            picture[top : top + height, x : x + width] = image
    return picture


Curve = tuple[NDArray[np.float64], Sequence[int], Sequence[int], Colour]


def overlap_plot(curves: Sequence[Curve], now: int, width: int, height: int) -> Image:
    """Overlap curves of several trackers up to frame ``now``: (height, width, 3).

    Args:
        curves: for each tracker (frames,) overlaps, NaN where it was not running; the frames on which it was
            initialised (ticks at the top) and failed (crosses at the bottom); its colour.
        now: index of the frame shown, marked by a line.
        width: of the picture.
        height: of the picture.
    """
    plot = canvas(height, width)
    left, right, top, bottom = 30, width - 8, 12, height - 10
    length = max(len(overlaps) for overlaps, *_ in curves)

    def place(frame: float, value: float) -> tuple[int, int]:
        return round(left + frame / max(length - 1, 1) * (right - left)), round(bottom - value * (bottom - top))

    for value in (0.0, 0.5, 1.0):
        cv2.line(plot, place(0, value), place(length - 1, value), LINE, 1)
        draw_text(plot, f"{value:g}", 6, place(0, value)[1] + 4, scale=0.34)
    for overlaps, starts, failures, colour in curves:
        for frame in range(1, now + 1):
            if np.isfinite(overlaps[frame - 1 : frame + 1]).all():
                ends = place(frame - 1, overlaps[frame - 1]), place(frame, overlaps[frame])
                cv2.line(plot, *ends, colour, 1, cv2.LINE_AA)
        for frame in (frame for frame in starts if frame <= now):
            x, y = place(frame, 1.0)
            cv2.line(plot, (x, y - 9), (x, y - 3), colour, 2)
        for frame in (frame for frame in failures if frame <= now):
            cv2.drawMarker(plot, place(frame, 0.0), colour, cv2.MARKER_TILTED_CROSS, 9, 2)
    cv2.line(plot, place(now, 0), place(now, 1), INK, 1)
    return plot
