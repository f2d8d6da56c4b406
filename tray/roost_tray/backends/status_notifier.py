"""The icon of a Linux desktop: a StatusNotifierItem with a menu over D-Bus, and no toolkit at all.

The panel draws picture and menu from what it is told over the session bus, so that an open menu is edited under
the user's eyes, nothing leaks, and nothing has to be installed beside Python (docs/decisions/0014).  One event
loop on the thread of `run` makes every call.
"""

from __future__ import annotations

import asyncio
import io
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import icons
from ..backend import Listener, Unavailable
from ..model import Capabilities, Rendered, State

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

    from .notifier_item import Pixmaps

DBUS = "org.freedesktop.DBus"
WATCHER = "org.kde.StatusNotifierWatcher"
WATCHER_PATH = "/StatusNotifierWatcher"
CONNECT_TIMEOUT = 5.0
"""Seconds for a bus that is there and says nothing."""

_SIZES = (16, 22, 24, 32, 48, 64)
_OWNER_RULE = (
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    f"member='NameOwnerChanged',arg0='{WATCHER}'"
)
_log = logging.getLogger(__name__)


class StatusNotifierBackend:
    """An icon on the session bus at `address`.  Where no panel asks for it, it waits until one comes."""

    capabilities = Capabilities(
        name="status-notifier", edit_in_place=True, mnemonic="_", icon_sizes=_SIZES, tooltip_length=200
    )

    def __init__(self, address: str, theme: icons.Theme = icons.Theme.ANY) -> None:
        self._address = address
        self._theme = theme
        self._rendered = Rendered()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._update: Callable[[], None] = lambda: None
        self._stopped: asyncio.Event | None = None
        self._stop_early = False
        self._pixmaps: dict[State, Pixmaps] = {}

    def run(self, listener: Listener) -> None:
        """Have the icon until `stop`.  Raises Unavailable."""
        asyncio.run(self._live(listener))

    def show(self, rendered: Rendered) -> None:
        """Show this from now on."""
        self._rendered = rendered
        self._soon(lambda: self._update())

    def notify(self, notice: object) -> None:
        """The protocol knows no notifications; the desktop has a service for them."""
        raise NotImplementedError("capabilities.notifications is False")

    def stop(self) -> None:
        """Have `run` return; the panel takes the icon away when the connection is closed."""
        self._stop_early = True
        self._soon(lambda: self._stopped.set() if self._stopped else None)

    def _soon(self, action: Callable[[], None]) -> None:
        """Have the loop's thread do it; nothing where there is no loop."""
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(action)
        except RuntimeError:
            pass  # it has ended meanwhile

    async def _live(self, listener: Listener) -> None:
        from .notifier_item import ITEM_PATH, MENU_PATH, MenuService, NotifierItem

        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        bus = await self._connect()
        item = NotifierItem()
        menu = MenuService(
            listener.chosen, lambda opened: listener.menu_opened() if opened else listener.menu_closed()
        )

        def update() -> None:
            rendered = self._rendered
            pixmaps = self._pictures(rendered.state)
            if pixmaps is not item.pixmaps:
                item.pixmaps = pixmaps
                item.icon_name = icons.png_path(rendered.state, self._theme, _SIZES[-1]) or ""
                item.NewIcon()
            if rendered.tooltip != item.tooltip:
                item.tooltip = rendered.tooltip
                item.NewToolTip()
            menu.replace(rendered.menu)

        try:
            update()
            bus.export(ITEM_PATH, item)
            bus.export(MENU_PATH, menu)
            self._update = update
            bus.add_message_handler(self._when_a_panel_comes(bus))
            await _call(bus, DBUS, "/org/freedesktop/DBus", DBUS, "AddMatch", _OWNER_RULE)
            await _register(bus)
            listener.ready()
            await self._until_stopped(bus)
        finally:
            self._update = lambda: None
            self._loop = None
            bus.disconnect()

    async def _connect(self) -> MessageBus:
        from dbus_fast.aio import MessageBus

        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                bus = await MessageBus(bus_address=self._address).connect()
        except Exception as error:  # an address of any kind may be wrong in any way
            why = f"the session bus at {self._address} does not answer: {error or type(error).__name__}"
            raise Unavailable(why, "log in to a desktop session, or use dbus-run-session") from error
        assert bus._sock is not None and bus._writer is not None
        bus._writer.sock = _Patient(bus._sock)  # type: ignore[assignment]
        return bus

    async def _until_stopped(self, bus: MessageBus) -> None:
        assert self._stopped is not None
        if self._stop_early:
            return
        stopped = asyncio.ensure_future(self._stopped.wait())
        lost = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        await asyncio.wait({stopped, lost}, return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            stopped.cancel()
            raise Unavailable("the session bus has ended", "it comes back with the next login")
        lost.cancel()

    def _when_a_panel_comes(self, bus: MessageBus) -> Callable[[Message], None]:
        """Somebody new collects icons (the panel was restarted, say): ours is put before it again."""
        tasks: set[asyncio.Task[None]] = set()

        def look(message: Message) -> None:
            if message.member == "NameOwnerChanged" and message.body[0] == WATCHER and message.body[2]:
                task = asyncio.ensure_future(_register(bus))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        return look

    def _pictures(self, state: State) -> Pixmaps:
        if state not in self._pixmaps:
            self._pixmaps[state] = [_argb(icons.png(state, self._theme, size)) for size in _SIZES]
        return self._pixmaps[state]


class _Patient:
    """The connection as dbus-fast (5.2) writes to it.

    It takes a full socket between two messages for a broken one, and ends the connection; so here a full one has
    taken nothing, and is written to again when there is room.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, data: memoryview) -> int:
        """How many bytes were taken."""
        try:
            return self._connection.send(data)
        except BlockingIOError:
            return 0


async def _register(bus: MessageBus) -> None:
    from .notifier_item import ITEM_PATH

    trouble = await _call(bus, WATCHER, WATCHER_PATH, WATCHER, "RegisterStatusNotifierItem", ITEM_PATH)
    if trouble:
        _log.info("no panel shows icons yet: %s", trouble)


async def _call(bus: MessageBus, name: str, path: str, interface: str, member: str, argument: str) -> str:
    """Make a call with one text; what went wrong, or nothing."""
    from dbus_fast import Message, MessageType

    message = Message(
        destination=name, path=path, interface=interface, member=member, signature="s", body=[argument]
    )
    answer = await bus.call(message)
    if answer is None or answer.message_type is not MessageType.ERROR:
        return ""
    return str(answer.body[0] if answer.body else answer.error_name)


def _argb(png: bytes) -> list[object]:
    """A picture as the protocol wants it: bytes in the order alpha, red, green, blue."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    red, green, blue, alpha = picture.split()
    return [picture.width, picture.height, Image.merge("RGBA", (alpha, red, green, blue)).tobytes()]
