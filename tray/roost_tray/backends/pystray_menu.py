"""A menu as pystray has it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..model import Item, Kind, Menu


def native(menu: Menu, chosen: Callable[[str], None]) -> Any:
    """The pystray.Menu for a menu of ours; `chosen` gets the id of what is clicked."""
    import pystray

    return pystray.Menu(*(_native(item, chosen) for item in menu.items))


def _native(item: Item, chosen: Callable[[str], None]) -> Any:
    import pystray

    if item.kind is Kind.SEPARATOR:
        return pystray.Menu.SEPARATOR
    if item.kind is Kind.SUBMENU:
        return pystray.MenuItem(item.label, native(Menu(item.children), chosen), enabled=item.enabled)
    return pystray.MenuItem(
        item.label,
        partial(_choose, chosen, item.id),
        checked=None if item.checked is None else partial(_is, item.checked),
        radio=item.radio,
        default=item.default,
        enabled=item.enabled and item.kind is not Kind.TEXT,
    )


def _choose(chosen: Callable[[str], None], item: str, *_: object) -> None:
    chosen(item)


def _is(value: bool, _: object) -> bool:
    return value
