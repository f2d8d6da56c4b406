"""Keys that are valid and fully checked, but refused because nothing obeys them yet.

No key is ever accepted and ignored: whoever makes one work deletes its line here, and reading, JSON Schema
and reference change with it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Gap(Struct, frozen=True):
    """A key that is refused: with every value, or only when it is set to true."""

    hint: str = "remove it; a later version will know it"
    only_true: bool = False

    def covers(self, value: object) -> bool:
        return value is True or not self.only_true

    def schema(self) -> dict[str, Any]:
        return {"const": False} if self.only_true else {"not": {}}


_CONTAINERS = Gap("containers come with a later version; run the program itself with `run`")

TABLE: dict[tuple[str, str], Gap] = {
    # (name of the map, key)
    ("component", "image"): _CONTAINERS,
    ("component", "build"): _CONTAINERS,
    ("component", "command"): _CONTAINERS,
    ("component", "entrypoint"): _CONTAINERS,
    ("component", "volumes"): _CONTAINERS,
    ("component", "pull"): _CONTAINERS,
    ("component", "healthcheck"): _CONTAINERS,
    ("component", "network"): _CONTAINERS,
    ("component", "user"): _CONTAINERS,
    ("component", "labels"): _CONTAINERS,
    ("component", "tty"): Gap(only_true=True),
    ("probe", "container"): _CONTAINERS,
}


def find(table: str, key: str) -> Gap | None:
    """The entry for a key of a map, if it is refused."""
    return TABLE.get((table, key))
