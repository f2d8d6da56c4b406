"""Signal names and numbers; names are written without SIG, as in roost.yaml."""

from __future__ import annotations

import signal
import sys

KILL = 9

_NUMBERS = {
    number.name.removeprefix("SIG"): number.value
    for number in signal.Signals
    if number.name.startswith("SIG")
}
if (
    sys.platform == "win32"
):  # names that a roost.yaml may use everywhere; groups_windows says what they do here
    _NUMBERS.update(HUP=1, QUIT=3, KILL=KILL, USR1=10, USR2=12)
_NAMES = {number: name for name, number in _NUMBERS.items()}


def signal_number(name: str) -> int:
    """The number of `TERM`, `SIGTERM`, `term` or `15`; raises ValueError if there is no such signal."""
    plain = name.upper().removeprefix("SIG")
    if plain.isdigit() and int(plain) in _NAMES:
        return int(plain)
    try:
        return _NUMBERS[plain]
    except KeyError:
        raise ValueError(f"no such signal on this system: {name}") from None


def signal_name(number: int) -> str:
    """`TERM` for 15; a number without a name stays a number."""
    return _NAMES.get(number, str(number))
