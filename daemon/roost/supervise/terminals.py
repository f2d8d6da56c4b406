"""The terminals at which clients may type now, by the names that were given out for them."""

from __future__ import annotations

import os
from typing import Protocol

from ..api import errors


class Typed(Protocol):
    """A terminal that one can type at: a program's here, or one in a container."""

    @property
    def closed(self) -> bool:
        """Whether it was given up."""

    async def write(self, data: bytes) -> None:
        """Type all of it.  Raises OSError when there is nobody to read it."""

    def resize(self, columns: int, rows: int) -> None:
        """Tell the programs a new size.  Raises OSError when none is left."""

    def redraw(self, columns: int, rows: int) -> None:
        """The same, and have what fills the screen draw it anew."""

    def close(self) -> None:
        """Give it up."""


class OpenTerminals:
    """Names nobody can guess, so that a terminal may also be typed at over another connection of its user."""

    def __init__(self) -> None:
        self._open: dict[str, Typed] = {}

    def lend(self, terminal: Typed) -> str:
        """A name for it, good until it is closed."""
        self._open = {name: one for name, one in self._open.items() if not one.closed}
        name = os.urandom(8).hex()
        self._open[name] = terminal
        return name

    def find(self, name: str) -> Typed:
        """What has that name.  Raises RpcError `conflict`."""
        terminal = self._open.get(name)
        if terminal is None or terminal.closed:
            raise errors.conflict("no terminal that is open has this name", "component.attach gives one")
        return terminal
