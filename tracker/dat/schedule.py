"""Parameters that change while a target is followed: functions of the frame in the place of numbers.

ReciprocativeTracker(scheduled(FAST, attention_weight=lambda frame: max(0.0, 3.0 - frame / 100)))
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, fields
from types import CodeType
from typing import Any

from tracker.core.allowed import check
from tracker.core.errors import InvalidType, InvalidValue
from tracker.dat.params import Params

VARYING = frozenset({
    "attention_weight", "dropout", "bound", "size_step", "motion_penalty", "near_translation", "lost_spread",
    "success_score", "positive_overlap", "update_negative_overlap", "negative_scale", "update_iterations",
    "update_stop", "update_rate", "update_interval", "lost_interval", "long_memory", "short_memory",
    "batch_positives", "batch_negatives", "attention_negatives", "mining_pool", "mining_interval",
    "mined_negatives", "momentum", "weight_decay", "gradient_clip", "last_layer_rate",
})  # fmt: skip
"""What is read anew in every frame; everything else is fixed when the target is learned."""


@dataclass(frozen=True)
class Schedule:
    """One parameter as a function of the frame; the first one, where the target is given, is 0."""

    name: str
    function: Callable[[int], float]

    @property
    def digest(self) -> str:
        """Hash of what the function does, the same in every process: part of the tracker's fingerprint."""
        return _digest(self.function)

    def __repr__(self) -> str:
        """Its name, and what the function does."""
        return f"{self.name}=<{self.digest}>"

    def value(self, frame: int) -> float:
        """The parameter in ``frame``.

        Raises:
            ValueError: it is no finite number.
        """
        value = self.function(frame)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InvalidValue(f"{self.name} in frame {frame} is {value!r}; its function must give a number")
        return value


@dataclass(frozen=True, repr=True)
class Scheduled(Params):
    """Parameters as they are in one frame, the first one when they are made."""

    schedules: tuple[Schedule, ...] = ()

    def at(self, frame: int) -> Scheduled:
        """The parameters in ``frame``.

        Raises:
            ValueError: a value there is none that the parameter may have.
        """
        now = copy(self)  # dataclasses.replace would check all fields in every frame
        for schedule in self.schedules:
            object.__setattr__(now, schedule.name, schedule.value(frame))
        check(now, [schedule.name for schedule in self.schedules])
        return now


def scheduled(params: Params, **functions: Callable[[int], float]) -> Scheduled:
    """``params`` with functions of the frame (0, 1, ...) in the place of some numbers.

    Raises:
        ValueError: a name is not one of those that can vary, or a function gives no such value for frame 0.
        TypeError: one is no function.
    """
    for name, function in functions.items():
        if name not in VARYING:
            raise InvalidValue(
                f"{name} cannot change while a target is followed; these can: {', '.join(sorted(VARYING))}"
            )
        if not callable(function):
            raise InvalidType(f"{name} is {function!r}; give a function of the frame, or set it by dataclasses.replace")
    values = {field.name: getattr(params, field.name) for field in fields(Params)}
    return Scheduled(**values, schedules=tuple(Schedule(*item) for item in functions.items())).at(0)


def _digest(function: Any) -> str:
    """Hash of a function's code, the values that it has caught, and its defaults; of the state of other callables."""
    code = getattr(function, "__code__", None)
    if code is None:
        state = [type(function).__qualname__, sorted(getattr(function, "__dict__", {}).items())]
    else:
        caught = [cell.cell_contents for cell in function.__closure__ or ()]
        state = [*_code(code), caught, function.__defaults__, function.__kwdefaults__]
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def _code(code: CodeType) -> list[Any]:
    constants = [_code(one) if isinstance(one, CodeType) else one for one in code.co_consts]
    return [code.co_code, constants, code.co_names]
