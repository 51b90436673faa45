"""A submission that others can check and run again: results in the toolkit's own layout, and all that made them.

A package is what ``vot pack`` writes (``<experiment>/<sequence>/<files>`` and ``manifest.yml``), with fixed dates and
order and without home paths, and a folder ``reproduce/``: tracker section, source, locked environment, weights,
analysis, report, README. ``SHA256SUMS`` covers all of it. The same workspace gives the same bytes.
"""

from __future__ import annotations

import configparser
import contextlib
import getpass
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml
from vot import toolkit_version
from vot.tracker import Tracker
from vot.workspace import Workspace

from tracker import __version__
from tracker.core import archive
from tracker.core.errors import Failed, InvalidValue
from tracker.core.paths import PROJECT
from tracker.vot.evaluation.plan import Outcome, Plan, plan
from tracker.vot.evaluation.probe import probe
from tracker.vot.results.provenance import digest, settings_of
from tracker.vot.results.raw import SUFFIXES
from tracker.vot.results.runfiles import properties, result_folder
from tracker.vot.submission.manifest import MANIFEST, parse
from tracker.vot.submission.source import refuse_installed, source_distribution
from tracker.vot.toolkit import analyse, report, run_vot, tail
from tracker.vot.workspace import resolve

ANALYSIS = "reproduce/analysis.json"
SECTION = "reproduce/trackers.ini"
_DATE = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")
_ANY_HOME = re.compile(rb"(?<![\w.-])(/(home|Users)/[^/\s]+|/root\b|~\w*/)")
_TEXT = (".yml", ".json", ".ini", ".md", ".html", ".txt", ".lock", ".css", ".js", ".svg", ".value")


class Incomplete(Failed, ValueError):
    """Results are missing, half-written or made by something else; the message lists them."""


def pack(
    workspace: Path | str, reference: str, out: Path | None = None, step: Callable[[str], None] = lambda text: None
) -> Path:
    """Write the submission of one tracker.

    Args:
        workspace: folder of a workspace.
        reference: the tracker's reference.
        out: the archive; None: ``<tracker>.zip`` in the workspace.
        step: told what is done next; all of it takes minutes.

    Raises:
        Incomplete: not all results of the workspace's stack are there, whole, and made by this tracker.
        TrackerFailed: the tracker does not run here, so that nobody could run it again.
        FileNotFoundError: this project's own tracker, but its source is not here.
        ValueError: an unknown tracker; a name that cannot be that of a folder or section everywhere; the toolkit's own
            pack refuses; a personal path would be published.
    """
    step(f"{reference}: reading the workspace, starting the tracker once")
    loaded, (tracker,) = resolve(workspace, [reference])
    directory = Path(loaded.directory)
    reported = probe(directory, reference).fingerprint if tracker.describe()["command"] else None
    settings = settings_of(tracker)
    if _of_this_package(settings):
        refuse_installed()
    step(f"{reference}: checking the results")
    results = plan(loaded, {tracker: reported}, list(loaded.stack), list(loaded.dataset))
    _refuse_incomplete(results, reference)
    members = dict(_results(directory, results.kept))
    step(f"{reference}: comparing with 'vot pack'")
    _compare_with_toolkit(directory, reference, members.keys())
    step(f"{reference}: analysis and report")
    members |= _analysis(directory, reference)
    step(f"{reference}: source, weights and checksums")
    members |= _reproduction(tracker, settings)
    manifest = _manifest(loaded, tracker, settings, reported, results)
    members[MANIFEST] = yaml.safe_dump(manifest, sort_keys=True).encode()
    parse(members[MANIFEST])
    _refuse_personal(members, directory)
    out = out or directory / f"{reference}.zip"
    archive.write(out, members)
    return out


def _refuse_incomplete(results: Plan, reference: str) -> None:
    lines = [f"  half-written: {error}" for _, _, error in results.half_written]
    lines += [f"  missing: {task.experiment}/{task.sequence}" for task in results.todo]
    for task, differences in results.stale:
        lines.append(f"  made with something else: {task.experiment}/{task.sequence} ({'; '.join(differences)})")
    if lines:
        raise Incomplete(
            f"the results of {reference} are not complete; run 'reciprocative evaluate {reference}':\n"
            + "\n".join(lines)
        )


