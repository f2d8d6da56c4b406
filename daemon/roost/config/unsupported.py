"""Keys that are valid and fully checked, but refused because nothing obeys them yet.

No key is ever accepted and ignored: whoever makes one work deletes its line here, and reading, JSON Schema
and reference change with it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Gap(Struct, frozen=True):
    """A key that is refused, whatever its value."""

    hint: str = "remove it; a later version will know it"

    def schema(self) -> dict[str, Any]:
        return {"not": {}}


TABLE: dict[tuple[str, str], Gap] = {
    # (name of the map, key)
}


def find(table: str, key: str) -> Gap | None:
    """The entry for a key of a map, if it is refused."""
    return TABLE.get((table, key))
