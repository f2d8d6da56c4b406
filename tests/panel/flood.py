"""Shows a menu of fifty components that changes all the time: `flood.py BACKEND CHANGES PAUSE`.

Writes its memory (MB) when it begins and at every tenth of the way, then ends at TERM.  With the pause (seconds)
after every tenth change.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from roost_tray.backends.choose import CHOICE, choose
from roost_tray.model import Item, Kind, Menu, Rendered, State

STATES = list(State)


def menu(number: int) -> Menu:
    """Labels that are never the same, and lines that come and go."""
    components = []
    for component in range(50):
        name, state = f"component-{component}", (number + component) % 3
        verbs = ("View log", "Restart", "Stop") if state else ("View log", "Start")
        lines = tuple(Item(f"{name}|{verb}", verb) for verb in verbs)
        components.append(Item(name, f"{name}: state {state} since {number}", Kind.SUBMENU, children=lines))
    return Menu((Item("head", f"change {number}", Kind.TEXT), *components))


def resident() -> float:
    """This process, in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


class Flood:
    """A listener that begins when the icon is there."""

    def __init__(self, changes: int, pause: float) -> None:
        self.backend = choose(os.environ)
        self.changes = changes
        self.pause = pause

    def ready(self) -> None:
        threading.Thread(target=self.work, daemon=True).start()

    def chosen(self, item: str) -> None:
        print("chosen", item, flush=True)

    def menu_opened(self) -> None:
        """Nothing."""

    def menu_closed(self) -> None:
        """Nothing."""

    def work(self) -> None:
        print("begin", resident(), flush=True)
        for number in range(1, self.changes + 1):
            self.backend.show(Rendered(STATES[number % len(STATES)], f"change {number}", menu(number)))
            if number % 10 == 0:
                time.sleep(self.pause)
            if number % max(1, self.changes // 10) == 0:
                print(number, resident(), flush=True)
        print("end", resident(), flush=True)


def main() -> None:
    os.environ[CHOICE] = sys.argv[1]
    flood = Flood(int(sys.argv[2]), float(sys.argv[3]))
    signal.signal(signal.SIGTERM, lambda *_: flood.backend.stop())
    flood.backend.run(flood)


if __name__ == "__main__":
    main()
