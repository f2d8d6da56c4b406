"""Hooks: commands at turns of a component's life, run by the daemon beside everything else.

Nothing ever waits for one.  The hooks of a component run one after the other, each within its time; what a
hook writes is kept only to be told when it has failed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from ..core.environment import command_line
from ..core.model import Hooks as HookCommands
from ..core.model import Spec
from ..core.states import Component, Exit, Tell
from ..core.words import duration
from ..edges.probes import command
from ..platform.programs import default_shell

TIMEOUT = 30.0
"""Seconds that a hook may take before it is killed with its tree."""

GRACE = 2.0
"""Seconds that hooks still have when everything else has been stopped."""

_WAITING_AT_MOST = 16
_LAST_LINES = 20

Command = tuple[str, ...] | str
Run = Callable[[list[str], str, Mapping[str, str]], Awaitable[command.Finished]]
Complain = Callable[[str, int, str, dict[str, object]], None]
"""Called with component, run, a sentence, and what is known beside it."""

_TURNS: dict[str, tuple[str, Callable[[HookCommands], Command | None]]] = {
    "ready": ("on_ready", lambda hooks: hooks.on_ready),
    "exited": ("on_exit", lambda hooks: hooks.on_exit),
    "gave_up": ("on_failed", lambda hooks: hooks.on_failed),
}
"""By the event that is told at the turn: the hook's name, and its command."""


class _Call(Struct, frozen=True, kw_only=True):
    """One hook that is to run."""

    hook: str
    name: str
    run: int
    argv: list[str]
    folder: str
    environment: dict[str, str]


class Hooks:
    """Runs the hooks of all components."""

    def __init__(
        self,
        resolved: Callable[[Spec], Spec],
        environment: Callable[[Spec, int], dict[str, str]],
        complain: Complain,
        run: Run = command.run,
    ) -> None:
        self._resolved = resolved
        self._environment = environment
        self._complain = complain
        self._run = run
        self._waiting: dict[str, deque[_Call]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def turn(self, component: Component, told: Tell) -> None:
        """An event of a component was put on record: run the hook that belongs to it, if there is one."""
        hook, pick = _TURNS.get(told.kind, ("", _no_hook))
        if pick(component.spec.hooks) is None:
            return
        spec = self._resolved(component.spec)
        chosen = pick(spec.hooks)
        if chosen is None:
            return
        environment = self._environment(spec, component.run)
        environment["ROOST_EXIT_CODE"] = _code(component.last_exit if told.kind != "ready" else None)
        environment["ROOST_REASON"] = told.message
        call = _Call(
            hook=hook,
            name=spec.name,
            run=component.run,
            argv=command_line(chosen, spec.shell or default_shell()),
            folder=spec.cwd,
            environment=environment,
        )
        self._queue(call)

    async def close(self) -> None:
        """Give what runs its grace, then kill it."""
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _queue(self, call: _Call) -> None:
        waiting = self._waiting.setdefault(call.name, deque())
        if len(waiting) >= _WAITING_AT_MOST:
            left = waiting.popleft()
            self._tell(left, f"left out: {_WAITING_AT_MOST} hooks were waiting behind one that runs")
        waiting.append(call)
        if call.name not in self._running:
            self._running[call.name] = asyncio.get_running_loop().create_task(self._work(call.name))

    async def _work(self, name: str) -> None:
        try:
            while waiting := self._waiting[name]:
                await self._one(waiting.popleft())
        finally:
            del self._waiting[name], self._running[name]

    async def _one(self, call: _Call) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                ended = await self._run(call.argv, call.folder, call.environment)
        except TimeoutError:
            self._tell(call, f"killed: it took longer than {duration(TIMEOUT)}")
        except OSError as error:
            self._tell(call, f"cannot be run: {error.strerror or error}")
        else:
            if ended.code != 0:
                lines = ended.output.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
                self._tell(call, ended.text(), code=ended.code, output="\n".join(lines))

    def _tell(self, call: _Call, what: str, **facts: object) -> None:
        self._complain(call.name, call.run, f"its hook {call.hook}: {what}", {"hook": call.hook, **facts})


def _no_hook(_hooks: HookCommands) -> Command | None:
    return None


def _code(ended: Exit | None) -> str:
    """As a shell would give it: 128 and the number for a signal; empty where there is none, or none is known."""
    if ended is None or not ended.known:
        return ""
    return str(ended.code if ended.signal is None else 128 + ended.signal)
