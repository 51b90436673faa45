"""Mutation testing: do the tests notice when a number-producing module is changed in one place?

mutmut changes an operator, a number, an argument, ... of the modules named in pyproject.toml, one at a time, and runs
the tests that reach the function. A mutant is killed if a test fails, or runs out of time; all others are survivors,
those that no test reaches included. Constants of modules and classes and decorated functions are not changed.

    python -m benchmarks.mutants [--workers 1] [--write docs/trust.md]

The interpreter must have mutmut (``make soak`` makes an environment with it). The exit code is 1 where a module's score
is below 85 %.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from benchmarks import tables

FLOOR = 85.0
"""Percent of the mutants of each module that must be killed."""

REASONS = {
    "share = 2 / len(repeated)": "all weights have the same factor",
    "np.asarray(lengths, None)": "lengths are whole numbers, and so exact",
    "np.asarray(lengths, )": "lengths are whole numbers, and so exact",
    "z = (x + x.mean())": "only differences of z are used",
    ".sum() <= mass": "rounding decides whether a sum of densities equals the mass",
    "if low > 0 else -2.0": "any number below every density",
    "if high + 1 < len(density) else -2.0": "any number below every density",
    "if left >= right": "rounding decides between equal densities",
    "(sigma[other, rows].sum() - EPSILON)": "sigma is at least 1e-6 already",
    "wilcoxon(difference, correction=False,": "scipy's default",
    'wilcoxon(difference, zero_method="wilcox", method="approx")': "scipy's default",
    'zero_method="WILCOX"': "scipy does not mind the case",
    'mannwhitneyu(x, y, method="asymptotic")': "scipy's default",
    "mannwhitneyu(x, y, use_continuity=True, )": "scipy's choice for more than 8 values; the protocol has 15",
    'method="ASYMPTOTIC"': "scipy does not mind the case",
    'kind="STABLE"': "numpy does not mind the case",
    "np.zeros((3, count, count), bool)": "the third table is not used",
    "zip(equivalent, taking_part, strict=None)": "both have one entry a tracker",
    "zip(equivalent, taking_part, )": "both have one entry a tracker",
    "zip(equivalent, taking_part, strict=False)": "both have one entry a tracker",
    "no practical.valueXX": "marks around a line of the log",
}
"""Why a survivor may live: what only the changed line has -> reason."""


def reason(change: str) -> str:
    """Of a survivor's change; one without a reason is a test that is missing."""
    new = change.partition(" -> ")[2]
    return next((text for part, text in REASONS.items() if part in new), "no test notices it")


def mutmut(*arguments: str) -> str:
    """Output of a command of mutmut in the project's folder.

    Raises:
        RuntimeError: it failed, with the end of what it said.
    """
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=tables.PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"mutmut {' '.join(arguments)} ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def statuses(listing: str) -> dict[str, str]:
    """Name of each mutant -> what became of it, from the output of ``mutmut results --all true``."""
    return dict(re.findall(r"^\s*(\S+__mutmut_\d+): (.+?)\s*$", listing, re.MULTILINE))


def module_of(mutant: str) -> str:
    """File of a mutant, ``tracker/core/boxes.py`` of ``tracker.core.boxes.x_area__mutmut_1``."""
    return mutant.rpartition(".")[0].replace(".", "/") + ".py"


def change(diff: str) -> str:
    """What a mutant puts in place of what: the changed lines of a diff, on one line."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    old, new = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return f"{old} -> {new}"


def count(found: Mapping[str, str]) -> dict[str, Counter[str]]:
    """Mutants of each module by what became of them: "killed", "timeout" or "survived"."""
    counts: dict[str, Counter[str]] = {}
    for name, status in sorted(found.items()):
        kind = status if status in ("killed", "timeout") else "survived"
        counts.setdefault(module_of(name), Counter())[kind] += 1
    return counts


def score(counts: Counter[str]) -> float:
    """Percent of mutants that are not survivors."""
    return 100 * (1 - counts["survived"] / counts.total())


def render(counts: Mapping[str, Counter[str]], survivors: Mapping[str, str]) -> str:
    """The table and the survivors as markdown; ``survivors`` is name -> change."""
    rows = [
        [module, *(str(n) for n in (c.total(), c["killed"], c["timeout"], c["survived"])), f"{score(c):.1f} %"]
        for module, c in counts.items()
    ]
    total = sum(counts.values(), Counter())
    rows.append(["all", *(str(n) for n in (total.total(), total["killed"], total["timeout"], total["survived"]))])
    rows[-1].append(f"{score(total):.1f} %")
    parts = [tables.table(["module", "mutants", "killed", "timeout", "survived", "score"], rows)]
    for module in counts:
        alive = [text for name, text in survivors.items() if module_of(name) == module]
        lines = [f"- `{text}`: {reason(text)}" for text in alive]
        if lines:
            parts.append("\n".join([f"Survivors in {module}:", "", *lines]))
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run mutmut and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1, help="mutants tested at once (1)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the markers 'mutants'")
    options = parser.parse_args(arguments)
    origin = tables.provenance(
        mutmut=metadata.version("mutmut")
    )  # of what is measured: the project may change meanwhile
    shutil.rmtree(tables.PROJECT / "mutants", ignore_errors=True)  # mutmut keeps verdicts of earlier runs there
    mutmut("run", "--max-children", str(options.workers))
    found = statuses(mutmut("results", "--all", "true"))
    if not found:
        raise RuntimeError("mutmut made no mutants: see only_mutate in pyproject.toml")
    counts = count(found)
    alive = sorted(name for name, status in found.items() if status not in ("killed", "timeout"))
    report = f"{render(counts, {name: change(mutmut('show', name)) for name in alive})}\n\n{origin}"
    print(report)
    if options.write:
        tables.write_between(options.write, "mutants", report)
    return int(any(score(counts[module]) < FLOOR for module in counts))


if __name__ == "__main__":
    raise SystemExit(main())
