"""A challenge's printed table beside what its raw runs give: needs the challenge's files, which others own.

Example, with what votchallenge.net offers for 2015 and the table of its paper typed as CSV::

    python -m benchmarks.official vot2015 --sequences vot2015/groundtruth --results vot2015/results --table table.csv

The table has the columns ``tracker``, ``EAO``, ``A`` and ``R_failures`` (VOT2015) or ``R_failure_rate`` (per 100
frames, from VOT2016 on). Trackers are matched by the letters and digits of their names.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tracker.core.errors import DamagedFile
from tracker.vot.accuracy import AccuracyFailures, ChallengeTable
from tracker.vot.expected_overlap import ExpectedOverlap
from tracker.vot.results.importing import import_archive
from tracker.vot.workspace import configured, load_workspace, reset_based

STACKS = Path(__file__).resolve().parents[1] / "tracker" / "vot" / "stacks"
COLUMNS = ("EAO", "A", "R_failures", "R_failure_rate")
"""Of the table; where one occurs, the figure of that definition is put beside it."""

Figures = Mapping[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comparison; 1 if a file cannot be used or no tracker could be matched."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stack", help="vot2015, vot2016, ...")
    parser.add_argument("--sequences", type=Path, required=True, help="data set, images not needed")
    parser.add_argument("--results", type=Path, required=True, help="folder or zip of all trackers")
    parser.add_argument("--table", type=Path, required=True, help="CSV")
    args = parser.parse_args(argv)
    try:
        measured = recomputed(STACKS / f"{args.stack}.yaml", args.sequences, args.results)
        with args.table.open(encoding="utf-8") as file:
            printed = {_key(row["tracker"]): row for row in csv.DictReader(file)}
    except (DamagedFile, OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    found = {name: (printed[_key(name)], figures) for name, figures in measured.items() if _key(name) in printed}
    print(comparison(found))
    return 0 if found else 1


def recomputed(stack: Path, sequences: Path, results: Path) -> dict[str, Figures]:
    """The figures of every tracker of an archive; those that are refused are named on stderr."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = f"registry: [./trackers.ini]\nsequences: {sequences.resolve()}\nstack: {stack}\n"
        (folder / "config.yaml").write_text(config)
        imported, refused = import_archive(results, folder)
        for tracker in refused:
            print(f"{tracker.tracker}: refused, {tracker.problem}", file=sys.stderr)
        workspace = load_workspace(folder)
        experiment = reset_based(workspace)
        trackers = workspace.registry.resolve(*(one.tracker for one in imported))
        kinds = (ExpectedOverlap, ChallengeTable, AccuracyFailures)
        arguments = (experiment, trackers, experiment.transform(workspace.dataset))
        rows = zip(trackers, *(configured(experiment, kind).rows(*arguments) for kind in kinds), strict=True)
        return {
            tracker.reference: dict(zip(COLUMNS, (score.eao, *table, pooled.failures_per_100_frames), strict=True))
            for tracker, score, table, pooled in rows
        }


def comparison(found: Mapping[str, tuple[Mapping[str, str], Figures]]) -> str:
    """A Markdown table of printed and recomputed figures, and how far apart they are."""
    columns = [name for name in COLUMNS if any(printed.get(name) for printed, _ in found.values())]
    lines = ["| tracker | " + " | ".join(f"{name}, printed | recomputed" for name in columns) + " |"]
    lines.append("|---" * (1 + 2 * len(columns)) + "|")
    for tracker, (printed, figures) in found.items():
        cells = (f"{printed[name]} | {figures[name]:.4f}" for name in columns)
        lines.append(f"| {tracker} | {' | '.join(cells)} |")
    lines += ["", f"{len(found)} trackers"]
    for name in columns:
        apart = np.array([abs(float(printed[name]) - figures[name]) for printed, figures in found.values()])
        lines.append(f"{name}: mean difference {apart.mean():.4f}, largest {apart.max():.4f}")
    return "\n".join(lines)


def _key(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


if __name__ == "__main__":
    sys.exit(main())
