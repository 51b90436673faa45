"""What a field of a dataclass may hold, declared in its annotation and checked when it is made.

>>> @dataclass(frozen=True)
... class Settings:
...     threads: Count = 2
...     def __post_init__(self):
...         check(self)
>>> Settings(threads=1.5)
Traceback (most recent call last):
tracker.core.errors.InvalidValue: threads is 1.5; give a whole number
"""

from __future__ import annotations

import math
import types
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from tracker.core.errors import InvalidValue


@dataclass(frozen=True)
class Within:
    """Numbers from ``low`` to ``high``; a bound that is open is no such number itself."""

    low: float
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"it must be {'above' if self.low_open else 'at least'} {self.low:g}"
        return f"it must lie in {'[('[self.low_open]}{self.low:g}, {self.high:g}{'])'[self.high_open]}"


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def __contains__(self, value: str) -> bool:
        return value in self.words

    def __str__(self) -> str:
        return f"choose one of {', '.join(self.words)}"


Count = Annotated[int, Within(1)]
Whole = Annotated[int, Within(0)]
Number = Annotated[float, Within(0)]
Positive = Annotated[float, Within(0, low_open=True)]
Factor = Annotated[float, Within(1)]
Share = Annotated[float, Within(0, 1)]
ShareBelowOne = Annotated[float, Within(0, 1, high_open=True)]


def check(instance: Any, names: Collection[str] | None = None) -> None:
    """Check the fields of a dataclass, those called ``names`` or all.

    Raises:
        ValueError: a value is of another type than declared, not finite, or none that the field may have.
    """
    for name, kinds, limits in _declared(type(instance)):  # type: ignore[arg-type]
        if names is not None and name not in names:
            continue
        value = getattr(instance, name)
        if value is None and type(None) in kinds:
            continue
        if not any(_is(value, kind) for kind in kinds):
            raise InvalidValue(f"{name} is {value!r}; give {_EXPECTED[kinds[0]]}")
        for limit in limits:
            if value not in limit:
                raise InvalidValue(f"{name} is {value!r}; {limit}")


_EXPECTED = {int: "a whole number", float: "a finite number", bool: "True or False", str: "a text"}


@cache
def _declared(owner: type) -> list[tuple[str, tuple[type, ...], list[Any]]]:
    """Name, types and limits of each field of a plain type."""
    limited = get_type_hints(owner, include_extras=True)
    return [
        (name, kinds, [limit for part in alternatives(limited[name]) for limit in getattr(part, "__metadata__", ())])
        for name, hint in get_type_hints(owner).items()
        if (kinds := alternatives(hint))[0] in _EXPECTED
    ]


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union; any other annotation is its own only one.

    >>> alternatives(int | None)
    (<class 'int'>, <class 'NoneType'>)
    """
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool) != (kind is bool):  # True is no whole number here
        return False
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)
