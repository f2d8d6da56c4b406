"""What a person who waits for a component gets to hear: done, failed, or not yet.  Pure."""

from __future__ import annotations

import enum

from .states import Component, Desired, State

SETTLING = 0.5
"""Seconds that a component without a probe has to live before `up` believes in it (INTERFACES.md §4)."""

_CRASHES = 2
"""So many bad ends in a row, without having been ready, and `up` does not wait for the restart policy."""


class Goal(enum.StrEnum):
    """What is waited for."""

    UP = "up"
    READY = "ready"
    COMPLETED = "completed"
    STOPPED = "stopped"


class Outcome(enum.StrEnum):
    """How the wait stands."""

    PENDING = "pending"
    REACHED = "reached"
    FAILED = "failed"


def outcome(component: Component, goal: Goal, now: float) -> Outcome:
    """How the wait for `goal` stands.  A gate fails at once when what it waits for has ended (P9)."""
    if goal is Goal.STOPPED:
        return Outcome.PENDING if component.alive or component.state is State.BACKOFF else Outcome.REACHED
    if component.state is State.COMPLETED:
        return Outcome.REACHED
    if component.state is State.FAILED or _stopped_for_good(component):
        return Outcome.FAILED
    if goal is Goal.COMPLETED:
        return Outcome.PENDING
    if component.ready and (goal is Goal.READY or _believed(component, now)):
        return Outcome.REACHED
    if goal is Goal.UP and component.state is State.BACKOFF and _hopeless(component):
        return Outcome.FAILED
    return Outcome.PENDING


def believed_at(component: Component) -> float | None:
    """When a component that is ready without a probe has lived long enough; None where that is no question."""
    if not component.ready or component.started is None or _probed(component):
        return None
    return component.started + SETTLING


def _believed(component: Component, now: float) -> bool:
    at = believed_at(component)
    return at is None or now >= at


def _probed(component: Component) -> bool:
    return component.spec.readiness is not None or component.spec.startup is not None


def _stopped_for_good(component: Component) -> bool:
    return component.state is State.STOPPED and component.desired is Desired.STOPPED


def _hopeless(component: Component) -> bool:
    """It could not even be started, or crashed twice in a row."""
    never_started = component.wall_started is None
    return never_started or len(component.history) >= _CRASHES
