"""The fingerprint of a tracker: equal ones, with equal seeds, give equal boxes on one machine.

It is the start of the sha256 of a JSON text with sorted keys and no spaces::

    {"device": "cpu", "params": {name: value}, "schedules": {name: digest}, "weights": sha256}

``params`` has every field of :class:`~tracker.dat.params.Params` but ``seed`` and ``device``, by name, a whole number
without a decimal point and a :class:`~tracker.features.view.View` by its own fields; ``schedules`` is there only where
some are. So the order of fields, the class that holds them and the type of a number have no part in it. Neither has a
field that is added later, while it says what was done before: it stands in ``AS_BEFORE`` with that value. A field that
gets another name keeps its first one here, by ``FORMERLY``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from tracker.dat.params import Params
from tracker.dat.schedule import Scheduled

AS_BEFORE: dict[str, Any] = {}
"""Fields of ``Params`` and ``View`` that came after this form, with the value that means what was done before them."""
FORMERLY: dict[str, str] = {}
"""Fields of ``Params`` and ``View`` that have changed their names since, with the first ones."""


def fingerprint(params: Params, device: str, weights: str) -> str:
    """16 hexadecimal digits of the parameters, the type of the device, and the sha256 of the weights files."""
    values = {key: value for key, value in _plain(params).items() if key not in ("seed", "device", "schedules")}
    form = {"device": device, "params": values, "weights": weights}
    if isinstance(params, Scheduled):
        form["schedules"] = {schedule.name: schedule.digest for schedule in params.schedules}
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """``value`` as JSON has it."""
    if is_dataclass(value):
        items = [(field.name, getattr(value, field.name)) for field in fields(value)]
        return {
            FORMERLY.get(name, name): _plain(one)
            for name, one in items
            if name not in AS_BEFORE or one != AS_BEFORE[name]
        }
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
