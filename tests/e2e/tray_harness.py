"""A tray with real daemons below it and a recorder in the place of its icon: everything but the panel."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from e2e.harness import ProjectUnderTest, eventually
from roost_tray.backend import DesktopError
from roost_tray.backends.headless import HeadlessBackend
from roost_tray.brain import Brain, Outfit
from roost_tray.model import Item, Notice, Rendered, State
from roost_tray.watcher import NoticeWatcher
from tray.scenes import LINUX, find


@dataclass
class RecordingDesktop:
    """Does nothing but remember what it was asked; where `terminal` is false there is none."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    at_login: bool = False
    login_projects: list[str] = field(default_factory=list)
    terminal: bool = True

    def open_url(self, url: str) -> None:
        self.asked.append(("url", url))

    def open_folder(self, path: str) -> None:
        self.asked.append(("folder", path))

    def view_log(self, root: str, component: str, log: str | None) -> None:
        self.asked.append(("log", root, component, log or ""))

    def explain(self, root: str, component: str) -> None:
        if not self.terminal:
            raise DesktopError("there is no terminal")
        self.asked.append(("why", root, component))

    def copy(self, text: str) -> None:
        self.asked.append(("copy", text))

    def notifies(self) -> bool:
        return True

    def notify(self, notice: Notice) -> None:
        self.notices.append(notice)

    def starts_at_login(self) -> bool:
        return self.at_login

    def start_at_login(self, wanted: bool) -> None:
        self.at_login = wanted

    def projects_at_login(self) -> list[str]:
        return self.login_projects


class TrayUnderTest:
    """What a person would see of it, and the means to click."""

    def __init__(
        self, project: ProjectUnderTest, at_login: bool = False, desktop: RecordingDesktop | None = None
    ):
        self.shown: list[tuple[float, Rendered]] = []
        self.over = threading.Event()
        self.desktop = desktop or RecordingDesktop()
        self.preferences = project.home / "tray.json"
        outfit = Outfit(self.desktop, NoticeWatcher, project.env, str(self.preferences))
        self.brain = Brain(outfit, self.over.set, at_login=at_login)
        self.brain.start()
        self.brain.attach(HeadlessBackend(LINUX, on_show=self._show))

    def _show(self, rendered: Rendered) -> None:
        self.shown.append((time.monotonic(), rendered))

    @property
    def now(self) -> Rendered:
        """What is on the screen."""
        return self.shown[-1][1] if self.shown else Rendered()

    @property
    def states(self) -> list[State]:
        """The icons that were seen, one after the other."""
        states = [rendered.state for _, rendered in self.shown]
        return [state for place, state in enumerate(states) if place == 0 or states[place - 1] is not state]

    def await_state(self, state: State, timeout: float = 60.0) -> Rendered:
        """The first picture from now on with this icon."""
        eventually(
            lambda: self.now.state is state, timeout=timeout, what=f"the icon {state} in {self.states}"
        )
        return self.now

    def await_item(self, *path: str, timeout: float = 60.0) -> Item:
        """The item with these labels, once it is there and can be chosen."""

        def look() -> Item | None:
            try:
                item = find(self.now.menu, *path)
            except AssertionError:
                return None
            return item if item.enabled else None

        shown = [item.label for item in self.now.menu.items]
        return eventually(lambda: look(), timeout=timeout, what=f"{path} in {shown}")

    def click(self, *path: str) -> None:
        """Choose an item by its labels."""
        self.brain.chosen(self.await_item(*path).id)

    def seen_after(self, moment: float, state: State) -> float:
        """Seconds from `moment` (monotonic) until the icon was this."""
        return next(when for when, one in self.shown if when >= moment and one.state is state) - moment


@contextmanager
def tray_of(
    project: ProjectUnderTest,
    monkeypatch: pytest.MonkeyPatch,
    *,
    at_login: bool = False,
    desktop: RecordingDesktop | None = None,
) -> Iterator[TrayUnderTest]:
    """A tray of the user whose project this is, while the block lasts."""
    monkeypatch.setenv("HOME", str(project.home))
    for name in ("XDG_STATE_HOME", "ROOST_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    tray = TrayUnderTest(project, at_login, desktop)
    try:
        yield tray
    finally:
        tray.brain.close()


def tray_log(project: ProjectUnderTest) -> str:
    """What a tray of this user has written into its log."""
    path = Path(project.home) / ".local" / "state" / "roost" / "tray.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""
