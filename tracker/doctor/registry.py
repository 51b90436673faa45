"""trackers.ini as the toolkit reads it: what breaks the whole registry, a section, or only what was meant."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from tracker.core.listing import read_text
from tracker.core.paths import REGISTRY
from tracker.doctor import Finding, check_text
from tracker.formats.registry import Section, section_names

PROTOCOLS = ("traxpython", "trax", "traxmatlab", "traxoctave")
_IDENTIFIER = re.compile(r"[a-zA-Z0-9_-]+")  # vot.tracker.VALID_IDENTIFIER
_BROKEN = "the toolkit then reads no tracker at all from this file"


def check_registry(path: Path, name: str | None = None) -> Iterator[Finding]:
    """Findings in the registry at ``path``; of section ``name`` only, apart from what breaks the whole file."""
    if not path.is_file():
        yield Finding(
            f"there is no registry {path}",
            "the toolkit says 'Tracker does not exist' and exits with 0",
            f"--registry {REGISTRY}",
        )
        return
    yield from check_text(path)
    text = read_text(path)
    yield from _check_percent(path, text)
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, source=str(path))
    except configparser.DuplicateSectionError as error:
        yield Finding(
            f"{path}, line {error.lineno}: a second section [{error.section}]", _BROKEN, "rename or remove it"
        )
        return
    except configparser.DuplicateOptionError as error:
        what = f"{path}, line {error.lineno}: {error.option} is given twice in [{error.section}]"
        yield Finding(what, _BROKEN, "remove one of the two lines")
        return
    except configparser.Error as error:
        first = str(error).splitlines()[0]
        yield Finding(f"{path}: {first}", _BROKEN, "every line is [section], key = value, # comment or empty")
        return
    for section in parser.sections():
        if "command" not in parser[section]:
            yield Finding(
                f"{path}: section [{section}] has no command",
                f"__init__() missing 1 required positional argument: 'command'; {_BROKEN}",
                "command = tracker   (or 'command =' for results without a tracker)",
            )
        yield from _check_version(parser[section].get("version", ""), f"{path}, [{section}]")
        if name in (None, section):
            yield from _check_section(Section(section, path, dict(parser[section])))


def check_name(name: str, paths: Collection[Path], workspace: Path | None = None) -> Iterator[Finding]:
    """Whether one of the registries in ``paths``, those of ``workspace`` if there is one, has a tracker ``name``."""
    names = sorted({section for path in paths for section in section_names(path)})
    if name in names:
        return
    yield Finding(
        f"no tracker {name} in {', '.join(map(str, paths))}; known: {', '.join(names) or 'none'}",
        "the toolkit says 'Tracker does not exist' or 'Unable to resolve tracker reference', and may exit with 0",
        f"- {REGISTRY}   (in 'registry:' of {workspace}/config.yaml, for DAT, MDNet, NCC, ...)"
        if workspace
        else 'vot --registry "$(reciprocative registry)" test DAT   (that registry has DAT, MDNet, NCC, ...)',
    )


def _valid(name: str, taken: Collection[str]) -> str:
    """A name that the toolkit takes, near to ``name`` and not that of another section."""
    valid = re.sub(r"[^a-zA-Z0-9_-]+", "_", name.replace("+", "plus")).strip("_") or "tracker"
    while valid in taken:
        valid += "_2"
    return valid


def _check_version(version: str, place: str) -> Iterator[Finding]:
    if version and not _IDENTIFIER.fullmatch(version):
        yield Finding(
            f"{place}: version = {version}",
            f"'Illegal version format' (no dots); {_BROKEN}",
            f"version = {re.sub('[^a-zA-Z0-9_-]', '-', version)}",
        )


def _check_percent(path: Path, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith(("#", ";")) and re.search(r"%(?!\()", line.replace("%%", "")):
            yield Finding(
                f"{path}, line {number}: a percent sign in {line.strip()!r}",
                f"InterpolationSyntaxError: '%' must be followed by '%' or '('; {_BROKEN}",
                line.strip().replace("%%", "%").replace("%", "%%"),
            )


def _check_section(section: Section) -> Iterator[Finding]:
    values, place = section.values, f"{section.source}, [{section.name}]"
    if not _IDENTIFIER.fullmatch(section.name):
        why = "the toolkit leaves the section out: letters, digits, - and _ are allowed"
        mend = f"[{_valid(section.name, section_names(section.source))}]   (and below it: label = {section.name})"
        yield Finding(f"{place}: not a valid name", why, mend)
    for key, value in values.items():
        if match := re.search(r"\s[#;]", value):
            yield Finding(
                f"{place}: the comment in '{key} = {value}' is part of the value",
                "only a line of its own is a comment; the toolkit uses all of it as the value",
                f"{key} = {value[: match.start()].strip()}",
            )
    command = values.get("command")
    if not command:
        return  # results without a tracker, or reported already
    if values.get("protocol") not in PROTOCOLS:
        yield Finding(
            f"{place}: protocol = {values.get('protocol', '')}",
            f"the toolkit knows {', '.join(PROTOCOLS)} and says 'Runtime protocol not available'",
            "protocol = traxpython",
        )
    timeout = values.get("timeout", "30")
    if not re.fullmatch(r"[1-9]\d*", timeout.strip()) and not re.search(r"\s[#;]", timeout):
        why = "it is a whole number of seconds for each reply, at least 1; else 'Number conversion error'"
        yield Finding(f"{place}: timeout = {timeout}", why, "timeout = 120")
    yield from _check_paths(section, place)


def _check_paths(section: Section, place: str) -> Iterator[Finding]:
    for key in ("paths", "linkpaths"):
        value = section.values.get(key, "")
        if os.pathsep != ";" and re.search(r"(^|;)\s*[A-Za-z]:[\\/]", value):
            what = f"{place}: {key} = {value} are paths of Windows"
            yield Finding(what, "this machine has no drives: ModuleNotFoundError, 'Unable to connect to tracker'", None)
            continue
        if os.pathsep != ";" and ";" in value and not re.search(r"\s[#;]", value):
            yield Finding(
                f"{place}: ';' in {key} = {value}",
                f"folders are separated by '{os.pathsep}' here: this names one folder with a semicolon in it",
                f"{key} = {value.replace(';', os.pathsep)}",
            )
            continue
        for folder in filter(None, re.split(r"\s[#;]", value)[0].split(os.pathsep)):
            if not (section.source.parent / folder).is_dir():
                yield Finding(
                    f"{place}: {key} names {folder}, which is not a folder",
                    f"it is taken relative to {section.source.parent}; Python then says ModuleNotFoundError, "
                    "the toolkit 'Unable to connect to tracker'",
                    f"{key} = an existing folder, or leave {key} out if the tracker is installed",
                )
    interpreter = section.values.get("python")
    if interpreter and shutil.which(interpreter) is None:
        yield Finding(
            f"{place}: python = {interpreter} cannot be executed",
            "the toolkit stops with FileNotFoundError",
            f"python = {sys.executable}   (or leave the line out: the interpreter that runs vot)",
        )
    if section.values.get("protocol") == "traxpython" and " " in (interpreter or sys.executable):
        yield Finding(
            f"{place}: the interpreter's path has a space: {interpreter or sys.executable}",
            "the toolkit splits the command at spaces",
            "python = a path without spaces, such as a virtual environment's elsewhere",
        )
