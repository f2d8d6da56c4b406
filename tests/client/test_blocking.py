"""The blocking client and the quick call, against a real server (S41, INTERFACES.md §7)."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import roost
from edges.rpc_rig import Rig, paths_in, serving, short_folder
from roost.api import types as t
from roost.client import fast
from roost.client.blocking import Client
from roost.client.streams import Lagged
from roost.platform.paths import ProjectPaths


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder."""
    with short_folder() as found:
        yield found


@pytest.fixture
def paths(folder: Path) -> ProjectPaths:
    """A project in it."""
    return paths_in(folder)


@pytest.fixture
def rig(paths: ProjectPaths) -> Iterator[Rig]:
    """Its server."""
    with serving(Path(paths.endpoint.removeprefix("unix:"))) as found:
        yield found


@pytest.fixture
def client(paths: ProjectPaths) -> Iterator[Client]:
    """A client of the project."""
    with Client(paths) as found:
        yield found


def test_answers_are_typed(rig: Rig, client: Client) -> None:
    """A method gives its type, `call` plain JSON values."""
    assert client.ping() == t.Pong()
    assert client.component_why("api") == t.Why(component="api", ready=True, chain=[])
    assert client.call("component.get", {"name": "api"}) == {"name": "api"}
    assert client.call("component.get", ["api"]) == {"name": "api"}
    assert "methods" in client.rpc_discover()


def test_errors_are_exceptions_with_kind_and_hint(rig: Rig, client: Client) -> None:
    """Each kind of error has its class; others are RoostError with the kind."""
    with pytest.raises(roost.NoSuchComponent, match="no component 'nobody'") as caught:
        client.component_get("nobody")
    assert (caught.value.kind, caught.value.code) == ("no_such_component", -32001)
    with pytest.raises(roost.RoostError) as other:
        client.daemon_status()
    assert other.value.kind == "no_such_method"
    assert client.ping() == t.Pong()


def test_an_answer_of_another_version_is_said_to_be_one(rig: Rig, client: Client) -> None:
    """A result that does not fit its type is an error that names the field, not a wrong value."""
    with pytest.raises(roost.RoostError, match=r"does not fit this version.*`kind`"):
        client.component_get("api")


def test_progress_reaches_the_caller(rig: Rig, client: Client) -> None:
    """A call that waits hands on the progress of its own id, then its result."""
    seen: list[object] = []

    def note(data: dict[str, object]) -> None:
        seen.append(data)
        rig.call(rig.sample.release.set)

    assert client.component_start("api", on_progress=note) == t.Components(components=[])
    assert seen == [{"names": ["api"]}]


def test_silence_has_an_end(rig: Rig, paths: ProjectPaths) -> None:
    """Without answer or progress for `silence` seconds a call raises Timeout; the next one works (S41)."""
    with Client(paths, silence=4.0) as client:
        with pytest.raises(roost.Timeout, match=r"said nothing for 4 s"):
            client.component_start("api")
        assert client.ping() == t.Pong()
    with pytest.raises(roost.Timeout):
        fast.call(paths, "component.start", {"names": ["api"]}, timeout=0.1)


def test_a_client_outlives_the_daemon(paths: ProjectPaths) -> None:
    """After the daemon was replaced the next call connects anew; without one it says so."""
    where = Path(paths.endpoint.removeprefix("unix:"))
    with Client(paths) as client:
        with serving(where):
            assert client.ping() == t.Pong()
        with serving(where):
            assert client.ping() == t.Pong()
        with pytest.raises(roost.DaemonNotRunning):
            client.ping()


def test_a_call_under_way_when_the_daemon_dies_is_not_repeated(rig: Rig, client: Client) -> None:
    """It raises DaemonNotRunning: nobody knows how far it came."""

    def cut(_data: object) -> None:
        rig.call(lambda: [one.abort() for one in rig.server._connections])

    with pytest.raises(roost.DaemonNotRunning, match="before it had answered"):
        client.component_start("api", on_progress=cut)
    assert rig.sample.waiting == 1
    assert client.ping() == t.Pong()


def test_threads_may_share_a_client(rig: Rig, client: Client) -> None:
    """Calls of several threads are made one after the other, each with its own answer."""
    wrong: list[str] = []

    def ask(name: str) -> None:
        for _ in range(50):
            if client.call("component.get", [name]) != {"name": name}:
                wrong.append(name)

    threads = [threading.Thread(target=ask, args=(f"c{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_a_stream_is_read_beside_calls(rig: Rig, client: Client) -> None:
    """Items come typed; a gap comes as `Lagged`; nothing new is None after the time-out."""
    with client.events_stream() as stream:
        assert next(stream) == t.Event(seq=0, at="now", kind="first")
        assert client.ping() == t.Pong()
        assert stream.receive(0.01) is None

        def send(lagged: int, number: int) -> None:
            rig.sample.streams[0].lagged = lagged
            rig.sample.streams[0].send("events.event", t.Event(seq=number, at="now", kind="k"))

        rig.call(lambda: send(0, 1))
        rig.call(lambda: send(3, 2))
        found = [next(stream) for _ in range(3)]
        assert [one.seq if isinstance(one, t.Event) else one for one in found] == [1, Lagged(3), 2]
    rig.wait(lambda: rig.sample.closed == ["events-1"], "the subscription ends with the stream")


def test_an_item_of_another_version_is_said_to_be_one(rig: Rig, client: Client) -> None:
    """A notification that does not fit its type is an error that names the field."""
    with client.events_stream() as stream:
        next(stream)
        rig.call(lambda: rig.sample.streams[0].send("events.event", {"seq": "one", "at": "now", "kind": "k"}))
        with pytest.raises(roost.RoostError, match=r"does not fit this version.*\$\.seq"):
            next(stream)


def test_a_stream_ends_with_the_daemon(paths: ProjectPaths) -> None:
    """A daemon that goes away ends the stream with DaemonNotRunning."""
    with Client(paths) as client:
        with serving(Path(paths.endpoint.removeprefix("unix:"))):
            stream = client.events_stream()
            next(stream)
        with stream, pytest.raises(roost.DaemonNotRunning):
            next(stream)


# -- the quick call ------------------------------------------------------------------------------------


def test_the_quick_call_gives_plain_values_and_the_same_errors(rig: Rig, paths: ProjectPaths) -> None:
    """`fast.call` is what the command uses for status and ping."""
    assert fast.call(paths, "ping") == {"pong": True}
    assert len(fast.call(paths, "logs.query", {"lines": 700_000})["text"]) == 700_000
    with pytest.raises(roost.NoSuchComponent):
        fast.call(paths, "component.get", {"name": "nobody"})
    with pytest.raises(roost.RoostError) as caught:
        fast.call(paths, "component.stop", [["a"]])
    assert caught.value.kind == "internal"


def test_the_quick_call_passes_progress_over(rig: Rig, paths: ProjectPaths) -> None:
    """Notifications are not mistaken for the answer."""
    rig.call(rig.sample.release.set)
    assert fast.call(paths, "component.start", {"names": ["a"]})["components"] == []


def test_the_quick_call_loads_little() -> None:
    """json and a socket, but neither msgspec nor asyncio nor typing's heavy friends (P23, D14)."""
    heavy = ("msgspec", "asyncio", "dataclasses", "inspect", "click", "logging", "subprocess")
    script = f"import sys, roost.client.fast; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=_environment(),
    )
    assert done.stdout.strip() == "[]"


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
