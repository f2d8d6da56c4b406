"""Work that takes its time: one job after the other for each component, and small things that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from ...edges.engine.api import EngineError, ErrorKind

Work = Coroutine[object, object, object]


class Jobs:
    """All that is under way."""

    def __init__(self, complain: Callable[[str], None], broken: Callable[[str, Exception], None]) -> None:
        self._complain = complain
        self._broken = broken
        """Told the component whose job has met a defect of ours: it must not be left without an answer."""
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._asides: set[asyncio.Task[None]] = set()
        self._count = 0
        self._last: dict[str, int] = {}

    def busy(self, name: str) -> bool:
        """Whether something is under way that will tell itself how it ended."""
        return name in self._jobs

    def now(self) -> int:
        """A moment, for `quiet_since`: it counts the jobs that have ended."""
        return self._count

    def quiet_since(self, name: str, moment: int) -> bool:
        """Whether nothing is under way for it, nor has ended since that moment."""
        return name not in self._jobs and self._last.get(name, 0) <= moment

    async def idle(self, name: str) -> None:
        """Return when nothing is under way for it."""
        while (job := self._jobs.get(name)) is not None:
            await asyncio.wait([job])

    def do(self, name: str, work: Work) -> None:
        """Do this when what is under way for the component is done."""
        before = self._jobs.get(name)

        async def job() -> None:
            if before is not None:
                await asyncio.wait([before])
            try:
                await work
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the component is judged
                self._complain(f"{name}: {type(error).__name__}: {error}")
                self._broken(name, error)
            finally:  # and not later: what is told next must not meet a job that has said its last
                self._count += 1
                self._last[name] = self._count
                if self._jobs.get(name) is task:
                    del self._jobs[name]

        task = asyncio.get_running_loop().create_task(job())
        self._jobs[name] = task

    def aside(self, work: Work) -> None:
        """Something that nobody waits for; what is left over is found at the next look."""

        async def quietly() -> None:
            try:
                await work
            except EngineError as error:
                if error.kind is not ErrorKind.NO_SUCH_CONTAINER:
                    self._complain(f"the container engine: {error}")

        task = asyncio.get_running_loop().create_task(quietly())
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    async def close(self, patience: float) -> None:
        """Return when nothing is under way, or after `patience` seconds."""
        tasks = [*self._jobs.values(), *self._asides]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
