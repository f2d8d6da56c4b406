"""Running a command for a client with a terminal of its own (`roost exec` from a terminal)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from ..api import errors
from ..api.types import ExecOutput, ExecResult, ExecTerminal
from ..edges.rpc_server import Session
from ..edges.terminal import Terminal
from ..platform import groups, identity, terminals
from .terminals import OpenTerminals


async def run_in_terminal(
    argv: list[str],
    folder: str,
    environment: Mapping[str, str],
    session: Session,
    size: tuple[int, int],
    names: OpenTerminals,
) -> ExecResult:
    """Run it to its end, pass on what its terminal shows, and let the client type at it.

    When the client goes, it is killed with its tree.  Raises RpcError `failed` if it cannot be run.
    """
    try:
        master, slave = terminals.open_terminal()
    except OSError as error:
        raise errors.failed(f"there is no terminal: {error.strerror}") from error
    terminal = Terminal(master)
    os.close(master)
    terminal.resize(*size)
    try:
        process = await _started(argv, folder, environment, slave)
        session.progress(ExecTerminal(terminal=names.lend(terminal)))
        return await _accompanied(process, terminal, session)
    finally:
        terminal.close()


async def _started(
    argv: list[str], folder: str, environment: Mapping[str, str], slave: int
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env={"TERM": "xterm-256color", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=terminals.become_controlling,
        )
    except OSError as error:
        raise errors.failed(
            f"{argv[0]} cannot be run: {error.strerror}", "give a program that is in the component's PATH"
        ) from error
    finally:
        os.close(slave)


async def _accompanied(
    process: asyncio.subprocess.Process, terminal: Terminal, session: Session
) -> ExecResult:
    began = identity.start_time(process.pid)

    def end() -> None:
        if process.returncode is None:
            groups.kill_tree(process.pid, began or 0)

    session.on_close(end)
    if session.gone:
        end()  # while it was being started
    ended = asyncio.ensure_future(process.wait())
    try:
        await _show(terminal, session, ended)
        code = await ended
    finally:
        ended.cancel()
        end()
    return ExecResult(code=code, signal=None) if code >= 0 else ExecResult(code=None, signal=-code)


async def _show(terminal: Terminal, session: Session, ended: asyncio.Future[int]) -> None:
    """Pass on what the terminal shows; what it left in the background may go on for ever and is not waited for."""
    while not ended.done():
        reading = asyncio.ensure_future(terminal.read())
        both: set[asyncio.Future[Any]] = {reading, ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            reading.cancel()
        elif data := reading.result():
            await _pass_on(data, session)
        else:
            return
    while data := terminal.read_now():
        await _pass_on(data, session)


async def _pass_on(data: bytes, session: Session) -> None:
    while not session.progress(ExecOutput(stream="stdout", data=data)):
        await session.drained()
