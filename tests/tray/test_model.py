"""The border between both halves of the tray: what a menu is, and when two have the same shape."""

from __future__ import annotations

import dataclasses

from roost_tray.model import Item, Kind, Menu

RESTART = Item("restart:shop/api", "Restart")
SHOP = Item("project:shop", "shop", Kind.SUBMENU, children=(RESTART, Item("stop:shop/api", "Stop")))


def test_a_menu_is_walked_as_it_is_read() -> None:
    """Depth first: an item, then what is in it, then what follows it."""
    menu = Menu((Item("status", "all well", Kind.TEXT), SHOP, Item("quit", "Quit tray")))
    assert [item.id for item in menu.walk()] == [
        "status", "project:shop", "restart:shop/api", "stop:shop/api", "quit",
    ]  # fmt: skip


def test_labels_and_marks_do_not_change_the_shape() -> None:
    """What an open menu can show without being made anew keeps its shape; everything else changes it."""
    menu = Menu((SHOP,))
    relabelled = dataclasses.replace(SHOP, label="shop: 1 of 2", enabled=False)
    assert Menu((relabelled,)).shape == menu.shape
    assert Menu((dataclasses.replace(SHOP, children=SHOP.children[:1]),)).shape != menu.shape
    assert Menu((dataclasses.replace(SHOP, checked=True),)).shape != menu.shape
