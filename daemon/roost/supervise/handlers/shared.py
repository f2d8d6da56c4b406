"""What the handlers that start and stop components have in common: names, refusals, waiting, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...api import errors
from ...api import types as t
from ...core import graph, profiles
from ...core.outcome import Goal
from ...core.snapshot import ComponentStatus
from ...core.states import Component
from ...core.words import duration
from ...edges.rpc_server import Session
from ..chronicle import masked_last_lines
from ..daemon import Daemon
from ..view import View
from ..waits import Wait
from .configuration import need_configuration


class Shared:
    """Base of `ComponentHandlers` and `LeaseHandlers`; offers no method itself."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._view = View(daemon)

    @property
    def _components(self) -> dict[str, Component]:
        return self._daemon.supervisor.components

    def _component(self, name: str) -> Component:
        component = self._components.get(name)
        if component is None and name in self._daemon.configuration.project.groups:
            members = ", ".join(self._expand([name]))
            raise errors.no_such_component(name, (), f"it stands for {members}; name one of them")
        if component is None:
            raise errors.no_such_component(name, self._known())
        return component

    def _expand(self, names: Iterable[str]) -> list[str]:
        """The components that names of components and of replica groups stand for, each once."""
        found: dict[str, None] = {}
        for name in names:
            members = self._daemon.configuration.project.expand(name)
            if not members and name in self._components:
                members = (name,)
            if not members:
                raise errors.no_such_component(name, self._known())
            found.update(dict.fromkeys(members))
        return list(found)

    def _known(self) -> list[str]:
        return [*self._components, *self._daemon.configuration.project.groups]

    def _autostart(self) -> list[str]:
        disabled = self._daemon.supervisor.disabled
        return [name for name, one in self._components.items() if one.spec.autostart and not disabled(name)]

    def _unscheduled(self, names: Iterable[str]) -> list[str]:
        """Those for which one waits: what runs by its schedule comes when its time comes."""
        known = ((name, self._components.get(name)) for name in names)
        return [name for name, one in known if one is not None and one.spec.schedule is None]

    def _refuse_disabled(self, names: Iterable[str]) -> None:
        """What takes no part cannot be started, nor what needs it.  Raises RpcError `conflict`."""
        supervisor = self._daemon.supervisor
        for name in graph.closure(supervisor.edges, names):
            if supervisor.disabled(name):
                given = supervisor.components[name].spec.profiles[0]
                message = f"{name} is {profiles.disabled_reason(supervisor.components[name].spec)}"
                raise errors.conflict(message, f"roost up --profile {given}")

    def _statuses(self, names: Iterable[str]) -> list[ComponentStatus]:
        return [self._view.component(self._components[name]) for name in names if name in self._components]

    def _refuse_at_the_end(self) -> None:
        """Nothing is started in a shutdown, nor while no configuration can be used.  Raises RpcError."""
        if self._daemon.phase == "shutting_down":
            raise errors.shutting_down()
        need_configuration(self._daemon)

    def _take_configuration(self) -> None:
        """When nothing runs there is nothing to harm: `up` takes roost.yaml as it is now."""
        configuration = self._daemon.configuration
        if any(not one.settled and not one.watched_only for one in self._components.values()):
            return
        if configuration.applied and not configuration.stale():
            self._daemon.keep_configuration()
            return
        project = configuration.adopt(configuration.current(self._daemon.world.base))
        self._daemon.supervisor.reload(project)
        self._daemon.forget_secrets()
        self._daemon.keep_configuration()

    def _wait(self, names: Iterable[str], goal: Goal) -> Wait:
        daemon = self._daemon
        return Wait(daemon.supervisor, daemon.clock, names, goal, daemon.world.lives)

    def _progress(self, session: Session) -> Callable[[str], None]:
        def tell(name: str) -> None:
            component = self._components.get(name)
            if component is not None:
                session.progress({"component": self._view.component(component)})

        return tell

    def _late(self, wait: Wait, timeout: float | None) -> errors.RpcError:
        mask = self._daemon.masker().mask
        waiting = "; ".join(
            f"{name}: {mask(self._components[name].reason)}" for name in wait.open if name in self._components
        )
        return errors.timed_out(
            f"not there after {duration(timeout or 0.0)}: {waiting}",
            "everything goes on; look again with: roost status",
        )

    async def _failure(self, component: Component) -> t.UpFailure:
        name, masker = component.name, self._daemon.masker()
        folder, run = self._daemon.paths.logs, component.run
        try:
            lines = await self._daemon.disk.run(lambda: masked_last_lines(folder, name, run, masker))
        except OSError:
            lines = []
        return t.UpFailure(name=name, reason=masker.mask(component.reason), last_lines=lines)
