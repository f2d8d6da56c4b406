"""Calls that wait: what comes to pass meanwhile is heard, and what was asked for before it is not done blindly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.api import errors
from roost.api import types as t
from roost.core.model import Build, ContainerKeys, Kind, Policy, Restart, Spec
from roost.core.states import Component, Desired
from roost.edges.rpc_server import Session
from roost.edges.store import SavedLeases
from roost.supervise.daemon import Daemon
from roost.supervise.handlers.components import ComponentHandlers
from roost.supervise.handlers.leases import LeaseHandlers
from roost.supervise.leasing import Leasing
from support.fake_world import project, supervise
from support.virtual_loop import run_virtual

WEB = Spec(name="web", run=("serve",))
BOX = Spec(name="box", kind=Kind.CONTAINER, container=ContainerKeys(build=Build(context=".")))


class Stand:
    """As much of a daemon as these calls need; a save and a build take until the test says so."""

    def __init__(self, *specs: Spec) -> None:
        self.supervisor, self.world = supervise(*specs)
        self.saved, self.built = asyncio.Event(), asyncio.Event()
        self.leasing = Leasing(
            SavedLeases(),
            self.supervisor,
            self.world.clock,
            tell=lambda *_args, **_more: None,
            mark=lambda: None,
            leave=lambda: None,
            is_alive=lambda _holder: True,
        )
        self.parts: Any = SimpleNamespace(
            supervisor=self.supervisor,
            world=self.world,
            leasing=self.leasing,
            clock=self.world.clock,
            phase="running",
            saver=SimpleNamespace(flush=self.saved.wait),
            configuration=SimpleNamespace(
                applied=True, stale=lambda: False, project=project(*specs), keep=lambda: None
            ),
            keep_configuration=lambda: None,
            contained=SimpleNamespace(all=SimpleNamespace(build=self._build)),
            masker=lambda: SimpleNamespace(mask=str),
            unsaved=list,
            facts=None,
        )
        self.daemon = cast(Daemon, self.parts)

    async def _build(self, _names: list[str], _say: Callable[[str, str], None]) -> dict[str, str]:
        await self.built.wait()
        return {}


def session() -> Session:
    client = SimpleNamespace(
        peer_pid=None,
        connection=object(),
        on_close=lambda _call: None,
        gone=False,
        progress=lambda _what: None,
    )
    return cast(Session, client)


def test_a_lease_that_ends_while_it_is_granted_is_refused_in_words() -> None:
    """S85: by its client's death, say, in the moment in which it is put on record."""

    async def scenario() -> None:
        stand = Stand(WEB)
        acquiring = asyncio.ensure_future(
            LeaseHandlers(stand.daemon).acquire(t.AcquireParams(names=["web"], lease="a"), session())
        )
        await asyncio.sleep(0.1)
        assert "a" in stand.leasing.leases.held
        stand.leasing.end("a", "its client is gone")
        stand.saved.set()
        with pytest.raises(errors.RpcError, match="the lease has ended before"):
            await acquiring

    run_virtual(scenario())


def test_a_shutdown_while_a_lease_is_granted_is_named() -> None:
    """S25: the client hears that there is nothing to be had any more."""

    async def scenario() -> None:
        stand = Stand(WEB)
        acquiring = asyncio.ensure_future(
            LeaseHandlers(stand.daemon).acquire(t.AcquireParams(names=["web"], lease="a"), session())
        )
        await asyncio.sleep(0.1)
        stand.parts.phase = "shutting_down"
        stand.leasing.close(forget=True)
        stand.saved.set()
        with pytest.raises(errors.RpcError) as refused:
            await acquiring
        assert refused.value.kind == "shutting_down"

    run_virtual(scenario())


@pytest.mark.parametrize("waits", [True, False], ids=["in time", "too late"])
def test_a_build_that_ends_in_a_shutdown_starts_nothing(waits: bool) -> None:
    """S25: nothing starts once the end has begun, however long ago it was asked for."""

    async def scenario() -> None:
        stand = Stand(BOX, WEB)
        stand.saved.set()
        up = asyncio.ensure_future(
            ComponentHandlers(stand.daemon).up(
                t.UpParams(build=True, timeout=60.0 if waits else 1.0), session()
            )
        )
        await asyncio.sleep(5)
        stand.parts.phase = "shutting_down"
        stand.built.set()
        with pytest.raises(errors.RpcError) as refused:
            await up
        await asyncio.sleep(1)
        assert refused.value.kind == ("shutting_down" if waits else "timeout")
        assert {one.desired for one in stand.supervisor.components.values()} == {Desired.STOPPED}

    run_virtual(scenario())


@pytest.mark.parametrize("waits", [True, False], ids=["in time", "too late"])
def test_what_a_reload_took_away_during_a_build_is_not_started(waits: bool) -> None:
    """S55: what is left starts all the same."""

    async def scenario() -> None:
        stand = Stand(BOX, WEB)
        stand.saved.set()
        up = asyncio.ensure_future(
            ComponentHandlers(stand.daemon).up(
                t.UpParams(build=True, wait=waits, timeout=60.0 if waits else None), session()
            )
        )
        await asyncio.sleep(5)
        stand.supervisor.reload(project(WEB))
        stand.built.set()
        await asyncio.sleep(0.1)
        assert stand.world.live == {"web": 1}
        up.cancel()

    run_virtual(scenario())


def test_what_a_reload_took_away_while_the_wish_was_saved_is_not_waited_for() -> None:
    """S55: `up` answers for what there still is."""

    async def scenario() -> None:
        stand = Stand(WEB, Spec(name="gone", run=("serve",)))
        handlers = ComponentHandlers(stand.daemon)
        cast(Any, handlers)._statuses = sorted
        up = asyncio.ensure_future(handlers.up(t.UpParams(), session()))
        await asyncio.sleep(0.1)
        stand.supervisor.reload(project(WEB))
        stand.world.end("gone")
        stand.saved.set()
        answer = await up
        assert answer.components == ["gone", "web"] and answer.failed == []

    run_virtual(scenario())


def test_up_does_not_believe_in_what_has_ended_and_was_not_told_yet() -> None:
    """S33: half a second later it is dead, however long its keeper, or the disk, takes to say so."""

    async def scenario() -> None:
        stand = Stand(replace(WEB, restart=Restart(policy=Policy.NEVER)))
        handlers = ComponentHandlers(stand.daemon)
        cast(Any, handlers)._statuses = sorted
        cast(Any, handlers)._failure = failed
        cast(Any, handlers)._progress = lambda _session: None
        stand.saved.set()
        up = asyncio.ensure_future(handlers.up(t.UpParams(), session()))
        await asyncio.sleep(0.2)
        stand.world.ending.add("web")
        await asyncio.sleep(2.0)
        assert not up.done()
        stand.world.end("web", code=7)
        assert (await up).failed == ["web"]

    async def failed(component: Component) -> str:
        return component.name

    run_virtual(scenario())