def _results(directory: Path, kept: list[Outcome]) -> Iterator[tuple[str, bytes]]:
    """Members with the results, in the layout of ``vot pack``."""
    for outcome in kept:
        task = outcome.task
        folder = result_folder(directory, task.tracker, task.experiment, task.sequence)
        for run in outcome.runs:
            files = [folder / (run.name + suffix) for suffix in SUFFIXES if (folder / (run.name + suffix)).exists()]
            for file in [files[-1], *properties(folder, run.name)]:
                yield f"{task.experiment}/{task.sequence}/{file.name}", file.read_bytes()


def _compare_with_toolkit(directory: Path, reference: str, members: Iterable[str]) -> None:
    """Let ``vot pack`` pack the same results; its archive differs with every run and is deleted."""
    before = set(directory.glob("*.zip"))
    process = run_vot("pack", reference, "--workspace", directory)
    names: set[str] = set()
    for file in set(directory.glob("*.zip")) - before:
        with ZipFile(file) as packed:
            names.update(packed.namelist())
        file.unlink()
    if differing := sorted(names ^ {*members, MANIFEST}):
        raise InvalidValue(
            f"'vot pack {reference}' packs other files than these results have ({', '.join(differing[:5])}, ...):"
            + tail(process.stdout + process.stderr, 8)
        )


def _analysis(directory: Path, reference: str) -> dict[str, bytes]:
    """The stack's analyses of this tracker as JSON, and the report; dates and machine taken out."""
    name = f"submission-{reference}"
    file, document = analyse(directory, [reference], name), report(directory, [reference], name)
    members = {ANALYSIS: json.dumps(figures(json.loads(file.read_text())), indent=1, sort_keys=True).encode()}
    for page in sorted(document.parent.rglob("*")):
        if page.is_file():
            relative = page.relative_to(document.parent).as_posix()
            members[f"reproduce/report/{relative}"] = _DATE.sub(b"1980-01-01 00:00:00", page.read_bytes())
    shutil.rmtree(document.parent)
    file.unlink()
    return members


def figures(analysis: dict[str, Any]) -> dict[str, Any]:
    """What of ``vot analysis``'s JSON does not depend on when and where it was made."""
    return {"toolkit": analysis["toolkit"], "sequences": sorted(analysis["sequences"]), "results": analysis["results"]}


def _manifest(
    workspace: Workspace, tracker: Tracker, settings: dict[str, str], reported: str | None, plan: Plan
) -> dict[str, Any]:
    """The keys of ``vot pack``'s manifest, and what was made by what."""
    results: dict[str, Any] = {}
    for outcome in plan.kept:
        task = outcome.task
        results.setdefault(task.experiment, {})[task.sequence] = {
            "fingerprint": task.provenance.digest,
            "runs": {run.name: run.frames for run in outcome.runs},
            **({"unrecorded": True} if task in plan.unrecorded else {}),
        }
    return {
        "identifier": tracker.identifier,
        "configuration": {"label": tracker.label, **settings},
        "timestamp": "1980-01-01T00-00-00.000000",
        "platform": sys.platform,
        "python": sys.version,
        "toolkit": toolkit_version(),
        "stack": Path(workspace.dump()["stack"]).name,
        "package": f"reciprocative-tracker {__version__}",
        "fingerprint": reported or digest(settings),
        "results": results,
    }


def _reproduction(tracker: Tracker, settings: dict[str, str]) -> dict[str, bytes]:
    """Everything that is needed to run the tracker again."""
    ours = _of_this_package(settings)
    readme = _README.format(tracker=tracker.reference, install=_INSTALL if ours else _INSTALL_OTHER)
    members = {
        SECTION: _section(tracker),
        "reproduce/installed.txt": _packages(),
        "reproduce/weights.json": json.dumps(_weights(settings) if ours else [], indent=1).encode(),
        "reproduce/README.md": readme.encode(),
    }
    if ours:
        members[f"reproduce/reciprocative_tracker-{__version__}.tar.gz"] = source_distribution(PROJECT)
        for lock in sorted((PROJECT / "env").glob("*.lock")):
            members[f"reproduce/env/{lock.name}"] = lock.read_bytes()
    return members


