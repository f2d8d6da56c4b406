"""What every stream may bring beside its own: the word that something was missed."""

from __future__ import annotations

from msgspec import Struct


class Lagged(Struct, frozen=True):
    """The reader was too slow, and so many items were dropped; a query fetches them."""

    missed: int
