"""The terminals at which clients may type now, by the names that were given out for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..api import errors

if TYPE_CHECKING:
    from ..edges.terminal import Terminal  # read by the first that is opened


class OpenTerminals:
    """Names nobody can guess, so that a terminal may also be typed at over another connection of its user."""

    def __init__(self) -> None:
        self._open: dict[str, Terminal] = {}

    def lend(self, terminal: Terminal) -> str:
        """A name for it, good until it is closed."""
        self._open = {name: one for name, one in self._open.items() if not one.closed}
        name = os.urandom(8).hex()
        self._open[name] = terminal
        return name

    def find(self, name: str) -> Terminal:
        """What has that name.  Raises RpcError `conflict`."""
        terminal = self._open.get(name)
        if terminal is None or terminal.closed:
            raise errors.conflict("no terminal that is open has this name", "component.attach gives one")
        return terminal
