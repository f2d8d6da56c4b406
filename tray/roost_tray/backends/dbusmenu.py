"""A menu as com.canonical.dbusmenu shows it: numbered items with properties, and what has changed.  Pure.

The number of an item stays the same as long as its id is there, and is never used again, so that a panel edits
the menu that it has on the screen instead of closing it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..model import Item, Kind, Menu

ROOT = 0
SIGNATURES = {
    "type": "s",
    "label": "s",
    "enabled": "b",
    "toggle-type": "s",
    "toggle-state": "i",
    "children-display": "s",
}
"""The D-Bus type of each property that is used."""

Properties = dict[str, str | bool | int]


@dataclass(frozen=True, slots=True)
class Layout:
    """An item with what stands below it, as deep as was asked for."""

    number: int
    properties: Properties
    children: tuple[Layout, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a panel has to be told.  `parents`: whose lines are others now; everything else is as it was."""

    updated: dict[int, Properties] = field(default_factory=dict)
    removed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    parents: tuple[int, ...] = ()


class MenuTree:
    """The menu of one icon.  `revision` grows with each change of its lines."""

    def __init__(self) -> None:
        self.revision = 1
        self._numbers: dict[str, int] = {}
        self._next = ROOT + 1
        self._items: dict[int, Item] = {ROOT: Item("", kind=Kind.SUBMENU)}
        self._lines: dict[int, list[int]] = {ROOT: []}

    def replace(self, menu: Menu) -> Change:
        """Have this menu from now on; what that means for somebody who knows the one before."""
        items, lines = self._items, self._lines
        self._numbers = {item.id: self._numbers.get(item.id) or self._new_number() for item in menu.walk()}
        self._items = {self._numbers[item.id]: item for item in menu.walk()}
        self._items[ROOT] = Item("", kind=Kind.SUBMENU, children=menu.items)
        self._lines = {
            number: [self._numbers[child.id] for child in item.children]
            for number, item in self._items.items()
        }
        updated: dict[int, Properties] = {}
        removed: dict[int, tuple[str, ...]] = {}
        for number in self._items.keys() & items.keys():
            old, new = properties(items[number]), properties(self._items[number])
            if differing := {name: value for name, value in new.items() if old.get(name) != value}:
                updated[number] = differing
            if gone := tuple(name for name in old if name not in new):
                removed[number] = gone
        parents = [
            number for number in items if number in self._items and lines[number] != self._lines[number]
        ]
        if parents:
            self.revision += 1
        return Change(updated, removed, tuple(sorted(parents)))

    def item(self, number: int) -> Item | None:
        """The item with this number, unless it has gone."""
        return self._items.get(number)

    def layout(self, number: int, depth: int, names: Collection[str]) -> Layout:
        """The item and `depth` levels below it (-1: all).  `names`: the properties wanted; none: all.

        Raises KeyError if the item has gone.
        """
        item = self._items[number]
        children = (self.layout(child, depth - 1, names) for child in self._lines[number]) if depth else ()
        return Layout(number, _wanted(properties(item), names), tuple(children))

    def some(self, numbers: Collection[int], names: Collection[str]) -> Iterator[tuple[int, Properties]]:
        """The properties of these items (none: of all) that are still there."""
        for number in numbers or self._items:
            if item := self._items.get(number):
                yield number, _wanted(properties(item), names)

    def _new_number(self) -> int:
        self._next += 1
        return self._next - 1


def properties(item: Item) -> Properties:
    """What differs from the protocol's defaults."""
    if item.kind is Kind.SEPARATOR:
        return {"type": "separator"}
    found: Properties = {"label": item.label} if item.label else {}
    if item.kind is Kind.TEXT or not item.enabled:
        found["enabled"] = False
    if item.checked is not None:
        found["toggle-type"] = "radio" if item.radio else "checkmark"
        found["toggle-state"] = int(item.checked)
    if item.kind is Kind.SUBMENU:
        found["children-display"] = "submenu"
    return found


def _wanted(found: Properties, names: Collection[str]) -> Properties:
    return {name: value for name, value in found.items() if name in names} if names else found
