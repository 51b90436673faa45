"""``reciprocative init W``: a workspace that ``vot evaluate`` and every command here run at once."""

from __future__ import annotations

import argparse
import shlex
import shutil
from pathlib import Path

from tracker import adapters
from tracker.adapters import own_section, own_text
from tracker.core import listing
from tracker.core.errors import ExistingFile, InvalidValue, MissingFile
from tracker.core.files import write_whole
from tracker.core.paths import REGISTRY, STACKS
from tracker.core.settings import nearest
from tracker.formats.registry import section_names

OWN = "own"
TRACKERS = ("DAT", "MDNet", "NCC")
_CONFIG = """\
# Made by 'reciprocative init'. Every vot command takes this folder with --workspace.
registry:
- ./trackers.ini
- {registry}
sequences: {sequences}
stack: {stack}
report:
  index:
  - type: tracker.vot.report.ProtocolReport
"""
_REGISTRY = "# Trackers of this workspace, beside those of the package; examples/ has sections to copy.\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("workspace", type=Path, metavar="W", help="folder of the workspace; made if it does not exist")
    parser.add_argument(
        "trackers",
        nargs="*",
        metavar="TRACKER",
        help=f"names in this installation's registry, or module:Class of your own (default: {' '.join(TRACKERS)})",
    )
    parser.add_argument(
        "--stack",
        default=OWN,
        help=f"experiments and measures: {', '.join(_stacks())}, or a file (default: {OWN}, for sequences of your own)",
    )
    parser.add_argument("--sequences", type=Path, metavar="FOLDER", help="where they lie (default: W/sequences)")


def run(args: argparse.Namespace) -> int:
    """Write it and print the next three commands."""
    folder: Path = args.workspace
    if (folder / "config.yaml").exists():
        raise ExistingFile(f"{folder} is a workspace already: take another folder, or edit its config.yaml")
    stack = _stack(args.stack)
    names, sections = _trackers(args.trackers or list(TRACKERS))
    dataset = args.sequences or folder / "sequences"
    listed = _list(dataset, required=args.sequences is not None)
    folder.mkdir(parents=True, exist_ok=True)
    dataset.mkdir(exist_ok=True)
    if listed and not (dataset / "list.txt").exists():
        write_whole(dataset / "list.txt", "".join(f"{name}\n" for name in listed))
        print(f"{dataset / 'list.txt'}: {len(listed)} sequences")
    write_whole(folder / "trackers.ini", _REGISTRY + sections)
    shutil.copyfile(stack, folder / stack.name)
    sequences = args.sequences.resolve() if args.sequences else "sequences"
    config = _CONFIG.format(registry=REGISTRY, sequences=sequences, stack=stack.name)
    write_whole(folder / "config.yaml", config)
    print(f"{folder}: workspace with {', '.join(names)}, stack {stack.name}; next:")
    for line in _next(folder, names, bool(listed), args.stack == OWN):
        print(f"  {line}")
    return 0


def _stacks() -> list[str]:
    return sorted(path.stem for path in STACKS.glob("*.yaml"))


def _stack(name: str) -> Path:
    if name in _stacks():
        return STACKS / f"{name}.yaml"
    if Path(name).is_file():
        return Path(name)
    close = nearest(name, _stacks(), "there are")
    raise InvalidValue(f"unknown stack {name!r}; {close} (a file of your own is named with its path)")


def _trackers(names: list[str]) -> tuple[list[str], str]:
    """References of the trackers, and the registry's sections of those that are somebody's own."""
    known = section_names(REGISTRY)
    references, sections = [], ""
    for name in names:
        if ":" in name:
            adapters.find(name)
            sections += f"\n{own_text(name)}"
            references.append(own_section(name).name)
        elif name in known:
            references.append(name)
        else:
            close = nearest(name, known, "there are")
            raise InvalidValue(f"unknown tracker {name!r}; {close} (your own are named module:Class)")
    if len(set(references)) < len(references):
        raise InvalidValue(f"trackers {', '.join(references)} have equal names: give each class its own")
    return references, sections


def _list(dataset: Path, required: bool) -> list[str]:
    """Names of the sequences in a folder: those of its list.txt, or its folders with ground truth."""
    if (dataset / "list.txt").is_file():
        return listing.lines(listing.checked_text(dataset / "list.txt"))
    found = sorted({path.parent.name for path in dataset.glob("*/groundtruth*.txt") if listing.is_data(path.name)})
    if required and not found:
        raise MissingFile(
            f"--sequences {dataset}: no folder there has a groundtruth.txt; 'reciprocative import-video' makes a "
            "sequence from a video and boxes"
        )
    return found


def _next(folder: Path, names: list[str], data: bool, own: bool) -> list[str]:
    place, trackers = shlex.quote(str(folder)), " ".join(names)
    if data:
        first = f"reciprocative doctor {names[0]} --workspace {place}"
    elif own:
        first = f"reciprocative import-video CLIP.mp4 --boxes BOXES.csv {place}/sequences/NAME"
    else:
        first = f"reciprocative doctor {names[0]} --workspace {place}   # vot evaluate downloads the data set"
    return [
        first,
        f"reciprocative evaluate {trackers} --workspace {place} --report   # or: vot evaluate ...",
        f"reciprocative table {place} --format latex",
    ]
