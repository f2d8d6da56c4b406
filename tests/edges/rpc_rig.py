"""A real server on a real socket in a thread of its own, and a plain socket to talk to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from roost.api import errors
from roost.api import types as t
from roost.edges.rpc_server import Handlers, Limits, RpcServer, Session
from roost.platform import endpoint
from roost.platform.paths import ProjectPaths

PATIENCE = 60.0


class Sample:
    """Handlers of every sort; `release` lets the waiting ones go on."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.waiting = 0
        self.cancelled = 0
        self.closed: list[str] = []
        self.streams: list[Any] = []
        self.drained = 0

    def table(self) -> Handlers:
        return {
            "component.get": self.get,
            "component.why": self.why,
            "component.start": self.start,
            "component.stop": self.stop,
            "component.signal": self.defective,
            "events.stream": self.stream,
            "logs.query": self.big,
        }

    def get(self, params: t.NameParams, _session: Session) -> dict[str, str]:
        if params.name == "nobody":
            raise errors.no_such_component(params.name, ["somebody"])
        return {"name": params.name}

    async def why(self, params: t.NameParams, _session: Session) -> t.Why:
        await asyncio.sleep(0)
        return t.Why(component=params.name, ready=True, chain=[])

    async def start(self, params: t.NamesParams, session: Session) -> t.Components:
        session.progress({"names": params.names})
        session.on_close(lambda: self.closed.append(params.names[0]))
        self.waiting += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return t.Components(components=[])

    async def stop(self, params: t.NamesParams, _session: Session) -> t.Components:
        await asyncio.sleep(0)
        raise RuntimeError("a secret detail")

    def defective(self, params: t.SignalParams, _session: Session) -> object:
        return {"not": "json", "value": object()} if params.signal == "USR1" else 1 / 0

    def stream(self, _params: t.EventFollow, session: Session) -> t.Subscribed:
        subscription = session.subscribe("events")
        self.streams.append(subscription)
        subscription.on_close(lambda: self.closed.append(subscription.id))
        subscription.on_drained(self._note_drained)
        subscription.send("events.event", t.Event(seq=0, at="now", kind="first"))
        return t.Subscribed(subscription=subscription.id)

    def big(self, params: t.LogQuery, _session: Session) -> dict[str, str]:
        return {"text": "x" * params.lines}

    def _note_drained(self) -> None:
        self.drained += 1


class Rig:
    """A running server; `call` runs a function in its loop."""

    def __init__(
        self, server: RpcServer, sample: Sample, loop: asyncio.AbstractEventLoop, path: Path
    ) -> None:
        self.server = server
        self.sample = sample
        self.loop = loop
        self.path = path
        self.log: list[str] = []

    def call(self, function: Callable[[], Any]) -> Any:
        async def run() -> Any:
            result = function()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Until `condition` holds in the server's loop."""

        async def until() -> None:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await asyncio.sleep(0.002)

        try:
            asyncio.run_coroutine_threadsafe(until(), self.loop).result(PATIENCE + 5)
        except TimeoutError:
            raise AssertionError(f"never: {what}") from None

    def peer(self) -> Peer:
        return Peer(f"unix:{self.path}")


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose name leaves room for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="rt"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def paths_in(folder: Path) -> ProjectPaths:
    """A project `shop` in a short folder, with its state and run folders."""
    root = folder / "shop"
    state = root / ".roost"
    state.mkdir(parents=True)
    (root / "roost.yaml").write_text("version: 1\n")
    (folder / "run").mkdir()
    return ProjectPaths(str(root.resolve()), str(state.resolve()), str(folder / "run"))


@contextmanager
def serving(path: Path, limits: Limits | None = None, handlers: Handlers | None = None) -> Iterator[Rig]:
    """A server at `path` until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    log: list[str] = []

    async def make() -> Rig:
        sample = Sample()
        table = sample.table() if handlers is None else handlers
        server = RpcServer(f"unix:{path}", table, log=log.append, now=time.monotonic, limits=limits)
        await server.start()
        return Rig(server, sample, loop, path)

    try:
        rig = asyncio.run_coroutine_threadsafe(make(), loop).result(PATIENCE)
        rig.log = log
        try:
            yield rig
        finally:
            asyncio.run_coroutine_threadsafe(rig.server.close(grace=0.1), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


class Peer:
    """A client that may say anything."""

    def __init__(self, where: str) -> None:
        self.socket: socket.socket = endpoint.connect(where, PATIENCE)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *messages: object) -> None:
        """Each message on its line; bytes as they are."""
        for message in messages:
            data = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.socket.sendall(data + b"\n")

    def receive(self) -> Any:
        """The next line; None at the end of the connection."""
        while b"\n" not in self._rest:
            piece = self.socket.recv(1 << 20)
            if not piece:
                assert not self._rest, f"half a line: {self._rest!r}"
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def ask(self, method: str, params: object = None, identity: object = 1) -> Any:
        """One call and its answer, notifications passed over."""
        message = {"jsonrpc": "2.0", "method": method, "id": identity}
        if params is not None:
            message["params"] = params
        self.send(message)
        while True:
            answer = self.receive()
            if answer is None or "method" not in answer:
                return answer


def ping(identity: object) -> dict[str, object]:
    """A request that is always answered."""
    return {"jsonrpc": "2.0", "method": "ping", "id": identity}


def pong(identity: object) -> dict[str, object]:
    """… by this."""
    return {"jsonrpc": "2.0", "result": {"pong": True}, "id": identity}
