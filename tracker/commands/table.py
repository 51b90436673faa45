"""``reciprocative table W``: the report's tables as CSV, LaTeX, Markdown or JSON, its figures as PDF and PNG."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from tracker.commands import options
from tracker.core.errors import ExistingFile, InvalidValue
from tracker.core.files import write_whole
from tracker.vot.tables import table
from tracker.vot.workspace import resolve

_SUFFIXES = {"csv": ".csv", "latex": ".tex", "md": ".md", "json": ".json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("workspace", type=Path, metavar="W", help="workspace with results")
    parser.add_argument("trackers", nargs="*", metavar="TRACKER", help="trackers (default: all with results)")
    parser.add_argument("--format", choices=tuple(_SUFFIXES), help="of the table (default: --out's ending, else md)")
    parser.add_argument("--per", choices=("tag", "sequence"), help="a table a quantity, per tag or per sequence")
    parser.add_argument("--experiment", metavar="E", help="only this one of the stack (default: all with results)")
    parser.add_argument("--columns", metavar="NAME,NAME", help="only these, in this order, such as EAO,A,F")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to (default: printed)")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="also write the report's figures, PDF and PNG")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output files")


def run(args: argparse.Namespace) -> int:
    """Print or write the tables."""
    form = args.format
    if args.out:
        suffixes = [_SUFFIXES[form]] if form else list(_SUFFIXES.values())
        options.output("--out", args.out, suffixes, args.overwrite)
        form = form or next(name for name, suffix in _SUFFIXES.items() if suffix == args.out.suffix.lower())
    if args.plots and not args.overwrite and args.plots.is_dir() and any(args.plots.iterdir()):
        raise ExistingFile(f"--plots {args.plots} holds files; give --overwrite to replace those of its names")
    workspace, trackers = resolve(args.workspace, args.trackers)
    if args.experiment and args.experiment not in workspace.stack.experiments:
        names = ", ".join(workspace.stack.experiments)
        raise InvalidValue(f"no experiment {args.experiment} in the stack; it has {names}")
    gaps = {} if args.trackers else table.gaps(workspace, trackers)
    for (experiment, tracker), sequences in gaps.items():
        command = f"reciprocative evaluate {tracker.reference} --workspace {shlex.quote(str(args.workspace))}"
        print(
            f"note: {tracker.reference} is left out of {experiment}, it has no result on {', '.join(sequences)}: run "
            f"'{command}', or import the rest",
            file=sys.stderr,
        )
    sections = table.sections(workspace, trackers, args.per == "sequence", gaps)
    tables = [one for one in table.tables(sections, args.per) if args.experiment in (None, one.experiment)]
    if args.columns:
        columns = args.columns.split(",")
        tables = [one for one in tables if set(columns) <= set(one.columns)] or tables[:1]
        tables = [one.only(columns) for one in tables]
    if not tables:
        subject = f"per {args.per}" if args.per else "of an experiment"
        raise InvalidValue(f"nothing to show {subject}: no analysis of this stack gives it")
    text = table.render(tables, form or "md")
    if args.out:
        write_whole(args.out, text)
        print(f"wrote {args.out}", file=sys.stderr)
    else:
        print(text, end="")
    if args.plots:
        files = table.save_plots(sections, args.plots)
        print(f"wrote {len(files)} files into {args.plots}", file=sys.stderr)
    return 0
