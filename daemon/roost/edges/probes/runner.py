"""Looks at the right moments: one timer for each probe, a task only while a look is under way.

It decides nothing: every result is reported; what follows from it is the machine's business (`fold`).
A probe never overlaps itself and never delays another (P12): each look has its own time-out, and when many
are due at once they begin a few at each turn of the loop, so that requests and results get theirs between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from msgspec.structs import replace

from roost.core import health
from roost.core.health import Pace, Result
from roost.core.model import ContainerProbe, Handler, LogProbe, NotifyProbe, Probe, ProbeKind
from roost.edges.clock import Clock

from .answer import Context, Watch
from .check import Checker
from .container import ContainerWatch
from .log import LogWatch
from .notify import NotifyWatch

Report = Callable[[str, int, ProbeKind, Result], None]
"""Called with component, run, kind and result, on the loop; must not block and must not raise."""

_STARTS_PER_TURN = 8
_CATCH_UP = 0.01
"""Seconds until a log probe that is behind its log reads the next piece."""


class Check(Protocol):
    """One look; `Checker.check`, or what a test puts in its place."""

    def __call__(
        self, handler: Handler, context: Context, timeout: float, watch: Watch | None = None
    ) -> Awaitable[Result]: ...


class _Probing:
    """One probe of one run: its pace, and the timer or the task that it waits for."""

    __slots__ = (
        "catch_up",
        "context",
        "kind",
        "name",
        "notices",
        "pace",
        "probe",
        "run",
        "started_at",
        "task",
        "timer",
        "watch",
    )

    def __init__(
        self, name: str, run: int, kind: ProbeKind, probe: Probe, context: Context, started_at: float
    ) -> None:
        self.name = name
        self.run = run
        self.kind = kind
        self.probe = probe
        self.context = context
        self.started_at = started_at
        self.pace = Pace()
        self.timer: asyncio.TimerHandle | None = None
        """Until the next look; None while one is due or under way."""
        self.task: asyncio.Task[None] | None = None
        self.catch_up: asyncio.TimerHandle | None = None
        handler = probe.handler
        self.watch = (
            LogWatch(handler, context.lines(), context.resumed) if isinstance(handler, LogProbe) else None
        )
        self.notices = _notices(kind, handler, context)

    def cancel(self) -> None:
        for waiting in (self.timer, self.task, self.catch_up):
            if waiting is not None:
                waiting.cancel()


def _notices(kind: ProbeKind, handler: Handler, context: Context) -> Watch | None:
    """What is heard rather than looked for."""
    if isinstance(handler, NotifyProbe):
        return NotifyWatch(kind, context.standing)
    return ContainerWatch(kind, context.checkup) if isinstance(handler, ContainerProbe) else None


class ProbeRunner:
    """Runs the probes of all components; its owner says which, and gets every result."""

    def __init__(self, clock: Clock, report: Report, check: Check | None = None) -> None:
        self._clock = clock
        self._report = report
        self._check = check or Checker(clock).check
        self._probings: dict[str, dict[ProbeKind, _Probing]] = {}
        self._due: deque[_Probing] = deque()
        self._turn: asyncio.Handle | None = None
        self._looking: set[asyncio.Task[None]] = set()

    def start(
        self,
        name: str,
        run: int,
        probes: Mapping[ProbeKind, Probe],
        context: Context,
        started_at: float,
    ) -> None:
        """Begin to probe a run that started at `started_at` (monotonic seconds).

        A probe of this run that goes on unchanged is left alone, so this may be called again at any time;
        other kinds than those in `probes` keep going until they are stopped.
        """
        mine = self._probings.setdefault(name, {})
        for kind, probe in probes.items():
            old = mine.get(kind)
            if old is not None:
                if old.run == run and old.probe == probe:
                    continue
                old.cancel()
            mine[kind] = probing = _Probing(name, run, kind, probe, context, started_at)
            self._schedule(probing)

    def stop(self, name: str, kinds: Iterable[ProbeKind] | None = None) -> None:
        """Probe no more (of those kinds); what is under way is cancelled and not reported."""
        mine = self._probings.get(name, {})
        for kind in list(mine) if kinds is None else list(kinds):
            probing = mine.pop(kind, None)
            if probing is not None:
                probing.cancel()
        if not mine:
            self._probings.pop(name, None)

    def grew(self, name: str) -> None:
        """The component's log has grown: its log probes look now, and only what they find is reported."""
        for probing in list(self._probings.get(name, {}).values()):
            if probing.watch is not None and not probing.watch.settled:
                self._peek(probing)

    def hasten(self, name: str) -> None:
        """The component, or its engine, has said how it is: the probes that listen look now."""
        for probing in list(self._probings.get(name, {}).values()):
            handler = probing.probe.handler
            waits = isinstance(handler, NotifyProbe) and probing.kind is not ProbeKind.LIVENESS
            if (waits or isinstance(handler, ContainerProbe)) and probing.timer is not None:
                probing.timer.cancel()
                self._queue(probing)

    def wants_log(self, name: str) -> bool:
        """Whether `grew` has a use for this component at present."""
        probings = self._probings.get(name, {}).values()
        return any(probing.watch is not None and not probing.watch.settled for probing in probings)

    async def close(self) -> None:
        """Stop everything; returns when every command that was running has been killed."""
        for name in list(self._probings):
            self.stop(name)
        if self._turn is not None:
            self._turn.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    # -- one probe's cycle: timer → its turn → task → result → timer ------------------------------------

    def _schedule(self, probing: _Probing) -> None:
        now = self._clock.now()
        when = health.due(probing.pace, probing.kind, probing.probe, probing.started_at, now)
        delay = max(0.0, when - now)
        probing.timer = asyncio.get_running_loop().call_later(delay, self._queue, probing)

    def _queue(self, probing: _Probing) -> None:
        probing.timer = None
        self._due.append(probing)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._begin_some)

    def _begin_some(self) -> None:
        for _ in range(min(_STARTS_PER_TURN, len(self._due))):
            probing = self._due.popleft()
            if self._current(probing):
                probing.task = asyncio.get_running_loop().create_task(self._look(probing))
                self._looking.add(probing.task)
                probing.task.add_done_callback(self._looking.discard)
        self._turn = asyncio.get_running_loop().call_soon(self._begin_some) if self._due else None

    async def _look(self, probing: _Probing) -> None:
        began = self._clock.now()
        probe = probing.probe
        result = await self._check(
            probe.handler, probing.context, probe.timeout, probing.watch or probing.notices
        )
        if self._current(probing):
            probing.task = None
            self._settle(probing, result, began)

    def _settle(self, probing: _Probing, result: Result, began: float) -> None:
        early = health.is_early(probing.pace, probing.kind, probing.probe, began)
        probing.pace = health.looked(probing.pace, probing.kind, probing.probe, began, result.ok)
        self._schedule(probing)
        self._catch_up(probing)
        # Last: whoever gets the report may stop this very probe.
        self._report(probing.name, probing.run, probing.kind, replace(result, early=early))

    # -- beside the cycle: a log that has grown -----------------------------------------------------------

    def _peek(self, probing: _Probing) -> None:
        """Look into the log beside the period; finding nothing new is no result."""
        if not self._current(probing) or probing.watch is None or probing.timer is None:
            return  # stopped, or its look is coming anyway
        began, handler = self._clock.now(), probing.probe.handler
        answer = probing.watch.answer()
        if isinstance(handler, LogProbe) and answer.ok is not handler.fail:
            probing.timer.cancel()
            self._settle(probing, Result(ok=answer.ok, message=answer.message, at=self._clock.wall()), began)
        else:
            self._catch_up(probing)

    def _catch_up(self, probing: _Probing) -> None:
        """Read on soon if there may be more to read; one timer at most."""
        if probing.catch_up is not None:
            probing.catch_up.cancel()
        behind = probing.watch is not None and probing.watch.behind
        loop = asyncio.get_running_loop()
        probing.catch_up = loop.call_later(_CATCH_UP, self._peek, probing) if behind else None

    def _current(self, probing: _Probing) -> bool:
        """Not stopped, and not replaced by a newer run, while it waited."""
        return self._probings.get(probing.name, {}).get(probing.kind) is probing
