"""How well trackers track: reset-based runs through the VOT toolkit on any sequences, several seeds, and their spread.

Example::

    python -m benchmarks.quality DAT MDNet NCC CSRT --sequences FOLDER FOLDER --compare DAT MDNet

Runs that were made before (same code, parameters, weights, seed and sequence) are read, not repeated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import vot.dataset
from numpy.typing import NDArray

from benchmarks import tables
from benchmarks.measures import INTERVAL, ExpectedOverlap, Repetitions, accuracy, bootstrap, failures
from benchmarks.published import published_runs
from benchmarks.runaway import KeptRun
from benchmarks.runs import RUNS, collect
from benchmarks.sequences import find_sequences
from benchmarks.variants import Variant
from tracker.vot.accuracy import Sample, Selection, by_sequence, by_tag, sample
from tracker.vot.evaluation.session import IncompleteResults
from tracker.vot.expected_overlap import curve, score
from tracker.vot.results.annotations import TAGS, Annotations, annotations_of

DEFAULT = ("DAT", "MDNet", "NCC", "CSRT", "KCF")

Results = Mapping[str, Repetitions]
"""The repetitions of each tracker, by its label."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, print the tables; returns the exit code."""
    args = _parser().parse_args(argv)
    try:
        sequences = find_sequences(args.sequences, args.only)
        variants = {text: Variant.parse(text) for text in args.trackers}
        results = collect(
            variants, sequences, seeds=args.seeds, threads=args.threads, workers=args.workers, kept=args.runs
        )
        report = render(args, sequences, results)
        print(report)
        if args.write:
            tables.write_between(args.write, args.marker, report)
        if args.summary:
            tables.write_between(args.summary, args.marker, report.partition("\n\n###")[0])
    except KeyboardInterrupt:
        print("interrupted; runs that had ended are kept", file=sys.stderr)
        return 130
    except IncompleteResults:  # told already
        return 1
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def render(args: argparse.Namespace, sequences: Sequence[vot.dataset.Sequence], results: Results) -> str:
    """All tables as markdown."""
    truths = [annotations_of(sequence) for sequence in sequences]
    names = [truth.name for truth in truths]
    tagged = [truth for truth in truths if truth.tags]
    parts = [
        _overall(args, truths, results),
        "### Per sequence: failures / accuracy",
        selection_table("sequence", results, truths, by_sequence(truths)),
    ]
    if tagged:
        parts += [
            f"### Per attribute: failures / accuracy, in the {len(tagged)} sequences that have attributes",
            selection_table("attribute", results, tagged, by_tag(tagged, TAGS)),
        ]
    for pair in args.compare or [list(results)[:2]]:
        if len(pair) == 2 and len(names) > 1:
            parts += [f"### {pair[0]} minus {pair[1]}", comparison(results, pair, names, args.interval)]
    if args.published:
        parts += _published(args, sequences, truths, results)
    return "\n\n".join(parts)


def overall(
    results: Results,
    truths: Sequence[Annotations],
    interval: tuple[int, int],
    origin: Mapping[str, str] | None = None,
) -> str:
    """EAO and accuracy as the toolkit and as MATLAB define them, number of failures: mean and standard deviation."""
    names = [truth.name for truth in truths]
    (everything,) = by_tag(truths, ["all"])
    rows = []
    for label, repetitions in results.items():
        eao = ExpectedOverlap(repetitions, names, interval).score()[:, 0]
        matlab = [score(curve([[repetition[name]] for name in names]), interval) for repetition in repetitions]
        samples = _samples(repetitions, truths, everything)
        cells = [
            _spread(eao, 3),
            _spread([accuracy(repetition, names) for repetition in repetitions], 3),
            _spread(matlab, 3),
            _spread([one.accuracy for one in samples], 3),
            _spread([one.failure_count for one in samples], 1),
            _runaways(repetitions, names),
        ]
        rows.append([label, str(len(repetitions)), *cells, (origin or {}).get(label, "measured")])
    low, high = interval
    columns = f"tracker|runs|EAO({low}..{high})|A|EAO, MATLAB|A, MATLAB|failures|runaway|origin"
    return tables.table(columns.split("|"), rows)


def _runaways(repetitions: Repetitions, names: Sequence[str]) -> str:
    """In how many sequences the box ran away, ``-`` for runs of which it is not known."""
    runs = [[repetition[name] for name in names] for repetition in repetitions]
    known = [[run.ran_away for run in repetition if isinstance(run, KeptRun)] for repetition in runs]
    return _spread([sum(one) for one in known], 1) if all(len(one) == len(names) for one in known) else "-"


def selection_table(
    title: str,
    results: Results,
    truths: Sequence[Annotations],
    selections: Sequence[Selection],
    transposed: bool = False,
) -> str:
    """Mean failures and accuracy of each tracker (a column, or a row) in each selection, ``-`` where that is empty."""
    rows = []
    for selection in selections:
        cells = []
        for repetitions in results.values() if selection.length else ():
            samples = _samples(repetitions, truths, selection)
            lost = float(np.mean([one.failure_count for one in samples]))
            overlap = float(np.mean([one.accuracy for one in samples]))
            cells.append(f"{lost:.{0 if lost == round(lost) else 1}f} / {overlap:.2f}")
        rows.append([selection.name, str(selection.length), *(cells or ["-"] * len(results))])
    header = [title, "frames", *results]
    if transposed:
        header, *rows = map(list, zip(header, *rows, strict=True))
    return tables.table(header, rows)


