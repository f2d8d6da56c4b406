"""Following the user's projects: the register, and each running daemon's status, for as long as the tray lives.

Everything is on one asyncio loop.  A daemon that runs tells what changes.  Whether one has come is seen at its
`daemon.json`, and at the register: both are only looked at (a `stat` each second), so that nothing is asked
of anybody while nothing happens.  No lock is ever touched.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from roost.client import AsyncClient, DaemonNotRunning, Lagged, RoostError, register
from roost.client.aio import AsyncStream
from roost.client.register import Registered
from roost.client.shapes import ProjectStatus, StatusChanged
from roost.platform import identity
from roost.platform.paths import ProjectPaths, project_paths

from .world import Presence, ProjectView, World

GLANCE = 1.0
"""Seconds between two looks at the files that say who comes and goes."""
PULSE = 15.0
"""Seconds after which a daemon that says nothing is asked how it is: it might hang."""
SILENCE = 5.0
"""Seconds that it may take to answer that."""
_RETRIES = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between the first attempts to reach a daemon that went away; it is usually back at the third."""
_PATIENT = 2.0
"""Seconds between the later ones."""
_JUDGED = 2
"""So many failed attempts in a row tell a daemon that is gone from one that removes its traces."""
_STOPPED = 15.0
"""Seconds between attempts where nobody is meant to be: `daemon.json` may have been deleted."""
_READ_ANYWAY = 10
"""The register is read at every tenth look, changed or not: a project's folder may have gone."""

_ASKED = 3
"""So often the whole status is asked for, when each time something has changed before the answer came."""
_REMEMBERED = 60.0
"""Seconds for which the menu says what went wrong."""

log = logging.getLogger(__name__)


def merged(status: ProjectStatus, news: StatusChanged) -> ProjectStatus:
    """The status after a change: new components last, the others in their places."""
    changed = {one.name: one for one in news.components}
    kept = [changed.pop(one.name, one) for one in status.components if one.name not in news.removed]
    return msgspec.structs.replace(
        status,
        color=news.color,
        components=[*kept, *changed.values()],
        daemon=status.daemon if news.daemon is msgspec.UNSET else news.daemon,
        project=status.project if news.project is msgspec.UNSET else news.project,
    )


