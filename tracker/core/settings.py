"""Parameters given as text, ``attention_weight=3,grid=7``: one checked reading for command lines and trackers.ini.

What may be set, and as what type, is read from the signature of the class or function that makes the tracker, this
package's ``Params`` or anybody's own class.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from tracker.core.allowed import alternatives
from tracker.core.errors import InvalidValue


def accepted(make: Callable[..., Any]) -> dict[str, Any]:
    """Parameters of a class or function by name, with their types; that of the default where none is annotated.

    >>> def tracker(threads: int = 1, step=0.5): ...
    >>> accepted(tracker)
    {'threads': <class 'int'>, 'step': <class 'float'>}
    """
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):  # built-in, or nothing that can be called: nothing is known of it
        return {}
    hints = get_type_hints(vars(make).get("__init__", make) if isinstance(make, type) else make)
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: hints.get(name, str if parameter.default in (None, parameter.empty) else type(parameter.default))
        for name, parameter in signature.parameters.items()
        if parameter.kind in kinds
    }


def parse(texts: Iterable[str], types: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The values in texts such as ``attention_weight=3,grid=7``.

    Args:
        texts: each holds one or several settings, separated by commas.
        types: parameters with their types, see :func:`accepted`.
        owner: what they belong to, for messages.

    Raises:
        ValueError: a text is no setting, a name is unknown or given twice, or a value has another type.

    >>> parse(["grid=7,device=cpu"], {"grid": int, "device": str}, "DAT")
    {'grid': 7, 'device': 'cpu'}
    """
    values: dict[str, Any] = {}
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        name, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals or not text:
            raise InvalidValue(f"{part.strip()!r} is no setting: write parameter=value, separated by commas")
        if name in values:
            raise InvalidValue(f"{name} is set twice, to {values[name]} and {text}")
        if name not in types:
            raise InvalidValue(f"{owner} has no parameter {name!r}; {nearest(name, types)}")
        values[name] = _value(name, text, types[name])
    return values


def nearest(name: str, choices: Iterable[str], listed: str = "it takes") -> str:
    """Which of the names was probably meant, or all of them.

    >>> nearest("atention_weight", ["grid", "attention_weight"])
    "did you mean 'attention_weight'?"
    """
    names = sorted(choices)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{listed} {', '.join(names) or 'none'}"


def as_text(values: Mapping[str, Any]) -> str:
    """``parse`` backwards, by name: how a variant is called.

    >>> as_text({"grid": 7, "attention_weight": 3.0})
    'attention_weight=3.0,grid=7'
    """
    return ",".join(f"{name}={value}" for name, value in sorted(values.items()))


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


_READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    type(None): ("none", lambda text: {"none": None}[text.lower()]),
    bool: ("true or false", lambda text: {"true": True, "false": False}[text.lower()]),
    int: ("a whole number", int),
    float: ("a number", _finite),
    str: ("text", str),
}
"""What can be given as text: type, its name in messages, its reader. Of several types the first that fits is meant."""


def _value(name: str, text: str, hint: Any) -> Any:
    kinds = alternatives(hint)
    if unreadable := [kind for kind in kinds if kind not in _READERS]:
        what = getattr(unreadable[0], "__name__", str(unreadable[0]))
        raise InvalidValue(f"{name} is a {what}, which cannot be given as text: set it from Python")
    for kind, (_, read) in _READERS.items():
        if kind in kinds:
            try:
                return read(text)
            except (KeyError, ValueError):
                pass
    raise InvalidValue(f"{name} is {text!r}; give {' or '.join(_READERS[kind][0] for kind in kinds)}")
