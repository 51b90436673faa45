"""Lines of the package that the tests run, those in processes of their own included.

    python -m benchmarks.covered [--write docs/trust.md]

The interpreter must have coverage (``make soak`` makes an environment with it). The exit code is 1 where a test fails
or the package's share is below 90 %.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from benchmarks import tables

FLOOR = 90.0
"""Percent of the package's lines that must be run."""


class Lines(NamedTuple):
    """Lines of a file or folder that hold statements, and those of them that were run."""

    statements: int
    run: int

    @property
    def share(self) -> float:
        """Percent."""
        return 100 * self.run / self.statements if self.statements else 100.0


def measure(folder: Path, tests: Sequence[str]) -> tuple[int, dict[str, Lines]]:
    """Exit code of pytest, and the lines of every file of the package; ``folder`` receives the data."""
    environment = {**os.environ, "COVERAGE_FILE": str(folder / ".coverage")}

    def coverage(*arguments: str, check: bool = True) -> int:
        command = [sys.executable, "-m", "coverage", *arguments]
        return subprocess.run(command, cwd=tables.PROJECT, env=environment, check=check).returncode

    code = coverage("run", "-m", "pytest", "-q", "-m", "not soak", *tests, check=False)
    coverage("combine", "--quiet")
    coverage("json", "--quiet", "-o", str(folder / "coverage.json"))
    return code, read(json.loads((folder / "coverage.json").read_text()))


def read(document: Mapping) -> dict[str, Lines]:
    """File -> lines, from coverage's JSON."""
    summaries = {file: one["summary"] for file, one in document["files"].items()}
    return {file: Lines(one["num_statements"], one["covered_lines"]) for file, one in sorted(summaries.items())}


def add(parts: Sequence[Lines]) -> Lines:
    """Of all files together."""
    return Lines(sum(part.statements for part in parts), sum(part.run for part in parts))


def render(files: Mapping[str, Lines]) -> str:
    """The table by folder as markdown, and the files below the floor."""
    folders: dict[str, list[Lines]] = {}
    for file, lines in files.items():
        folders.setdefault(str(Path(file).parent), []).append(lines)
    sums = {**{folder: add(parts) for folder, parts in folders.items()}, "all": add(list(files.values()))}
    rows = [[name, str(lines.statements), str(lines.run), f"{lines.share:.1f} %"] for name, lines in sums.items()]
    low = [f"{file} {lines.share:.0f} %" for file, lines in files.items() if lines.share < FLOOR]
    return "\n\n".join(
        [
            tables.table(["folder", "lines", "run", "share"], rows),
            f"Files below {FLOOR:g} %: {', '.join(low) or 'none'}.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="tests to run (all but the long ones)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the markers 'coverage'")
    options = parser.parse_args(arguments)
    origin = tables.provenance(coverage=metadata.version("coverage"))  # of what is measured
    with tempfile.TemporaryDirectory() as folder:
        code, files = measure(Path(folder), options.tests)
    report = f"{render(files)}\n\n{origin}"
    print(report)
    if options.write:
        tables.write_between(options.write, "coverage", report)
    return int(code != 0 or add(list(files.values())).share < FLOOR)


if __name__ == "__main__":
    raise SystemExit(main())