def comparison(results: Results, pair: Sequence[str], names: Sequence[str], interval: tuple[int, int]) -> str:
    """Paired differences of two trackers with the intervals of a bootstrap over sequences.

    Raises:
        ValueError: if a tracker of the pair was not run.
    """
    if unknown := [label for label in pair if label not in results]:
        raise ValueError(f"cannot compare {unknown[0]}, it was not run; there are {', '.join(results)}")
    first, second = (results[label] for label in pair)
    eao, lost = bootstrap(first, second, names, interval)
    scores = [ExpectedOverlap(tracker, names, interval).score()[:, 0] for tracker in (first, second)]
    totals = [failures(tracker, names).sum(axis=1) for tracker in (first, second)]
    rows = [
        [
            f"EAO({interval[0]}..{interval[1]})",
            f"{eao.value:+.3f}",
            f"> {eao.bound:+.3f}",
            f"{eao.low:+.3f} to {eao.high:+.3f}",
            _wins(scores[0], scores[1]),
        ],
        [
            "failures",
            f"{lost.value:+.1f}",
            f"< {lost.bound:+.1f}",
            f"{lost.low:+.1f} to {lost.high:+.1f}",
            _wins(-totals[0], -totals[1]),
        ],
    ]
    return tables.table(["", "difference", "90 %, one-sided", "95 %", "better in"], rows)


def _samples(repetitions: Repetitions, truths: Sequence[Annotations], selection: Selection) -> list[Sample]:
    return [
        sample([[repetition[truth.name]] for truth in truths], selection, repetitions=1) for repetition in repetitions
    ]


def _overall(args: argparse.Namespace, truths: Sequence[Annotations], results: Results) -> str:
    runs = {len(repetitions) for repetitions in results.values()}
    names = ", ".join(truth.name for truth in truths)
    note = tables.provenance(
        sequences=f"{len(truths)} with {sum(map(len, truths))} frames ({names})",
        seeds=f"0 to {max(runs) - 1}",
        threads_of_a_tracker=args.threads,
    )
    explained = (
        "Mean ± standard deviation over runs, one a seed; deterministic trackers run once. EAO and A as vot-toolkit "
        "prints them (A: mean over sequences, weighted by length), then as MATLAB's defines them (A: mean over "
        "frames). Ten frames of burn-in for A, reset five frames after a failure. Runaway: sequences in which a side "
        "of the box, inside the image, was off by more than a factor of 2 in 10 frames in a row while the target "
        "counted as found."
    )
    return "\n\n".join([overall(results, truths, args.interval), explained, note])


def _published(
    args: argparse.Namespace,
    sequences: Sequence[vot.dataset.Sequence],
    truths: Sequence[Annotations],
    results: Results,
) -> list[str]:
    names, published = published_runs(args.published, sequences)
    if not names:
        raise ValueError(f"none of the sequences is in {args.published / 'groundtruth.json'}; leave --published out")
    theirs = {f"{label} (published)": repetitions for label, repetitions in published.items()}
    shared = [truth for truth in truths if truth.name in names]
    both = {**results, **theirs}
    return [
        f"### Beside published runs on {len(names)} VOT2018 sequences, cut to the same frames ({', '.join(names)})",
        overall(both, shared, args.interval, dict.fromkeys(theirs, "published raw run")),
        selection_table("sequence", both, shared, by_sequence(shared), transposed=True),
    ]


def _spread(values: Sequence[float] | NDArray[np.float64], digits: int) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    return mean if np.ptp(values) == 0 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def _wins(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """In how many runs the first is better; a single run is compared with every run of the other."""
    better = np.broadcast_arrays(first, second) if 1 in (len(first), len(second)) else (first, second)
    return f"{int(np.count_nonzero(better[0] > better[1]))} of {len(better[0])} runs"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "trackers", nargs="*", default=list(DEFAULT), metavar="TRACKER",
        help=f"names of trackers.ini or benchmarks/trackers.ini, also NAME:parameter=value,... ({' '.join(DEFAULT)})",
    )  # fmt: skip
    parser.add_argument("--sequences", nargs="+", type=Path, required=True, metavar="FOLDER", help="with a list.txt")
    parser.add_argument("--only", nargs="+", default=[], metavar="SEQUENCE", help="use these sequences alone")
    parser.add_argument("--seeds", type=positive, default=5, help="runs of each tracker that has randomness (5)")
    parser.add_argument("--workers", type=positive, default=2, help="trackers that run at once (2)")
    parser.add_argument("--threads", type=positive, default=1, help="threads of each tracker (1)")
    parser.add_argument(
        "--compare", nargs=2, action="append", metavar="TRACKER", help="paired difference; the first two trackers"
    )
    parser.add_argument(
        "--interval", nargs=2, type=positive, default=INTERVAL, metavar="N", help="lengths of the EAO (60 300)"
    )
    parser.add_argument("--published", type=Path, metavar="FOLDER", help="groundtruth.json and results/ of VOT2018")
    parser.add_argument(
        "--runs", type=Path, default=RUNS, metavar="FOLDER", help="where runs are kept (benchmarks/runs)"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="put all tables between the file's markers")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="put the first table between the file's markers")
    parser.add_argument("--marker", default="quality", help="'<!-- begin MARKER -->', '<!-- end MARKER -->' (quality)")
    return parser


def positive(text: str) -> int:
    """A number of the command line that must be 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


if __name__ == "__main__":
    sys.exit(main())
