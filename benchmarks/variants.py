"""Trackers of the project's registries, perhaps with other parameters, and the interpreter that runs each."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.tables import PROJECT
from tracker.catalog import NAMES, options
from tracker.core.settings import as_text, parse
from tracker.formats.registry import read_section, section_names

REGISTRIES = ("trackers.ini", "benchmarks/trackers.ini")
CONTRIB = "benchmarks/.venv-contrib"


@dataclass(frozen=True)
class Variant:
    """A tracker of the catalog, perhaps with other parameters; ``overrides`` are sorted (name, value) pairs."""

    name: str
    overrides: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read ``NAME`` or ``NAME:parameter=value,parameter=value``.

        Raises:
            ValueError: if a part after the colon is not ``parameter=value``, or the tracker does not take it.

        >>> Variant.parse("DAT:grid=7,device=cpu").overrides
        (('device', 'cpu'), ('grid', 7))
        """
        name, _, settings = text.partition(":")
        if settings and name not in NAMES:
            own = "evaluate one of your own with 'reciprocative evaluate'"
            raise ValueError(f"unknown tracker {name!r}; write one of {', '.join(NAMES)} before ':', or {own}")
        values = parse([settings], options(name), f"tracker {name}") if settings else {}
        return cls(name, tuple(sorted(values.items())))

    def __str__(self) -> str:
        return self.name + (f":{as_text(dict(self.overrides))}" if self.overrides else "")

    def section(self) -> dict[str, str]:
        """The tracker's section of its registry.

        Raises:
            ValueError: if no registry has the tracker, or its environment was not made.
        """
        registries = [PROJECT / registry for registry in REGISTRIES]
        for section in filter(None, (read_section(registry, self.name) for registry in registries)):
            if CONTRIB in section.values.get("python", "") and not (PROJECT / CONTRIB / "bin" / "python").exists():
                raise ValueError(f"tracker {self.name} needs {CONTRIB}: run 'make bench-env', or leave {self.name} out")
            return section.values
        known = ", ".join(name for registry in registries for name in section_names(registry))
        raise ValueError(f"unknown tracker {self.name!r}; {' and '.join(REGISTRIES)} have {known}")

    def interpreter(self) -> list[str]:
        """The command of the Python that runs the tracker; PYTHONPATH must be the folder with the project's code."""
        return shlex.split(self.section().get("python", shlex.quote(sys.executable)))

    def identity(self, threads: int, root: Path) -> dict[str, Any]:
        """What ``benchmarks.identify`` tells of the tracker, run by its interpreter on the code in ``root``.

        Raises:
            ValueError: if the tracker cannot be made; the message ends with its error.
        """
        overrides = dict(self.overrides) | {"threads": threads}
        command = [*self.interpreter(), "-m", "benchmarks.identify", self.name, json.dumps(overrides)]
        environment = os.environ | {"PYTHONPATH": str(root)}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        if done.returncode:
            *_, reason = [f"exit code {done.returncode}", *done.stderr.strip().splitlines()]
            raise ValueError(f"tracker {self.name} with {overrides} cannot be made: {reason}")
        return json.loads(done.stdout.splitlines()[-1])