def absence(paths: ProjectPaths) -> Presence:
    """What a daemon is that nobody can reach: one that ended in order takes its `daemon.json` with it.

    What is left from before the last boot says nothing.
    """
    try:
        with open(paths.daemon_json, "rb") as file:
            boot_id = json.loads(file.read())["boot_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return Presence.STOPPED
    return Presence.UNREACHABLE if boot_id == identity.boot_id() else Presence.STOPPED


def mark_of(path: str) -> tuple[int, int, int] | None:
    """What changes with every new content of a file that is replaced whole; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


class Following:
    """All projects.  `on_change` is called on the loop with each new `World`, and must return at once."""

    def __init__(self, on_change: Callable[[World], None], environ: Mapping[str, str] | None = None) -> None:
        self.world = World()
        self._on_change = on_change
        self._environ = os.environ if environ is None else environ
        self._followers: dict[str, _Follower] = {}
        self._register_mark: object = ()
        self._glances = 0

    async def run(self, until: asyncio.Event) -> None:
        """Follow until that is set."""
        try:
            while not until.is_set():
                self.glance()
                with suppress(TimeoutError):
                    await asyncio.wait_for(until.wait(), GLANCE)
        finally:
            for follower in self._followers.values():
                follower.end()

    def glance(self) -> None:
        """Look at the register, and at who may have come."""
        path = register.register_path()
        mark = mark_of(path)
        if mark != self._register_mark or self._glances % _READ_ANYWAY == 0:
            self._register_mark = mark
            self._take({entry.root: entry for entry in register.read(path)})
        self._glances += 1
        for follower in self._followers.values():
            follower.glance()

    def client(self, root: str) -> AsyncClient:
        """The connection for calls to a project's daemon.  Raises KeyError for one that is not known."""
        return self._followers[root].client

    async def refresh(self) -> None:
        """Ask every running daemon for what it does not tell by itself, such as a changed roost.yaml."""
        await asyncio.gather(*(follower.refresh() for follower in self._followers.values()))

    def wake(self, root: str) -> None:
        """Somebody knows that a daemon is about to be there."""
        if root in self._followers:
            self._followers[root].wake()

    def say(self, root: str, doing: str | None) -> None:
        """What is being done to a project by order of the user; None: nothing any more."""
        if root in self._followers:
            follower = self._followers[root]
            follower.change(replace(follower.view, doing=doing))

    def complain(self, problem: str | None) -> None:
        """What went wrong with an order of the user, for a minute; None: it is no longer of interest."""
        self._publish(problem)
        if problem is not None:
            asyncio.get_running_loop().call_later(_REMEMBERED, self._forget, problem)

    def _forget(self, problem: str) -> None:
        if self.world.problem == problem:
            self._publish(None)

    def _take(self, entries: Mapping[str, Registered]) -> None:
        """Follow these projects and no others."""
        for root in self._followers.keys() - entries.keys():
            self._followers.pop(root).end()
        for root, entry in entries.items():
            if root not in self._followers:
                paths = project_paths(root, self._environ)
                follower = _Follower(entry, paths, lambda: self._publish(self.world.problem))
                self._followers[root] = follower
        self._publish(self.world.problem)

    def _publish(self, problem: str | None) -> None:
        views = sorted((one.view for one in self._followers.values()), key=lambda view: view.name.lower())
        world = World(tuple(views), problem)
        if world != self.world:
            self.world = world
            self._on_change(world)


class _Follower:
    """One project: `view` is how it is, and `changed` is called whenever that is something else."""

    def __init__(self, entry: Registered, paths: ProjectPaths, changed: Callable[[], None]) -> None:
        self.view = ProjectView(entry.root, entry.name, absence(paths))
        self.client = AsyncClient(paths)
        self._paths = paths
        self._changed = changed
        self._mark = mark_of(paths.daemon_json)
        self._complaint = ""
        self._heard = 0
        self._come = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())

    def end(self) -> None:
        """Follow no more."""
        self._task.cancel()

    def wake(self) -> None:
        """Try now."""
        self._come.set()

    def glance(self) -> None:
        """Look whether a daemon has come where none was."""
        mark = None if self.view.presence is Presence.RUNNING else mark_of(self._paths.daemon_json)
        if mark is not None and mark != self._mark:
            self._mark = mark
            self.wake()

    def change(self, view: ProjectView) -> None:
        """Have a new view."""
        if view != self.view:
            self.view = view
            self._changed()

    async def refresh(self) -> None:
        """Ask for everything.  An answer that the stream has overtaken is older than what is known."""
        with suppress(RoostError):  # the stream notices what is behind it
            for _ in range(_ASKED):
                if self.view.presence is not Presence.RUNNING:
                    return
                heard = self._heard
                status = await self.client.project_status()
                if self._heard == heard:
                    self._take(status)
                    return

    async def _run(self) -> None:
        failures = 0
        try:
            while True:
                self._come.clear()
                failures = 0 if await self._listen() else failures + 1
                if failures >= _JUDGED:
                    self._miss()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._come.wait(), self._pause(failures))
        finally:
            await self.client.close()

    def _pause(self, failures: int) -> float:
        if self.view.presence is Presence.STOPPED:
            return _STOPPED
        return _RETRIES[failures] if failures < len(_RETRIES) else _PATIENT

    async def _listen(self) -> bool:
        """Hear the daemon out; whether it has said anything."""
        heard = False
        try:
            async with await AsyncClient(self._paths, silence=SILENCE).status_stream() as stream:
                pulse = asyncio.ensure_future(self._feel_pulse(stream))
                try:
                    async for item in stream:
                        self._heard += 1
                        self._take(item)
                        heard = True
                finally:
                    pulse.cancel()
        except DaemonNotRunning as error:
            log.debug("%s: %s", self.view.root, error.message)
        except RoostError as error:
            if error.message != self._complaint:  # once: it is tried again every other second
                self._complaint = error.message
                log.warning("%s: %s", self.view.root, error.message)
        return heard

    async def _feel_pulse(self, stream: AsyncStream[Any]) -> None:
        """End the stream of a daemon that does not answer any more."""
        with suppress(RoostError, TimeoutError):
            while True:
                await asyncio.sleep(PULSE)
                heard = self._heard
                async with asyncio.timeout(SILENCE):
                    daemon = await self.client.daemon_status()
                if self.view.status is not None and self._heard == heard:
                    self._take(msgspec.structs.replace(self.view.status, daemon=daemon))
        stream.close()
        self._miss()

    def _take(self, news: ProjectStatus | StatusChanged | Lagged) -> None:
        match news:
            case ProjectStatus():
                status = news
            case StatusChanged() if self.view.status is not None:
                status = merged(self.view.status, news)
            case _:
                return  # after a gap the daemon sends everything
        name = status.project.name
        self.change(replace(self.view, name=name, presence=Presence.RUNNING, status=status))

    def _miss(self) -> None:
        self._heard += 1
        presence = absence(self._paths)
        status = None if presence is Presence.STOPPED else self.view.status
        self.change(replace(self.view, presence=presence, status=status))
