"""Between the person's terminal and one that the daemon has: keys there, bytes here, sizes, and the end.

A key that was on its way to a daemon in the moment of its death may be lost; none is ever typed twice.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from ..client.errors import RoostError
from ..platform.screen import Screen, size
from ..records.screen import Modes
from .duplex import Duplex, Message, error_of

LEAVE = b"\x1d"  # Ctrl-]
_MOST_TYPED = 64 * 1024  # bytes that wait to be taken, from which on no more keys are read
_AT_ONCE = 16 * 1024


class End(NamedTuple):
    """Why a talk is over: the person left, the terminal is no more, or the call was answered."""

    left: bool = False
    reason: str | None = None
    result: Message | None = None
    error: RoostError | None = None


class Talk:
    """One terminal over one connection after another."""

    def __init__(self, leave: bytes | None = None) -> None:
        """`leave`: the key that ends it."""
        self.terminal: str | None = None
        """How the daemon names it; None while we may only watch."""
        self.attached = False
        self.cursor: str | None = None
        self.modes = Modes()
        self._leave = leave
        self._typed = b""
        self._duplex: Duplex | None = None
        self._call = 0
        self._writing = 0  # the request that takes what was typed, if one is on its way
        self._unshown: list[bytes] = []

    def begin(self, duplex: Duplex, method: str, params: dict[str, object]) -> None:
        """Over this connection from now on.  Raises EOFError, and RoostError if the daemon refuses."""
        self._duplex, self._writing, self.attached = duplex, 0, False
        self._call = duplex.ask(method, params)
        while not self.attached:
            for message in duplex.take():
                end = self._hear(message)
                if end is not None and end.error is not None:
                    raise end.error

    def run(self, screen: Screen) -> End:
        """Until its end.  Raises EOFError when the daemon goes away, and what the screen raises."""
        duplex = self._duplex
        assert duplex is not None
        self._show(screen)
        self._type()
        while True:
            room = len(self._typed) < _MOST_TYPED
            typed, heard, resized = screen.wait(duplex.fileno(), room, None)
            left = self.take_keys(typed)
            for message in duplex.take() if heard else ():  # first: to a daemon that is gone nothing is sent
                end = self._hear(message)
                self._show(screen)
                if end is not None:
                    return end
            self._type()
            if left:
                return End(left=True)
            if resized and self.terminal is not None:
                columns, rows = size()
                duplex.ask("terminal.resize", {"terminal": self.terminal, "columns": columns, "rows": rows})

    def close(self) -> None:
        """Leave: from now on another may type there."""
        if self._duplex is not None:
            self._duplex.close()

    def take_keys(self, typed: bytes) -> bool:
        """Remember what was typed; whether the person wants to leave."""
        before, leave, _ = typed.partition(self._leave) if self._leave else (typed, b"", b"")
        self._typed = (self._typed + before)[:_MOST_TYPED] if self.terminal is not None else b""
        return bool(leave)

    def _type(self) -> None:
        """Send what was typed, one piece at a time: a program that does not read holds up the person alone."""
        if self._typed and not self._writing and self.terminal is not None and self._duplex is not None:
            piece, self._typed = self._typed[:_AT_ONCE], self._typed[_AT_ONCE:]
            data = base64.b64encode(piece).decode()
            self._writing = self._duplex.ask("terminal.write", {"terminal": self.terminal, "data": data})

    def _hear(self, message: Message) -> End | None:
        params = message.get("params") or {}
        match message.get("method"):
            case "terminal.attached":
                self.terminal, self.attached = params["terminal"], True
            case "terminal.output":
                self.cursor = params["cursor"]
                self._unshown.append(base64.b64decode(params["data"]))
            case "terminal.ended":
                return End(reason=params["reason"])
            case "progress" if "terminal" in params:
                self.terminal, self.attached = params["terminal"], True
            case "progress" if "data" in params:
                self._unshown.append(base64.b64decode(params["data"]))
            case None:
                return self._answered(message)
        return None

    def _answered(self, message: Message) -> End | None:
        error = error_of(message)
        if message.get("id") == self._writing:
            self._writing = 0
            if error is None:
                self._type()
            return None  # a refusal means that the terminal is no more, which is told by itself
        if message.get("id") != self._call:
            return None
        if error is not None:
            return End(error=error)
        return None if "subscription" in message["result"] else End(result=message["result"])

    def _show(self, screen: Screen) -> None:
        for data in self._unshown:
            self.modes.feed(data)
            screen.show(data)
        self._unshown.clear()
