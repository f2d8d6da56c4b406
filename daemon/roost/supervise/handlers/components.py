"""Starting, stopping, signalling components; what they are and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...api import errors
from ...api import types as t
from ...core import gate, graph, profiles
from ...core.model import Kind
from ...core.outcome import Goal
from ...core.snapshot import ComponentStatus, Environment, ProjectStatus
from ...core.states import Component, State
from ...core.why import exits, explain
from ...edges.keeper_link import KeeperError
from ...edges.rpc_server import Session
from ..running import run_command
from .pulse import pulse
from .shared import Shared

_DEFAULT_TIMEOUT = 60.0
_STOP_GRACE = 10.0
_BUILD_UNWATCHED = 600.0
"""Seconds that `up --no-wait --build` waits for images."""


def _is_built(component: Component) -> bool:
    return component.spec.container is not None and component.spec.container.build is not None


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
        await self._reconcile()
        await self._view.refresh_usage()
        return self._view.project_status()

    async def all(self, _params: t.Nothing, _session: Session) -> list[ComponentStatus]:
        await self._reconcile()
        await self._view.refresh_usage()
        return self._view.components()

    async def get(self, params: t.NameParams, _session: Session) -> ComponentStatus:
        self._component(params.name)
        await self._reconcile()
        await self._view.refresh_usage()
        return self._view.component(self._component(params.name))

    async def _reconcile(self) -> None:
        """What is recorded of containers is what is, if their engine says so at once (S80)."""
        if await self._daemon.contained.glance():
            self._daemon.wall_reconciled = self._daemon.clock.wall()

    def why(self, params: t.NameParams, _session: Session) -> t.Why:
        """From a component to the root of what holds it up; of a group, from the first member that is not ready."""
        members = [self._components[name] for name in self._expand([params.name])]
        component = next((one for one in members if not one.ready), members[0])
        mask = self._daemon.masker().mask
        chain: list[t.WhyLink] = []
        here: Component | None = component
        while here is not None:
            chain.append(
                t.WhyLink(
                    component=here.name,
                    state=here.state.value,
                    reason=mask(explain(here, self._daemon.clock.now())),
                    exits=exits(here.state, here.history, here.spec.restart, mask),
                )
            )
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
        unbuilt = await self._build(names, params, session) if params.build else {}
        self._refuse_at_the_end()  # a build takes its time, in which much may have come and gone
        names = self._there([name for name in names if name not in unbuilt])
        wanted = self._daemon.supervisor.start(names, "wanted by roost up", again=False)
        self._daemon.leasing.leases.note_up(wanted)
        await self._daemon.saver.flush()
        failed = [t.UpFailure(name=name, reason=why, last_lines=[]) for name, why in unbuilt.items()]
        if not params.wait:
            return t.UpResult(
                components=self._statuses(wanted), failed=failed, warnings=self._daemon.unsaved()
            )
        wait = self._wait(self._unscheduled(wanted), Goal.UP)
        with pulse(session):
            in_time = await wait.finish(params.timeout, self._progress(session))
        failed += [await self._failure(one) for _, one in sorted(wait.failed.items())]
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
            if component.watched_only:
                raise errors.conflict(f"{name} is external: it is only watched, and never signalled")
            if not component.there:
                raise errors.conflict(
                    f"{name} is {component.state}: there is nothing to signal", f"roost start {name}"
                )
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
        if component.spec.kind is Kind.CONTAINER:
            return await self._exec_inside(component, params, session)
        spec = self._daemon.world.resolved(component.spec)
        environment = self._daemon.world.environment(spec, component.run)
        command = list(params.command)
        if not params.tty:
            return await run_command(command, spec.cwd, environment, session)
        from ..in_terminal import run_in_terminal  # rarely asked for

        size = params.columns, params.rows
        return await run_in_terminal(command, spec.cwd, environment, session, size, self._daemon.terminals)

    async def _exec_inside(
        self, component: Component, params: t.ExecParams, session: Session
    ) -> t.ExecResult:
        if component.container is None:
            raise errors.conflict(
                f"{component.name} is {component.state}: there is no container to run anything in",
                f"roost start {component.name}",
            )
        daemon = self._daemon
        return await daemon.contained.run_command(component, params, session, daemon.terminals)

    async def _build(self, names: list[str], params: t.UpParams, session: Session) -> dict[str, str]:
        """Build the images of these and of what they need; what failed, and why.  At the time-out it goes on."""
        closure = graph.closure(self._daemon.supervisor.edges, names)
        built = [name for name in closure if _is_built(self._components[name])]
        if not built:
            return {}

        def say(name: str, text: str) -> None:
            session.progress({"building": {"name": name, "text": self._daemon.masker().mask(text)}})

        building = asyncio.ensure_future(self._daemon.contained.all.build(built, say))
        with pulse(session):
            await asyncio.wait([building], timeout=params.timeout if params.wait else _BUILD_UNWATCHED)
        if building.done():
            mask = self._daemon.masker().mask
            return {name: mask(why) for name, why in building.result().items()}

        def start_the_rest(done: asyncio.Future[dict[str, str]]) -> None:
            if not done.cancelled() and self._daemon.phase == "running":
                good = self._there([name for name in names if name not in done.result()])
                self._daemon.supervisor.start(good, "wanted by roost up", again=False)

        building.add_done_callback(start_the_rest)
        raise errors.timed_out(
            f"still building the image of {', '.join(built)}",
            "it goes on; what was asked for starts after it",
        )

    # -- details -----------------------------------------------------------------------------------------

    def _there(self, names: list[str]) -> list[str]:
        """Those that no reload has taken away since they were asked for."""
        return [name for name in names if name in self._components]

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
            name: world.birth_environment(one.spec, one.run)
            for name, one in self._components.items()
            if one.alive
        }
        world.base = dict(environment)
        daemon.supervisor.reload(daemon.configuration.adopt(loaded))
        daemon.environment = Environment.REPLACED
        daemon.forget_secrets()
        daemon.link.tell("environ", env=world.base, environment=daemon.environment.value)
        changed = [
            name
            for name, old in before.items()
            if world.birth_environment(self._components[name].spec, self._components[name].run) != old
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
