"""An engine that hangs, ends, is killed and comes back: nobody waits longer than his limit, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from edges.engine_rig import order, run, talking_to, until
from edges.test_engine_logs import BOTH, Notes, expect_each_once
from roost.edges.engine import events as engine_events
from roost.edges.engine.api import (
    Action,
    Connected,
    Engine,
    EngineError,
    EngineEvent,
    ErrorKind,
    Happened,
    Health,
    Healthcheck,
    Lost,
    Publish,
    Status,
)
from roost.edges.engine.capture import EngineCapture
from roost.edges.engine.client import Client
from roost.edges.engine.connect import connect
from roost.edges.engine.docker import PATIENT_THREADS, QUICK_THREADS, DockerEngine
from roost.edges.engine.locate import locate
from support.engine import RealEngine
from support.virtual_loop import run_virtual

DAEMON = Path(__file__).resolve().parents[2] / "daemon"
LABEL = {"roost.project": "events"}


class Heard:
    """All events of a project, as they come."""

    def __init__(self, engine: Engine, since: float | None = None) -> None:
        self.all: list[EngineEvent] = []
        self._task = asyncio.create_task(self._listen(engine, since))

    async def _listen(self, engine: Engine, since: float | None) -> None:
        async for event in engine.events(LABEL, since):
            self.all.append(event)

    async def hears(self, kind: type, count: int = 1) -> None:
        async def enough() -> bool:
            return sum(isinstance(event, kind) for event in self.all) >= count

        await until(enough, f"{count} times {kind.__name__}", within=60)

    def of(self, container: str) -> list[Action]:
        return [event.action for event in self.happened(container)]

    def happened(self, container: str) -> list[Happened]:
        return [event for event in self.all if isinstance(event, Happened) and event.container == container]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def _started(engine: Engine, *command: str, **fields: object) -> str:
    container = await engine.create(order(*command, labels=LABEL, **fields))
    await engine.start(container)
    return container


def test_what_happens_to_containers_is_told(container_engine: RealEngine) -> None:
    """Drift: start, die with its code, kill, rename, pause, health, OOM, destroy; ours alone, each once."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            heard = Heard(engine)
            await heard.hears(Connected)
            stranger = await engine.create(order("true"))
            await engine.start(stranger)
            check = Healthcheck(test=("CMD", "true"), interval=0.2)
            container = await _started(engine, "sh", "-c", "sleep 1; exit 5", healthcheck=check)
            eat = ("sh", "-c", "tail /dev/zero")
            eaters = [await _started(engine, *eat, memory=16 * 1024 * 1024) for _ in range(4)]

            async def told() -> bool:
                return all(Action.DIED in heard.of(each) for each in (container, *eaters))

            await until(told, "their ends")
            await engine.rename(container, "roost-test-renamed")
            await engine.remove(container)
            paused = await _started(engine)
            pause = engine._client  # type: ignore[attr-defined]
            await asyncio.to_thread(pause.call, lambda sdk: sdk.pause(paused), 10, "pause")
            assert (await engine.inspect(paused)).status is Status.PAUSED
            await asyncio.to_thread(pause.call, lambda sdk: sdk.unpause(paused), 10, "unpause")
            await engine.stop(paused, "KILL", 0)
            await engine.remove(paused)

            async def removed() -> bool:
                return Action.REMOVED in heard.of(container) and Action.REMOVED in heard.of(paused)

            await until(removed, "the removals")
            assert [action for action in heard.of(container) if action is not Action.HEALTH] == [
                Action.CREATED,
                Action.STARTED,
                Action.DIED,
                Action.RENAMED,
                Action.REMOVED,
            ]
            assert {event.exit_code for event in heard.happened(container)} == {None, 5}
            told_of = {event.action: event for event in heard.happened(container)}
            assert told_of[Action.DIED].exit_code == 5
            assert told_of[Action.RENAMED].name == "roost-test-renamed"
            assert told_of[Action.STARTED].labels["roost.project"] == "events"
            if not container_engine.is_podman:  # which leaves checks to systemd, and memory to the kernel
                assert told_of[Action.HEALTH].health is Health.HEALTHY
                # its watch for that and the end of what is watched race: it tells of nearly each, early or late
                assert any(Action.OOM in heard.of(each) for each in eaters)
                for each in eaters:
                    others = [action for action in heard.of(each) if action is not Action.OOM]
                    assert others == [Action.CREATED, Action.STARTED, Action.DIED]
                    assert heard.of(each)[:2] == others[:2]
            assert heard.of(paused)[2:4] == [Action.PAUSED, Action.UNPAUSED]
            assert not heard.happened(stranger)
            since = told_of[Action.DIED].at_ns / 1e9
            await heard.close()
            again = Heard(engine, since)
            await again.hears(Happened, 3)
            assert again.of(container)[-2:] == [Action.RENAMED, Action.REMOVED]
            await again.close()

    run(test)


