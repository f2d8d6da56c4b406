"""Notifications in the desktop's own way, by desktop-notifier; a click on one is told.

They live on an event loop of their own, because a click may come long after the notification was sent.
"""

from __future__ import annotations

import asyncio
import html
import logging
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from roost.platform.system import System, this_system

from . import icons
from .backend import DesktopError
from .model import Notice, State, Urgency

if TYPE_CHECKING:
    from desktop_notifier import DesktopNotifier

NAME = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
HINT = "start a notification service (Debian, Fedora, Arch: dunst, mako or the desktop's own)"
_PATIENCE = 5.0
_MOST_KEPT = 50
"""So many notifications can be clicked; desktop-notifier itself would keep all for ever."""

T = TypeVar("T")


class Toasts:
    """Shows notices.  `clicked` is called, on the loop's thread, with the one that was clicked."""

    def __init__(self, bus: str, clicked: Callable[[Notice], None]) -> None:
        self._bus = bus
        self._clicked = clicked
        self._loop: asyncio.AbstractEventLoop | None = None
        self._notifier: DesktopNotifier | None = None
        self._starting = threading.Lock()
        logging.getLogger("desktop_notifier").setLevel(logging.CRITICAL)  # failures are ours to tell

    def works(self) -> bool:
        """Whether somebody would show one."""
        if this_system() is not System.LINUX:
            return self._is_real()
        try:
            return self._run(_capabilities(self._bus)) is not None
        except DesktopError:
            return False

    def show(self, notice: Notice) -> None:
        """Show a notice.  Raises DesktopError."""
        self._run(self._show(notice))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._own_loop())
        try:
            return future.result(_PATIENCE)
        except TimeoutError:
            future.cancel()
            raise DesktopError(f"the notification service does not answer within {_PATIENCE:g} s") from None

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="notifications", daemon=True).start()
            return self._loop

    def _is_real(self) -> bool:
        """Elsewhere desktop-notifier knows: on macOS, say, it needs a bundle."""
        from desktop_notifier.backends.dummy import DummyNotificationCenter
        from desktop_notifier.main import get_backend_class

        try:
            return get_backend_class() is not DummyNotificationCenter
        except (ImportError, OSError):
            return False

    async def _show(self, notice: Notice) -> None:
        from desktop_notifier import Icon, Notification
        from desktop_notifier import Urgency as Weight

        body = notice.body
        if this_system() is System.LINUX:
            capabilities = await _capabilities(self._bus)
            if capabilities is None:
                raise DesktopError("there is no notification service on the session bus", HINT)
            body = html.escape(body, quote=False) if "body-markup" in capabilities else body
        sent: list[bool] = []
        weights = {Urgency.LOW: Weight.Low, Urgency.NORMAL: Weight.Normal, Urgency.HIGH: Weight.Critical}
        picture = icons.png_path(
            State.FAILED if notice.urgency is Urgency.HIGH else State.WELL, icons.Theme.DARK, 64
        )
        notifier = self._own_notifier()
        for old in (await notifier.get_current_notifications())[:-_MOST_KEPT]:
            notifier._backend._clear_notification_from_cache(old)
        await notifier.send_notification(
            Notification(
                title=notice.title,
                message=body,
                urgency=weights[notice.urgency],
                icon=Icon(path=Path(picture)) if picture else None,
                on_dispatched=lambda: sent.append(True),
                on_clicked=lambda: self._clicked(notice),
            )
        )
        if not sent:
            raise DesktopError("the notification service did not take a notification")

    def _own_notifier(self) -> DesktopNotifier:
        from desktop_notifier import DesktopNotifier

        if self._notifier is None:
            self._notifier = DesktopNotifier(app_name="Roost", app_icon=None)
        return self._notifier


async def _capabilities(bus_address: str) -> list[str] | None:
    """What the service on this bus can do; None if there is none, and the bus can start none."""
    from dbus_fast import Message, MessageType
    from dbus_fast.aio import MessageBus

    try:
        bus = await MessageBus(bus_address=bus_address).connect()
    except Exception:  # noqa: BLE001  an address of any kind may be wrong in any way
        return None
    try:
        answer = await bus.call(
            Message(destination=NAME, path=_PATH, interface=NAME, member="GetCapabilities")
        )
        if answer is None or answer.message_type is MessageType.ERROR:
            return None
        return [str(one) for one in answer.body[0]]
    finally:
        bus.disconnect()
