"""Which icon the tray has, and what becomes of it where there is none: a word, never a trace, never a hang."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import cast

from e2e.tray_harness import RecordingDesktop
from roost_tray.backend import Backend, Unavailable
from roost_tray.backends.headless import HeadlessBackend
from roost_tray.brain import Brain
from roost_tray.conductor import Conductor, delays

NO_SCREEN = Unavailable("there is no screen", "log in to one")
NO_PANEL = Unavailable("no panel shows icons", "add one", passing=True)


class Stage:
    """A conductor whose every attempt is as told, and which never really waits."""

    def __init__(self, *attempts: Unavailable | Backend, notifies: bool = True) -> None:
        self.attempts = list(attempts)
        self.said: list[str] = []
        self.waited: list[float] = []
        self.attached: list[Backend] = []
        desktop = RecordingDesktop()
        desktop.notifies = lambda: notifies  # type: ignore[method-assign]
        self.conductor = Conductor(self.choose, desktop, {}, self.said.append, self.wait)
        self.last_attempt: Callable[[], None] = self.conductor.end

    def choose(self, environ: Mapping[str, str]) -> Backend:
        if not self.attempts:
            self.last_attempt()
            raise NO_PANEL
        attempt = self.attempts.pop(0)
        if isinstance(attempt, Unavailable):
            raise attempt
        return attempt

    def wait(self, over: threading.Event, seconds: float) -> None:
        self.waited.append(seconds)

    def attach(self, backend: Backend) -> None:
        self.attached.append(backend)

    def ready(self) -> None:
        self.conductor.end()

    def run(self) -> int:
        return self.conductor.run(cast(Brain, self))


def test_an_icon_runs_until_its_end() -> None:
    """The backend gets the main thread, and the exit code is 0."""
    icon = HeadlessBackend()
    stage = Stage(icon)
    assert stage.run() == 0
    assert stage.attached == [icon]
    assert stage.said == []


def test_what_may_still_come_is_tried_again() -> None:
    """Explorer or a panel that is not ready at login: after 1, 2, 4 … seconds, said once."""
    icon = HeadlessBackend()
    stage = Stage(NO_PANEL, NO_PANEL, NO_PANEL, icon)
    assert stage.run() == 0
    assert stage.waited == [1, 2, 4]
    assert stage.said == ["no icon: no panel shows icons", "  add one", "  waiting for it"]
    assert stage.attached[-1] is icon


def test_an_icon_that_fails_while_it_runs_is_tried_again() -> None:
    """`run` may say that it is unavailable, too: the panel has gone, say."""

    class Vanishing(HeadlessBackend):
        def run(self, listener: object) -> None:
            raise NO_PANEL

    icon = HeadlessBackend()
    stage = Stage(Vanishing(), icon)
    assert stage.run() == 0
    assert stage.attached[-1] is icon


def test_the_first_two_minutes_are_close_together() -> None:
    """A login comes to rest in them; then once a minute, for ever."""
    pauses = delays()
    first = [next(pauses) for _ in range(12)]
    assert first[:5] == [1, 2, 4, 8, 16]
    assert sum(first[:8]) >= 119
    assert first[8:] == [60] * 4


def test_without_a_screen_there_are_notifications_alone() -> None:
    """It says why, what to do, and what it does now; an end is still heard."""
    stage = Stage(NO_SCREEN)
    threading.Timer(0.05, stage.conductor.end).start()
    assert stage.run() == 0
    assert stage.said == [
        "no icon: there is no screen",
        "  log in to one",
        "  going on without: there will be notifications alone",
    ]
    assert isinstance(stage.attached[-1], HeadlessBackend)


def test_without_notifications_either_it_ends() -> None:
    """A tray that can show nothing at all is of no use: exit 1, with the reason."""
    stage = Stage(NO_SCREEN, notifies=False)
    assert stage.run() == 1
    assert stage.said[-1] == "  and notifications cannot be shown either, so the tray ends here"


def test_an_end_while_it_waits_is_the_end() -> None:
    """Ctrl-C does not wait for a panel that never comes."""
    assert Stage(NO_PANEL).run() == 0
