"""What decides a tracker's boxes, as JSON on stdout; run by the interpreter that will run the tracker.

Usage: ``python -m benchmarks.identify NAME '{"parameter": value}'``
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "cv2", "numpy", "scipy")
NO_PART = {"tracker", "tracker.catalog", "tracker.core.tracker", "tracker.core.settings", "tracker.core.timing"}
"""Modules that hand boxes on but do not decide them: a change of theirs leaves kept runs valid."""


def code_digest(files: list[Path]) -> str:
    """Hash of Python source that does not see comments, docstrings and layout.

    Args:
        files: modules; their order and the folder they lie in do not matter.
    """
    trees = sorted(ast.dump(_without_docstrings(ast.parse(file.read_text(encoding="utf-8")))) for file in files)
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:16]


def identity(name: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Make the tracker and tell what it is made of.

    Returns:
        ``fingerprint`` of parameters and weights, ``code`` of the modules of this package that it is made of,
        ``libraries`` with their versions, ``seeded`` (takes a seed) and ``deterministic``.
    """
    catalog = import_module("tracker.catalog")
    tracker = catalog.create(name, **overrides)
    import_module("tracker.core.images")
    fingerprint = getattr(tracker, "fingerprint", "")
    left_out = NO_PART | ({"tracker.dat.params"} if fingerprint else set())  # the fingerprint has the values
    modules = [module for key, module in sys.modules.items() if key.split(".")[0] == "tracker" and key not in left_out]
    return {
        "tracker": name,
        "overrides": overrides,
        "fingerprint": fingerprint,
        "code": code_digest([Path(module.__file__) for module in modules if module.__file__]),
        "libraries": {"python": platform.python_version()}
        | {library: sys.modules[library].__version__ for library in LIBRARIES if library in sys.modules},
        "seeded": "seed" in catalog.options(name),
        "deterministic": getattr(tracker, "deterministic", False),
    }


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


if __name__ == "__main__":
    print(json.dumps(identity(sys.argv[1], json.loads(sys.argv[2]))))
