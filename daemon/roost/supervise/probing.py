"""Between supervisor and probe runner: what a probe has to know of its run, and where its results go."""

from __future__ import annotations

from collections.abc import Callable

from ..core.health import Result
from ..core.model import LogProbe, ProbeKind, Spec
from ..core.notify import Standing
from ..core.states import Component, Event, Probed
from ..edges.clock import Clock
from ..edges.probes.answer import Context
from ..edges.probes.runner import ProbeRunner
from .contained import Contained
from .growth import Growth


class Probing:
    """Keeps exactly the wanted probes running."""

    def __init__(
        self,
        clock: Clock,
        growth: Growth,
        logs_folder: str,
        environment: Callable[[Spec, int], dict[str, str]],
        apply: Callable[[str, Event], None],
        standing: Callable[[str], Standing],
        contained: Contained,
    ) -> None:
        self._clock = clock
        self._since = clock.now()
        self._growth = growth
        self._logs_folder = logs_folder
        self._environment = environment
        self._apply = apply
        self._standing = standing
        self._contained = contained
        self._runner = ProbeRunner(clock, self._report)
        self._listening: dict[str, Callable[[], None]] = {}

    def set(self, component: Component, spec: Spec, kinds: tuple[ProbeKind, ...]) -> None:
        """From now on these kinds run for the component's present run, and no others."""
        name = component.name
        configured = spec.probes()
        self._runner.stop(name, [kind for kind in ProbeKind if kind not in kinds])
        if kinds:
            probes = {kind: configured[kind] for kind in kinds}
            started = component.started if component.started is not None else self._clock.now()
            self._runner.start(name, component.run, probes, self._context(spec, component), started)
        self._listen(name, any(isinstance(configured[kind].handler, LogProbe) for kind in kinds))

    def hasten(self, name: str) -> None:
        """The component has said something that its probes should look at now."""
        self._runner.hasten(name)

    async def close(self) -> None:
        """Stop all probes."""
        await self._runner.close()

    def _context(self, spec: Spec, component: Component) -> Context:
        run, started = component.run, component.started
        return Context(
            folder=spec.cwd,
            environment=lambda: self._environment(spec, run),
            lines=lambda: _Lines(self._logs_folder, spec.name, run, self._clock),
            inside=self._contained.inside(component),
            checkup=lambda: self._contained.checkup(spec.name),
            standing=lambda: self._standing(spec.name),
            resumed=started is not None and started < self._since,
        )

    def _listen(self, name: str, wanted: bool) -> None:
        """Log probes look when the log has grown, not by the clock alone."""
        if wanted and name not in self._listening:
            listener = self._listening[name] = lambda: self._runner.grew(name)
            self._growth.listen(name, listener)
        elif not wanted and name in self._listening:
            self._growth.unlisten(name, self._listening.pop(name))

    def _report(self, name: str, run: int, kind: ProbeKind, result: Result) -> None:
        self._apply(name, Probed(run=run, kind=kind, result=result))


class _Lines:
    """The lines of one run, for a log probe; what one look gives is bounded by the reader's own page."""

    def __init__(self, folder: str, name: str, run: int, clock: Clock) -> None:
        from ..records.follow import RunLines  # only a project with a log probe waits for it

        self._lines = RunLines(folder, name, run)
        self._clock = clock

    def read(self, _limit: int) -> list[str]:
        return self._lines.poll(self._clock.now())
