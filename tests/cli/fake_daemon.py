"""Somebody who answers on a project's endpoint what a test has told it to, and remembers what it was asked."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.snapshots import component, snapshot
from roost.platform import endpoint
from roost.platform.paths import ProjectPaths


class RpcFailure(Exception):
    """What an answer throws to be an error."""

    def __init__(self, code: int, message: str, **data: Any) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


Answer = Callable[[dict[str, Any], Callable[..., None]], Any]
"""From the parameters, and a function that sends a `progress` with its keywords, to the result."""


class FakeDaemon:
    """A listening socket, a thread for each client, and a table of answers."""

    def __init__(self, paths: ProjectPaths) -> None:
        Path(paths.run).mkdir(parents=True, mode=0o700, exist_ok=True)
        self.asked: list[tuple[str, Any]] = []
        self.snapshot = snapshot(component("db"), component("api", depends_on=["db"]))
        self.answers: dict[str, Answer] = {
            "ping": lambda params, progress: {"pong": True},
            "project.status": lambda params, progress: self.snapshot,
            "daemon.status": lambda params, progress: self.snapshot["daemon"],
        }
        self.streams: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.begun: dict[str, dict[str, Any]] = {}  # what more it answers to a subscription
        self._clients: list[socket.socket] = []
        self.endpoint_path = paths.endpoint.partition(":")[2]
        self._listener = endpoint.listen(paths.endpoint)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def fail(self, method: str, code: int, message: str, **data: Any) -> None:
        """From now on this method answers with an error."""

        def answer(params: dict[str, Any], progress: Callable[..., None]) -> Any:
            raise RpcFailure(code, message, **data)

        self.answers[method] = answer

    def asked_for(self, method: str) -> Any:
        """The parameters of the last call of a method."""
        return [params for name, params in self.asked if name == method][-1]

    def close(self) -> None:
        """Answer no more."""
        self._end([self._listener])
        self._threads[0].join(10)  # now nobody new can come
        self._end(self._clients)
        for thread in self._threads:
            thread.join(10)

    def listen_no_more(self) -> None:
        """From now on nobody can connect; who is connected gets his answer."""
        self._end([self._listener])
        os.unlink(self.endpoint_path)

    def drop_clients(self) -> None:
        """End every connection, and go on listening."""
        clients, self._clients = self._clients, []
        self._end(clients)

    @staticmethod
    def _end(sockets: list[socket.socket]) -> None:
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client.makefile("rwb", buffering=0) as stream:
            try:
                for line in stream:
                    self._answer(json.loads(line), stream)
            except (OSError, ValueError):
                return

    def _answer(self, request: dict[str, Any], stream: Any) -> None:
        method, params = request["method"], request.get("params")
        self.asked.append((method, params))

        def send(message: dict[str, Any]) -> None:
            stream.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

        def progress(**news: Any) -> None:
            send({"method": "progress", "params": {"id": request["id"], **news}})

        if method in self.streams:
            send({"id": request["id"], "result": {"subscription": method, **self.begun.get(method, {})}})
            for name, payload in self.streams[method]:
                send({"method": name, "params": {"subscription": method, **payload}})
            return
        try:
            answer = self.answers.get(method)
            if answer is None:
                raise RpcFailure(-32601, f"there is no method {method!r}")
            send({"id": request["id"], "result": answer(params or {}, progress)})
        except RpcFailure as failure:
            send({"id": request["id"], "error": failure.error})
