"""The ``reciprocative`` command: a list of sub-commands, each imported only when it is the one that was asked for.

A sub-command is a module with ``add_arguments(parser)`` and ``run(args) -> int``; adding one is one line of
``COMMANDS``. What the user can mend, see ``tracker.core.errors``, ends as one line ``error: ...`` on stderr; anything
else is a bug and shows its traceback.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from types import ModuleType

from tracker import __version__
from tracker.core import places
from tracker.core.errors import FULL, MissingPackage, exit_code

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("tracker.commands.init", "make a workspace for the toolkit, ready to be evaluated"),
    "track": ("tracker.commands.track", "follow a target through a video, camera, folder of images or sequence"),
    "attention": ("tracker.commands.attention", "picture of attention before and after training"),
    "compare": ("tracker.commands.compare", "video or page of several trackers' results on one sequence"),
    "doctor": ("tracker.commands.doctor", "find what would make a run fail, and say what mends it"),
    "weights": ("tracker.commands.weights", "list, add or verify backbone weights"),
    "registry": ("tracker.commands.registry", "print the path of this installation's trackers.ini, or of its stacks"),
    "sequences": ("tracker.commands.sequences", "write the embedded data set"),
    "evaluate": ("tracker.commands.evaluate", "evaluate trackers in a VOT workspace on many cores or a cluster"),
    "table": ("tracker.commands.table", "the report's tables as CSV, LaTeX, Markdown or JSON, its figures as PDF"),
    "pack": ("tracker.commands.pack", "make a submission that others can re-run"),
    "verify": ("tracker.commands.verify", "check a submission: checksums, figures, trajectories"),
    "import-results": ("tracker.commands.import_results", "add published raw results to a workspace as a tracker"),
    "import-video": ("tracker.commands.import_video", "make a sequence for the toolkit from a video and boxes"),
    "import-groundtruth": ("tracker.commands.import_groundtruth", "make a data set without images from a JSON file"),
    "paper": ("tracker.commands.paper", "the paper's comparison beside what this workspace measured"),
}

EXIT_CODES: dict[int, str] = {
    0: "done, nothing to complain of",
    1: "the command ran, but what it checked, compared or evaluated failed; with a traceback: a bug in this package",
    2: "wrong usage: an unknown option, or a value out of its range",
    3: "a file, folder or device is missing, unreadable, damaged or would be overwritten",
    4: "a Python package is missing or cannot be imported",
    130: "interrupted with Ctrl-C",
}

_NO_SPACE = ": free some space where the command writes or in the temporary folder, or set TMPDIR to another one"


def version_line() -> str:
    """This package's version and those that decide its results, read from their metadata (nothing is imported)."""
    parts = [f"Python {platform.python_version()}"]
    for name in ("torch", "vot-toolkit", "vot-trax"):
        try:
            parts.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            parts.append(f"{name} missing")
    return f"reciprocative {__version__} ({', '.join(parts)})"


def load(command: str) -> ModuleType:
    """Import the module of ``command``.

    Raises:
        MissingPackage: the module or something that it needs is not installed; the message names it.
    """
    module = COMMANDS[command][0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise MissingPackage(
                f"the command {command!r} is not in this installation ({module} is missing)"
            ) from error
        raise MissingPackage(
            f"the command {command!r} needs the package {error.name!r}: run 'pip install reciprocative-tracker' again"
        ) from error


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line, with the arguments of ``command`` only."""
    codes = "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())
    parser = argparse.ArgumentParser(
        prog="reciprocative",
        description="Reciprocative learning tracker (DAT) inside the VOT toolkit.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version_line())
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, summary) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == command:
            load(name).add_arguments(sub)
    return parser


def _parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line whose trackers may also stand behind options, which argparse alone does not take."""
    args, rest = parser.parse_known_args(argv)
    if rest and (not hasattr(args, "trackers") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.trackers = [*args.trackers, *rest]
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns the exit code (see ``EXIT_CODES``)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in argv if not word.startswith("-")), None)
    places.prepare()
    try:
        args = _parse(build_parser(command), argv)
        return int(load(args.command).run(args))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output (head, less) has gone: not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = exit_code(error)
        if code is None or "--traceback" in argv:
            raise
        full = isinstance(error, OSError) and error.errno in FULL
        print(f"error: {error}{_NO_SPACE if full else ''}", file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
