"""Commands inside a container: for probes, for people with a terminal, and attached to its own program."""

from __future__ import annotations

import asyncio
import time

import pytest

from edges.engine_rig import order, run, talking_to, until
from roost.edges.engine.api import Engine, EngineError, ErrorKind, LogStream, Session
from support.engine import RealEngine


async def _started(engine: Engine, *command: str, **fields: object) -> str:
    container = await engine.create(order(*command, **fields))
    await engine.start(container)
    return container


def test_an_exec_has_code_and_output(container_engine: RealEngine) -> None:
    """The exit code, both streams, the container's environment and more; a bounded output."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine, environment={"COLOR": "blue"}, working_dir="/www")
            script = 'echo "$COLOR $SHAPE"; pwd >&2; exit 3'
            done = await engine.execute(container, ("sh", "-c", script), 10, {"SHAPE": "round"})
            assert done.code == 3 and sorted(done.output.split(b"\n")) == [b"", b"/www", b"blue round"]
            flood = await engine.execute(container, ("sh", "-c", "yes | head -c 300000"), 20)
            assert flood.code == 0 and len(flood.output) == 65536
            quick = await asyncio.gather(
                *(engine.execute(container, ("echo", str(n)), 20) for n in range(20))
            )
            assert [done.output for done in quick] == [b"%d\n" % n for n in range(20)]
            with pytest.raises(EngineError) as caught:
                await engine.execute(container, ("/no/such",), 10)
            assert caught.value.kind is ErrorKind.REFUSED and "/no/such" in caught.value.message
            await engine.kill(container)
            with pytest.raises(EngineError) as caught:
                await engine.execute(container, ("true",), 10)
            assert caught.value.kind is ErrorKind.REFUSED and "not running" in caught.value.message

    run(test)


@pytest.mark.parametrize("has_shell", [True, False], ids=["with a shell", "without"])
def test_an_exec_that_takes_too_long_is_killed_with_all_its_children(
    container_engine: RealEngine, has_shell: bool
) -> None:
    """P12: at the probe's time-out the answer is there, and soon no process of it is left in the container."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine)
            if not has_shell:
                await engine.execute(container, ("rm", "/bin/sh"), 10)
            begun = time.monotonic()
            command = ("busybox", "sh", "-c", "echo begun; sleep 777 & trap '' TERM; sleep 778; sleep 779")
            done = await engine.execute(container, command, 5.0)  # in which it has surely begun
            assert (done.code, done.output) == (None, b"begun\n")
            assert time.monotonic() - begun < 60  # its children sleep for minutes

            async def gone() -> bool:
                processes = await engine.execute(container, ("ps", "-o", "args"), 10)
                return b"sleep 77" not in processes.output and b"sleep 600" in processes.output

            await until(gone, "the end of the command")

    run(test)


@pytest.mark.parametrize("tty", [False, True])
def test_an_exec_that_is_left_is_killed_with_all_its_children(
    container_engine: RealEngine, tty: bool
) -> None:
    """Whoever closes its session before its end has nothing go on in the container; what has ended is left alone."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine)
            ended = await engine.open_exec(
                container, ("sh", "-c", "sleep 999 >/dev/null 2>&1 & echo done"), tty
            )
            while await ended.read() is not None:
                pass
            await ended.close()
            command = ("sh", "-c", "trap '' HUP TERM; sleep 777 & echo begun; sleep 778; sleep 779")
            left = await engine.open_exec(container, command, tty)
            await _read_until(left, b"begun")
            await left.close()
            await left.close()

            async def gone() -> bool:
                processes = await engine.execute(container, ("ps", "-o", "args"), 10)
                assert tty or b"sleep 999" in processes.output
                return b"sleep 77" not in processes.output and b"sleep 600" in processes.output

            await until(gone, "the end of the command")

    run(test)


async def _read_until(session: Session, text: bytes) -> bytes:
    got = b""
    while text not in got:
        item = await session.read()
        assert item is not None, f"ended with {got!r}"
        got += item[1]
    return got


def test_an_exec_with_a_terminal(container_engine: RealEngine) -> None:
    """`roost exec`: input, output, the size of the terminal, the exit code."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine)
            session = await engine.open_exec(container, ("sh",), tty=True)
            await session.resize(40, 101)
            await session.write(b"stty size; tty\n")
            assert b"40 101" in await _read_until(session, b"/dev/pts/")
            assert await session.exit_code() is None
            await session.write(b"exit 6\n")
            while await session.read() is not None:
                pass
            assert await session.read() is None

            async def code() -> int | None:
                return await session.exit_code()

            assert await until(code, "its exit code") == 6
            await session.write(b"into the void")
            await session.close()

    run(test)


def test_an_exec_without_a_terminal(container_engine: RealEngine) -> None:
    """Both streams apart, the end of the input is passed on, a megabyte comes back whole."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine)
            session = await engine.open_exec(container, ("sh", "-c", "echo oops >&2; cat; exit 2"))
            data = bytes(range(256)) * 4096

            async def feed() -> None:
                for at in range(0, len(data), 50_000):
                    await session.write(data[at : at + 50_000])
                await session.end_input()

            feeding = asyncio.create_task(feed())
            got: dict[LogStream, bytes] = {LogStream.STDOUT: b"", LogStream.STDERR: b""}
            while (item := await session.read()) is not None:
                got[item[0]] += item[1]
            await feeding
            assert got[LogStream.STDERR] == b"oops\n"
            assert got[LogStream.STDOUT] == data

            async def code() -> int | None:
                return await session.exit_code()

            assert await until(code, "its exit code") == 2
            await session.close()

    run(test)


def test_attaching_to_a_container(container_engine: RealEngine) -> None:
    """`roost attach`: the container's own terminal; leaving it leaves the program running."""

    async def test() -> None:
        async with talking_to(container_engine) as engine:
            container = await _started(engine, "sh", tty=True)
            session = await engine.attach(container)
            await session.resize(33, 77)
            await session.write(b"stty size\n")
            await _read_until(session, b"33 77")
            await session.close()
            assert (await engine.inspect(container)).is_up
            await engine.stop(idle := await _started(engine), "KILL", 0)
            with pytest.raises(EngineError, match="not running"):
                await engine.attach(idle)
            assert not (await engine.inspect(idle)).is_up
            again = await engine.attach(container)
            await again.write(b"exit 4\n")
            while await again.read() is not None:
                pass
            await again.close()

            async def ended() -> bool:
                return (await engine.inspect(container)).exit_code == 4

            await until(ended, "the end of the shell")

    run(test)
