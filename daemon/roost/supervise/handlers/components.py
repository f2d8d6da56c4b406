"""Starting, stopping, signalling components; what they are and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...api import errors
from ...api import types as t
from ...core import gate, profiles
from ...core.outcome import Goal
from ...core.snapshot import ComponentStatus, Environment, ProjectStatus
from ...core.states import Component, State
from ...edges.keeper_link import KeeperError
from ...edges.rpc_server import Session
from ..running import run_command
from .pulse import pulse
from .shared import Shared

_DEFAULT_TIMEOUT = 60.0
_STOP_GRACE = 10.0


class ComponentHandlers(Shared):
    """`component.*`, `project.status` and `project.up`."""

    def table(self) -> dict[str, Callable[..., object]]:
        return {
            "project.status": self.status,
            "project.up": self.up,
            "component.list": self.all,
            "component.get": self.get,
            "component.start": self.start,
            "component.stop": self.stop,
            "component.restart": self.restart,
            "component.signal": self.signal,
            "component.why": self.why,
            "component.exec": self.exec,
        }

    # -- looking -----------------------------------------------------------------------------------------

    async def status(self, _params: t.Nothing, _session: Session) -> ProjectStatus:
        await self._view.refresh_usage()
        return self._view.project_status()

    async def all(self, _params: t.Nothing, _session: Session) -> list[ComponentStatus]:
        await self._view.refresh_usage()
        return self._view.components()

    async def get(self, params: t.NameParams, _session: Session) -> ComponentStatus:
        component = self._component(params.name)
        await self._view.refresh_usage()
        return self._view.component(component)

    def why(self, params: t.NameParams, _session: Session) -> t.Why:
        """From a component to the root of what holds it up."""
        component = self._component(params.name)
        mask = self._daemon.masker().mask
        chain: list[t.WhyLink] = []
        here: Component | None = component
        while here is not None:
            chain.append(t.WhyLink(component=here.name, state=here.state.value, reason=mask(here.reason)))
            unmet = gate.unmet(here.spec, self._components) if here.state is State.WAITING else None
            here = self._components.get(unmet.target) if unmet is not None else None
        return t.Why(component=component.name, ready=component.ready, chain=chain)

    # -- acting ------------------------------------------------------------------------------------------

    async def up(self, params: t.UpParams, session: Session) -> t.UpResult:
        self._refuse_at_the_end()
        self._take_configuration()
        self._choose_profiles(params.profiles)
        if params.env is not None:
            self._take_environment(params.env)
        names = self._expand(params.names) if params.names else self._autostart()
        self._refuse_disabled(names)
        wanted = self._daemon.supervisor.start(names, "wanted by roost up", again=False)
        self._daemon.leasing.leases.note_up(wanted)
        await self._daemon.saver.flush()
        if not params.wait:
            return t.UpResult(components=self._statuses(wanted), failed=[], warnings=self._daemon.unsaved())
        wait = self._wait(self._unscheduled(wanted), Goal.UP)
        with pulse(session):
            in_time = await wait.finish(params.timeout, self._progress(session))
        failed = [await self._failure(one) for _, one in sorted(wait.failed.items())]
        if not in_time:
            raise self._late(wait, params.timeout)
        return t.UpResult(components=self._statuses(wanted), failed=failed, warnings=self._daemon.unsaved())

    async def start(self, params: t.NamesParams, session: Session) -> t.Components:
        self._refuse_at_the_end()
        names = self._expand(params.names)
        self._refuse_disabled(names)
        wanted = self._daemon.supervisor.start(names, "started by request")
        self._daemon.leasing.leases.note_start(wanted)
        waited = [*names, *self._unscheduled(name for name in wanted if name not in names)]
        return await self._finish(params, session, names, waited, Goal.UP)

    async def restart(self, params: t.NamesParams, session: Session) -> t.Components:
        self._refuse_at_the_end()
        names = self._expand(params.names)
        self._refuse_disabled(names)
        self._daemon.supervisor.restart(names, "restarted by request")
        self._daemon.leasing.leases.note_start(names)
        return await self._finish(params, session, names, names, Goal.UP)

    async def stop(self, params: t.NamesParams, session: Session) -> t.Stopped:
        names = self._expand(params.names)
        self._daemon.supervisor.stop(names, "stopped by request")
        self._daemon.leasing.leases.note_stop(names)
        longest = max((self._components[name].spec.stop.timeout for name in names), default=0.0)
        timeout = params.timeout if params.timeout is not None else longest + _STOP_GRACE
        done = await self._finish(
            t.NamesParams(names=params.names, wait=params.wait, timeout=timeout),
            session,
            names,
            names,
            Goal.STOPPED,
        )
        return t.Stopped(
            components=done.components,
            dependents=self._daemon.supervisor.dependents_alive(names),
            warnings=done.warnings,
        )

    async def signal(self, params: t.SignalParams, _session: Session) -> t.Components:
        names = self._expand([params.name])
        for name in names:
            component = self._components[name]
            if component.pid is None:
                raise errors.conflict(f"{name} is {component.state}: there is no process to signal")
            try:
                await self._daemon.world.signal(component, params.signal)
            except KeeperError as error:
                if error.kind == "bad_request":
                    raise errors.invalid_params("component.signal", str(error)) from error
                raise errors.failed(f"{name} could not be signalled: {error}") from error
        self._daemon.chronicle.tell(
            "signalled",
            f"sent {params.signal} by request",
            component=params.name,
            data={"signal": params.signal},
        )
        return t.Components(components=self._statuses(names))

    async def exec(self, params: t.ExecParams, session: Session) -> t.ExecResult:
        component = self._component(params.name)
        spec = self._daemon.world.resolved(component.spec)
        environment = self._daemon.world.environment(spec, component.run)
        command = list(params.command)
        if not params.tty:
            return await run_command(command, spec.cwd, environment, session)
        from ..in_terminal import run_in_terminal  # rarely asked for

        size = params.columns, params.rows
        return await run_in_terminal(command, spec.cwd, environment, session, size, self._daemon.terminals)

    # -- details -----------------------------------------------------------------------------------------

    def _choose_profiles(self, chosen: list[str]) -> None:
        """Where nothing runs exactly these take part; else they come in addition (`up --profile`)."""
        supervisor = self._daemon.supervisor
        unknown = profiles.unknown(supervisor.project, chosen)
        if unknown:
            known = profiles.known_profiles(supervisor.project)
            hint = errors.suggestion(unknown[0], known) or (
                f"there are: {', '.join(known)}" if known else "no component has profiles"
            )
            raise errors.invalid_params("project.up", f"no component has the profile {unknown[0]!r}", hint)
        at_rest = all(one.settled or one.watched_only for one in self._components.values())
        supervisor.choose_profiles(chosen if at_rest else supervisor.profiles.union(chosen))

    def _take_environment(self, environment: dict[str, str]) -> None:
        """Another base environment: what runs with other values starts again (INTERFACES.md §3).

        The configuration in force takes its `${NAME}`s from it, too.  Raises RpcError `invalid_config`, with
        nothing changed, if that is not possible.
        """
        daemon, world = self._daemon, self._daemon.world
        loaded = daemon.configuration.under(environment)
        before = {
            name: world.environment(one.spec, one.run) for name, one in self._components.items() if one.alive
        }
        world.base = dict(environment)
        daemon.supervisor.reload(daemon.configuration.adopt(loaded))
        daemon.environment = Environment.REPLACED
        daemon.forget_secrets()
        daemon.link.tell("environ", env=world.base, environment=daemon.environment.value)
        changed = [
            name
            for name, old in before.items()
            if world.environment(self._components[name].spec, self._components[name].run) != old
        ]
        daemon.supervisor.restart(changed, "its environment was replaced")

    async def _finish(
        self, params: t.NamesParams, session: Session, names: list[str], waited: list[str], goal: Goal
    ) -> t.Components:
        await self._daemon.saver.flush()
        if params.wait:
            wait = self._wait(waited, goal)
            timeout = params.timeout if params.timeout is not None else _DEFAULT_TIMEOUT
            with pulse(session):
                in_time = await wait.finish(timeout, self._progress(session))
            if not in_time:
                raise self._late(wait, timeout)
            if wait.failed:
                raise self._failed(wait.failed.values())
        return t.Components(components=self._statuses(names), warnings=self._daemon.unsaved())

    def _failed(self, failed: Iterable[Component]) -> errors.RpcError:
        mask = self._daemon.masker().mask
        told = sorted(f"{one.name}: {mask(one.reason)}" for one in failed)
        return errors.failed("; ".join(told), f"see: roost logs {told[0].partition(':')[0]}")
