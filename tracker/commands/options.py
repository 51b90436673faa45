"""Command-line options that several commands share: tracker and parameters, source, workspace, files to write."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker import catalog
from tracker.core.errors import ExistingFile, InvalidValue, MissingFile, NoPermission, ResourceError
from tracker.core.settings import as_text, nearest, parse
from tracker.core.tracker import Tracker
from tracker.formats.registry import Section, read_section, section_names

if TYPE_CHECKING:
    from tracker.media.video import Source


def add_tracker_arguments(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add ``--tracker``, one of ``names`` or of all and anybody's own, and the options of its parameters."""
    own = "" if names else "; module:Class of your own; or a name in a trackers.ini"
    parser.add_argument(
        "--tracker", default="DAT", metavar="NAME", help=f"{', '.join(names or catalog.NAMES)}{own} (default: DAT)"
    )
    if not names:
        add_registry_argument(parser, "./trackers.ini")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another parameter, such as attention_weight=3; may be given several times, or separated by commas",
    )
    parser.add_argument("--seed", type=int, help="seed of all randomness (default: the preset's)")
    parser.add_argument("--threads", type=int, help="threads of one tracker (default: the preset's)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where the network runs (default: auto)")


def add_registry_argument(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--registry``; ``default`` says what is read without it."""
    text = f"trackers.ini that has the tracker, or its folder (default: {default})"
    parser.add_argument("--registry", type=Path, metavar="FILE", help=text)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--target`` and ``--truth-start``, which say what of a folder's ground truth is meant."""
    parser.add_argument(
        "--target", metavar="ID", help="which of several targets: 2 for groundtruth_rect.2.txt or groundtruth_2.txt"
    )
    parser.add_argument(
        "--truth-start",
        type=int,
        default=0,
        metavar="N",
        help="frame that the first line of ground truth belongs to (default: 0; OTB's David: 299)",
    )


def add_workspace_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--workspace``."""
    parser.add_argument(
        "--workspace",
        type=Path,
        metavar="FOLDER",
        help="VOT workspace (default: this folder, if it is one, else ./vot_workspace)",
    )


def workspace(args: argparse.Namespace) -> Path:
    """The workspace that ``--workspace`` names, or the one that is meant without it.

    Raises:
        FileNotFoundError: there is none.
    """
    folder = args.workspace or (Path() if Path("config.yaml").is_file() else Path("vot_workspace"))
    if not (folder / "config.yaml").is_file():
        raise MissingFile(
            f"{folder} is not a VOT workspace (no config.yaml): give --workspace FOLDER, or make one with "
            "'reciprocative init FOLDER'"
        )
    return folder


def source(args: argparse.Namespace, name: str) -> Source:
    """The source called ``name``, with the ground truth that these options ask for.

    Raises:
        ValueError: an option is out of its range.
        OSError: see :func:`tracker.media.video.open_source`.
    """
    if args.truth_start < 0:
        raise InvalidValue(f"--truth-start {args.truth_start} must be at least 0")
    from tracker.media.video import open_source

    return open_source(name, args.target, args.truth_start)


def annotated_box(source: Source, frame: int, otherwise: str) -> NDArray[np.float64]:
    """The box (4,) that the ground truth of ``source`` has for ``frame``; ``otherwise`` says what else one can give.

    Raises:
        ValueError: it has none; the message says what there is instead.
        OSError: its file cannot be used.
    """
    truth = source.truth
    if truth is None:
        raise InvalidValue(f"{source.name} has no ground truth: {otherwise}")
    if truth.problem:
        raise ResourceError(f"{truth.problem}; or {otherwise}")
    region = truth.regions[frame] if frame < len(truth.regions) else None
    if region is None:
        first = next((index for index, one in enumerate(truth.regions) if one is not None), None)
        begin = "" if first is None else f"; the first frame with a region is {first}"
        counts = truth.uneven or str(truth.file)
        raise InvalidValue(f"{source.name} has no ground truth for frame {frame} ({counts}){begin}: {otherwise}")
    return region.box


def registry_file(path: Path) -> Path:
    """The registry that ``--registry`` means: a file, or the trackers.ini of a folder."""
    return path / "trackers.ini" if path.is_dir() else path


def registry(args: argparse.Namespace) -> Path | None:
    """The registry that ``--registry`` names, None without that option.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if (named := getattr(args, "registry", None)) is None:
        return None
    if not (path := registry_file(named)).is_file():
        raise MissingFile(f"--registry {named} does not exist")
    return path


def section(args: argparse.Namespace) -> Section | None:
    """The section of a trackers.ini that ``--tracker`` names; None if it is a tracker of this package or module:Class.

    Raises:
        ValueError: no registry has that name.
        OSError: ``--registry`` cannot be read.
    """
    path = registry(args)
    if ":" in args.tracker or (path is None and args.tracker in catalog.NAMES):
        return None
    names = set() if path else set(catalog.NAMES)
    path = path or Path("trackers.ini")
    found = read_section(path, args.tracker) if path.is_file() else None
    if found is None:
        close = nearest(args.tracker, names | set(section_names(path)), "there are")
        raise InvalidValue(
            f"unknown tracker {args.tracker!r}, {close} (others: module:Class of your own, or what --registry FILE has)"
        )
    return found


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """Parameters that ``--set``, ``--seed``, ``--threads`` and ``--device`` give.

    Raises:
        ValueError: the tracker is unknown, has no such parameter, or not of that type; one is given twice.
        ImportError: the module of its own class cannot be imported.
    """
    known = catalog.options(args.tracker)
    values = parse(args.set, known, f"tracker {args.tracker}")
    for name in ("seed", "threads", "device"):
        if (value := getattr(args, name)) is None:
            continue
        if name in values:
            raise InvalidValue(f"{name} is set twice, by --{name} and by --set")
        values[name] = value
    return values


def make_tracker(args: argparse.Namespace, **changes: Any) -> Tracker:
    """The tracker that these options ask for, with ``changes`` of its parameters.

    Raises:
        ValueError: its name is unknown, or it has no such parameter.
        OSError: its weights are missing or damaged, or the server of a registry does not start.
        ImportError: the installed OpenCV or torch cannot run it.
    """
    if (found := section(args)) is not None:
        from tracker.serving.remote import RemoteTracker

        return RemoteTracker(found)
    return catalog.create(args.tracker, **(overrides(args) | changes))


def check_tracker(args: argparse.Namespace) -> str:
    """What to call the tracker, its other parameters included; to be called before frames are read.

    Raises:
        ValueError, OSError, ImportError: as :func:`make_tracker`, as far as it can be told before it is made.
    """
    if section(args) is None:
        values = overrides(args)
        return f"{args.tracker} {as_text(values)}" if args.set else args.tracker
    if given := [f"--{name}" for name in ("set", "seed", "threads", "device") if getattr(args, name) not in (None, [])]:
        raise InvalidValue(
            f"{', '.join(given)}: {args.tracker} is started by its section of trackers.ini, which has its parameters "
            "(env_RECIPROCATIVE_PARAMS for a tracker of this package)"
        )
    return str(args.tracker)


def output(option: str, path: Path, suffixes: Iterable[str], overwrite: bool) -> Path:
    """``path`` if ``option`` may write there, a file with one of ``suffixes``; checked before the work starts.

    Raises:
        ValueError: the ending is unknown.
        OSError: the file exists already, or its folder does not or cannot be written.
    """
    if path.suffix.lower() not in suffixes:
        raise InvalidValue(f"{option} {path} must end in one of {', '.join(sorted(suffixes))}")
    if not path.parent.is_dir():
        raise MissingFile(f"{option} {path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise ResourceError(f"{option} {path} is a folder; give a file")
    if path.exists() and not overwrite:
        raise ExistingFile(f"{option} {path} exists; give --overwrite to replace it")
    if not os.access(path.parent, os.W_OK):
        raise NoPermission(f"{option} {path}: the folder {path.parent} cannot be written")
    return path


def box(text: str) -> NDArray[np.float64]:
    """``x,y,w,h`` as (4,) float64, for argparse's ``type``."""
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        values = np.empty(0)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise argparse.ArgumentTypeError(f"{text!r} is not x,y,w,h: four numbers in pixels, such as 120,80,40,60")
    if (values[2:] <= 0).any():
        raise argparse.ArgumentTypeError(f"{text!r} has no area; width and height must be above 0")
    return values
