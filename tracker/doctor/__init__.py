"""Checks of a set-up, one module a place where things go wrong; each gives findings, and nothing where all is well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        what: is wrong, and where.
        why: it matters: the toolkit's own words for it, where there are some.
        mend: the line that mends it: a command to run or a line to write.
        fails: a run would fail or give wrong results; otherwise it is only worth knowing.
    """

    what: str
    why: str
    mend: str
    fails: bool = True
