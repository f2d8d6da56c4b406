"""From the supervisor's records to what people see (INTERFACES.md §5).  Reads, never changes."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from msgspec.structs import replace

from ..core import snapshot as s
from ..core.health import Window
from ..core.model import Kind, Spec
from ..core.secrets import Masker
from ..core.states import Component, Desired, Exit, State
from ..core.times import rfc3339, rfc3339_or_none
from ..core.words import SHORT_ID
from ..edges.clock import Clock
from ..edges.facts import Usage
from ..platform.paths import ProjectPaths


class StatusView:
    """Makes component statuses; a record that has not changed is not rendered again."""

    def __init__(
        self,
        paths: ProjectPaths,
        clock: Clock,
        masker: Callable[[], Masker],
        resolved: Callable[[Spec], Spec],
        image: Callable[[str], str | None],
        last_lines: Callable[[str, int], list[str]],
    ) -> None:
        self._paths = paths
        self._clock = clock
        self._masker = masker
        self._resolved = resolved
        self._image = image
        self._last_lines = last_lines
        self._cache: dict[str, tuple[Component, s.ComponentStatus]] = {}

    def forget(self) -> None:
        """The masked values, or the ports, have changed: render everything anew."""
        self._cache.clear()

    def prune(self, names: Iterable[str], known: Container[str]) -> None:
        """Drop what was rendered of those among `names` that are gone."""
        for name in names:
            if name not in known:
                self._cache.pop(name, None)

    def component(self, component: Component, usage: Usage | None) -> s.ComponentStatus:
        """One component as it is now; `usage` is that of its whole tree."""
        cached = self._cache.get(component.name)
        if cached is None or cached[0] is not component:
            cached = (component, self._render(component))
            self._cache[component.name] = cached
        if not component.there or component.started is None:
            return self._with_last_lines(cached[1])
        uptime = max(0.0, round(self._clock.now() - component.started, 3))
        if usage is None:
            return replace(cached[1], uptime_s=uptime)
        return replace(cached[1], uptime_s=uptime, cpu_percent=usage.cpu_percent, rss_bytes=usage.rss_bytes)

    def _with_last_lines(self, status: s.ComponentStatus) -> s.ComponentStatus:
        """They are read once the end is on record, which is after everybody has heard of it."""
        lines = self._last_lines(status.name, status.last_exit.run) if status.last_exit else None
        if not lines or status.last_exit is None:
            return status
        return replace(status, last_exit=replace(status.last_exit, last_lines=lines))

    def _render(self, component: Component) -> s.ComponentStatus:
        spec = self._resolved(component.spec)
        mask = self._masker().mask
        fault = component.last_fault
        return s.ComponentStatus(
            name=spec.name,
            group=spec.group,
            kind=spec.kind,
            type=spec.type,
            desired=component.desired,
            state=component.state,
            ready=component.ready,
            health=component.health,
            reason=mask(component.reason),
            status_text=mask(component.status_text) if component.status_text else None,
            pid=component.pid,
            container=component.container[:SHORT_ID] if component.container else None,
            image=self._image(spec.name) or (spec.container.image if spec.container else None),
            run=component.run,
            started_at=rfc3339_or_none(component.wall_started) if component.alive else None,
            restarts=component.restarts,
            last_restart_at=rfc3339_or_none(component.wall_restarted),
            next_restart_at=self._deadline(component),
            next_run_at=_next_run(component),
            last_exit=_last_exit(component.last_exit),
            last_error=s.LastError(message=mask(fault.message), at=rfc3339(fault.wall)) if fault else None,
            depends_on=[dependency.target for dependency in spec.depends_on],
            url=spec.url,
            ports=[s.PortStatus(name=port.name, port=port.port, target=port.target) for port in spec.ports],
            log=None if spec.kind is Kind.EXTERNAL else self._paths.log(spec.name),
            probes={kind.value: _probe(component.windows.get(kind), mask) for kind in spec.probes()},
        )

    def _deadline(self, component: Component) -> str | None:
        if component.state is not State.BACKOFF or component.deadline is None:
            return None
        return rfc3339(self._clock.wall() + component.deadline - self._clock.now())


def _next_run(component: Component) -> str | None:
    return rfc3339_or_none(component.next_run) if component.desired is Desired.RUNNING else None


def _last_exit(ended: Exit | None) -> s.LastExit | None:
    if ended is None:
        return None
    return s.LastExit(
        code=ended.code, signal=ended.signal, at=rfc3339(ended.wall), run=ended.run, known=ended.known
    )


def _probe(window: Window | None, mask: Callable[[str], str]) -> s.ProbeStatus:
    if window is None or window.last is None:
        return s.ProbeStatus()
    last = window.last
    return s.ProbeStatus(
        ok=last.ok,
        message=mask(last.message),
        at=rfc3339(last.at),
        latency_ms=round(last.latency_s * 1000, 3),
        successes=window.successes,
        failures=window.failures,
    )
