"""Running a command for a client as a component would run: same folder, same environment (`roost exec`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..api import errors
from ..api.types import ExecOutput, ExecResult, Stream
from ..edges.rpc_server import Session
from ..platform import groups, identity

_PIECE = 32 * 1024


async def run_command(
    argv: list[str], folder: str, environment: Mapping[str, str], session: Session
) -> ExecResult:
    """Run it to its end and pass on its output.  When the client goes, it is killed with its tree.

    Raises RpcError `failed` if it cannot be run.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise errors.failed(
            f"{argv[0]} cannot be run: {error.strerror}", "give a program that is in the component's PATH"
        ) from error
    began = identity.start_time(process.pid)

    def end() -> None:
        if process.returncode is None:
            groups.kill_tree(process.pid, began or 0)

    session.on_close(end)
    if session.gone:
        end()  # while it was being started
    try:
        await asyncio.gather(
            _pass_on(process.stdout, "stdout", session), _pass_on(process.stderr, "stderr", session)
        )
        code = await process.wait()
    finally:
        end()
    return ExecResult(code=code, signal=None) if code >= 0 else ExecResult(code=None, signal=-code)


async def _pass_on(reader: asyncio.StreamReader | None, stream: Stream, session: Session) -> None:
    while reader is not None and (data := await reader.read(_PIECE)):
        while not session.progress(ExecOutput(stream=stream, data=data)):
            await session.drained()
