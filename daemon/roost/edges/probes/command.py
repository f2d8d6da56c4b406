"""The `exec` probe: a command in the component's folder with its environment; exit code 0 is success.

At its time-out it is killed with its whole tree.  Its output goes nowhere but into the sentence that says
what it found, and is bounded.
"""

from __future__ import annotations

import asyncio
import errno
import subprocess  # asyncio brings it along anyway
from collections.abc import Callable, Mapping

from msgspec import Struct

from roost.core.model import ExecProbe
from roost.platform import groups, identity

from .answer import Answer, Context

_OUTPUT_ROOM = 4096
_LINE_ROOM = 200
_END_OF_OUTPUT = 0.05
"""Seconds that an ended command's last output may take; a descendant that keeps the pipe delays nothing."""
_REAP = 1.0
"""Seconds that a killed command may take to be gone."""
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Windows: a probe flashes no console."""


class Turns:
    """Lets so many commands start at a time, so that fifty at once do not make each other time out.

    A command gives its turn back when it ends, and after `FRESH` seconds in any case: what starts costs
    processor time, what hangs does not, so a hanging one keeps the others waiting no longer than that (P12).
    """

    AT_ONCE = 16
    FRESH = 0.1

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(self.AT_ONCE)

    async def take(self) -> Callable[[], None]:
        """Wait for a turn; returns what gives it back (calling that again does nothing)."""
        await self._free.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                timer.cancel()
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self.FRESH, give_back)
        return give_back


class Finished(Struct, frozen=True):
    """How a command ended (negative: by a signal; None: nobody knows), and the last of its output."""

    code: int | None
    output: bytes

    def text(self) -> str:
        """How it ended, in a few words."""
        if self.code is None:
            return "ended with an unknown exit code"
        return f"killed by signal {-self.code}" if self.code < 0 else f"exit code {self.code}"

    def last_line(self) -> str:
        """The last line that is not empty, cut to a length that fits a sentence."""
        lines = self.output.decode("utf-8", "replace").splitlines()
        line = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return line if len(line) <= _LINE_ROOM else line[: _LINE_ROOM - 1] + "…"


class _Command(asyncio.SubprocessProtocol):
    """Keeps the last of the output, and knows when the process and its output have ended."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.output = b""
        self.ended: asyncio.Future[None] = loop.create_future()
        self.silent: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output = (self.output + data)[-_OUTPUT_ROOM:]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if not self.silent.done():
            self.silent.set_result(None)

    def process_exited(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def subject(probe: ExecProbe) -> str:
    """What a look does, for the text of a time-out."""
    return " ".join(probe.command)


async def look(probe: ExecProbe, context: Context) -> Answer:
    """Run the command once.  Being cancelled kills it and everything that it has started."""
    try:
        ended = await run(list(probe.command), context.folder, context.environment())
    except OSError as error:
        return Answer(False, _cannot_run(probe, context, error))
    line = ended.last_line()
    return Answer(ended.code == 0, f"{ended.text()}: {line}" if line else ended.text())


async def run(argv: list[str], folder: str, environment: Mapping[str, str]) -> Finished:
    """Run a command to its end.  Being cancelled kills it and everything that it has started.

    Raises OSError if it cannot be run.
    """
    starting = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            _Command,
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            creationflags=_NO_WINDOW,
        )
    )
    try:
        await asyncio.wait(
            {starting}
        )  # a bare await would cancel it along with us, and kill the leader alone
    except asyncio.CancelledError:
        starting.add_done_callback(_end_at_once)
        raise
    transport, command = starting.result()
    pid = transport.get_pid()
    began = identity.start_time(pid)
    try:
        await asyncio.wait({command.ended})  # a bare await would cancel the future along with us
        await asyncio.wait({command.silent}, timeout=_END_OF_OUTPUT)
        return Finished(transport.get_returncode(), command.output)
    finally:
        if not command.ended.done():
            groups.kill_tree(pid, began or 0)
            await asyncio.wait({command.ended}, timeout=_REAP)
        transport.close()


def _end_at_once(starting: asyncio.Future[tuple[asyncio.SubprocessTransport, _Command]]) -> None:
    """A command whose look was cancelled in the moment of its start: kill it with what it has started since."""
    if starting.cancelled() or starting.exception():
        return
    transport, command = starting.result()
    if not command.ended.done():
        pid = transport.get_pid()
        groups.kill_tree(pid, identity.start_time(pid) or 0)
    transport.close()


def _cannot_run(probe: ExecProbe, context: Context, error: OSError) -> str:
    program = probe.command[0]
    if error.filename == context.folder:
        return f"cannot run {program}: the folder {context.folder} is not there"
    if error.errno == errno.ENOENT:
        return f"cannot run {program}: no such program"
    return f"cannot run {program}: {error.strerror or error}"
