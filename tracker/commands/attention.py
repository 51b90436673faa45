"""``reciprocative attention``: attention of one frame's samples before and after training, with and without lambda.

One picture, after the idea of the paper's Figures 2 and 3. Columns: the head as it was drawn at random; trained on
classification alone (lambda 0); trained with reciprocative learning. Rows: positive and negative attention of the
target sample, and of a background sample beside it. Reciprocative learning should make A_p of the target strong and
even and its A_n weak, and the reverse for the background.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from tracker import catalog
from tracker.commands import options
from tracker.core import boxes
from tracker.core.errors import InvalidValue
from tracker.core.files import write_whole
from tracker.media import overlay
from tracker.media.overlay import Map
from tracker.media.video import Image, Source

TILE = 150


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("sequence", metavar="SEQUENCE", help="VOT or OTB sequence; with --box any source of frames")
    parser.add_argument("frame", type=int, metavar="FRAME", help="number of the frame, from 0; tracking starts at 0")
    parser.add_argument("--box", type=options.box, metavar="x,y,w,h", help="target in frame 0, if not annotated")
    parser.add_argument("--out", type=Path, metavar="FILE", help="picture (default: SEQUENCE_FRAME_attention.png)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    options.add_source_arguments(parser)
    options.add_tracker_arguments(parser, *catalog.LEARNING)


def run(args: argparse.Namespace) -> int:
    """Track up to the frame with and without the regulariser, and draw."""
    preset = catalog.preset(args.tracker)
    weight = options.overrides(args).get("attention_weight", preset.attention_weight)
    if weight == 0:
        raise InvalidValue(
            f"{args.tracker} has lambda 0 here: there is no regulariser to compare with; use DAT or DAT-paper, or "
            "--set attention_weight=1"
        )
    if args.frame < 0:
        raise InvalidValue(f"FRAME {args.frame} must be at least 0")
    source = options.source(args, args.sequence)
    if source.length is not None and args.frame >= source.length:
        raise InvalidValue(f"FRAME {args.frame} is behind the last frame of {source.name}, {source.length - 1}")
    name = args.out or Path(f"{source.name}_{args.frame}_attention.png")
    out = options.output("--out", name, {".png", ".jpg"}, args.overwrite)
    start = options.annotated_box(source, 0, "give --box x,y,w,h") if args.box is None else args.box
    heads: dict[str, dict[str, Any]] = {
        "before training": {"initial_iterations": 0},
        "trained, lambda 0": {"attention_weight": 0.0},
        f"trained, lambda {weight:g}": {},
    }
    columns = []
    for title, changes in heads.items():
        tracker = options.make_tracker(args, **changes)
        image, box = _run_to(args.frame, source, tracker, start, title)
        sample = _annotated(source, args.frame)
        columns.append(_column(title, tracker, image, box if sample is None else sample))
    picture = _draw(source.name, args.frame, columns)
    encoded = cv2.imencode(out.suffix, np.ascontiguousarray(picture[..., ::-1]))[1]
    write_whole(out, encoded.tobytes())
    _print(columns)
    print(f"wrote {out}", file=sys.stderr)
    return 0


@dataclass(frozen=True)
class _Column:
    """Maps of one head: positive and negative, of the target and of a background sample."""

    title: str
    image: Image
    target: NDArray[np.float64]
    background: NDArray[np.float64]
    target_maps: tuple[Map, Map]
    background_maps: tuple[Map, Map]

    @property
    def regularisers(self) -> tuple[float, float]:
        """R(y=1) of the target sample and R(y=0) of the background sample, paper eqs. 3-4."""
        return _regulariser(self.target_maps, 1), _regulariser(self.background_maps, 0)


def _regulariser(maps: tuple[Map, Map], positives: int) -> float:
    import torch

    from tracker.dat.attention import regulariser

    own, background = (torch.from_numpy(values).double().reshape(1, -1) for values in maps)
    return float(regulariser(torch.stack([background, own]), positives))


def _annotated(source: Source, frame: int) -> NDArray[np.float64] | None:
    region = source.truth.regions[frame] if source.truth and source.truth.regions else None
    return None if region is None else region.box


def _run_to(
    frame: int, source: Source, tracker: Any, start: NDArray[np.float64], title: str
) -> tuple[Image, NDArray[np.float64]]:
    """Image and box of ``frame``; an untrained head is only initialised, since it has nothing to follow with."""
    trained = tracker.params.initial_iterations > 0
    box = start
    images = track(itertools.islice(source, frame + 1), title, frame + 1, console=Console(stderr=True), transient=True)
    image: Image | None = None
    for index, image in enumerate(images):
        if index == 0:
            tracker.init(image, boxes.checked(start, image.shape[1], image.shape[0]))
        elif trained:
            box = tracker.update(image).box
    if image is None:
        raise InvalidValue(f"{source.name} has no frame {frame}")
    return image, box


def _column(title: str, tracker: Any, image: Image, target: NDArray[np.float64]) -> _Column:
    background = _beside(target, image.shape[1])
    return _Column(
        title, image, target, background, tracker.attention(image, target), tracker.attention(image, background)
    )


def _beside(box: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """A box of the same size next to ``box``, on the side where the image has more room."""
    x, y, w, h = box
    step = 1.1 * w
    return np.array([x + step if width - (x + w) > x else x - step, y, w, h])


def _draw(name: str, frame: int, columns: list[_Column]) -> Image:
    rows: list[tuple[str, list[Image]]] = []
    first = columns[0]
    for kind, box in (("target", first.target), ("background", first.background)):
        for index, symbol in enumerate(("A_p", "A_n")):
            tiles = [overlay.attention_tile(first.image, box, None, 0.0, TILE)]
            for column in columns:
                maps = column.target_maps if kind == "target" else column.background_maps
                peak = max(float(values.max()) for values in (*column.target_maps, *column.background_maps))
                tile = overlay.attention_tile(column.image, box, maps[index], peak, TILE)
                tiles.append(np.concatenate([tile, overlay.colour_bar(TILE, 54, peak)], axis=1))
            tiles[0] = np.concatenate([tiles[0], overlay.canvas(TILE, 54)], axis=1)
            rows.append((f"{symbol} of {kind}", tiles))
    titles = [f"{name}, frame {frame}", *(column.title for column in columns)]
    return overlay.grid(titles, rows)


def _print(columns: list[_Column]) -> None:
    print(f"{'':<22}{'R(y=1) target':>15}{'R(y=0) background':>20}")
    for column in columns:
        positive, negative = column.regularisers
        print(f"{column.title:<22}{positive:>15.3f}{negative:>20.3f}")
