"""What the menu's items do.  On the asyncio loop; what blocks runs on a thread for work.

A project whose daemon answers is asked over its interface.  To bring one up or down that has none the command
`roost` is called, which knows all about that, in the environment of the user's login shell.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from roost.client import RoostError
from roost.client.shapes import ComponentStatus
from roost.client.shapes import State as Life
from roost.platform import doors, programs
from roost.platform.loginshell import login_environment

from .backend import Desktop, DesktopError
from .commands import LEVELS, Command, Verb
from .link import Following
from .model import Notice
from .summary import Moment, status_text
from .world import Level, Presence, ProjectView

_UP = 60.0
_DOWN = 300.0
"""Seconds for the whole command; each component has its own stop time-out below that."""

_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)

Result = TypeVar("Result")


class Tray(Protocol):
    """The tray itself, as far as the menu acts on it."""

    def quit(self) -> None:
        """Take the icon away and end."""

    def choose_level(self, level: Level) -> None:
        """From now on these notifications."""

    async def toggle_login(self) -> None:
        """The opposite of what holds."""

    def tell(self, notice: Notice) -> None:
        """Show a notification, whatever level is chosen: the user has asked for it."""


class Failed(Exception):
    """An order came to nothing; the text says why."""


class Actions:
    """Does what was chosen, each thing once at a time; what goes wrong is said in the menu and by a notice."""

    def __init__(
        self,
        following: Following,
        desktop: Desktop,
        tray: Tray,
        environ: Mapping[str, str],
        wall: Callable[[], float],
    ) -> None:
        self._following = following
        self._desktop = desktop
        self._tray = tray
        self._environ = environ
        self._wall = wall
        self._under_way: set[Command] = set()
        self._table: dict[Verb, Callable[[ProjectView, str], Awaitable[None]]] = {
            Verb.BEGIN: self._begin,
            Verb.START_ALL: self._start_all,
            Verb.STOP_ALL: self._stop_all,
            Verb.RESTART_ALL: self._restart_all,
            Verb.RELOAD: self._reload,
            Verb.OPEN_FOLDER: self._open_folder,
            Verb.COPY_STATUS: self._copy_status,
            Verb.OPEN_URL: self._open_url,
            Verb.VIEW_LOG: self._view_log,
            Verb.RESTART: self._restart,
            Verb.START: self._start,
            Verb.STOP: self._stop,
            Verb.WHY: self._why,
        }

    async def do(self, command: Command) -> None:
        """Do it, and return when it is done; nothing happens if the same is under way already."""
        if command in self._under_way:
            return
        self._under_way.add(command)
        self._following.complain(None)
        try:
            await self._do(command)
        except (RoostError, DesktopError, Failed, OSError) as error:
            self._say(command, error)
        finally:
            self._under_way.discard(command)

    async def _do(self, command: Command) -> None:
        if command.verb in self._table:
            project = self._following.world.project(command.root)
            if project is None:
                raise Failed("the project is no longer there")
            await self._table[command.verb](project, command.component)
        elif command.verb in LEVELS:
            self._tray.choose_level(LEVELS[command.verb])
        elif command.verb is Verb.LOGIN:
            await self._tray.toggle_login()
        elif command.verb is Verb.STOP_AND_QUIT:
            await self._stop_everything()
            self._tray.quit()
        else:
            self._tray.quit()

    def _say(self, command: Command, error: Exception) -> None:
        project = self._following.world.project(command.root)
        what = str(command.verb).replace("-", " ")
        about = " ".join(filter(None, [project.name if project else "", command.component]))
        hint = getattr(error, "hint", "") or ""
        self._following.complain(f"{what}{f' ({about})' if about else ''}: {error}")
        body = "\n".join(filter(None, [str(error), hint]))
        title = f"{about}: {what} did not work" if about else f"{what} did not work"
        self._tray.tell(Notice(title, body, root=command.root or None, component=command.component or None))

    # -- whole projects ----------------------------------------------------------------------------------

    async def _begin(self, project: ProjectView, _component: str) -> None:
        await self._doing(project, "starting", self._command(project, "autostart", "begin", timeout=_UP))
        self._following.wake(project.root)

    async def _start_all(self, project: ProjectView, _component: str) -> None:
        if project.presence is Presence.RUNNING:
            await self._following.client(project.root).project_up(wait=False)
            return
        await self._doing(project, "starting", self._command(project, "up", "--no-wait", timeout=_UP))
        self._following.wake(project.root)

    async def _stop_all(self, project: ProjectView, _component: str) -> None:
        names = _names(project)
        if names:
            await self._following.client(project.root).component_stop(*names, wait=False)

    async def _restart_all(self, project: ProjectView, _component: str) -> None:
        names = _names(project, without=(Life.STOPPED, Life.COMPLETED))
        if names:
            await self._following.client(project.root).component_restart(*names, wait=False)

    async def _reload(self, project: ProjectView, _component: str) -> None:
        await self._doing(project, "reloading", self._following.client(project.root).config_reload())
        await self._following.refresh()

    async def _stop_everything(self) -> None:
        """Bring down every project that is not known to be down.  Raises Failed, naming those that are not."""
        projects = [one for one in self._following.world.projects if one.presence is not Presence.STOPPED]
        downs = [
            self._doing(project, "stopping", self._command(project, "down", timeout=_DOWN))
            for project in projects
        ]
        results = await asyncio.gather(*downs, return_exceptions=True)
        faults = [
            f"{project.name}: {result}"
            for project, result in zip(projects, results, strict=True)
            if isinstance(result, BaseException)
        ]
        if faults:
            raise Failed("; ".join(faults))

    async def _doing(self, project: ProjectView, doing: str, work: Awaitable[Result]) -> Result:
        """Say what is being done while it is."""
        self._following.say(project.root, doing)
        try:
            return await work
        finally:
            self._following.say(project.root, None)

    async def _command(self, project: ProjectView, *arguments: str, timeout: float) -> None:
        """Call `roost` for a project, in the login shell's environment.  Raises Failed with what it said."""
        await asyncio.to_thread(_call, project.root, arguments, self._environ, timeout)

    # -- components --------------------------------------------------------------------------------------

    async def _restart(self, project: ProjectView, name: str) -> None:
        await self._following.client(project.root).component_restart(name, wait=False)

    async def _start(self, project: ProjectView, name: str) -> None:
        await self._following.client(project.root).component_start(name, wait=False)

    async def _stop(self, project: ProjectView, name: str) -> None:
        await self._following.client(project.root).component_stop(name, wait=False)

    async def _why(self, project: ProjectView, name: str) -> None:
        try:
            await asyncio.to_thread(self._desktop.explain, project.root, name)
        except DesktopError:
            why = await self._following.client(project.root).component_why(name)
            chain = "\n".join(f"{link.component} ({link.state}): {link.reason}" for link in why.chain)
            title = f"{name} is ready" if why.ready else f"Why {name} is not ready"
            self._tray.tell(Notice(title, chain, root=project.root, component=name))

    # -- the desktop -------------------------------------------------------------------------------------

    async def _open_folder(self, project: ProjectView, _component: str) -> None:
        await asyncio.to_thread(self._desktop.open_folder, project.root)

    async def _copy_status(self, project: ProjectView, _component: str) -> None:
        await asyncio.to_thread(self._desktop.copy, status_text(project, Moment(self._wall())))

    async def _open_url(self, project: ProjectView, name: str) -> None:
        url = next((one.url for one in _components(project) if one.name == name), None)
        if url is None:
            raise Failed(f"{name} has no url in roost.yaml any more")
        await asyncio.to_thread(self._desktop.open_url, url)

    async def _view_log(self, project: ProjectView, name: str) -> None:
        log = next((one.log for one in _components(project) if one.name == name), None)
        await asyncio.to_thread(self._desktop.view_log, project.root, name, log)


def _components(project: ProjectView) -> list[ComponentStatus]:
    return project.status.components if project.status is not None else []


def _names(project: ProjectView, without: tuple[Life, ...] = ()) -> list[str]:
    """The components that are ours to start and stop, but for those in these states."""
    ours = (one for one in _components(project) if one.kind != "external")
    return [one.name for one in ours if one.state not in without]


def _call(root: str, arguments: tuple[str, ...], environ: Mapping[str, str], timeout: float) -> None:
    """`roost -C root …`.  Raises Failed with the end of what it said on standard error."""
    env = {**login_environment(doors.outside(environ)), "ROOST_ENVIRONMENT": "login", "NO_COLOR": "1"}
    argv = [*programs.roost_argv(), "-C", root, *arguments]
    try:
        done = subprocess.run(
            argv,
            env=env,
            cwd=os.path.expanduser("~"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout,
            creationflags=_NO_WINDOW,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"roost {arguments[0]} did not end within {timeout:g} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Failed(said.removeprefix("roost: ") or f"roost {arguments[0]} ended with {done.returncode}")
