"""The rooms of the package, and who may know whom: rules on the graph of imports, read with ``ast``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import NamedTuple

import pytest

from tracker.core.paths import PROJECT

ROOMS = {
    "core": "",
    "formats": "core",
    "features": "core formats",
    "weights": "core formats",
    "media": "core formats",
    "sequences": "core formats",
    "dat": "core weights features",
    "baselines": "core formats weights",
    "adapters": "core formats weights baselines",
    "catalog": "core dat baselines adapters",
    "got10k": "core adapters catalog",
    "serving": "core formats adapters catalog",
    "vot": "core formats adapters catalog weights",
    "vot.results": "core formats",
    "vot.experiments": "core vot.results",
    "vot.toolkit": "core",
    "vot.measures": "core vot.results",
    "vot.tables": "core formats adapters vot.results vot.measures vot.toolkit",
    "vot.evaluation": "core formats vot.results vot.experiments vot.toolkit vot.tables",
    "vot.submission": "core formats weights catalog vot.results vot.measures vot.evaluation vot.toolkit",
    "doctor": "core formats weights media adapters catalog serving",
    "commands": "core formats weights media sequences dat features baselines adapters catalog serving doctor "
    "vot.results vot.measures vot.tables vot.evaluation vot.toolkit vot.submission",
    "cli": "core commands",
    "__main__": "serving cli",
}
"""Room -> the rooms that it may import, itself apart. What is not named here may import nothing."""

VOT = {
    "reset_based": "experiments",
    "single_target": "experiments",
    "report": "tables",
    "toolkit": "toolkit",
    "worker": "evaluation",
    "workspace": "results",
}
"""Rooms of the modules of ``tracker/vot/`` that stacks name by path; the others there are measures."""


class Import(NamedTuple):
    """What a module names in an import statement, and when that runs."""

    target: str
    names: tuple[str, ...]
    typing: bool  # below `if TYPE_CHECKING`
    lazy: bool  # in a function


def imports(tree: ast.AST, typing: bool = False, lazy: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, (), typing, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name modules in full"
            yield Import(node.module or "", tuple(alias.name for alias in node.names), typing, lazy)
        else:
            checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, typing or checking, lazy or function)


def modules(found: Import) -> set[str]:
    """The modules that an import loads: ``from tracker.core import boxes`` gives tracker.core.boxes."""
    inner = {name for word in found.names if (name := f"{found.target}.{word}") in GRAPH}
    return inner if len(inner) == len(found.names) and inner else {found.target, *inner}


FILES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((PROJECT / "tracker").rglob("*.py"))
}
GRAPH = {name: list(imports(ast.parse(path.read_text()))) for name, path in FILES.items()}


def room(module: str) -> str:
    first, *rest = module.split(".")[1:]
    if "__main__" in rest:
        return "__main__"  # what is run is above all rooms, wherever it lies
    if first != "vot" or not rest:
        return first
    return f"vot.{rest[0] if len(rest) > 1 or FILES[module].name == '__init__.py' else VOT.get(rest[0], 'measures')}"


INSIDE = [module for module in FILES if module != "tracker"]


@pytest.mark.parametrize("name", sorted({room(module) for module in INSIDE}))
def test_a_room_imports_what_its_line_allows(name):
    allowed = {name, *ROOMS[name].split()}
    found = [
        f"{module} imports {target}"
        for module in INSIDE
        if room(module) == name
        for statement in GRAPH[module]
        for target in modules(statement) & set(INSIDE)
        if room(target) not in allowed
    ]
    assert not found


def test_nothing_of_ours_comes_through_the_door_for_users():
    """``from tracker import ...`` is lazy, so that it would hide what knows whom."""
    taken = {
        (module, word)
        for module in INSIDE
        for statement in GRAPH[module]
        if statement.target == "tracker"
        for word in statement.names or ("all",)
        if f"tracker.{word}" not in FILES
    }
    assert {word for _, word in taken} <= {"__version__"}


def test_no_circle_of_modules():
    TopologicalSorter(
        {
            module: {
                target
                for statement in GRAPH[module]
                if not statement.typing
                for target in modules(statement) & set(INSIDE) - {module}
            }
            for module in INSIDE
        }
    ).prepare()


def test_two_worlds():
    """Not even in a function: the tracker's process imports no toolkit, the toolkit's side no torch.

    The client of a server stands on the toolkit's side, in a process of its own.
    """
    for module in set(INSIDE) - {"tracker.serving.client"}:
        theirs = {statement.target.partition(".")[0] for statement in GRAPH[module]}
        if room(module).partition(".")[0] == "vot":
            assert not theirs & {"torch", "torchvision"}, module
        elif room(module) not in ("commands", "doctor"):
            assert "vot" not in theirs, module


def test_the_toolkits_side_never_loads_torch():
    names = [module for module in INSIDE if module.startswith("tracker.vot")]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError as error:\n"
        "        assert error.name == 'vot.tracker', error  # what only newer toolkits have\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *names], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_room_says_what_may_enter():
    for module, path in FILES.items():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), module


@pytest.mark.parametrize(("folder", "most"), [("tracker", 8), ("tracker/vot", 14)])
def test_the_halls_are_small(folder, most):
    assert len(list((PROJECT / folder).glob("[a-z]*.py"))) <= most
