"""Whether what a component depends on holds, and if not, why not.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Condition, Dependency, Spec, Type
from .states import Component, Desired, State

DISABLED = "disabled by profile"
"""How the reason of a component begins that takes part only with a profile that is not chosen."""


def unmet(spec: Spec, components: Mapping[str, Component]) -> Dependency | None:
    """The first dependency that does not hold, in the order of the file; None if the gate is open."""
    for dependency in spec.depends_on:
        other = components.get(dependency.target)
        if other is None or not holds(dependency.condition, other):
            return dependency
    return None


def runs_met(spec: Spec, components: Mapping[str, Component]) -> dict[str, int]:
    """The present runs of what a component follows; what it has met when it starts now."""
    followed = (edge.target for edge in spec.depends_on if edge.restart or edge.rerun)
    return {target: components[target].run for target in followed if target in components}


def outdated_by(component: Component, components: Mapping[str, Component]) -> str | None:
    """What has restarted since this run began and holds again, so that this run has to restart (`restart`)."""
    if component.state not in (State.STARTING, State.RUNNING) or component.desired is Desired.STOPPED:
        return None
    return _followed(component, components, [edge for edge in component.spec.depends_on if edge.restart])


def rerun_by(component: Component, components: Mapping[str, Component]) -> str | None:
    """What has completed again since this task last began, so that it has to run again (`rerun`).

    A run that is under way is never cut short for it: the next one follows its end.
    """
    at_rest = component.state in (State.COMPLETED, State.FAILED)
    if not at_rest or component.desired is Desired.STOPPED or component.spec.type is not Type.TASK:
        return None
    return _followed(component, components, [edge for edge in component.spec.depends_on if edge.rerun])


def _followed(
    component: Component, components: Mapping[str, Component], edges: list[Dependency]
) -> str | None:
    for edge in edges:
        other = components.get(edge.target)
        met = component.met.get(edge.target)
        if other is not None and met not in (None, other.run) and holds(edge.condition, other):
            return edge.target
    return None


def holds(condition: Condition, other: Component) -> bool:
    """`started`: it runs or has run to its end; `ready`: it is ready, or a task that is done; `completed`."""
    done = other.state is State.COMPLETED
    match condition:
        case Condition.STARTED:
            there = other.there or other.watched_only
            return done or (there and other.state in (State.STARTING, State.RUNNING))
        case Condition.READY:
            return done or other.ready
        case Condition.COMPLETED:
            return done


_WAITING = "waiting for "
_DEEPEST = 4
"""So many others may wait for each other in one reason; `why` names them all."""


def held_reason(dependency: Dependency, components: Mapping[str, Component]) -> str:
    """`waiting for db: readiness probe failed: connection refused on 127.0.0.1:5432`.

    A long chain is cut, so that a change at its root is not a change of every reason in it.
    """
    other = components.get(dependency.target)
    why = "there is no such component any more" if other is None else why_not(other)
    links = why.split(": ", _DEEPEST)
    if len(links) > _DEEPEST and all(link.startswith(_WAITING) for link in links[:-1]):
        why = ": ".join([*links[:-1], "…"])
    return f"{_WAITING}{dependency.target}: {why}"


def why_not(other: Component) -> str:
    """A component's own reason, without its leading `not ready: `, and with a word where nobody asked for it."""
    if other.state is State.STOPPED and other.reason.startswith(DISABLED):
        return f"it is {other.reason}"
    if other.state is State.STOPPED:
        return f"it is stopped ({other.reason})" if other.run else "it is not started"
    if other.state is State.RUNNING and other.ready:
        return "it has not completed"
    return other.reason.removeprefix("not ready: ")
