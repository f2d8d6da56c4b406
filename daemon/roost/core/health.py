"""What a probe's results mean, and when it looks again.  Pure: results and times in, verdicts and times out.

Theory
------
The words and their meaning are those of a Kubernetes probe (kubernetes.io, "Configure Liveness, Readiness
and Startup Probes"; kubelet, `pkg/kubelet/prober/worker.go`):

* a *verdict* flips only after `failure_threshold` failures, or `success_threshold` successes, in a row;
* before the first result startup is unknown, liveness true (innocent until shown otherwise), readiness false;
* a liveness or startup probe that has failed is *on hold* until a new run: it decides once; a startup probe
  that has passed is done for this run.

Two records, each with one owner.  `Window` is what is known of one probe in one run; the machine keeps it and
folds results into it.  `Pace` is when the probe looked; who runs the probes keeps it and asks `due`.

Kubernetes may probe a container that is not ready "at times other than the configured period", to make it
ready faster.  So do we: until its first success in a run, a startup or readiness probe also looks *early*, at
intervals that grow with the wait (a thing that needs a second to start is seen at most half a second late).
An early failure never counts, so what the thresholds promise stays true: a startup probe gives a component
`failure_threshold * period` seconds, not less (S15).
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .model import Probe, ProbeKind

_EARLY_FIRST = 0.1
_EARLY_LAST = 1.0
_EARLY_SHARE = 0.5
"""Seconds between early looks: half of the wait so far, within the first two."""

_TIMER_SLACK = 0.001
"""A timer may fire by so many seconds too soon without its look being taken for an early one."""


class Result(Struct, frozen=True, kw_only=True):
    """What one look found.  `message` is a clear sentence, also when `ok` (S16)."""

    ok: bool
    message: str
    latency_s: float = 0.0
    at: float = 0.0
    """Wall time of the look's start, for people."""
    early: bool = False
    """An extra look before the first success: it may succeed, but its failure does not count."""


class Window(Struct, frozen=True, kw_only=True):
    """What is known of one probe in one run."""

    kind: ProbeKind
    verdict: bool | None
    """None: a startup probe that has neither passed nor failed yet."""
    successes: int = 0
    failures: int = 0
    """How many of the same kind came in a row, up to now; one of the two is 0."""
    last: Result | None = None

    @property
    def failed(self) -> bool:
        """A liveness or startup probe has decided that this run must end; it is on hold."""
        return self.kind is not ProbeKind.READINESS and self.verdict is False

    @property
    def decided(self) -> bool:
        """No further result of this run changes anything."""
        return self.failed or (self.kind is ProbeKind.STARTUP and self.verdict is True)


_INITIAL = {ProbeKind.STARTUP: None, ProbeKind.LIVENESS: True, ProbeKind.READINESS: False}


def initial(kind: ProbeKind) -> Window:
    """The window at the start of a run.

    What is only watched (`external`) has no run to be innocent in and none to be held for: take the window
    of a readiness probe, whichever of its probes it is.
    """
    return Window(kind=kind, verdict=_INITIAL[kind])


def fold(window: Window, result: Result, probe: Probe) -> Window:
    """The window after one more result."""
    if window.decided:
        return window
    if result.ok:
        return _succeed(window, result, probe.success_threshold)
    if result.early:
        return replace(window, last=result)
    return _fail(window, result, probe.failure_threshold)


def _succeed(window: Window, result: Result, threshold: int) -> Window:
    successes = window.successes + 1
    verdict = True if successes >= threshold else window.verdict
    return replace(window, verdict=verdict, successes=successes, failures=0, last=result)


def _fail(window: Window, result: Result, threshold: int) -> Window:
    failures = window.failures + 1
    verdict = False if failures >= threshold else window.verdict
    return replace(window, verdict=verdict, successes=0, failures=failures, last=result)


class Pace(Struct, frozen=True, kw_only=True):
    """When one probe has looked in one run (monotonic seconds; each the start of a look)."""

    first: float | None = None
    last: float | None = None
    counted: float | None = None
    """The look at which the present period began."""
    passed: bool = False
    """It has succeeded at least once: no early looks any more."""


def due(pace: Pace, kind: ProbeKind, probe: Probe, started_at: float, now: float) -> float:
    """When the next look is due; a time that has passed means at once.

    `started_at` is the start of the run; `now` the end of the last look, for a probe never overlaps itself.
    Periods are measured from start to start of a look.
    """
    if pace.first is None or pace.last is None or pace.counted is None:
        return started_at + probe.initial_delay
    if _strict(pace, kind):
        return pace.last + probe.period
    pause = min(_EARLY_LAST, max(_EARLY_FIRST, (now - pace.first) * _EARLY_SHARE))
    return min(now + pause, pace.counted + probe.period)


def is_early(pace: Pace, kind: ProbeKind, probe: Probe, began: float) -> bool:
    """Whether a look that begins at `began` is an extra one, whose failure does not count."""
    if _strict(pace, kind):
        return False
    return pace.counted is None or began < pace.counted + probe.period - _TIMER_SLACK


def looked(pace: Pace, kind: ProbeKind, probe: Probe, began: float, ok: bool) -> Pace:
    """The pace after a look that began at `began`."""
    same_period = pace.counted is not None and is_early(pace, kind, probe, began)
    return Pace(
        first=began if pace.first is None else pace.first,
        last=began,
        counted=pace.counted if same_period else began,
        passed=pace.passed or ok,
    )


def _strict(pace: Pace, kind: ProbeKind) -> bool:
    """Liveness looks once a period and no more; so do the others once they have succeeded."""
    return pace.passed or kind is ProbeKind.LIVENESS
