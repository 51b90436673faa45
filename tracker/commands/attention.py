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

from tracker import catalog
from tracker.commands import options, progress
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
        tracker: Any = options.make_tracker(args, **changes)
        image, box = _run_to(args.frame, source, tracker, start, title)
        region = source.truth.regions[args.frame] if source.truth and source.truth.regions else None
        target = box if region is None else region.box
        samples = (target, _beside(target, image.shape[1]))
        columns.append(_Column(title, image, samples, [tracker.attention(image, sample) for sample in samples]))
    picture = _draw(source.name, args.frame, columns)
    encoded = cv2.imencode(out.suffix, np.ascontiguousarray(picture[..., ::-1]))[1]
    write_whole(out, encoded.tobytes())
    _print(columns)
    print(f"wrote {out}", file=sys.stderr)
    return 0


@dataclass(frozen=True)
class _Column:
    """One head: boxes (4,) of the target and of a background sample, and the maps of each, positive and negative."""

    title: str
    image: Image
    samples: tuple[NDArray[np.float64], NDArray[np.float64]]
    maps: list[tuple[Map, Map]]

    @property
    def regularisers(self) -> tuple[float, float]:
        """R(y=1) of the target sample and R(y=0) of the background sample, paper eqs. 3-4."""
        return _regulariser(self.maps[0], 1), _regulariser(self.maps[1], 0)


def _regulariser(maps: tuple[Map, Map], positives: int) -> float:
    import torch

    from tracker.dat.attention import regulariser

    own, background = (torch.from_numpy(values).double().reshape(1, -1) for values in maps)
    return float(regulariser(torch.stack([background, own]), positives))


def _run_to(
    frame: int, source: Source, tracker: Any, start: NDArray[np.float64], title: str
) -> tuple[Image, NDArray[np.float64]]:
    """Image and box of ``frame``; an untrained head is only initialised, since it has nothing to follow with."""
    trained = tracker.params.initial_iterations > 0
    box = start
    image: Image | None = None
    for index, image in enumerate(progress.bar(itertools.islice(source, frame + 1), title, frame + 1)):
        if index == 0:
            tracker.init(image, boxes.checked(start, image.shape[1], image.shape[0]))
        elif trained:
            box = tracker.update(image).box
    if image is None:
        raise InvalidValue(f"{source.name} has no frame {frame}")
    return image, box


def _beside(box: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """A box of the same size next to ``box``, on the side where the image has more room."""
    x, y, w, h = box
    step = 1.1 * w
    return np.array([x + step if width - (x + w) > x else x - step, y, w, h])


def _draw(name: str, frame: int, columns: list[_Column]) -> Image:
    rows: list[tuple[str, list[Image]]] = []
    for sample, kind in enumerate(("target", "background")):
        box = columns[0].samples[sample]
        alone = overlay.attention_tile(columns[0].image, box, None, 0.0, TILE)
        for sign, symbol in enumerate(("A_p", "A_n")):
            tiles = [np.concatenate([alone, overlay.canvas(TILE, 54)], axis=1)]
            for column in columns:
                peak = max(float(values.max()) for maps in column.maps for values in maps)
                tile = overlay.attention_tile(column.image, box, column.maps[sample][sign], peak, TILE)
                tiles.append(np.concatenate([tile, overlay.colour_bar(TILE, 54, peak)], axis=1))
            rows.append((f"{symbol} of {kind}", tiles))
    titles = [f"{name}, frame {frame}", *(column.title for column in columns)]
    return overlay.grid(titles, rows)


def _print(columns: list[_Column]) -> None:
    print(f"{'':<22}{'R(y=1) target':>15}{'R(y=0) background':>20}")
    for column in columns:
        positive, negative = column.regularisers
        print(f"{column.title:<22}{positive:>15.3f}{negative:>20.3f}")
