"""The menu over D-Bus: numbers that last, and changes that tell a panel no more than is different."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost_tray.backends.dbusmenu import ROOT, Layout, MenuTree, properties
from roost_tray.model import Item, Kind, Menu

API = Item("api", "api", Kind.SUBMENU, children=(Item("api/stop", "Stop"), Item("api/log", "View log")))
MENU = Menu(
    (Item("head", "5 of 6 ready", Kind.TEXT), Item("-1", kind=Kind.SEPARATOR), API, Item("quit", "Quit"))
)


def labels(layout: Layout) -> object:
    """A layout as nested labels."""
    inside = [labels(child) for child in layout.children]
    label = layout.properties.get("label", layout.properties.get("type"))
    return (label, inside) if inside else label


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item("a", "A"), {"label": "A"}),
        (Item("a", "A", enabled=False), {"label": "A", "enabled": False}),
        (Item("a", "A", Kind.TEXT), {"label": "A", "enabled": False}),
        (Item("a", kind=Kind.SEPARATOR), {"type": "separator"}),
        (Item("a", "A", checked=True), {"label": "A", "toggle-type": "checkmark", "toggle-state": 1}),
        (
            Item("a", "A", checked=False, radio=True),
            {"label": "A", "toggle-type": "radio", "toggle-state": 0},
        ),
        (Item("a", "A", Kind.SUBMENU), {"label": "A", "children-display": "submenu"}),
    ],
)
def test_an_item_has_the_properties_that_differ_from_the_defaults(
    item: Item, expected: dict[str, object]
) -> None:
    """Each kind of item is told in the protocol's own words."""
    assert properties(item) == expected


def test_the_whole_menu_can_be_asked_for() -> None:
    """A layout of all levels has every line in order; one of depth 1 ends below the first."""
    tree = MenuTree()
    tree.replace(MENU)
    lines = ["5 of 6 ready", "separator", ("api", ["Stop", "View log"]), "Quit"]
    assert labels(tree.layout(ROOT, -1, ())) == (None, lines)
    assert labels(tree.layout(ROOT, 1, ())) == (None, ["5 of 6 ready", "separator", "api", "Quit"])
    assert labels(tree.layout(ROOT, 0, ())) is None


def test_another_label_is_a_property_alone() -> None:
    """A label that changes leaves layout and revision as they are, so that an open menu stays open."""
    tree = MenuTree()
    tree.replace(MENU)
    revision = tree.revision
    change = tree.replace(Menu((replace(MENU.items[0], label="6 of 6 ready"), *MENU.items[1:])))
    assert (list(change.updated.values()), change.removed, change.parents) == (
        [{"label": "6 of 6 ready"}],
        {},
        (),
    )
    assert tree.revision == revision


def test_a_property_that_goes_back_to_its_default_is_removed() -> None:
    """An item that can be chosen again loses `enabled`."""
    tree = MenuTree()
    tree.replace(Menu((Item("a", "A", enabled=False),)))
    change = tree.replace(Menu((Item("a", "A"),)))
    assert (change.updated, list(change.removed.values())) == ({}, [("enabled",)])


def test_a_new_line_changes_its_parent_alone() -> None:
    """What is told is the submenu that has another line; the lines that stay keep their numbers."""
    tree = MenuTree()
    tree.replace(MENU)
    before = {item.properties.get("label"): item.number for item in tree.layout(ROOT, -1, ()).children}
    more = replace(API, children=(*API.children, Item("api/url", "Open URL")))
    change = tree.replace(Menu((*MENU.items[:2], more, MENU.items[3])))
    after = {item.properties.get("label"): item.number for item in tree.layout(ROOT, -1, ()).children}
    assert (change.parents, after) == ((before["api"],), before)


def test_a_number_is_never_used_again() -> None:
    """A click that comes late for a line that has gone hits no other line."""
    tree = MenuTree()
    tree.replace(Menu((Item("a", "A"),)))
    old = tree.layout(ROOT, 1, ()).children[0].number
    tree.replace(Menu((Item("b", "B"),)))
    assert tree.item(old) is None
    assert tree.layout(ROOT, 1, ()).children[0].number != old
    with pytest.raises(KeyError):
        tree.layout(old, -1, ())


names = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6)


@given(names, names, st.booleans())
def test_who_follows_the_changes_sees_the_menu(first: list[str], second: list[str], enabled: bool) -> None:
    """A panel that applies what it is told has, in the end, what it would get by asking anew."""
    tree = MenuTree()
    tree.replace(Menu(tuple(Item(name, name.upper()) for name in first)))
    seen = {child.number: child.properties for child in tree.layout(ROOT, 1, ()).children}
    order = list(seen)
    change = tree.replace(Menu(tuple(Item(name, name, enabled=enabled) for name in second)))
    if change.parents:
        order = [child.number for child in tree.layout(ROOT, 1, ()).children]
        seen |= {number: found for number, found in tree.some(order, ()) if number not in seen}
    for number, found in change.updated.items():
        seen[number] = {**seen[number], **found}
    for number, gone in change.removed.items():
        seen[number] = {name: value for name, value in seen[number].items() if name not in gone}
    expected = {child.number: child.properties for child in tree.layout(ROOT, 1, ()).children}
    assert {number: seen[number] for number in order} == expected