def test_a_hanging_engine_delays_nobody(
    container_engine: RealEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P12: SIGSTOP: each call ends at its own limit, the loop goes on, threads are bounded, all recovers."""
    monkeypatch.setattr(engine_events, "SILENCE", 0.5)
    monkeypatch.setattr(engine_events, "ANSWER", 1.0)

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            assert isinstance(engine, DockerEngine)
            container = await _started(engine, "sh", "-c", BOTH.format(count=200, pause="usleep 20000;"))
            capture = EngineCapture(engine, str(tmp_path), Notes())
            capture.start("web", 1, container, 10**6, 5)
            heard = Heard(engine)
            await heard.hears(Connected)
            before = threading.active_count()
            with container_engine.stopped():
                lags, limit = [], 1.0
                watching = asyncio.create_task(_watch_loop(lags))
                begun = time.monotonic()
                calls = [engine.inspect(container, limit=limit) for _ in range(3 * QUICK_THREADS)]
                calls += [engine.stop(container, "TERM", 0, limit=limit), engine.ping(limit=limit)]
                calls += [
                    engine.execute(container, ("true",), limit),
                    engine.remove("roost-none", limit=limit),
                ]
                results = await asyncio.gather(*calls, return_exceptions=True)
                took = time.monotonic() - begun
                kinds = {error.kind for error in results if isinstance(error, EngineError)}
                assert kinds == {ErrorKind.TIMEOUT} and len(results) == len(calls)
                assert took < limit + 20  # by itself the library waits a minute; the machine may be busy
                await heard.hears(Lost)

                async def beats() -> bool:
                    return len(lags) > 50

                await until(beats, "fifty beats of the loop")
                assert engine.busy <= QUICK_THREADS + PATIENT_THREADS
                watching.cancel()
                assert sorted(lags)[len(lags) * 9 // 10] < 0.5, "it is held up again and again"
            await engine.inspect(container, limit=30)
            await heard.hears(Connected, 2)

            async def idle() -> bool:
                return engine.busy == 0

            await until(idle, "the end of all calls")

            async def threads() -> bool:
                return threading.active_count() <= before

            await until(threads, "the end of the threads")
            await capture.drained("web", 1)
            await capture.close()
            await heard.close()
        expect_each_once(tmp_path, 200)

    run(test)


async def _watch_loop(lags: list[float]) -> None:
    while True:
        begun = time.monotonic()
        await asyncio.sleep(0.01)
        lags.append(time.monotonic() - begun - 0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_an_engine_that_comes_back_is_found_again(
    container_engine: RealEngine, tmp_path: Path, number: signal.Signals
) -> None:
    """The engine is ended and started: calls say so meanwhile, events and logs go on, no line is lost or doubled."""

    last_word = False

    async def test() -> None:
        nonlocal last_word
        async with talking_to(container_engine) as engine:
            heard = Heard(engine)
            await heard.hears(Connected)
            capture = EngineCapture(engine, str(tmp_path), Notes())
            script = "trap 'echo out 100; exit 0' TERM; " + BOTH.format(count=100, pause="")
            container = await _started(engine, "sh", "-c", script + "; while :; do sleep 0.05; done")
            capture.start("web", 1, container, 10**6, 5)
            draining = asyncio.create_task(capture.drained("web", 1))

            async def stored() -> bool:
                return (tmp_path / "web.log").exists() and b"err 99\n" in (tmp_path / "web.log").read_bytes()

            await until(stored, "the first hundred lines")
            await asyncio.to_thread(container_engine.end, number)
            await heard.hears(Lost)
            with pytest.raises(EngineError) as caught:
                await engine.ping()
            assert caught.value.kind is ErrorKind.UNAVAILABLE
            assert container_engine.host in caught.value.message and "start Docker" in caught.value.message
            assert not draining.done()
            await asyncio.to_thread(container_engine.start)
            await heard.hears(Connected, 2)
            (seen,) = await engine.list(LABEL)
            assert seen.id == container and seen.is_up is container_engine.is_podman
            if seen.is_up:  # Podman's containers do not need it
                await engine.stop(container, "TERM", 10)
            await draining
            later = await _started(engine, "true", ports=(Publish(container=80, host=0),))

            async def told() -> bool:
                return Action.DIED in heard.of(later)

            await until(told, "an event of the new engine")
            assert heard.of(later).count(Action.DIED) == 1
            # A killed engine's successor ends the container, which may still say something, or not.
            last_word = b"out 100\n" in (tmp_path / "web.log").read_bytes()
            assert last_word or number is signal.SIGKILL
            await capture.close()
            await heard.close()
        expect_each_once(tmp_path, 100, more=("out 100",) if last_word else ())

    run(test, within=200)


class Events:
    """An engine's events, in memory: what it keeps, and from when on it was asked for them."""

    version: dict[str, object] = {}
    is_podman = False

    def __init__(self) -> None:
        self.kept: list[tuple[int, str]] = []
        self.asked: list[float | None] = []

    def call(self, work: object, limit: float, what: str) -> None:
        return

    def stream(self, path: str, params: dict[str, str], what: str) -> Any:
        since = float(params["since"]) if "since" in params else None
        self.asked.append(since)
        blocks = [
            json.dumps({"Action": "die", "Actor": {"ID": name}, "timeNano": at_ns}).encode()
            for at_ns, name in self.kept
            if since is not None and at_ns >= since * 1e9
        ]
        return Answer(blocks)


class Answer(list[bytes]):
    """A stream that has ended."""

    def finish(self) -> None:
        return


def test_events_whose_times_are_no_order_are_told_each_once() -> None:
    """P11: stamped before their turn, two come the wrong way round; the engine's clock is set back: none is lost."""
    engine, told = Events(), list[EngineEvent]()
    second = 1_000_000_000
    reader = engine_events._Reader(cast(Client, engine), {}, 100.0, told.append)
    for kept in (
        [(101 * second, "a"), (101 * second + 500, "c"), (101 * second + 300, "b")],
        [(102 * second, "d"), (101 * second + 900_000_000, "e")],
        [(50 * second, "f"), (50 * second, "g")],
    ):
        engine.kept += kept
        reader._read(reader._connect())
    reader._read(reader._connect())
    assert [event.container for event in told if isinstance(event, Happened)] == ["a", "c", "b", "d", "e"]
    assert engine.asked[0] == 100.0 and engine.asked[1] == 101.0

    engine.kept = [(50 * second, "f"), (50 * second, "g")]
    engine.asked.clear()
    live = Answer(
        json.dumps({"Action": "die", "Actor": {"ID": name}, "timeNano": at_ns}).encode()
        for at_ns, name in engine.kept
    )
    reader._read(cast(Any, live))
    reader._read(reader._connect())
    assert [event.container for event in told if isinstance(event, Happened)][5:] == ["f", "g"]


def test_an_engine_that_is_slow_with_each_answer_fails_as_one_that_hangs() -> None:
    """P12: the list comes just in time, the look at each container does not: it is the engine's fault, as always."""

    class Slow(DockerEngine):
        async def _ask(self, work: object, limit: float, what: str) -> Any:
            await asyncio.sleep(0.9 * limit)
            return [{"Id": "c1"}]

    async def test() -> None:
        with pytest.raises(EngineError) as caught:
            await Slow(lambda: locate({})).list({}, limit=5)
        assert caught.value.kind is ErrorKind.TIMEOUT

    run_virtual(test())


def test_no_engine_at_all(tmp_path: Path) -> None:
    """Making an engine neither talks nor waits nor imports; calls and events say where nobody is, and why."""

    async def test() -> None:
        engine = connect({"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "HOME": str(tmp_path)})
        assert engine.endpoint == f"unix://{tmp_path}/none.sock"
        with pytest.raises(EngineError) as caught:
            await engine.inspect("any")
        assert caught.value.kind is ErrorKind.UNAVAILABLE
        assert "there is no such socket" in caught.value.message and "DOCKER_HOST" in caught.value.message
        heard = Heard(engine)
        await heard.hears(Lost)
        await heard.close()
        await engine.close()

    run(test)


def test_the_library_comes_without_what_guesses_charsets() -> None:
    """P25: 3 MB for web pages; it can be had all the same by whoever wants it."""
    script = (
        f"import sys; sys.path.insert(0, {str(DAEMON)!r}); from roost.edges.engine import client;"
        "client._import_library(); import requests; print(*sys.modules);"
        "import importlib; importlib.invalidate_caches(); import charset_normalizer"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert "docker" in modules and not {"charset_normalizer", "chardet"} & modules


def test_an_engine_is_free_until_the_first_question() -> None:
    """P25: to know of an engine imports neither the library nor what it brings (12 MB)."""
    script = (
        f"import sys; sys.path.insert(0, {str(DAEMON)!r}); import os;"
        "from roost.edges.engine.connect import connect; from roost.edges.engine.capture import EngineCapture;"
        "connect(os.environ).endpoint; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not {"docker", "requests", "urllib3"} & set(done.stdout.split())
