"""What is only watched: its own small table (INTERFACES §4)."""

from __future__ import annotations

import pytest

from roost.core import external
from roost.core.health import Result
from roost.core.machine import probes_wanted, step
from roost.core.model import Kind, Probe, ProbeKind, Spec, TcpProbe
from roost.core.states import (
    EVENTS,
    Component,
    Desired,
    Due,
    Effect,
    Elapsed,
    Event,
    Health,
    Held,
    Opened,
    Overgrown,
    Probed,
    RestartWanted,
    Spawn,
    State,
    Stop,
    Unwanted,
    Wanted,
)

PROBE = Probe(handler=TcpProbe(port="1"), failure_threshold=2)
LIVENESS, READINESS = ProbeKind.LIVENESS, ProbeKind.READINESS


def watched(**probes: Probe) -> Component:
    return Component(spec=Spec(name="ollama", kind=Kind.EXTERNAL, **(probes or {"liveness": PROBE})))


def through(component: Component, *events: Event) -> tuple[Component, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        component, more = step(component, event, 0.0)
        effects += more
    return component, effects


def seen(ok: bool, kind: ProbeKind = LIVENESS) -> Probed:
    return Probed(run=0, kind=kind, result=Result(ok=ok, message="fine" if ok else "refused"))


WANTED = Wanted(reason="up")


def test_every_state_has_a_cell_for_every_event() -> None:
    """S74: also in the table of what is only watched nothing is left to chance."""
    assert set(external.TABLE) == {(state, event) for state in State for event in EVENTS}


def test_it_runs_while_its_liveness_probe_passes() -> None:
    """INTERFACES §4: `running` while the probe passes, else `waiting`, with the probe's own words."""
    component, _ = through(watched(), WANTED)
    assert (component.state, component.ready) == (State.WAITING, False)

    component, _ = through(component, seen(True))
    assert (component.state, component.ready, component.health) == (State.RUNNING, True, Health.HEALTHY)

    component, _ = through(component, seen(False))
    assert component.state is State.RUNNING, "one failure of two is not yet a verdict"

    component, _ = through(component, seen(False))
    assert (component.state, component.ready) == (State.WAITING, False)
    assert component.reason == "liveness probe failed: refused"

    component, _ = through(component, seen(True))
    assert component.state is State.RUNNING, "it is never on hold: it may come back at any time"


def test_without_a_liveness_probe_the_readiness_probe_decides() -> None:
    """INTERFACES §4: liveness, else readiness."""
    component, _ = through(watched(readiness=PROBE), WANTED, seen(True, READINESS))

    assert (component.state, component.ready) == (State.RUNNING, True)


def test_with_both_probes_it_may_run_and_not_be_ready() -> None:
    """The first decides about the state, the second about `ready`."""
    component, _ = through(watched(liveness=PROBE, readiness=PROBE), WANTED, seen(True))
    assert (component.state, component.ready) == (State.RUNNING, False)

    component, _ = through(component, seen(True, READINESS))
    assert component.ready


def test_it_is_innocent_of_nothing_before_the_first_look() -> None:
    """A failing first look does not show it as running for three periods."""
    component, _ = through(watched(), WANTED, seen(False))

    assert (component.state, component.reason) == (State.WAITING, "liveness probe failed: refused")


@pytest.mark.parametrize("state", [State.STOPPED, State.WAITING, State.RUNNING])
@pytest.mark.parametrize(
    "event",
    [
        *(
            WANTED,
            Unwanted(reason="down"),
            Unwanted(reason="down", later=True),
            RestartWanted(reason="by hand"),
        ),
        *(
            Opened(),
            Held("x"),
            Elapsed(),
            Due(reason="x"),
            Overgrown(run=0, message="x"),
            seen(True),
            seen(False),
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_external_is_ever_started_or_stopped(state: State, event: Event) -> None:
    """INTERFACES §3: never started, stopped or signalled, whatever happens in whatever state."""
    component = {
        State.STOPPED: watched(),
        State.WAITING: through(watched(), WANTED)[0],
        State.RUNNING: through(watched(), WANTED, seen(True))[0],
    }[state]
    after, effects = through(component, event)

    assert not any(isinstance(effect, Spawn | Stop) for effect in effects)
    assert after.state in (State.STOPPED, State.WAITING, State.RUNNING)
    assert not after.alive


def test_it_is_probed_only_while_somebody_asks() -> None:
    """`stop` and `down` end the looking and leave the thing as it is."""
    component, _ = through(watched(), WANTED, seen(True))
    assert probes_wanted(component) == (LIVENESS,)

    component, _ = through(component, Unwanted(reason="stopped by request"))
    assert (component.state, component.desired) == (State.STOPPED, Desired.STOPPED)
    assert (component.reason, probes_wanted(component)) == ("not watched: stopped by request", ())
