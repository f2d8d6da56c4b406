"""What there is for an icon in this session: looked at once, then judged by `choose.best`, which is pure."""

from __future__ import annotations

import asyncio
import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass

from roost.platform.system import System, this_system

from . import system_gi
from .status_notifier import CONNECT_TIMEOUT, WATCHER


class Gi(enum.Enum):
    """Whether GTK can be had: PyGObject and GTK's description."""

    THERE = enum.auto()
    OTHER_PYTHON = enum.auto()
    """The system has it, for another version of Python than ours."""
    MISSING = enum.auto()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was found.  `desktop` is XDG_CURRENT_DESKTOP; everything but `system` is Linux's affair."""

    system: System
    bus: str = ""
    """The address of a session bus that answers."""
    bus_trouble: str = ""
    watcher: bool = False
    """Somebody on the bus collects StatusNotifierItems."""
    display: str = ""
    """An X display that answers."""
    display_trouble: str = ""
    wayland: bool = False
    system_tray: bool = False
    """The display has a system tray of the older kind (XEmbed)."""
    gi: Gi = Gi.MISSING
    desktop: str = ""


def look(environ: Mapping[str, str]) -> Surroundings:
    """Look at this session; at most a few seconds."""
    if this_system() is not System.LINUX:
        return Surroundings(this_system())
    bus = session_bus(environ)
    watcher, bus_trouble = _ask_the_bus(bus) if bus else (False, "")
    display = environ.get("DISPLAY", "")
    tray, display_trouble = _ask_the_display(display) if display and not watcher else (False, "")
    return Surroundings(
        System.LINUX,
        bus="" if bus_trouble else bus,
        bus_trouble=bus_trouble,
        watcher=watcher,
        display="" if display_trouble else display,
        display_trouble=display_trouble,
        wayland=bool(environ.get("WAYLAND_DISPLAY")),
        system_tray=tray,
        gi=_gi() if tray else Gi.MISSING,
        desktop=environ.get("XDG_CURRENT_DESKTOP", ""),
    )


def session_bus(environ: Mapping[str, str]) -> str:
    """The address of the session bus, if the environment tells one."""
    address = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    usual = os.path.join(runtime, "bus")
    if not address and runtime and os.path.exists(usual):
        return f"unix:path={usual}"
    return address


def _ask_the_bus(address: str) -> tuple[bool, str]:
    """Whether somebody collects icons; and why that cannot be asked."""
    try:
        return asyncio.run(_has_watcher(address)), ""
    except Exception as error:  # noqa: BLE001  an address of any kind may be wrong in any way
        return False, str(error) or type(error).__name__


async def _has_watcher(address: str) -> bool:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

    async with asyncio.timeout(CONNECT_TIMEOUT):
        bus = await MessageBus(bus_address=address).connect()
        try:
            answer = await bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="NameHasOwner",
                    signature="s",
                    body=[WATCHER],
                )
            )
            return bool(answer and answer.body and answer.body[0])
        finally:
            bus.disconnect()


def _ask_the_display(name: str) -> tuple[bool, str]:
    """Whether the display has a system tray; and why that cannot be asked."""
    from Xlib import display
    from Xlib.error import DisplayError

    try:
        connection = display.Display(name)
    except (DisplayError, OSError) as error:
        return False, str(error).strip() or type(error).__name__
    try:
        tray = connection.intern_atom(f"_NET_SYSTEM_TRAY_S{connection.get_default_screen()}")
        return bool(connection.get_selection_owner(tray)), ""
    finally:
        connection.close()


def _gi() -> Gi:
    return Gi.THERE if system_gi.can_import() else Gi.OTHER_PYTHON if system_gi.folders() else Gi.MISSING
