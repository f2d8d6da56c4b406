"""The asynchronous client, and that it offers what the blocking one does (INTERFACES.md §7)."""

from __future__ import annotations

import asyncio
import inspect
import threading
import typing
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import roost
from edges.rpc_rig import Rig, paths_in, serving, short_folder
from roost.api import types as t
from roost.api.methods import METHODS
from roost.client.aio import AsyncClient
from roost.client.blocking import Client
from roost.client.streams import Lagged
from roost.platform.paths import ProjectPaths

PATIENCE = 60.0


@pytest.fixture
def paths() -> Iterator[ProjectPaths]:
    """A project in a short folder."""
    with short_folder() as folder:
        yield paths_in(folder)


@pytest.fixture
def rig(paths: ProjectPaths) -> Iterator[Rig]:
    """Its server."""
    with serving(Path(paths.endpoint.removeprefix("unix:"))) as found:
        yield found


def run(
    paths: ProjectPaths, test: Callable[[AsyncClient], Coroutine[Any, Any, None]], **options: Any
) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE), AsyncClient(paths, **options) as client:
            await test(client)

    asyncio.run(bounded())


def test_many_calls_share_a_connection(rig: Rig, paths: ProjectPaths) -> None:
    """Calls under way at the same time get their own answers, a slow one delays none (S42)."""

    async def test(client: AsyncClient) -> None:
        slow = asyncio.create_task(client.component_start("api"))
        names = [f"c{number}" for number in range(200)]
        answers = await asyncio.gather(*(client.call("component.get", [name]) for name in names))
        assert [answer["name"] for answer in answers] == names
        assert not slow.done()
        rig.loop.call_soon_threadsafe(rig.sample.release.set)
        assert await slow == t.Components(components=[])
        assert rig.server.stats.connections == 1

    run(paths, test)


def test_answers_and_errors_are_typed(rig: Rig, paths: ProjectPaths) -> None:
    """As with the blocking client."""

    async def test(client: AsyncClient) -> None:
        assert await client.ping() == t.Pong()
        assert (await client.component_why("api")).component == "api"
        with pytest.raises(roost.NoSuchComponent):
            await client.component_get("nobody")

    run(paths, test)


def test_progress_starts_the_silence_anew(paths: ProjectPaths) -> None:
    """A call outlives its `silence` as long as progress comes, and no longer (S41)."""

    async def chatty(params: t.NamesParams, session: Any) -> t.Components:
        for number in range(1 if params.wait else 10):
            session.progress({"n": number})
            await asyncio.sleep(0.5)
        if params.wait:
            await asyncio.sleep(600)
        return t.Components(components=[])

    async def test(client: AsyncClient) -> None:
        seen: list[Any] = []
        answer = await client.component_start("a", wait=False, on_progress=seen.append)
        assert answer == t.Components(components=[])
        assert seen == [{"n": number} for number in range(10)]
        with pytest.raises(roost.Timeout, match=r"said nothing for 4 s"):
            await client.component_start("a")
        assert await client.ping() == t.Pong()

    where = Path(paths.endpoint.removeprefix("unix:"))
    with serving(where, None, {"component.start": chatty}):
        run(paths, test, silence=4.0)


def test_the_daemons_end_ends_calls_and_the_next_connects_anew(paths: ProjectPaths) -> None:
    """Calls under way raise DaemonNotRunning; a daemon that is back is found by the next call."""
    where = Path(paths.endpoint.removeprefix("unix:"))

    async def test(client: AsyncClient) -> None:
        with serving(where) as first:
            call = asyncio.create_task(client.component_start("api"))
            while not first.sample.waiting:
                await asyncio.sleep(0.002)
            first.loop.call_soon_threadsafe(lambda: [one.abort() for one in first.server._connections])
            with pytest.raises(roost.DaemonNotRunning):
                await call
            assert await client.ping() == t.Pong()
        with serving(where):
            assert await client.ping() == t.Pong()
        with pytest.raises(roost.DaemonNotRunning):
            await client.ping()

    run(paths, test)


def test_a_stream_brings_items_and_gaps(rig: Rig, paths: ProjectPaths) -> None:
    """Typed items in order, `Lagged` where something was missed, DaemonNotRunning at the daemon's end."""

    async def test(client: AsyncClient) -> None:
        async with await client.events_stream() as stream:
            assert await anext(stream) == t.Event(seq=0, at="now", kind="first")

            def send() -> None:
                (subscription,) = rig.sample.streams
                subscription.lagged = 2
                subscription.send("events.event", t.Event(seq=1, at="now", kind="k"))

            rig.loop.call_soon_threadsafe(send)
            assert await anext(stream) == Lagged(2)
            assert await anext(stream) == t.Event(seq=1, at="now", kind="k")
            rig.loop.call_soon_threadsafe(lambda: [one.abort() for one in rig.server._connections])
            with pytest.raises(roost.DaemonNotRunning):
                await anext(stream)

    run(paths, test)


def test_a_stream_that_nobody_takes_is_not_read_on(rig: Rig, paths: ProjectPaths) -> None:
    """What waits in a client is bounded: the daemon notices the slow reader and counts what it missed."""
    total, flooded = 20_000, threading.Event()

    async def test(client: AsyncClient) -> None:
        async with await client.events_stream() as stream:
            await anext(stream)

            def flood() -> None:
                for number in range(total):
                    rig.sample.streams[0].send("events.event", t.Event(seq=number, at="now", kind="k" * 200))
                flooded.set()

            rig.loop.call_soon_threadsafe(flood)
            await asyncio.to_thread(
                flooded.wait, PATIENCE
            )  # nothing is taken; what comes is read up to a bound
            seen = missed = 0
            while seen + missed < total:
                item = await anext(stream)
                missed += item.missed if isinstance(item, Lagged) else 0
                seen += isinstance(item, t.Event)
            assert (seen + missed, missed > 0) == (total, True)

    run(paths, test)


def _methods(client: type) -> dict[str, Any]:
    functions = inspect.getmembers(client, inspect.isfunction)
    return {
        name: function
        for name, function in functions
        if not name.startswith("_") and name not in ("call", "close")
    }


def test_both_clients_have_a_method_for_each_of_the_daemons() -> None:
    """`component.get` is `component_get`, and so on, without exception (INTERFACES.md §7)."""
    wanted = {name.replace(".", "_") for name in METHODS}
    assert set(_methods(Client)) == set(_methods(AsyncClient)) == wanted


@pytest.mark.parametrize("name", sorted(_methods(Client)))
def test_both_clients_agree(name: str) -> None:
    """Each method has the same parameters, defaults and documentation in both; the result is the table's."""
    blocking, awaited = _methods(Client)[name], _methods(AsyncClient)[name]
    ours, theirs = inspect.signature(blocking), inspect.signature(awaited)
    assert list(ours.parameters.values()) == list(theirs.parameters.values())
    assert blocking.__doc__ == awaited.__doc__
    assert inspect.iscoroutinefunction(awaited)
    method = METHODS[name.replace("_", ".", 1)]
    if not method.streams:
        assert typing.get_type_hints(blocking)["return"] == method.result
        assert typing.get_type_hints(awaited)["return"] == method.result


@pytest.mark.parametrize("name", sorted(_methods(Client)))
def test_a_method_takes_what_the_table_has(name: str) -> None:
    """Its parameters are those of the method, and progress where the method waits."""
    method = METHODS[name.replace("_", ".", 1)]
    taken = set(inspect.signature(_methods(Client)[name]).parameters) - {"self"}
    wanted = set(method.params.__struct_fields__) | ({"on_progress"} if method.waits else set())
    assert taken == wanted
