"""A command in a container for a client (`roost exec`), and the container's own terminal (`roost attach`)."""

from __future__ import annotations

import asyncio

from ...api import errors
from ...api.types import ExecOutput, ExecParams, ExecResult, ExecTerminal
from ...core.states import Component
from ...edges.engine.api import EngineError, LogStream, Session
from ...edges.rpc_server import Session as Client
from ..terminals import OpenTerminals
from .terminal import ContainerTerminal
from .whole import Containers

_CODE_LOOKS = 50
_CODE_PAUSE = 0.02
"""The engine knows the exit code a moment after the output has ended."""


async def run_inside(
    containers: Containers, component: Component, params: ExecParams, client: Client, names: OpenTerminals
) -> ExecResult:
    """Run it to its end and pass on its output.  When the client goes, it is killed with its tree.

    Raises RpcError `failed` if it cannot be run, or the engine is lost on the way.
    """
    command = tuple(params.command)
    try:
        running = await containers.open_exec(component, command, params.tty)
    except EngineError as error:
        raise errors.failed(f"{command[0]} cannot be run in {component.name}: {error}") from error
    reading = asyncio.ensure_future(_accompany(running, params, client, names))

    def leave() -> None:
        reading.cancel()

    client.on_close(leave)
    if client.gone:
        leave()  # while it was being started
    try:
        return await reading
    except EngineError as error:
        raise errors.failed(f"the container engine was lost while {command[0]} ran: {error}") from error
    finally:
        await running.close()


async def open_terminal(containers: Containers, component: Component) -> ContainerTerminal:
    """The terminal of the container's first process.  Raises RpcError `failed`."""
    try:
        session = await containers.attach(component)
    except EngineError as error:
        raise errors.failed(f"the terminal of {component.name} cannot be used: {error}") from error
    return ContainerTerminal(session, is_read_elsewhere=True)


async def _accompany(
    running: Session, params: ExecParams, client: Client, names: OpenTerminals
) -> ExecResult:
    if params.tty:
        terminal = ContainerTerminal(running, is_read_elsewhere=False)
        terminal.resize(params.columns, params.rows)
        client.progress(ExecTerminal(terminal=names.lend(terminal)))
    else:
        await running.end_input()
    while (piece := await running.read()) is not None:
        stream, data = piece
        output = ExecOutput(stream="stderr" if stream is LogStream.STDERR else "stdout", data=data)
        while not client.progress(output):
            await client.drained()
    for _ in range(_CODE_LOOKS):
        code = await running.exit_code()
        if code is not None:
            return ExecResult(code=code, signal=None)
        await asyncio.sleep(_CODE_PAUSE)
    raise errors.failed("the container engine does not tell how the command ended")
