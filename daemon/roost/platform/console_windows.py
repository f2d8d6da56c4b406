"""Windows: the console's events, which take the place of TERM and INT.  Used by inbox_windows and interrupts."""

from __future__ import annotations

import sys
import time

assert sys.platform == "win32"

from .kernel32_windows import CONSOLE_HANDLER, set_console_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_CONTROL_C, _CONTROL_BREAK = 0, 1
_LAST_CHANCE = 30.0  # seconds; when the console goes, the system ends us after some five of them anyway
_handlers: list[object] = []  # the system calls them as long as we live


def on_event(function: Callable[[], None]) -> Callable[[int], int]:
    """Call `function`, on a thread of the system's, when somebody asks us to end.

    That is Ctrl-C, Ctrl-Break, or that the console, the session or the machine is about to go.  Gives what the
    system calls, with the kind of event.
    """

    def happened(kind: int) -> bool:
        function()
        if kind not in (_CONTROL_C, _CONTROL_BREAK):
            time.sleep(_LAST_CHANCE)  # when this returns, we are ended
        return True

    handler = CONSOLE_HANDLER(happened)
    _handlers.append(handler)
    set_console_handler(handler, True)
    return handler
