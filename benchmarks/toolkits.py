"""The same trackers, sequences and stack on both supported releases of the toolkit: do they agree, and how closely?

Each release runs the whole chain in a workspace of its own, `vot evaluate` and `vot analysis`. Compared are the
trajectories, coordinate by coordinate, and every number of the analyses, the curves included.

    make test-toolkits                     # makes the environment of the second release
    python -m benchmarks.toolkits [NCC DAT] [--sequences FOLDER --only NAME ...]

The exit code is 1 if any number differs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.runs import write_workspace
from benchmarks.sequences import find_sequences, folder_of
from benchmarks.tables import PROJECT
from tracker.sequences.dataset import generate

STACK = PROJECT / "tracker" / "vot" / "stacks" / "embedded.yaml"
OTHER = PROJECT / ".venv-toolkit-0.9.0" / "bin" / "python"


def release(python: Path) -> str:
    """The toolkit's version in an environment."""
    code = "from importlib.metadata import version; print(version('vot-toolkit'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def chain(python: Path, workspace: Path, trackers: Sequence[str]) -> None:
    """Evaluate and analyse; the toolkit's exit codes are not to be trusted, so what it leaves is asked for later."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    for command in (["evaluate", *trackers], ["analysis", *trackers, "--name", "figures"]):
        done = subprocess.run(
            [python, "-m", "vot", *command, "--workspace", workspace], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"vot {command[0]} failed with {python}:\n{done.stderr[-2000:]}")


def trajectories(workspace: Path) -> dict[str, list[float]]:
    """The numbers of every result file: code or coordinates of each frame, led by their count."""
    from vot.region import Special
    from vot.region.io import read_trajectory

    def numbers(region: Any) -> list[float]:
        if isinstance(region, Special):
            return [1, region.code]
        return [4, region.x, region.y, region.width, region.height]

    return {
        str(path.relative_to(workspace)): [value for region in read_trajectory(str(path)) for value in numbers(region)]
        for path in sorted((workspace / "results").rglob("*.bin"))
    }


def measures(workspace: Path) -> dict[str, list[float]]:
    """The numbers that `vot analysis` left, by their place in the document."""
    document = json.loads((workspace / "analysis" / "figures.json").read_text())
    return {place: [value] for place, value in leaves(document["results"], "")}


def leaves(node: Any, place: str) -> Iterator[tuple[str, float]]:
    """Every number below a node of a JSON document."""
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(child, f"{place}/{key}")
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield place, float(node)


def largest_difference(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> float:
    """Largest difference of two sets of numbers; infinite if one has what the other has not."""
    if ours.keys() != theirs.keys() or any(len(ours[key]) != len(theirs[key]) for key in ours):
        return math.inf
    pairs = [pair for key in ours for pair in zip(ours[key], theirs[key], strict=True)]
    if any(math.isnan(a) != math.isnan(b) for a, b in pairs):
        return math.inf
    return max((abs(a - b) for a, b in pairs if a != b and not math.isnan(a)), default=0.0)


def compare(options: argparse.Namespace, root: Path) -> tuple[str, bool]:
    """Run both releases; the table, and whether they agree."""
    if not options.sequences:
        for _ in generate(root / "sequences"):
            pass
    sequences = find_sequences([options.sequences or root / "sequences"], options.only)
    found = []
    for number, python in enumerate((Path(sys.executable), options.other)):
        workspace = root / f"workspace{number}"
        places = {sequence.name: folder_of(sequence) for sequence in sequences}
        write_workspace(workspace, PROJECT / "trackers.ini", STACK, places)
        chain(python, workspace, options.trackers)
        found.append((trajectories(workspace), measures(workspace)))
    rows, agree = [], True
    for name, ours, theirs in zip(("trajectories", "measures, points of curves included"), *found, strict=True):
        difference = largest_difference(ours, theirs)
        agree = agree and bool(ours) and difference == 0
        rows.append([name, str(len(ours)), str(sum(map(len, ours.values()))), f"{difference:g}"])
    table = tables.table(["", "compared", "numbers", "largest difference"], rows)
    releases = " and ".join(release(python) for python in (Path(sys.executable), options.other))
    note = (
        f"vot-toolkit {releases}: `vot evaluate` and `vot analysis` of {', '.join(options.trackers)} on "
        f"{', '.join(sequence.name for sequence in sequences)}, stack `{STACK.name}`."
    )
    return "\n\n".join([table, note, tables.provenance()]), agree


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trackers", nargs="*", default=["NCC", "DAT"], help="sections of trackers.ini (NCC DAT)")
    parser.add_argument("--sequences", type=Path, metavar="FOLDER", help="sequences (the embedded ones, made anew)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some of them")
    parser.add_argument("--other", type=Path, default=OTHER, metavar="PYTHON", help="interpreter of the other release")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between the file's markers 'toolkits'"
    )
    options = parser.parse_args(arguments)
    try:
        if not options.other.exists():
            raise FileNotFoundError(f"{options.other} is missing; 'make test-toolkits' makes it")
        with tempfile.TemporaryDirectory(prefix="toolkits-") as folder:
            report, agree = compare(options, Path(folder))
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(report)
    if options.write:
        tables.write_between(options.write, "toolkits", report)
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
