"""What is known becomes what is seen: at most two changes a second, and none where nothing looks different."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from .menu import Settings, render
from .model import Capabilities, Rendered
from .summary import counts_down
from .world import World

SPACING = 0.5
"""Seconds between two changes of the icon or its menu, at least."""
_SECOND = 1.0

log = logging.getLogger(__name__)


class Presenter:
    """On the asyncio loop.  `show` is given each new look, and returns at once.

    The first change after a quiet half second is shown in the same instant; what follows is gathered, and of
    all that happened meanwhile only the last is shown, if it still differs.
    """

    def __init__(
        self,
        show: Callable[[Rendered], None],
        capabilities: Capabilities,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._show = show
        self._capabilities = capabilities
        self._wall = wall
        self._world = World()
        self._settings = Settings()
        self._shown: Rendered | None = None
        self._shown_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def show_world(self, world: World) -> None:
        """This is known now."""
        self._world = world
        self.refresh()

    def show_settings(self, settings: Settings) -> None:
        """These hold now."""
        self._settings = settings
        self.refresh()

    def move(self, show: Callable[[Rendered], None], capabilities: Capabilities) -> None:
        """From now on show it elsewhere, from the beginning."""
        self._show = show
        self._capabilities = capabilities
        self._shown = None
        self.refresh()

    def refresh(self) -> None:
        """Show what is new as soon as it may be."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._shown_at + SPACING:
            self._present()
        else:
            self._plan(self._shown_at + SPACING)

    def close(self) -> None:
        """Show nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _plan(self, when: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._present)

    def _present(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = asyncio.get_running_loop().time()
        rendered = render(self._world, self._settings, self._capabilities, self._wall())
        if rendered != self._shown:
            if self._shown is None or rendered.state is not self._shown.state:
                log.info("%s: %s", rendered.state.value, rendered.tooltip)
            self._shown = rendered
            self._shown_at = now
            self._show(rendered)
        if self._capabilities.edit_in_place and counts_down(self._world):
            self._plan(now + _SECOND)
