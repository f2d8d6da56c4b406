"""What the tables of transitions are made of: cells, where each may lead, and the word that goes on record.

A cell is a function `(component, event, now) → (component, effects)`.  Above each stands where it may lead;
the property tests hold what happens against it, and the diagram in the documentation is drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .states import Component, Effect, Event, State, Tell

Step: TypeAlias = tuple[Component, tuple[Effect, ...]]
Cell: TypeAlias = Callable[[Component, Any, float], Step]
"""The event's own type is fixed by the column in which the cell stands."""

Table: TypeAlias = Mapping[tuple[State, type[Event]], Cell]

LEADS_TO: dict[Cell, frozenset[State]] = {}
"""The states into which a cell may lead."""


def leads_to(*states: State) -> Callable[[Cell], Cell]:
    """Note the states into which the cell below may lead; none: it leaves the state as it is."""

    def note(cell: Cell) -> Cell:
        LEADS_TO[cell] = frozenset(states)
        return cell

    return note


def edges(table: Table) -> frozenset[tuple[State, str, State]]:
    """Every transition of a table: from, by which event, to."""
    return frozenset(
        (state, event.__name__, target)
        for (state, event), cell in table.items()
        for target in LEADS_TO[cell]
        if target is not state
    )


@leads_to()
def stay(component: Component, _event: Event, _now: float) -> Step:
    """Nothing happens."""
    return component, ()


def tell(component: Component, kind: str, message: str, **data: object) -> Tell:
    """An event for the record."""
    return Tell(kind=kind, name=component.name, run=component.run, message=message, data=data)
