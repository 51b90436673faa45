"""``reciprocative import-results``: published raw results become trackers of a workspace."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.commands import options
from tracker.core.errors import InvalidValue
from tracker.vot.results.importing import import_archive, import_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "source", type=Path, help="folder or zip: .../baseline/<sequence>/<sequence>_001.txt, of one tracker or many"
    )
    options.add_workspace_argument(parser)
    parser.add_argument("--name", help="name of the only tracker (default: that of the folder or zip)")
    parser.add_argument("--label", help="its name in tables and plots (default: the name)")
    parser.add_argument("--experiment", help="experiment of the stack (default: baseline, with --otb unsupervised)")
    parser.add_argument("--otb", action="store_true", help="one tracker's results on OTB: <sequence>.mat or .txt")
    parser.add_argument("--archive", action="store_true", help="many trackers: <tracker>/<experiment>/<sequence>/...")


def run(args: argparse.Namespace) -> int:
    """Import, and say what was; 1 if a tracker of an archive is refused."""
    workspace = options.workspace(args)
    experiment = args.experiment or ("unsupervised" if args.otb else "baseline")
    if args.archive:
        if args.name or args.label or args.otb:
            raise InvalidValue("--archive names every tracker after its folder: leave out --name, --label and --otb")
        imports, refusals = import_archive(args.source, workspace, experiment)
    else:
        name = args.name or args.source.resolve().stem
        imports = [import_results(args.source, workspace, name, experiment, args.label, args.otb)]
        refusals = []
    for done in imports:
        print(f"{done.tracker}: {done.files} runs joined {workspace / 'results' / done.tracker / experiment}")
        if done.ignored:
            print(f"  not in the data set, left out: {', '.join(done.ignored)}")
    for refusal in refusals:
        print(f"{refusal.tracker}: refused, {refusal.problem}")
    if args.archive:
        print(f"{len(imports)} trackers imported, {len(refusals)} refused")
    return 1 if refusals else 0
