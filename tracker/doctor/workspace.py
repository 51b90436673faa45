"""A workspace as the toolkit reads it: configuration, stack, and every sequence of its data set."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

from tracker.core import images, listing
from tracker.core.listing import read_text
from tracker.core.paths import REGISTRY, STACKS
from tracker.doctor import Finding, check_text, quote
from tracker.doctor.frames import LOADED, Numbering, numbering
from tracker.formats import regions
from tracker.formats.sequence import Sequence, read_sequence, sequence_folders
from tracker.formats.workspace import read_config, read_mapping, registries, sequences_folder

BROKEN_SINCE = Version("0.8")
_REPLACED = {  # experiments of the toolkit's own, and what runs in their place on every release
    "supervised": "tracker.vot.reset_based.ResetBased",
    "multistart": "tracker.vot.reset_based.MultiStart",
    "unsupervised": "tracker.vot.reset_based.Unsupervised",  # broken only with realtime
}
_NON_ASCII = (
    "libtrax takes other bytes in an image's path for the end of its input: a protocol error at the first frame "
    "(this package's own server reads them)"
)
_SHOWN = 5  # findings of one kind, of which a data set may have hundreds
_LOAD = (
    "import sys\n"
    "from tracker.vot.workspace import load_workspace\n"
    "try:\n"
    "    load_workspace(sys.argv[1])\n"
    "except (OSError, ValueError, AssertionError) as error:\n"
    "    sys.exit(str(error))\n"
)


def check_workspace(workspace: Path, toolkit: str | None = None) -> Iterator[Finding]:
    """Findings in ``workspace`` for release ``toolkit`` of vot-toolkit."""
    file = workspace / "config.yaml"
    if not file.is_file():
        why = "the toolkit says 'Workspace not initialized'"
        yield Finding(f"{workspace} has no config.yaml", why, f"vot initialize vot2016/rgb --workspace {workspace}")
        return
    if not read_config(workspace):
        mend = f"registry: [{REGISTRY}]   (and the lines 'sequences:' and 'stack:')"
        yield Finding(f"{file} is not a mapping in YAML", "no vot command can load it", mend)
        return
    if not os.access(workspace, os.W_OK):
        yield Finding(f"{workspace} cannot be written", "results have no place", f"chmod u+w {workspace}")
    supervised = [key for key, kind in _types(_experiments(workspace)) if kind == "supervised"]
    findings = [
        *check_text(file),
        *_check_registries(workspace),
        *_check_stack(workspace, toolkit),
        *_check_dataset(sequences_folder(workspace), supervised),
    ]
    yield from findings
    if not any(finding.fails for finding in findings):
        yield from _check_loading(workspace)


def _check_registries(workspace: Path) -> Iterator[Finding]:
    paths = registries(workspace)
    if not any(path.is_file() for path in paths):
        absent = f": there is no {', '.join(map(str, paths))}" if paths else ""
        yield Finding(
            f"'registry:' of {workspace}/config.yaml names no trackers.ini{absent}",
            "'Missing arguments: registry', or 'Unable to resolve tracker reference' for every tracker",
            f"registry: [{REGISTRY}]",
        )


def _check_loading(workspace: Path) -> Iterator[Finding]:
    """What the toolkit's loaders and this package's strict readers refuse; in another process, which never hurts."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOAD, str(workspace)], capture_output=True, text=True, check=False
    )
    if process.returncode:
        message = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        yield Finding(
            message[-1],
            "'vot' or the analyses of this package stop at it",
            "correct what is named; 'vot --debug' and 'reciprocative --traceback' tell more",
        )


