"""The terminal that a person sits at, while what is typed and shown there is another program's.

Within `with Screen() as screen` every key is passed on as it is, Ctrl-C included, and whatever ends the block, a
signal too, the terminal is as it was before.  POSIX alone: on Windows no component has a terminal to be shown.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


class NoScreen(Exception):
    """Standard input or output is no terminal, or this system has none that could be passed on."""


class Signalled(BaseException):
    """We were told to end by this signal; the terminal is given back first."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


if sys.platform == "win32":

    def is_there() -> bool:
        """Never one that could be passed on."""
        return False

    def size() -> tuple[int, int]:
        """Columns and rows."""
        raise NoScreen

    class Screen:
        """None: raises NoScreen."""

        def __init__(self, farewell: Callable[[], bytes]) -> None:
            raise NoScreen("there is no attach on Windows, where components have no terminal")

        def __enter__(self) -> Screen:
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            """Nothing was changed."""

        def wait(self, other: int, to_read: bool, timeout: float | None) -> tuple[bytes, bool, bool]:
            """What was typed, whether `other` can be read, whether the size is new."""
            raise NoScreen

        def show(self, data: bytes) -> None:
            """Write to it."""
            raise NoScreen
else:
    import os
    import select
    import signal
    import termios
    import tty
    from contextlib import contextmanager

    from .terminals import COLUMNS, ROWS, size_of

    _IN, _OUT = 0, 1
    _PATIENCE = 0.5  # seconds that a terminal which shows nothing (Ctrl-S) is waited for at the end
    _ENDING = (signal.SIGTERM, signal.SIGHUP)

    def is_there() -> bool:
        """Whether both what is typed and what is shown is a terminal's."""
        return os.isatty(_IN) and os.isatty(_OUT)

    def size() -> tuple[int, int]:
        """Columns and rows, 80 by 24 where the terminal does not know.  Raises OSError when it is gone."""
        columns, rows = size_of(_OUT)
        return (columns, rows) if columns and rows else (COLUMNS, ROWS)

    class Screen:
        """Our own terminal, raw while the block lasts.  Raises NoScreen if there is none.

        Signals that end a program are heard within `wait` and `show` alone, as Signalled.  `farewell` gives what
        is written at the end, so that what was shown leaves no mode behind.
        """

        def __init__(self, farewell: Callable[[], bytes]) -> None:
            if not is_there():
                raise NoScreen("standard input and output are not a terminal")
            self._farewell = farewell
            self._before = termios.tcgetattr(_IN)
            self._handlers: dict[int, object] = {}
            self._resized = False
            self._told_to_end = 0
            self._may_raise = False  # only then: the terminal must be given back whatever comes when
            self._reading, self._writing = os.pipe()

        def __enter__(self) -> Screen:
            os.set_blocking(self._reading, False)
            os.set_blocking(self._writing, False)
            signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
            self._handlers = {
                number: signal.signal(number, self._heard) for number in (signal.SIGWINCH, *_ENDING)
            }
            self._resized = True  # since somebody looked last, and before we would have heard of it
            os.write(self._writing, b"\0")
            tty.setraw(_IN, termios.TCSADRAIN)
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            try:
                if select.select([], [_OUT], [], _PATIENCE)[1]:
                    os.write(_OUT, self._farewell())
                termios.tcsetattr(_IN, termios.TCSANOW, self._before)
            except (OSError, termios.error):
                pass  # it is gone: there is nothing to give back
            for number, handler in self._handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]
            signal.set_wakeup_fd(-1)
            os.close(self._reading)
            os.close(self._writing)

        def wait(self, other: int, to_read: bool, timeout: float | None) -> tuple[bytes, bool, bool]:
            """Until something is typed (unless not `to_read`), `other` can be read, or the size is another.

            What was typed, whether `other` can be read, and whether the size changed; nothing of it after
            `timeout` seconds.  `other` may be -1.  Raises EOFError when the terminal is gone.
            """
            watched = [self._reading, *([_IN] if to_read else []), *([other] if other >= 0 else [])]
            with self._interruptible():
                ready, _, _ = select.select(watched, [], [], timeout)
            typed = b""
            if _IN in ready:
                try:
                    typed = os.read(_IN, 16384)
                except OSError:
                    pass
                if not typed:
                    raise EOFError("the terminal is gone")
            if self._reading in ready:
                os.read(self._reading, 1024)
            resized, self._resized = self._resized, False
            return typed, other in ready, resized

        def show(self, data: bytes) -> None:
            """Write to it, however long that takes.  Raises OSError when it is gone."""
            while data:
                with self._interruptible():
                    written = os.write(_OUT, data)
                data = data[written:]

        @contextmanager
        def _interruptible(self) -> Iterator[None]:
            self._may_raise = True
            try:
                if self._told_to_end:
                    raise Signalled(self._told_to_end)
                yield
            finally:
                self._may_raise = False

        def _heard(self, number: int, _frame: object) -> None:
            if number not in _ENDING:
                self._resized = True
                return
            self._told_to_end = number
            if self._may_raise:
                raise Signalled(number)


__all__ = ["NoScreen", "Screen", "Signalled", "is_there", "size"]
