"""Being asked to end while a foreign main loop (GTK's, say) has the main thread and runs no Python.

There a Python signal handler would wait for the next line of Python, which may never come.  So the system's
own handler writes a byte, and a thread reads it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

if sys.platform == "win32":
    from .console_windows import on_event

    def on_end_request(function: Callable[[], None]) -> Callable[[], None]:
        """Call `function`, on another thread, when somebody asks us to end.

        What is given back does nothing here: nobody takes the console's events from us.
        """
        on_event(function)
        return lambda: None
else:

    def on_end_request(function: Callable[[], None]) -> Callable[[], None]:
        """Call `function`, on another thread, at each TERM, INT or HUP.  Main thread alone.

        What is given back asks for the signals again, after a toolkit has taken one of them for itself.
        """
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

        def listen() -> None:
            while os.read(reading, 1):
                function()

        def ask() -> None:
            for number in numbers:
                signal.signal(number, _nothing)
            signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

        ask()
        threading.Thread(target=listen, name="signals", daemon=True).start()
        return ask

    def _nothing(number: int, frame: object) -> None:
        """The byte has been written."""