def _check_stack(workspace: Path, toolkit: str | None) -> Iterator[Finding]:
    name = read_config(workspace).get("stack")
    if not name:
        yield Finding(f"{workspace}/config.yaml names no stack", "it says what to run", "stack: vot2016/rgb")
        return
    if isinstance(name, dict):
        return  # written out; loading it tells what is wrong
    path = _resolve_stack(name, workspace) if isinstance(name, str) else None
    if path is None:
        ours = STACKS / f"{Path(name).stem}.yaml" if isinstance(name, str) else STACKS
        yield Finding(
            f"{workspace}/config.yaml: stack {_short(name)} does not exist",
            "'Experiment stack does not exist': a file (with .yaml) of the workspace, an absolute path, "
            "or the name of one of the toolkit's with its folder",
            f"stack: {ours}"
            if ours.is_file()
            else f"stack: {STACKS / 'own.yaml'}   (or vot2016/rgb, the toolkit's own; not vot2016)",
        )
        return
    yield from check_text(path)
    try:
        yaml.load(read_text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        yield Finding(f"{path} is not YAML: {str(error).splitlines()[0]}", "no vot command can load it", "correct it")
        return
    experiments = _experiments(workspace)
    if not experiments:
        yield Finding(
            f"stack {path} has no experiments by name",
            "nothing would run",
            f"experiments: (see {STACKS / 'embedded.yaml'})",
        )
    for key, kind in _types(experiments):
        broken = kind in ("supervised", "multistart") or (kind == "unsupervised" and "realtime" in experiments[key])
        if toolkit and Version(toolkit) >= BROKEN_SINCE and broken:
            yield Finding(
                f"stack {name}: experiment {key} is of type {kind}, which vot-toolkit {toolkit} cannot run",
                "it fails at the first frame, and 'vot evaluate' may still exit with 0",
                f"type: {_REPLACED[kind]}   (in a copy of the stack; or pip install vot-toolkit==0.7.4)",
            )


def _experiments(workspace: Path) -> dict[str, Any]:
    """The experiments of a workspace's stack by name; none if it cannot be read or has no mapping of them."""
    stack = read_config(workspace).get("stack")
    if isinstance(stack, str) and (path := _resolve_stack(stack, workspace)):
        stack = read_mapping(path)
    experiments = stack.get("experiments") if isinstance(stack, dict) else None
    return experiments if isinstance(experiments, dict) else {}


def _types(experiments: dict[str, Any]) -> list[tuple[str, Any]]:
    """Name and type of each experiment that is a mapping; loading the workspace tells of others."""
    return [(key, one.get("type", "")) for key, one in experiments.items() if isinstance(one, dict)]


def _short(value: Any) -> str:
    """A value of YAML for a message: aliases let a few lines stand for any amount of text."""
    return value if isinstance(value, str) else f"is a {type(value).__name__} and"


def _resolve_stack(name: str, workspace: Path) -> Path | None:
    toolkit = importlib.util.find_spec("vot")
    candidates = [workspace / name]
    if toolkit and toolkit.origin:
        candidates.append(Path(toolkit.origin).parent / "stack" / f"{name}.yaml")
    return next((path for path in candidates if path.is_file()), None)


def _check_dataset(dataset: Path, supervised: Collection[str]) -> Iterator[Finding]:
    if not (dataset / "list.txt").is_file():
        yield Finding(
            f"{dataset} has no list.txt",
            "'Unable to locate sequences', or the toolkit starts to download the stack's data set",
            f"ls -d {dataset}/*/ | xargs -n 1 basename > {dataset}/list.txt   "
            f"(or: python -m tracker.sequences {dataset})",
        )
        return
    file = dataset / "list.txt"
    yield from check_text(file)
    folders = sequence_folders(dataset)
    empty = [number for number, line in enumerate(read_text(file).splitlines(), start=1) if not line.strip()]
    if empty and folders:
        yield Finding(
            f"{file}, line {listing.ranges(empty)}: an empty line",
            f"the toolkit takes {dataset} itself for a sequence and does not know its format",
            f"sed -i '/^[[:space:]]*$/d' {quote(file)}",
        )
    if not folders:
        yield Finding(f"{dataset}/list.txt is empty", "'Unable to locate sequences'", "one sequence folder a line")
    if not str(dataset.resolve()).isascii():
        yield Finding(
            f"the path of the data set has non-ASCII characters: {dataset.resolve()}",
            _NON_ASCII,
            f"mv '{dataset.resolve()}' to a name of ASCII letters, and name it in 'sequences:' of config.yaml",
            fails=False,
        )
    findings = [finding for folder in folders for finding in _check_sequence(folder, supervised)]
    yield from findings[:_SHOWN]
    if (more := len(findings) - _SHOWN) > 0:
        yield Finding(f"{more} more findings in the data set", "as above", "mend these and ask again")


def _check_sequence(folder: Path, supervised: Collection[str] = ()) -> Iterator[Finding]:
    if not folder.is_dir():
        mend = f"sed -i '/^{re.escape(folder.name)}[[:space:]]*$/d' {quote(folder.parent / 'list.txt')}"
        yield Finding(f"sequence {folder} of list.txt does not exist", "no vot command loads the data set", mend)
        return
    if not folder.name.isascii():
        mend = f"mv '{folder}' to a name of ASCII letters, and write it into list.txt"
        yield Finding(f"sequence {folder.name} has non-ASCII characters", _NON_ASCII, mend, fails=False)
    if (folder / "sequence").is_file():
        yield from check_text(folder / "sequence")
    sequence = read_sequence(folder)
    if not sequence.numbered:
        yield Finding(
            f"sequence {folder.name}: channels.color = {sequence.pattern} has not one number of the frame",
            "the toolkit stops with TypeError: it puts the number of each frame in there",
            "channels.color=color/%08d.jpg",
        )
        return
    if not sequence.pattern.isascii():
        mend = f"channels.color=color/%08d.jpg   (in {folder}/sequence, its folder renamed)"
        what = f"sequence {folder.name}: channels.color = {sequence.pattern} has non-ASCII characters"
        yield Finding(what, _NON_ASCII, mend, fails=False)
    frames = sequence.images
    length = sequence.length or len(frames)
    scheme = numbering(folder) if not sequence.length else None
    suffix = Path(sequence.pattern).suffix
    if not length or suffix not in LOADED or (scheme and scheme.first == 0 and scheme.pattern == sequence.pattern):
        yield _misnamed(sequence, scheme)
        return
    if ignored := sequence.behind_gap:
        missing = sequence.pattern % (len(frames) + 1)
        why = f"the toolkit ends the sequence there and ignores {len(ignored)} images"
        yield Finding(f"sequence {folder.name}: {missing} is missing", why, None)
    for path in {*frames[:1], *frames[-1:]}:
        try:
            images.read(path)
        except (OSError, ValueError) as error:
            yield Finding(str(error), "the tracker stops with an error at this frame", None)
    for file in listing.matching(folder, "groundtruth_*.txt") or [folder / sequence.truth]:
        yield from _check_truth(file, length, supervised)
    yield from _check_tags(folder, length)


def _misnamed(sequence: Sequence, scheme: Numbering | None) -> Finding:
    """Images that the toolkit does not find, or counts otherwise than they are."""
    folder = sequence.folder
    if scheme is None:
        return Finding(
            f"sequence {folder.name}: there is no {sequence.pattern % 1}, nor any other image with a number",
            "frames are counted from 1; without a file 'sequence' they lie in the folder itself as %08d.jpg",
            None,
        )
    there = f"{scheme.pattern % scheme.first} to {scheme.pattern % scheme.last}"
    if scheme.first != 1:
        return Finding(
            f"sequence {folder.name}: its images are numbered from {scheme.first} on: {there}",
            "the toolkit counts from 1: it finds none, or every image would be judged by the ground truth of another",
            scheme.rename(folder),
        )
    if not scheme.loadable:
        why = f"the toolkit reads images that end in {' or '.join(LOADED)}, in small letters"
        return Finding(f"sequence {folder.name}: its images are {there}", why, scheme.rename(folder))
    return Finding(
        f"sequence {folder.name}: there is no {sequence.pattern % 1}, but {there}",
        "without a file 'sequence' images lie in the folder itself as %08d.jpg; with one, channels.color names them",
        _name_images(folder / "sequence", scheme.pattern),
    )


def _name_images(file: Path, pattern: str) -> str:
    """A shell line that writes ``channels.color`` into a sequence file."""
    line = f"channels.color={pattern}"
    if not file.is_file():
        return f"printf '%s\\n' fps=30 {shlex.quote(line)} > {quote(file)}"
    if re.search(r"^channels\.color *=", read_text(file), re.MULTILINE):
        return f"sed -i {shlex.quote(f's|^channels.color *=.*|{line}|')} {quote(file)}"
    return f"printf '\\n%s\\n' {shlex.quote(line)} >> {quote(file)}"


def _check_truth(file: Path, length: int, supervised: Collection[str]) -> Iterator[Finding]:
    """One ground truth file of a sequence of ``length`` frames."""
    place = f"sequence {file.parent.name}: {file.name}"
    try:
        obstacles = regions.obstacles(file.read_bytes())
        for obstacle, lines in obstacles.items():
            why = "the toolkit cannot load it, and names neither file nor line"
            mend = _tidy(file, obstacle, length)
            yield Finding(f"{place}, line {listing.ranges(lines)}: {obstacle}", why, mend)
        if obstacles:
            return
        annotations = regions.read(file)
    except UnicodeDecodeError:
        yield from check_text(file)
        return
    except OSError as error:
        yield Finding(f"sequence {file.parent.name}: {error}", "the toolkit cannot load it, or not as meant", None)
        return
    if len(annotations) > length:
        yield Finding(
            f"{place} has {len(annotations)} lines for {length} frames",
            "which line belongs to which frame is uncertain: the analyses refuse it",
            f"head -n {length} {quote(file)} > fixed && mv fixed {quote(file)}   (if its end is too long)",
        )
    if len(annotations) < length:
        yield Finding(
            f"{place} has {len(annotations)} lines for {length} frames",
            "the toolkit takes the other frames as absent without a word; this package's analyses give no figures",
            "one region a line, nan,nan,nan,nan where the target is absent",
            fails=len(annotations) != 1,  # test sets publish the first line only
        )
    absent = [number for number, region in enumerate(annotations[:length], start=1) if region is None]
    if absent[:1] == [1]:
        why = "the first region is empty: the tracker cannot be initialised on the first frame"
        yield Finding(f"{place}, line {listing.ranges(absent)}: no region", why, None)
    elif absent:
        yield Finding(
            f"{place}, line {listing.ranges(absent)}: no region, the target is absent",
            f"experiment {', '.join(supervised)} is of the toolkit's own type, which counts a failure in each of these "
            "frames and stops where it has to initialise there"
            if supervised
            else "no failure is counted in these frames, and initialisation waits for the first one after them",
            "type: tracker.vot.reset_based.ResetBased   (in place of supervised, in a copy of the stack)"
            if supervised
            else None,
            fails=bool(supervised),
        )


def _tidy(file: Path, obstacle: str, length: int) -> str:
    """A shell line that makes a ground truth file one that the toolkit loads."""
    name = quote(file)
    if obstacle == regions.MARK:
        (finding,) = check_text(file)
        return str(finding.mend)
    if obstacle == regions.NO_CODE:
        return f"sed -i -E 's/^[[:space:]]*[+-]?nan[[:space:]]*$/nan,nan,nan,nan/I' {name}"
    if obstacle != regions.EMPTY:
        return f"sed -i -E 's/^[[:space:]]+|[,;[:space:]]+$//g; s/[[:space:]]*[,;][[:space:]]*|[[:space:]]+/,/g' {name}"
    lines = listing.lines(listing.decode(file.read_bytes()))
    if len(lines) == length and not all(line.strip() for line in lines):  # one a frame: the target is absent there
        return f"sed -i -e '{length + 1},$d' -e 's/^[[:space:]]*$/nan,nan,nan,nan/' {name}"
    return f"sed -i '/^[[:space:]]*$/d' {name}"


def _check_tags(folder: Path, length: int) -> Iterator[Finding]:
    for tag in (*listing.matching(folder, "*.tag"), *listing.matching(folder, "*.label")):
        yield from check_text(tag)
        lines = len(read_text(tag).split())
        if lines > length:
            yield Finding(
                f"{tag}: {lines} lines for {length} frames",
                "the toolkit takes it without a word: the tags belong to another cut of the sequence",
                f"head -n {length} {quote(tag)} > fixed && mv fixed {quote(tag)}",
            )
        elif lines < length:
            why = "the frames behind them do not carry the tag, here and in the toolkit"
            yield Finding(f"{tag}: {lines} lines for {length} frames", why, None, fails=False)
