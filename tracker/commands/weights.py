"""``reciprocative weights``: which weights are known and here, add a downloaded file, verify what is here."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker import catalog
from tracker.weights import registry as weights
from tracker.weights.registry import REGISTRY, Weights, WeightsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="what is known, what is here, and where it lies")
    add = actions.add_parser("add", help="check a downloaded file, copy it into the folder, record its checksum")
    add.add_argument("file", type=Path, metavar="FILE", help="for example imagenet-vgg-m.mat")
    add.add_argument("--name", choices=sorted(REGISTRY), help="entry that it is (default: by the file's name)")
    actions.add_parser("verify", help="check keys, shapes and checksums of all that is here")


def run(args: argparse.Namespace) -> int:
    """Carry out the action; 1 if ``verify`` finds a file that cannot be used."""
    if args.action == "add":
        print(f"added {weights.add(args.file, args.name)}")
        return 0
    return _list() if args.action == "list" else _verify()


def _list() -> int:
    print(f"folder for added files: {weights.folder()} (set {weights.ENVIRONMENT} to use another)")
    for name, entry in REGISTRY.items():
        users = [tracker for tracker in catalog.NAMES if name in catalog.weights_of(tracker)]
        print(f"\n{name}: {_place(entry)}")
        print(f"  used by {', '.join(users) or 'no tracker of trackers.ini'}")
        print(f"  licence {entry.licence}")
        print(f"  sha256  {entry.sha256 or entry.unchecked}")
        print(f"  source  {entry.source}")
        print(f"  paper   {entry.paper}")
    return 0


def _place(entry: Weights) -> str:
    try:
        file = weights.path(entry.name)
    except WeightsError as error:
        return f"not here: {error}"
    return f"here, {file}" if file.is_file() else f"not here, {file.name} belongs into the folder above"


def _verify() -> int:
    wrong = 0
    for name, entry in REGISTRY.items():
        try:
            if not weights.path(name).is_file() and not entry.carrier:
                print(f"  --    {name}: not here")
                continue
            print(f"  ok    {name}: {weights.verify(name)}")
        except WeightsError as error:
            wrong += 1
            print(f"  FAIL  {name}: {error}")
    return 1 if wrong else 0
