"""One thing that the doctor has looked at."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """`layer` is what was looked at; a `problem` counts, a `note` is good to know; `advice`: what to do."""

    layer: str
    status: Literal["ok", "note", "problem"]
    message: str
    advice: str = ""


def ok(layer: str, message: str) -> Finding:
    return Finding(layer, "ok", message)


def note(layer: str, message: str, advice: str = "") -> Finding:
    return Finding(layer, "note", message, advice)


def problem(layer: str, message: str, advice: str) -> Finding:
    return Finding(layer, "problem", message, advice)
