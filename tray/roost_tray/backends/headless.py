"""No icon: for a machine without a screen, where notifications are all that can be had, and for tests.

It keeps what it was told to show, so that a test sees every change a person would have seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..backend import Listener
from ..model import Capabilities, Notice, Rendered

HEADLESS = Capabilities(name="headless", menu=False, tooltip_length=0, icon_sizes=())


class HeadlessBackend:
    """Waits until it is stopped.  `on_show` is called with each change, on the thread that shows it."""

    def __init__(
        self,
        capabilities: Capabilities = HEADLESS,
        on_show: Callable[[Rendered], None] = lambda rendered: None,
        on_notify: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        self.capabilities = capabilities
        self.listener: Listener | None = None
        self._on_show = on_show
        self._on_notify = on_notify
        self._end = threading.Event()

    def run(self, listener: Listener) -> None:
        """Say that it is ready, and return at `stop`."""
        self.listener = listener
        listener.ready()
        while not self._end.wait(3600):  # a wait without an end cannot be interrupted on Windows
            pass

    def show(self, rendered: Rendered) -> None:
        """Hand it to whoever wanted it."""
        self._on_show(rendered)

    def notify(self, notice: Notice) -> None:
        """The same."""
        self._on_notify(notice)

    def stop(self) -> None:
        """Have `run` return."""
        self._end.set()
