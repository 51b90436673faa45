"""``reciprocative doctor``: the checks of ``tracker.doctor``, and what, why and the mending line of each finding."""

from __future__ import annotations

import argparse
import platform
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tracker import catalog
from tracker.adapters import own_section
from tracker.commands import options
from tracker.core.errors import InvalidValue
from tracker.core.paths import REGISTRY
from tracker.doctor import Finding, machine, packages, registry, trial, weights, workspace
from tracker.formats import groundtruth
from tracker.formats.regions import Polygon
from tracker.formats.registry import Section, read_section
from tracker.formats.sequence import read_sequence, sequence_folders
from tracker.formats.workspace import registries, sequences_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "tracker",
        nargs="?",
        metavar="TRACKER",
        help="name in the registry, or module:Class of your own; it is started and tried",
    )
    parser.add_argument("--workspace", type=Path, metavar="FOLDER", help="workspace whose stack and data are checked")
    options.add_registry_argument(parser, "the workspace's, else ./trackers.ini, else the installation's")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if a run would fail, else 0."""
    report = _Report()
    versions = packages.installed()
    toolkit = versions.get("vot-toolkit")
    report.add(f"Python {platform.python_version()}", packages.check_interpreter())
    report.add("machine", machine.check_machine())
    report.add("packages", packages.check_packages(versions))
    importable = report.add(f"import {', '.join(packages.MODULES)}", packages.check_imports())
    paths = _registries(args)
    own = ":" in (args.tracker or "")
    section = own_section(args.tracker) if own else _section(paths, args.tracker)
    if importable:
        report.add("weights", weights.check_weights(_needed(section)))
    if args.workspace:
        report.add(f"workspace {args.workspace}", workspace.check_workspace(args.workspace, toolkit))
    name = None if own else args.tracker
    usable = all([report.add(f"registry {path}", registry.check_registry(path, name)) for path in paths]) or own
    if name and usable and paths:
        report.add(f"section {args.tracker}", registry.check_name(args.tracker, paths, args.workspace))
    if usable and section:
        _try_tracker(report, section, args.workspace)
    elif args.tracker:
        print(f"  --    {args.tracker} was not started: mend the registry first")
    return report.close()


class _Report:
    """Prints as it goes, and counts."""

    def __init__(self) -> None:
        self._failures = self._notes = 0

    def add(self, title: str, findings: Iterable[Finding]) -> bool:
        """Print the findings of one check; whether none of them would fail a run."""
        found = list(findings)
        failures = sum(finding.fails for finding in found)
        for finding in found:
            print(f"  {'FAIL' if finding.fails else 'note'}  {finding.what}")
            print(f"        why:  {finding.why}")
            if finding.mend:
                print(f"        mend: {finding.mend}", flush=True)
        if not found:
            print(f"  ok    {title}", flush=True)
        self._failures += failures
        self._notes += len(found) - failures
        return not failures

    def close(self) -> int:
        """Print the sum; the exit code."""
        if not self._failures and not self._notes:
            print("nothing found that would make a run fail")
        else:
            print(f"{self._failures} would make a run fail, {self._notes} worth knowing")
        return 1 if self._failures else 0


def _registries(args: argparse.Namespace) -> list[Path]:
    """The registries that the toolkit would read; it passes over those of a workspace that do not exist."""
    if args.registry:
        return [options.registry_file(args.registry)]
    if args.workspace:
        return [path for path in registries(args.workspace) if path.is_file()]
    local = Path("trackers.ini")
    return [local if local.is_file() else REGISTRY]


def _section(paths: list[Path], name: str | None) -> Section | None:
    """The section of tracker ``name``, in the first registry that has it, as the toolkit searches."""
    sections = (read_section(path, name) for path in paths if name and path.is_file())
    return next(filter(None, sections), None)


def _needed(section: Section | None) -> set[str]:
    """The weights of the tracker that a section starts, if it is one of this package."""
    values = section.values if section else {}
    name = values.get("env_reciprocative_tracker")
    if name not in catalog.NAMES:
        return set()
    try:
        return set(catalog.weights_of(name, values.get("env_reciprocative_params", "")))
    except InvalidValue:  # wrong parameters: the tracker itself tells them, once it is started
        return set()


def _try_tracker(report: _Report, section: Section, folder: Path | None) -> None:
    if not section.values.get("command"):
        print(f"  ok    {section.name} has no command: results without a tracker")
        return
    try:
        place = tempfile.TemporaryDirectory()
    except OSError:  # a finding of the machine's
        print(f"  --    {section.name} was not started: there is no temporary folder")
        return
    with place as temporary:
        frames, region = _frames(folder) or trial.synthetic_frames(Path(temporary))
        result = trial.run(section, frames, region)
    title = f"tracker {section.name} answers"
    if not result.failure:
        first, *others = result.replies
        average = sum(others) / max(len(others), 1)
        times = f"handshake {result.handshake:.1f} s, first frame {first:.2f} s, next {average:.2f} s"
        title += f": {times} (timeout {section.timeout} s)"
    if not report.add(title, trial.judge(result, section)) and result.last_words:
        print(f"  its stderr, {len(result.last_words)} last lines:")
        for line in result.last_words:
            print(f"      | {line}")


def _frames(folder: Path | None) -> tuple[list[Path], Polygon] | None:
    """First frames and region of the first sequence in the workspace that can be used, if there is one."""
    for sequence in sequence_folders(sequences_folder(folder)) if folder else []:
        frames = read_sequence(sequence).images[: trial.FRAMES] if sequence.is_dir() else []
        if len(frames) < trial.FRAMES:
            continue
        annotated = groundtruth.find(sequence, len(frames))
        if annotated and annotated.regions and (region := annotated.regions[0]):
            return frames, region.outline
    return None
