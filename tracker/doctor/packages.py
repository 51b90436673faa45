"""The interpreter and its packages: versions, rivals for one import name, and whether they can be imported at all."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tracker.doctor import Finding

DISTRIBUTION = "reciprocative-tracker"
PYTHONS = SpecifierSet(">=3.10,<3.14")
OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
MODULES = ("numpy", "cv2", "torch", "trax", "vot")
IMPORT_LIMIT = 180  # seconds
_WHY = {
    "attributee": "it breaks 'import vot': dataclass_transform() takes 0 positional arguments but 1 was given",
    "vot-toolkit": "0.8 fails every reset-based experiment and still exits with 0; 0.7.4 and 0.9 are supported",
    "vot-trax": "it is the TraX protocol: without it no tracker can talk to the toolkit",
}
_IMPORT = (
    "import importlib, json, sys\n"
    "found = {}\n"
    "for name in sys.argv[1:]:\n"
    "    try:\n"
    "        importlib.import_module(name)\n"
    "    except BaseException as error:\n"
    "        found[name] = f'{type(error).__name__}: {error}'\n"
    "print('\\n' + json.dumps(found))\n"
)


def check_interpreter(version: str = platform.python_version()) -> Iterator[Finding]:
    """Whether this Python is one that the toolkit and this package run on."""
    if not PYTHONS.contains(version, prereleases=True):
        yield Finding(
            f"Python {version} is not supported",
            "'vot report' uses parts of the library that Python 3.14 removed; before 3.10 the package does not load",
            f"python3.11 -m venv .venv && .venv/bin/pip install {DISTRIBUTION}",
        )


def installed() -> dict[str, str]:
    """Version of every distribution that this interpreter sees, by canonical name; the first on its path counts."""
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        if distribution.metadata["Name"]:
            versions.setdefault(canonicalize_name(distribution.metadata["Name"]), distribution.version)
    return versions


def check_packages(versions: Mapping[str, str], requirements: list[str] | None = None) -> Iterator[Finding]:
    """Whether the installed packages are those that this package asks for, and not in each other's way.

    Args:
        versions: canonical name -> version of what is installed, as from ``installed``.
        requirements: of this package; by default those in its metadata.
    """
    if requirements is None:
        if DISTRIBUTION not in versions:
            yield Finding(
                f"{DISTRIBUTION} is not installed in {sys.prefix}",
                "the toolkit finds its analyses and experiments only through an installed package's entry points",
                "pip install -e . (in the project's folder)",
                fails=False,
            )
        requirements = metadata.requires(DISTRIBUTION) or [] if DISTRIBUTION in versions else []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from _check_requirement(requirement, versions)
    if "trax" in versions:
        yield Finding(
            f"Google's trax {versions['trax']} is installed",
            "it takes the import name of vot-trax: the tracker stops with ImportError or AttributeError, "
            "and the toolkit says 'Unable to connect to tracker'",
            "pip uninstall --yes trax && pip install --force-reinstall --no-deps vot-trax",
        )
    if len(rivals := [name for name in OPENCV if name in versions]) > 1:
        yield Finding(
            f"{len(rivals)} builds of OpenCV are installed: {', '.join(rivals)}",
            "they share the folder cv2 and overwrite each other's files: imports fail or functions are missing",
            f"pip uninstall --yes {' '.join(rivals)} && pip install {rivals[0]}",
        )


def _check_requirement(requirement: Requirement, versions: Mapping[str, str]) -> Iterator[Finding]:
    name = canonicalize_name(requirement.name)
    if name in OPENCV and any(build in versions for build in OPENCV):
        return  # any build serves; more than one is reported apart
    version = versions.get(name)
    if version is None:
        what = f"{name} is not installed"
    elif not requirement.specifier.contains(Version(version), prereleases=True):
        what = f"{name} {version} is installed, {requirement.specifier} is needed"
    else:
        return
    why = _WHY.get(name, f"{DISTRIBUTION} was made and tested with {requirement.specifier or 'it'}")
    yield Finding(what, why, f"pip install '{name}{requirement.specifier}'")


def check_imports(interpreter: str = sys.executable, modules: tuple[str, ...] = MODULES) -> Iterator[Finding]:
    """Whether ``interpreter`` can import ``modules``; tried in another process, since some failures are crashes."""
    try:
        process = subprocess.run(
            [interpreter, "-c", _IMPORT, *modules], capture_output=True, text=True, timeout=IMPORT_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        yield Finding(
            f"importing {', '.join(modules)} takes more than {IMPORT_LIMIT} s",
            "every start of the tracker takes as long; the machine is busy, or its disk is slow",
            f"time {interpreter} -c 'import {', '.join(modules)}'",
            fails=False,
        )
        return
    except OSError as error:
        yield Finding(f"{interpreter} does not run: {error}", "nothing can be started with it", "reinstall Python")
        return
    if process.returncode != 0:
        last = process.stderr.strip().splitlines()[-1:] or ["no message"]
        yield Finding(
            f"importing {', '.join(modules)} ends Python with code {process.returncode}: {last[0]}",
            "a compiled part does not fit this machine or the other packages",
            f"{interpreter} -m pip install --force-reinstall {DISTRIBUTION}",
        )
        return
    failures: dict[str, str] = json.loads(process.stdout.strip().splitlines()[-1])
    for name, message in failures.items():
        library = "libGL" in message or "libgthread" in message
        yield Finding(
            f"'import {name}' fails: {message}",
            "the tracker or the toolkit stops at its first line",
            "apt-get install libgl1 libglib2.0-0" if library else f"pip install --force-reinstall {DISTRIBUTION}",
        )
