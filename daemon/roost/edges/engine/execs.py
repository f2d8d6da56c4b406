"""Running a command in a container, for probes and people: output, code, and its end when nobody waits any more.

The engine can start such a command but not end it.  So every one carries a mark in its environment, which all that
it starts inherits; what carries the mark is ended from inside the container by its shell, and where it has none,
from outside, as far as its processes are there to be seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import uuid
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from roost.platform import identity
from roost.platform.signals import KILL

from .api import QUICK, EngineError, ErrorKind, ExecResult
from .calls import Row
from .client import Client
from .frames import demultiplexed
from .hijack import Hijacked, exec_code, start_exec
from .sessions import EngineSession

if TYPE_CHECKING:
    from docker.api.client import APIClient

MARK = "ROOST_EXEC"
MOST_OUTPUT = 65536
_MOMENTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between looks whether a command whose output has ended has ended itself."""
_ROUNDS = 3  # a program may start another while it is being looked for
_KILL = (
    "for round in 1 2 3; do for p in /proc/[0-9]*; do "
    'if grep -q "$0" "$p/environ" 2>/dev/null; then kill -9 "${p#/proc/}" 2>/dev/null; fi; done; done; true'
)


class _Output:
    """What has come so far; filled by one thread, taken by another."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._room = MOST_OUTPUT
        self.stream: Hijacked | None = None
        self.given_up = threading.Event()

    def add(self, data: bytes) -> None:
        if self._room > 0:
            self._parts.append(data[: self._room])
            self._room -= len(data)

    def text(self) -> bytes:
        return b"".join(self._parts)


class Execs:
    """Commands inside containers."""

    def __init__(self, client: Client, quick: Row, patient: Row) -> None:
        self._client = client
        self._quick = quick
        self._patient = patient
        self._ending: set[asyncio.Task[None]] = set()

    async def execute(
        self, container: str, command: tuple[str, ...], timeout: float, environment: Mapping[str, str] | None
    ) -> ExecResult:
        """Run it and wait; what takes longer than `timeout` seconds is ended, its children, too."""
        what = f"exec {command[0]!r} in container {container}"
        mark = uuid.uuid4().hex
        variables = {**(environment or {}), MARK: mark}
        output = _Output()
        begun = asyncio.get_running_loop().time()
        number = await self._quick.run(
            lambda: self._client.call(lambda sdk: _create(sdk, container, command, variables), timeout, what),
            timeout,
            what,
        )
        left = max(0.0, timeout - (asyncio.get_running_loop().time() - begun))
        try:
            await self._patient.run(
                lambda: self._client.call(lambda sdk: _read(sdk, number, output), timeout + QUICK, what),
                left,
                what,
            )
        except (EngineError, asyncio.CancelledError) as error:
            output.given_up.set()
            if output.stream is not None:
                output.stream.close()
            if isinstance(error, EngineError) and error.kind is not ErrorKind.TIMEOUT:
                raise
            self._end(container, mark)
            if isinstance(error, EngineError) and output.stream is not None:
                return ExecResult(code=None, output=output.text())  # the command hangs, not the engine
            raise
        code = await self._quick.run(
            lambda: self._client.call(lambda sdk: _code_at_end(sdk, number), QUICK, what),
            QUICK,
            what,
        )
        if code in (126, 127) and b"exec failed" in output.text():
            text = output.text().decode("utf-8", "replace").strip()
            raise EngineError(ErrorKind.REFUSED, f"{what}: {text} (the program must be in the image)")
        return ExecResult(code=code, output=output.text())

    async def open(
        self, container: str, command: tuple[str, ...], tty: bool, environment: Mapping[str, str] | None
    ) -> EngineSession:
        """Start it; it ends by itself, or when its session is closed.  Raises EngineError."""
        what = f"exec {command[0]!r} in container {container}"
        mark = uuid.uuid4().hex
        variables = {**(environment or {}), MARK: mark}
        given_up = threading.Event()

        def begin(sdk: APIClient) -> tuple[str, Hijacked]:
            number = sdk.exec_create(container, list(command), stdin=True, tty=tty, environment=variables)[
                "Id"
            ]
            if given_up.is_set():
                raise EngineError(ErrorKind.TIMEOUT, f"{what}: nobody waits for it any more")
            wire = start_exec(sdk, number, tty)
            if given_up.is_set():
                wire.finish()
                self._kill_inside(container, mark)
            return str(number), wire

        try:
            number, wire = await self._quick.run(lambda: self._client.call(begin, QUICK, what), QUICK, what)
        except (EngineError, asyncio.CancelledError):
            given_up.set()
            raise
        leave = partial(self._end, container, mark)
        return EngineSession(self._client, self._quick, wire, container, number, tty, leave)

    def _end(self, container: str, mark: str) -> None:
        task = asyncio.create_task(self._kill(container, mark))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _kill(self, container: str, mark: str) -> None:
        """End all that carries the mark, from inside, then from outside."""
        what = f"ending a command in container {container}"
        with contextlib.suppress(EngineError):  # a container that is gone, or an engine that is
            await self._patient.run(lambda: self._kill_inside(container, mark), QUICK, what)

    def _kill_inside(self, container: str, mark: str) -> None:
        command = ("sh", "-c", _KILL, f"{MARK}={mark}")

        def kill(sdk: APIClient) -> None:
            sdk.exec_start(_create(sdk, container, command, {}), detach=False)

        try:
            self._client.call(kill, QUICK, f"ending a command in container {container}")
        finally:
            _kill_outside(mark)

    async def close(self) -> None:
        """Wait for what is being ended, a little."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=1.0)


def _create(sdk: APIClient, container: str, command: tuple[str, ...], variables: Mapping[str, str]) -> str:
    return str(sdk.exec_create(container, list(command), environment=dict(variables))["Id"])


def _code_at_end(sdk: APIClient, number: str) -> int | None:
    """The same, when its output has ended: a moment before it has itself."""
    for pause in _MOMENTS:
        code = exec_code(sdk, number)
        if code is not None:
            return code
        time.sleep(pause)
    return exec_code(sdk, number)


def _read(sdk: APIClient, number: str, output: _Output) -> None:
    """Start it and take its output until it ends."""
    output.stream = stream = start_exec(sdk, number, tty=False)
    try:
        if not output.given_up.is_set():
            for _, data in demultiplexed(stream.blocks()):
                output.add(data)
    finally:
        stream.finish()


def _kill_outside(mark: str) -> None:
    """Where the engine's processes are ours to see (Linux, same user or root): the mark is the proof."""
    for _ in range(_ROUNDS):
        found = [
            pid for pid in identity.all_pids() if identity.environment_values(pid, [MARK]).get(MARK) == mark
        ]
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, KILL)
