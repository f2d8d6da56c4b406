"""exec probes with real commands: folder, environment, exit code, output, and the end at a time-out."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from roost.core.health import Result
from roost.core.model import ExecProbe
from roost.edges.clock import RealClock
from roost.edges.probes.answer import Context
from roost.edges.probes.check import Checker
from roost.edges.probes.command import Turns, run
from support.virtual_loop import VirtualClock, run_virtual


def look(
    *command: str, folder: Path | str = "/", env: Mapping[str, str] | None = None, timeout: float = 60.0
) -> Result:
    environment = {"PATH": os.environ["PATH"], **(env or {})}
    context = Context(
        folder=str(folder), environment=lambda: environment, lines=lambda: pytest.fail("no log probe here")
    )
    return asyncio.run(Checker(RealClock()).check(ExecProbe(tuple(command)), context, timeout))


def python(program: str, **keys: object) -> Result:
    return look(sys.executable, "-c", program, **keys)  # type: ignore[arg-type]


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether the condition came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody has reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize(
    ("program", "ok", "message"),
    [
        ("", True, "exit code 0"),
        ("print('all is well')", True, "exit code 0: all is well"),
        ("print('one'); print('two'); print(); raise SystemExit(2)", False, "exit code 2: two"),
        ("import sys; sys.stderr.write('no database'); sys.exit(1)", False, "exit code 1: no database"),
        ("import os; os.kill(os.getpid(), 9)", False, "killed by signal 9"),
    ],
)
def test_the_exit_code_decides_and_the_last_line_is_told(program: str, ok: bool, message: str) -> None:
    """Exit code 0 is success; the sentence has the code and the last line of either stream (S16)."""
    result = python(program)
    assert (result.ok, result.message) == (ok, message)


def test_it_runs_in_the_components_folder_with_its_environment_alone(tmp_path: Path) -> None:
    """The daemon's own environment and folder do not leak into it."""
    (tmp_path / "here").touch()
    program = "import os; print(os.path.exists('here'), os.environ['ROOST_COMPONENT'], 'HOME' in os.environ)"
    result = python(program, folder=tmp_path, env={"ROOST_COMPONENT": "api"})
    assert result.message == "exit code 0: True api False"


def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """A missing program, a missing folder and one that is not executable each have their sentence (S16)."""
    assert look("no-such-program").message == "cannot run no-such-program: no such program"
    missing = tmp_path / "gone"
    assert look("true", folder=missing).message == f"cannot run true: the folder {missing} is not there"
    (tmp_path / "plain").write_text("no program")
    assert look("./plain", folder=tmp_path).message == "cannot run ./plain: Permission denied"


def test_endless_output_neither_fills_memory_nor_blocks_the_command() -> None:
    """All output is taken and only the last 4 KiB are kept; a huge line is cut in the sentence (P20)."""
    result = python("import sys; sys.stdout.write('x' * 50_000_000); print('\\xff', '\\0', 'y' * 5000)")
    assert result.ok and len(result.message) < 300


def test_a_descendant_that_keeps_the_output_open_delays_nothing() -> None:
    """The look ends when its command ends, whoever still holds its pipe."""
    program = "import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True)"
    result = python(program)
    assert result.ok, result.message
    os.kill(int(result.message.rpartition(" ")[2]), 9)


STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def note():
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
note()
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note()
    if os.fork() == 0:
        os.setsid()                 # leaves the group; its parent lives
        note()
        time.sleep(600)
    if os.fork() == 0:
        if os.fork() == 0:          # its parent ends: reparented, but still in the group
            note()
            time.sleep(600)
        os._exit(0)
    time.sleep(600)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_at_its_time_out_a_command_is_killed_with_its_whole_tree(tmp_path: Path) -> None:
    """Children that ignore TERM, left the session or lost their parent end with it, and it is told (S16)."""
    result = python(STUBBORN, folder=tmp_path, timeout=4.0)
    assert not result.ok and result.message.startswith("timed out after 4 s: ")
    assert result.latency_s < 30
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 4
    assert eventually(lambda: all(ended(pid) for pid in pids))


def test_stopping_a_look_kills_its_command(tmp_path: Path) -> None:
    """When its component is stopped while a command runs, the command does not stay behind (S8)."""
    program = "import os, time; open('pid', 'w').write(str(os.getpid())); os.rename('pid', 'ready'); time.sleep(600)"

    async def whole() -> int:
        context = Context(
            folder=str(tmp_path),
            environment=lambda: os.environ,
            lines=lambda: pytest.fail("no log probe here"),
        )
        probe = ExecProbe((sys.executable, "-c", program))
        task = asyncio.create_task(Checker(RealClock()).check(probe, context, 60.0))
        async with asyncio.timeout(60):
            while not (tmp_path / "ready").exists():
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        return int((tmp_path / "ready").read_text())

    pid = asyncio.run(whole())
    assert eventually(lambda: ended(pid))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_look_that_is_stopped_while_its_command_starts_kills_all_of_it(tmp_path: Path) -> None:
    """What it has started before asyncio was done with its own start does not stay behind either (S8)."""
    program = "sleep 600 & echo $! $$ > pids; mv pids ready; wait"

    async def whole() -> None:
        loop, gate = asyncio.get_running_loop(), asyncio.Event()
        start, commands = loop.subprocess_exec, list[Any]()

        async def started_slowly(*args: Any, **keys: Any) -> Any:
            begun = await start(*args, **keys)
            commands.append(begun[1])
            await gate.wait()
            return begun

        with mock.patch.object(loop, "subprocess_exec", started_slowly):
            task = asyncio.create_task(run(["sh", "-c", program], str(tmp_path), os.environ))
            async with asyncio.timeout(60):
                while not (tmp_path / "ready").exists():
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
            gate.set()
            async with asyncio.timeout(60):
                await asyncio.wait({commands[0].ended})
                while not all(map(ended, pids())):
                    await asyncio.sleep(0.01)

    def pids() -> list[int]:
        return [int(word) for word in (tmp_path / "ready").read_text().split()]

    try:
        asyncio.run(whole())
    finally:
        for pid in pids():
            if not ended(pid):
                os.kill(pid, signal.SIGKILL)


def test_commands_that_hang_hold_up_the_start_of_others_for_a_tenth_of_a_second_at_most() -> None:
    """A turn is given back at the command's end or after a moment, whichever comes first (P12)."""

    async def scene() -> list[float]:
        clock, turns, begun = VirtualClock(), Turns(), list[float]()

        async def hang() -> None:
            await turns.take()
            begun.append(round(clock.now(), 3))
            await clock.sleep_until(60)

        async def pass_quickly() -> None:
            give_back = await turns.take()
            begun.append(round(clock.now(), 3))
            give_back()
            give_back()

        hanging = [asyncio.create_task(hang()) for _ in range(2 * Turns.AT_ONCE)]
        quick = [asyncio.create_task(pass_quickly()) for _ in range(100)]
        await asyncio.gather(*hanging, *quick)
        return begun

    assert run_virtual(scene()) == [0.0] * 16 + [0.1] * 16 + [0.2] * 100
