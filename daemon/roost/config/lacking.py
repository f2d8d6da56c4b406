"""Keys that some system cannot obey: an error there, with what to do instead, rather than silence.

What the system at hand lacks is passed in (`platform.abilities`), so that every answer is the same everywhere.
"""

from __future__ import annotations

from msgspec import Struct


class Lack(Struct, frozen=True):
    """What a key needs of the system, by the name that `abilities` gives it."""

    ability: str
    message: str
    hint: str


TABLE: dict[tuple[str, str], Lack] = {
    # (name of the map, key)
    ("component", "tty"): Lack(
        "tty",
        "components get no terminal on this system",
        "remove it, or run the project in WSL",
    ),
    ("probe", "notify"): Lack(
        "notify",
        "this system has no sd_notify sockets, so the component could say nothing",
        "use tcp, http, grpc, exec or log",
    ),
}


def find(table: str, key: str) -> Lack | None:
    """The entry for a key of a map, if some system lacks what it needs."""
    return TABLE.get((table, key))
