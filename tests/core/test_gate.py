"""What a dependent waits for, and what it follows (`restart`, `rerun`)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from roost.core import gate
from roost.core.model import Condition, Dependency, Kind, Spec, Type
from roost.core.states import Component, Desired, State


def component(name: str, state: State = State.RUNNING, **fields: Any) -> Component:
    spec = fields.pop("spec", None) or Spec(name=name, run=("true",))
    return Component(spec=spec, state=state, desired=Desired.RUNNING, pid=1, **fields)


def follower(state: State, met: dict[str, int], **edge: Any) -> Component:
    spec = Spec(name="tests", run=("true",), type=Type.TASK, depends_on=(Dependency(target="build", **edge),))
    return component("tests", state, spec=spec, met=met)


@pytest.mark.parametrize(
    ("state", "met", "ready", "expected"),
    [
        (State.RUNNING, {"build": 1}, True, "build"),
        (State.STARTING, {"build": 1}, True, "build"),
        (State.RUNNING, {"build": 2}, True, None),
        (State.RUNNING, {"build": 1}, False, None),
        (State.RUNNING, {}, True, None),
        (State.STOPPING, {"build": 1}, True, None),
        (State.WAITING, {"build": 1}, True, None),
        (State.BACKOFF, {"build": 1}, True, None),
        (State.COMPLETED, {"build": 1}, True, None),
        (State.STOPPED, {"build": 1}, True, None),
    ],
)
def test_what_restarted_restarts_its_dependents_once_it_holds_again(
    state: State, met: dict[str, int], ready: bool, expected: str | None
) -> None:
    """`restart: true`: a run that began beside an older run of the other has to begin anew, not sooner."""
    build = component("build", run=2, ready=ready)
    one = follower(state, met, restart=True)

    assert gate.outdated_by(one, {"build": build, "tests": one}) == expected


def test_what_nobody_wants_follows_nothing() -> None:
    """During a shutdown no restart is set off (S25)."""
    one = replace(follower(State.RUNNING, {"build": 1}, restart=True), desired=Desired.STOPPED)

    assert gate.outdated_by(one, {"build": component("build", run=2, ready=True)}) is None


@pytest.mark.parametrize(
    ("state", "other", "expected"),
    [
        (State.COMPLETED, State.COMPLETED, "build"),
        (State.FAILED, State.COMPLETED, "build"),
        (State.COMPLETED, State.RUNNING, None),
        (State.COMPLETED, State.FAILED, None),
        (State.RUNNING, State.COMPLETED, None),
        (State.STOPPED, State.COMPLETED, None),
    ],
)
def test_a_task_runs_again_when_what_it_follows_has_completed_again(
    state: State, other: State, expected: str | None
) -> None:
    """`rerun: true`: also after it has failed; what is under way is never cut short."""
    one = follower(state, {"build": 1}, condition=Condition.COMPLETED, rerun=True)

    assert gate.rerun_by(one, {"build": component("build", other, run=2)}) == expected


def test_only_edges_that_follow_are_remembered() -> None:
    """A plain dependency is a gate at the start and nothing later."""
    spec = Spec(
        name="a",
        run=("true",),
        depends_on=(Dependency(target="b", restart=True), Dependency(target="c"), Dependency(target="gone")),
    )
    others = {"b": component("b", run=4), "c": component("c", run=5)}

    assert gate.runs_met(spec, others) == {"b": 4}


def test_an_external_component_that_runs_has_started() -> None:
    """It has no pid, and the condition `started` holds."""
    spec = Spec(name="ollama", kind=Kind.EXTERNAL)

    assert gate.holds(Condition.STARTED, Component(spec=spec, state=State.RUNNING))
    assert not gate.holds(Condition.STARTED, Component(spec=spec, state=State.WAITING))


def waiting_chain(length: int) -> dict[str, Component]:
    """`c0` is starting, each of the others waits for the one before it."""
    components = {
        "c0": Component(spec=Spec(name="c0"), state=State.STARTING, reason="its probe fails: refused")
    }
    for number in range(1, length):
        edge = Dependency(target=f"c{number - 1}")
        name = f"c{number}"
        reason = gate.held_reason(edge, components)
        spec = Spec(name=name, depends_on=(edge,))
        components[name] = Component(spec=spec, state=State.WAITING, reason=reason)
    return components


def test_a_reason_names_the_root_of_a_short_chain() -> None:
    """P10: what three others wait for is said in one sentence."""
    assert waiting_chain(5)["c4"].reason == (
        "waiting for c3: waiting for c2: waiting for c1: waiting for c0: its probe fails: refused"
    )


def test_a_reason_does_not_grow_with_the_chain() -> None:
    """P26: else each start in a chain of a thousand would be a change of all the others; `why` names them all."""
    reasons = [one.reason for one in waiting_chain(1000).values()]
    assert reasons[999] == (
        "waiting for c998: waiting for c997: waiting for c996: waiting for c995: waiting for c994: …"
    )
