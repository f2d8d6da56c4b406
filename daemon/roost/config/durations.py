"""The two units of roost.yaml, times and sizes, read from text and written for people.  Pure."""

from __future__ import annotations

import re
from typing import Final

DURATION: Final = r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$"
SIZE: Final = r"^([0-9]+(?:\.[0-9]+)?) ?([kKmMgGtT]?[bB])?$"
LONGEST: Final = 366 * 24 * 3600.0
"""Seconds; more is surely a slip, and would overflow a timer somewhere."""
LARGEST: Final = 2**60

_SECONDS: Final = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_duration(text: str) -> float | None:
    """Seconds from `250ms`, `10s`, `1.5m`, `1h` or a bare number of seconds; None for anything else."""
    match = re.fullmatch(DURATION, text) if len(text) < 30 else None
    return float(match[1]) * _SECONDS[match[2]] if match else None


def parse_size(text: str) -> int | None:
    """Bytes from `512KB`, `10MB`, `2GB` (powers of 1024) or a bare number; None for anything else."""
    match = re.fullmatch(SIZE, text) if len(text) < 30 else None
    return (
        int(float(match[1]) * 1024 ** _POWERS[(match[2] or "").lower().removesuffix("b")]) if match else None
    )
