"""Being asked to end, on an asyncio loop: TERM and INT, on Windows the console's events."""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

if sys.platform == "win32":
    from .console_windows import on_event

    def on_interrupt(loop: asyncio.AbstractEventLoop, function: Callable[[signal.Signals], None]) -> None:
        """Call `function` on the loop, with TERM, whatever the console's event was."""

        def tell() -> None:
            try:
                loop.call_soon_threadsafe(function, signal.SIGTERM)
            except RuntimeError:
                pass  # the loop has ended, and so are we about to

        on_event(tell)
else:

    def on_interrupt(loop: asyncio.AbstractEventLoop, function: Callable[[signal.Signals], None]) -> None:
        """Call `function` on the loop, with the signal that came."""
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, function, number)


__all__ = ["on_interrupt"]
