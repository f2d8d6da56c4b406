"""The thread on which all work of the tray is done: it follows the projects, and acts on what was chosen.

The icon's own thread (`conductor`) only brings what people do here, and takes away what is to be shown.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from roost.client import RoostError

from . import preferences
from .actions import Actions
from .backend import Backend, Desktop, DesktopError, Watcher
from .backends.headless import HeadlessBackend
from .commands import Command, Verb
from .link import Following
from .menu import Settings
from .model import Notice
from .presenter import Presenter
from .world import Level, Presence, World

LOOK_AGAIN = 30.0
"""Seconds between two looks at what starts at login: somebody may have changed that elsewhere."""

log = logging.getLogger(__name__)

LastLine = Callable[[str, str], Awaitable[str | None]]
"""From a project's root and a component's name to the last line that it wrote."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What the tray is given: its surroundings, and where its own things lie.

    `watcher` is made on the loop, from how to show a notification and how to learn a component's last line.
    """

    desktop: Desktop
    watcher: Callable[[Callable[[Notice], None], LastLine], Watcher]
    environ: Mapping[str, str]
    preferences: str
    wall: Callable[[], float] = time.time


class Brain:
    """A `Listener` for icons; `over` is called, on any thread, when the tray is to end."""

    def __init__(self, outfit: Outfit, over: Callable[[], None], at_login: bool = False) -> None:
        self._outfit = outfit
        self._over = over
        self.on_ready: Callable[[], None] = lambda: None
        """Called on the icon's thread when it is there."""
        self._at_login = at_login
        self._backend: Backend = HeadlessBackend()
        self._settings = Settings(preferences.read(outfit.preferences).notifications)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = threading.Event()
        self._end: asyncio.Event | None = None
        self._tasks: set[asyncio.Future[None]] = set()
        self._login = asyncio.Lock()
        self._thread = threading.Thread(target=self._run, name="brain", daemon=True)

    # -- from other threads ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow; returns when what follows here may be called."""
        self._thread.start()
        self._begun.wait()

    def attach(self, backend: Backend) -> None:
        """Show everything there from now on."""
        self._soon(lambda: self._attach(backend))

    def close(self) -> None:
        """Do no more."""
        self._soon(lambda: self._end.set() if self._end is not None else None)
        self._thread.join(2.0)

    def tell(self, notice: Notice) -> None:
        """Show a notification."""
        self._soon(lambda: self._start(self._notify(notice)))

    def ready(self) -> None:
        """The icon is there, and its toolkit has done to this process what it does."""
        self.on_ready()

    def chosen(self, item: str) -> None:
        """Do what the item says."""
        command = Command.of(item)
        if command is not None:
            self._soon(lambda: self._start(self._actions.do(command)))

    def menu_opened(self) -> None:
        """Somebody looks: see that all of it is true."""
        self._soon(lambda: self._start(self._look_again()))

    def menu_closed(self) -> None:
        """Nobody looks any more, which changes nothing."""

    def quit(self) -> None:
        """End the tray."""
        self._over()

    # -- on the loop -------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception:  # the last door: an icon that nothing stands behind would be a lie
            log.exception("a defect in the tray")
            self._begun.set()
            self._over()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_log_defect)
        self._end = asyncio.Event()
        self._presenter = Presenter(self._backend.show, self._backend.capabilities, self._outfit.wall)
        self._presenter.show_settings(self._settings)
        self._watcher = self._outfit.watcher(self.tell, self._last_line)
        self._following = Following(self._world_changed, self._outfit.environ)
        self._actions = Actions(
            self._following, self._outfit.desktop, self, self._outfit.environ, self._outfit.wall
        )
        self._start(self._watch_login())
        if self._at_login:
            self._start(self._bring_up())
        self._begun.set()
        try:
            await self._following.run(until=self._end)
        finally:
            self._presenter.close()

    def _soon(self, work: Callable[[], object]) -> None:
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(work)
            except RuntimeError:
                log.debug("too late: the tray is ending")

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a defect in the tray", exc_info=error)

    def _attach(self, backend: Backend) -> None:
        self._backend = backend
        self._presenter.move(backend.show, backend.capabilities)

    def _world_changed(self, world: World) -> None:
        self._presenter.show_world(world)
        self._watcher.world_changed(world, self._settings.level)

    async def _last_line(self, root: str, component: str) -> str | None:
        try:
            page = await self._following.client(root).logs_query(component, lines=1)
        except (RoostError, KeyError):
            return None
        return page.entries[-1].text if page.entries else None

    async def _notify(self, notice: Notice) -> None:
        """In the desktop's way, else in the icon's; what nobody can show is in the log."""
        try:
            await asyncio.to_thread(self._outfit.desktop.notify, notice)
        except DesktopError as error:
            if self._backend.capabilities.notifications:
                self._backend.notify(notice)
            else:
                log.warning("not shown (%s): %s: %s", error, notice.title, notice.body)

    # -- settings ----------------------------------------------------------------------------------------

    def choose_level(self, level: Level) -> None:
        """Keep it.  Raises OSError."""
        self._set(replace(self._settings, level=level))
        preferences.write(self._outfit.preferences, preferences.Preferences(level))

    async def toggle_login(self) -> None:
        """Have the tray start at login if it does not, and the other way round.  Raises DesktopError."""
        desktop = self._outfit.desktop
        async with self._login:  # a look that began before must not end after
            starts = await asyncio.to_thread(desktop.starts_at_login)
            await asyncio.to_thread(desktop.start_at_login, not starts)
        await self._look_at_login()

    def _set(self, settings: Settings) -> None:
        if settings != self._settings:
            self._settings = settings
            self._presenter.show_settings(settings)

    async def _look_again(self) -> None:
        await asyncio.gather(self._following.refresh(), self._look_at_login())
        self._presenter.refresh()

    async def _look_at_login(self) -> None:
        async with self._login:
            try:
                starts: bool | None = await asyncio.to_thread(self._outfit.desktop.starts_at_login)
            except DesktopError as error:
                log.info("whether the tray starts at login is not known: %s", error)
                starts = None
            self._set(replace(self._settings, at_login=starts))

    async def _watch_login(self) -> None:
        while True:
            await self._look_at_login()
            await asyncio.sleep(LOOK_AGAIN)

    async def _bring_up(self) -> None:
        """Start the projects that are to run after a login."""
        try:
            roots = await asyncio.to_thread(self._outfit.desktop.projects_at_login)
        except DesktopError as error:
            self.tell(Notice("The projects to start at login are not known", str(error)))
            return
        self._following.glance()  # the register is read for the first time only after this has begun
        for root in map(os.path.realpath, roots):
            project = self._following.world.project(root)
            if project is not None and project.presence is not Presence.RUNNING:
                self._start(self._actions.do(Command(Verb.BEGIN, root)))


def _log_defect(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    log.error(
        "a defect: %s", context.get("message"), exc_info=error if isinstance(error, Exception) else None
    )
