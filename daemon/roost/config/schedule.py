"""The `schedule` of a task: a cron expression with five fields, or `every: 10m`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from roost.core.model import Schedule

from .nodes import Scalar
from .reader import At, Definitions, ScalarReader, Schema, or_variable
from .scalars import Duration
from .table import Fields, Key, Table


class _Field(NamedTuple):
    """One field of a cron expression: its bounds, and the names that may stand for numbers."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field(
        "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    ),
    _Field("day of the week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)
_ITEM: Final = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>[1-9][0-9]?))?\Z", re.ASCII)


def cron_fault(text: str) -> str | None:
    """What is wrong with a cron expression; None if nothing is."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"has {len(parts)} fields, not the 5 of a cron expression"
    for part, field in zip(parts, _FIELDS, strict=True):
        if not all(_item_fits(item, field) for item in part.split(",")):
            return f"the {field.name} is not one of a cron expression ({field.low} to {field.high})"
    return _never(text)


def _never(text: str) -> str | None:
    """What the calendar says of an expression whose fields are fine: that there is no such day, say."""
    from cronsim import CronSim, CronSimError  # only a project with a cron expression pays

    try:
        CronSim(text, datetime(2000, 1, 1))
    except CronSimError as error:
        return f"never comes ({str(error).lower()})"
    return None


def _item_fits(item: str, field: _Field) -> bool:
    match = _ITEM.match(item)
    if match is None:
        return False
    low, high = (_number(match[group], field) for group in ("low", "high"))
    named = (match["low"] is None or low is not None) and (match["high"] is None or high is not None)
    return named and (low is None or high is None or low <= high)


def _number(text: str | None, field: _Field) -> int | None:
    """The number of a field's value; None for one that is missing, or not within its bounds."""
    if text is None:
        return None
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.low
    number = int(text) if text.isdigit() and len(text) < 4 else -1
    return number if field.low <= number <= field.high else None


class _Cron(ScalarReader[str]):
    def take(self, scalar: Scalar, node: Scalar, at: At) -> str | None:
        fault = cron_fault(scalar.text)
        if fault is None:
            return " ".join(scalar.text.split())
        at.error(node, fault, "write minute, hour, day, month, weekday ('0 3 * * 1'), or {every: 10m}")
        return None

    def schema(self, definitions: Definitions) -> Schema:
        return or_variable({"type": "string", "pattern": r"^\s*(\S+\s+){4}\S+\s*$"})

    def words(self) -> str:
        return "a cron expression (5 fields)"


def _schedule(fields: Fields, at: At) -> Schedule | None:
    if not fields.nodes and not at.scope.lenient:
        at.error(at.key, "says no time", "write a cron expression, or {every: 10m}")
    return Schedule(**fields.values) if fields.values else None


SCHEDULE: Final = Table(
    "schedule",
    [
        Key("cron", _Cron(), "When it runs, in the machine's local time."),
        Key("every", Duration(1.0), "From one start to the next."),
    ],
    _schedule,
    exclusive=[("cron", "every")],
    shorthand="cron",
)
