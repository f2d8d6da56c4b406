"""What the upper half of the tray asks of the platform: an icon (`Backend`) and a desktop (`Desktop`).

Nothing here imports a toolkit.  Threads: `Backend.run` is on the main thread, and its `Listener` is called
from there; a listener returns at once.  Everything else may be called from any thread and, but for `Desktop`,
returns at once; a backend brings it to its own thread through one marshaller.  A `Desktop` may take its time,
because its methods are called on a thread for work.
"""

from __future__ import annotations

from typing import Protocol

from .model import Capabilities, Notice, Rendered
from .world import Level, World


class Unavailable(Exception):
    """There can be no icon here.  `reason`: what is missing; `hint`: what to do about it.

    `passing`: it may well be there in a moment (Windows: Explorer is not ready at login), so try again.
    """

    def __init__(self, reason: str, hint: str = "", passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.passing = passing


class DesktopError(Exception):
    """The desktop did not do what it was asked.  `reason` says what and why, `hint` what to do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Listener(Protocol):
    """Who is told what people do with the icon; called on the backend's thread."""

    def ready(self) -> None:
        """The icon is on its way to the screen; from here `show` has an effect."""

    def chosen(self, item: str) -> None:
        """An item was chosen, by its id; or the icon itself was clicked, which means its default item."""

    def menu_opened(self) -> None:
        """Somebody looks at the menu."""

    def menu_closed(self) -> None:
        """Nobody does any more."""


class Backend(Protocol):
    """An icon.  Made without touching the screen; `run` does."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; the same for its whole life."""

    def run(self, listener: Listener) -> None:
        """Have the icon until `stop`; main thread alone.  Raises Unavailable; may be called again then."""

    def show(self, rendered: Rendered) -> None:
        """Show this from now on.  Any thread; what cannot be shown is logged, never raised."""

    def notify(self, notice: Notice) -> None:
        """A notification in the toolkit's own way, where `capabilities.notifications`.  Any thread."""

    def stop(self) -> None:
        """Take the icon away and have `run` return, also one that only begins after this.  Any thread."""


class Desktop(Protocol):
    """The user's surroundings.  Every method raises DesktopError, and may block for a few seconds."""

    def open_url(self, url: str) -> None:
        """Show an address in the browser."""

    def open_folder(self, path: str) -> None:
        """Show a folder in the file manager."""

    def view_log(self, root: str, component: str, log: str | None) -> None:
        """Follow a component's log in a terminal; where there is none, show the file `log`."""

    def explain(self, root: str, component: str) -> None:
        """`roost why` in a terminal; DesktopError where there is none."""

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, where it stays."""

    def notifies(self) -> bool:
        """Whether notifications can be shown here: without an icon, whether the tray is of any use."""

    def notify(self, notice: Notice) -> None:
        """Show a notification, in the desktop's own way."""

    def starts_at_login(self) -> bool:
        """Whether the tray really will start with the next login."""

    def start_at_login(self, wanted: bool) -> None:
        """Have it so, or not."""

    def projects_at_login(self) -> list[str]:
        """The roots of the projects to bring up when the login itself has started the tray (`--at-login`)."""


class Watcher(Protocol):
    """Who decides when a notification is due; on the tray's own asyncio loop, and returns at once."""

    def world_changed(self, world: World, level: Level) -> None:
        """This is known now, and these notifications are wanted."""
