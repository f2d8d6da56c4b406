"""Shows components as they come up or go down: a live table on a terminal, plain lines anywhere else.

Fed with `progress` notifications: `component` (the whole status of one that changed), `waiting_for` (names,
while something ends) or `building` (an image, before its component starts).  rich is imported only for a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..core.durations import duration
from . import output, sayings
from .text import harmless, names

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_FETCHING = ("pulling", "building")
"""How the reason of a component begins whose image is not there yet."""

Status = Mapping[str, Any]
Goal = Callable[[Status], bool]


def is_up(component: Status) -> bool:
    """There is nothing more to wait for: ready, completed, or given up."""
    return component["state"] in ("completed", "failed") or (
        component["state"] == "running" and component["ready"]
    )


def is_down(component: Status) -> bool:
    """Nothing of it runs, and nothing will by itself."""
    return component["state"] in ("stopped", "completed", "failed")


class Display:
    """Plain lines: one for each component when it gets there, with the time since the beginning.

    The `heading` comes before the first of them, so that nothing is said where nothing was begun.
    """

    def __init__(self, goal: Goal, heading: str = "") -> None:
        self._goal = goal
        self._heading = heading
        self._look = output.out_look()  # before rich takes the stream
        self._began = time.monotonic()
        self._there: set[str] = set()
        self._waiting_for: list[str] = []
        self._fetching: dict[str, str] = {}

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *failure: object) -> None:
        """The last line was printed; nothing is left to do."""

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def head(self) -> None:
        """Say the heading, if it has not been said."""
        heading, self._heading = self._heading, ""
        output.data(heading)

    def progress(self, news: Mapping[str, Any]) -> None:
        """Take in one `progress` notification."""
        if "component" in news:
            self.update([news["component"]])
        if "building" in news:
            self._fetch(news["building"]["name"], news["building"]["text"])
        waiting_for = news.get("waiting_for")
        if waiting_for is not None and waiting_for != self._waiting_for:
            self._waiting_for = list(waiting_for)
            self._show_waiting(self._waiting_for)

    def update(self, components: Iterable[Status]) -> None:
        """Take in the present status of some components."""
        self.head()
        for component in components:
            name = component["name"]
            if not self._goal(component):
                self._there.discard(name)
                self._note_fetching(name, component)
            elif name not in self._there:
                self._there.add(name)
                self._show(component)

    def _note_fetching(self, name: str, component: Status) -> None:
        reason = component.get("reason") or ""
        if component["state"] == "starting" and reason.startswith(_FETCHING):
            self._fetch(name, reason)

    def _fetch(self, name: str, text: str) -> None:
        """One line when an image begins to be fetched or built, not one for every kilobyte."""
        what = text.partition(": ")[0]
        if self._fetching.get(name) != what:
            self._fetching[name] = what
            output.note(f"{name}: {harmless(text)}")

    def _show(self, component: Status) -> None:
        line = sayings.component_line(component, self._look)
        self._write(f"{line} ({duration(self.elapsed)})")

    def _write(self, line: str) -> None:
        output.data(line + "\n")
        output.flush()

    def _show_waiting(self, waiting_for: list[str]) -> None:
        if waiting_for:
            output.note(f"waiting for {names(waiting_for)}")


class Notes(Display):
    """The plain display on standard error, where standard output belongs to something else."""

    def _write(self, line: str) -> None:
        output.note(line)


class LiveDisplay(Display):
    """A table on a terminal, redrawn in place; its last state stays."""

    def __init__(self, goal: Goal, heading: str = "") -> None:
        super().__init__(goal, heading)
        self._components: dict[str, Status] = {}
        self._took: dict[str, float] = {}
        self._live: Live | None = None

    def __enter__(self) -> LiveDisplay:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self._table, console=Console(), refresh_per_second=8, transient=False
        )
        self._live.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, components: Iterable[Status]) -> None:
        self.head()
        for component in components:
            name = component["name"]
            self._components[name] = component
            if self._goal(component):
                self._took.setdefault(name, self.elapsed)
            else:
                self._took.pop(name, None)

    def _show_waiting(self, waiting_for: list[str]) -> None:
        """The table shows it."""

    def _fetch(self, name: str, text: str) -> None:
        self._fetching[name] = text

    def _table(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, component in list(self._components.items()):
            if name in self._took:
                row = sayings.component_line(component, self._look)
                table.add_row(Text.from_ansi(f"{row} ({duration(self._took[name])})"))
            else:
                reason = harmless(component.get("reason") or "")
                text = Text(f"{name} {component['state']}" + (f": {reason}" if reason else ""), no_wrap=True)
                table.add_row(Spinner("dots" if self._look.unicode else "line", text=text))
        for name, said in list(self._fetching.items()):
            if name not in self._took and name not in self._components:
                table.add_row(Text(f"{name}: {harmless(said)}", no_wrap=True))
        if self._waiting_for:
            table.add_row(Text(f"waiting for {names(self._waiting_for)}", style="dim"))
        return table


def display(goal: Goal, heading: str = "") -> Display:
    """The display that fits standard output."""
    return LiveDisplay(goal, heading) if output.out_look().color else Display(goal, heading)