def _of_this_package(settings: dict[str, str]) -> bool:
    """Whether the tracker that a section runs is one of this package."""
    return settings.get("command") == "tracker" and ":" not in settings.get("env_RECIPROCATIVE_TRACKER", "")


def _section(tracker: Tracker) -> bytes:
    """The tracker's section of trackers.ini, without interpreter and with the package's folder as only path."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keep capitals
    parser.read(tracker.source)
    section = dict(parser[tracker.identifier])
    section.pop("python", None)
    if "paths" in section:
        section["paths"] = "."
    lines = [f"[{tracker.identifier}]", *(f"{key} = {value}" for key, value in section.items())]
    return ("\n".join(lines) + "\n").encode()


def _packages() -> bytes:
    """Name and version of every installed package."""
    names = {item.metadata["Name"].lower(): item.version for item in metadata.distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(names.items())).encode()


def _weights(settings: dict[str, str]) -> list[dict[str, str | None]]:
    """Weights that the tracker of this section loads: file, source, sha256 of the file here, licence."""
    from tracker import catalog
    from tracker.weights import registry as weights

    name = settings.get("env_RECIPROCATIVE_TRACKER", "DAT")
    parameters = settings.get("env_RECIPROCATIVE_PARAMS", "")
    needed = catalog.weights_of(name, parameters) if name in catalog.NAMES else ()
    entries = [(weights.entry(name), weights.checksum(weights.path(name))) for name in needed]
    return [
        {"file": entry.file, "source": entry.source, "sha256": sha256, "licence": entry.licence, "paper": entry.paper}
        for entry, sha256 in entries
    ]


def _refuse_personal(members: dict[str, bytes], directory: Path) -> None:
    """Refuse to publish paths of this machine or the user's name, and in the tracker's settings anybody's home."""
    here = [str(Path(os.path.expanduser("~"))), str(directory.resolve()), str(PROJECT)]
    paths = "|".join(re.escape(path) for path in here if len(path) > 1)
    home = ""
    with contextlib.suppress(KeyError, OSError):  # this user has no name
        home = rf"|/(home|Users)/{re.escape(getpass.getuser())}\b"
    pattern = re.compile(rf"(?<![\w.-])(({paths})[/\"'\s]{home})".encode())
    for name, content in members.items():
        match = pattern.search(content) if name.endswith(_TEXT) else None
        if name in (MANIFEST, SECTION):
            match = match or _ANY_HOME.search(content)
        if match:
            raise InvalidValue(
                f"{name} would publish {match[0].decode()!r}: remove that path from the tracker's section"
            )


_README = """\
# Submission of {tracker}

| what | where |
|---|---|
| trajectories and times, as `vot pack` writes them | `<experiment>/<sequence>/`, `manifest.yml` |
| figures and report of the results | `reproduce/analysis.json`, `reproduce/report/report.html` |
| tracker section, source, locked packages, weights | `reproduce/` |
| checksums | `SHA256SUMS` (`sha256sum -c SHA256SUMS`) |

Check it: `reciprocative verify FILE`; with `--workspace W`, a workspace of the same stack, the figures are computed
again; with `--rerun SEQUENCE` the tracker runs on a sequence again and the trajectories are compared.

Run it again, with Python 3.10 to 3.13:

{install}    vot initialize STACK --workspace W && cp reproduce/trackers.ini W/
    reciprocative evaluate {tracker} --workspace W

`reproduce/weights.json` lists the weights; `reciprocative weights list` tells where those go that pip does not bring.
"""

_INSTALL = f"""\
    python3 -m venv venv && . venv/bin/activate
    pip install --no-deps --require-hashes -r reproduce/env/requirements.lock
    pip install -r reproduce/env/torch.lock
    pip install --no-deps --no-build-isolation reproduce/reciprocative_tracker-{__version__}.tar.gz
"""

_INSTALL_OTHER = """\
    # install the tracker as its authors say; reproduce/installed.txt lists the Python packages that were here
"""
