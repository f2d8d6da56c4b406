"""Runs on Windows' Python: an icon with a menu, which says on standard output what happens to it.

Standard input is not read; the icon ends when its item "quit" is chosen.
"""

from __future__ import annotations

import sys
import threading

from pystray._util import win32

from roost_tray.backends.win32 import Win32Backend
from roost_tray.model import Item, Kind, Menu, Notice, Rendered, State


def menu(label: str) -> Menu:
    """A menu with everything that there is; `label` is its first line."""
    return Menu(
        (
            Item("head", label, Kind.TEXT),
            Item("line", kind=Kind.SEPARATOR),
            Item("api", "api && more", Kind.SUBMENU, children=(Item("api/restart", "Restart"),)),
            Item("login", "Start at login", checked=True),
            Item("default", "Open", default=True),
            Item("quit", "Quit tray"),
        )
    )


class Teller:
    """Says what it is told; the menu changes while it is open."""

    def __init__(self) -> None:
        self.backend = Win32Backend()
        self.backend.show(Rendered(State.WELL, "Roost: first", menu("first")))

    def ready(self) -> None:
        print("ready", threading.current_thread() is threading.main_thread(), flush=True)
        threading.Thread(target=self.change).start()

    def change(self) -> None:
        self.backend.show(Rendered(State.FAILED, "Roost: " + "long " * 40, menu("second")))
        self.click(win32.WM_LBUTTONUP)
        self.click(win32.WM_RBUTTONUP)

    def click(self, button: int) -> None:
        """What Explorer tells of a click; under Wine the mouse does not reach an icon in a foreign panel."""
        icon = self.backend._icon
        assert icon is not None
        win32.PostMessage(icon._hwnd, win32.WM_NOTIFY, 0, button)

    def chosen(self, item: str) -> None:
        print("chosen", item, flush=True)
        if item == "default":
            self.backend.notify(Notice("A title", "A text " * 60))
        if item == "quit":
            self.backend.stop()

    def menu_opened(self) -> None:
        print("opened", flush=True)
        self.backend.show(Rendered(State.FAILED, "Roost", menu("third")))

    def menu_closed(self) -> None:
        print("closed", flush=True)


def main() -> None:
    teller = Teller()
    teller.backend.run(teller)
    print("ended", flush=True)


if __name__ == "__main__":
    sys.exit(main())
