"""What state.json says of each component, for a reader without a daemon.

Only reads, and takes every field as something that may be missing or wrong: the store (edges/store.py) alone
writes the file, checks its version and migrates it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ..core.states import Ended


class LastKnown(Struct, frozen=True, kw_only=True):
    """One component as the daemon last put it on record.  Times are seconds since 1970."""

    desired: str = "stopped"
    state: str = "stopped"
    reason: str = ""
    run: int = 0
    restarts: int = 0
    wall_restarted: float | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    exit_known: bool = True
    exit_wall: float | None = None
    container: str | None = None
    """The container that was its run; whether it still is cannot be told without an engine."""
    fault: str | None = None
    fault_wall: float | None = None
    history: tuple[Ended, ...] = ()


def last_known(state_json: str) -> dict[str, LastKnown]:
    """The components on record by name; none if the file is missing or cannot be understood."""
    try:
        with open(state_json, "rb") as file:
            document = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    components = _mapping(document, "components")
    return {name: _one(value) for name, value in components.items() if isinstance(value, dict)}


def _one(raw: Mapping[str, object]) -> LastKnown:
    last_exit, fault = _mapping(raw, "last_exit"), _mapping(raw, "last_fault")
    return LastKnown(
        desired=_text(raw.get("desired")) or "stopped",
        state=_text(raw.get("state")) or "stopped",
        reason=_text(raw.get("reason")) or "",
        run=_integer(raw.get("run")) or 0,
        restarts=_integer(raw.get("restarts")) or 0,
        wall_restarted=_number(raw.get("wall_restarted")),
        exit_code=_integer(last_exit.get("code")),
        exit_signal=_integer(last_exit.get("signal")),
        exit_known=last_exit.get("known") is not False,
        exit_wall=_number(last_exit.get("wall")),
        container=_text(raw.get("container")),
        fault=_text(fault.get("message")),
        fault_wall=_number(fault.get("wall")),
        history=_history(raw.get("history")),
    )


def _history(raw: object) -> tuple[Ended, ...]:
    try:
        return msgspec.convert(raw, tuple[Ended, ...]) if raw else ()
    except msgspec.ValidationError:
        return ()


def _mapping(raw: object, key: str) -> Mapping[str, object]:
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
