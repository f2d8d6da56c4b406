"""The two D-Bus objects of an icon: org.kde.StatusNotifierItem, and its menu as com.canonical.dbusmenu.

The specification of the first is freedesktop.org's "StatusNotifierItem"; of the second, the interface file of
libdbusmenu.  Paths and habits are those of Ayatana's library, which every panel knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from dbus_fast import DBusError, ErrorType, PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusInt32,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
    DBusUInt32,
    DBusVariant,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from ..model import Kind, Menu
from .dbusmenu import ROOT, SIGNATURES, Layout, MenuTree, Properties

ITEM_PATH = "/org/ayatana/NotificationItem/roost"
MENU_PATH = f"{ITEM_PATH}/Menu"

DBusNothing = Annotated[None, DBusSignature("")]

Pixmaps = list[list[Any]]
"""[width, height, ARGB bytes, row by row] of each size."""

DBusPixmaps = Annotated[Pixmaps, DBusSignature("a(iiay)")]
DBusToolTip = Annotated[list[Any], DBusSignature("(sa(iiay)ss)")]
DBusNumbers = Annotated[list[int], DBusSignature("ai")]
DBusNames = Annotated[list[str], DBusSignature("as")]
DBusLayout = Annotated[tuple[int, list[Any]], DBusSignature("u(ia{sv}av)")]
DBusItems = Annotated[list[list[Any]], DBusSignature("a(ia{sv})")]
DBusEvents = Annotated[list[list[Any]], DBusSignature("a(isvu)")]
DBusTwice = Annotated[tuple[list[int], list[int]], DBusSignature("aiai")]
DBusPropertiesUpdate = Annotated[tuple[list[Any], list[Any]], DBusSignature("a(ia{sv})a(ias)")]
DBusLayoutUpdate = Annotated[tuple[int, int], DBusSignature("ui")]

_READ = PropertyAccess.READ


class NotifierItem(ServiceInterface):
    """The icon itself.  A click of any kind opens the menu: the panel does that by itself (ItemIsMenu)."""

    def __init__(self) -> None:
        super().__init__("org.kde.StatusNotifierItem")
        self.icon_name = ""
        self.pixmaps: Pixmaps = []
        self.tooltip = "Roost"
        self.status = "Active"

    @dbus_property(_READ)
    def Category(self) -> DBusStr:
        return "ApplicationStatus"

    @dbus_property(_READ)
    def Id(self) -> DBusStr:
        return "roost"

    @dbus_property(_READ)
    def Title(self) -> DBusStr:
        return "Roost"

    @dbus_property(_READ)
    def Status(self) -> DBusStr:
        return self.status

    @dbus_property(_READ)
    def WindowId(self) -> DBusInt32:
        return 0

    @dbus_property(_READ)
    def IconName(self) -> DBusStr:
        return self.icon_name

    @dbus_property(_READ)
    def IconThemePath(self) -> DBusStr:
        return ""

    @dbus_property(_READ)
    def IconPixmap(self) -> DBusPixmaps:
        return self.pixmaps

    @dbus_property(_READ)
    def OverlayIconName(self) -> DBusStr:
        return ""

    @dbus_property(_READ)
    def OverlayIconPixmap(self) -> DBusPixmaps:
        return []

    @dbus_property(_READ)
    def AttentionIconName(self) -> DBusStr:
        return ""

    @dbus_property(_READ)
    def AttentionIconPixmap(self) -> DBusPixmaps:
        return []

    @dbus_property(_READ)
    def AttentionMovieName(self) -> DBusStr:
        return ""

    @dbus_property(_READ)
    def ToolTip(self) -> DBusToolTip:
        return ["", [], self.tooltip, ""]

    @dbus_property(_READ)
    def ItemIsMenu(self) -> DBusBool:
        return True

    @dbus_property(_READ)
    def Menu(self) -> DBusObjectPath:
        return MENU_PATH

    @dbus_method()
    def ContextMenu(self, x: DBusInt32, y: DBusInt32) -> DBusNothing:
        """The panel draws the menu."""

    @dbus_method()
    def Activate(self, x: DBusInt32, y: DBusInt32) -> DBusNothing:
        """The panel opens the menu."""

    @dbus_method()
    def SecondaryActivate(self, x: DBusInt32, y: DBusInt32) -> DBusNothing:
        """A middle click means nothing."""

    @dbus_method()
    def Scroll(self, delta: DBusInt32, orientation: DBusStr) -> DBusNothing:
        """Nor does the wheel."""

    @dbus_signal()
    def NewIcon(self) -> DBusNothing:
        """The picture has changed."""

    @dbus_signal()
    def NewToolTip(self) -> DBusNothing:
        """The text has changed."""


class MenuService(ServiceInterface):
    """The menu.  `chosen` gets the id of a clicked item; `opened` whether somebody looks at the menu now."""

    def __init__(self, chosen: Callable[[str], None], opened: Callable[[bool], None]) -> None:
        super().__init__("com.canonical.dbusmenu")
        self._tree = MenuTree()
        self._chosen = chosen
        self._opened = opened

    def replace(self, menu: Menu) -> None:
        """Show this menu, and tell the panel what is different."""
        change = self._tree.replace(menu)
        if change.updated or change.removed:
            self.ItemsPropertiesUpdated(
                [[number, _variants(found)] for number, found in change.updated.items()],
                [[number, list(names)] for number, names in change.removed.items()],
            )
        if change.parents:
            self.LayoutUpdated(change.parents[0] if len(change.parents) == 1 else ROOT)

    @dbus_property(_READ)
    def Version(self) -> DBusUInt32:
        return 3

    @dbus_property(_READ)
    def TextDirection(self) -> DBusStr:
        return "ltr"

    @dbus_property(_READ)
    def Status(self) -> DBusStr:
        return "normal"

    @dbus_property(_READ)
    def IconThemePath(self) -> DBusNames:
        return []

    @dbus_method()
    def GetLayout(
        self, parentId: DBusInt32, recursionDepth: DBusInt32, propertyNames: DBusNames
    ) -> DBusLayout:
        try:
            layout = self._tree.layout(parentId, recursionDepth, propertyNames)
        except KeyError:
            raise _no_such_item(parentId) from None
        return self._tree.revision, _on_the_wire(layout)

    @dbus_method()
    def GetGroupProperties(self, ids: DBusNumbers, propertyNames: DBusNames) -> DBusItems:
        return [[number, _variants(found)] for number, found in self._tree.some(ids, propertyNames)]

    @dbus_method()
    def GetProperty(self, id: DBusInt32, name: DBusStr) -> DBusVariant:
        for _, found in self._tree.some([id], [name]):
            if name in found:
                return _variants(found)[name]
        raise _no_such_item(id)

    @dbus_method()
    def Event(self, id: DBusInt32, eventId: DBusStr, data: DBusVariant, timestamp: DBusUInt32) -> DBusNothing:
        if not self._happened(id, eventId):
            raise _no_such_item(id)

    @dbus_method()
    def EventGroup(self, events: DBusEvents) -> DBusNumbers:
        return [number for number, event, _, _ in events if not self._happened(number, event)]

    @dbus_method()
    def AboutToShow(self, id: DBusInt32) -> DBusBool:
        return False  # what is shown is always up to date

    @dbus_method()
    def AboutToShowGroup(self, ids: DBusNumbers) -> DBusTwice:
        return [], [number for number in ids if self._tree.item(number) is None]

    @dbus_signal()
    def ItemsPropertiesUpdated(
        self, updated: list[list[Any]], removed: list[list[Any]]
    ) -> DBusPropertiesUpdate:
        return updated, removed

    @dbus_signal()
    def LayoutUpdated(self, parent: int) -> DBusLayoutUpdate:
        return self._tree.revision, parent

    def _happened(self, number: int, event: str) -> bool:
        """Deal with an event; False if it is about an item that has gone."""
        item = self._tree.item(number)
        if item is None:
            return False
        if event in ("opened", "closed") and number == ROOT:
            self._opened(event == "opened")
        elif event == "clicked" and item.kind is Kind.ACTION and item.enabled:
            self._chosen(item.id)
        return True


def _on_the_wire(layout: Layout) -> list[Any]:
    children = [Variant("(ia{sv}av)", _on_the_wire(child)) for child in layout.children]
    return [layout.number, _variants(layout.properties), children]


def _variants(found: Properties) -> dict[str, Variant]:
    return {name: Variant(SIGNATURES[name], value) for name, value in found.items()}


def _no_such_item(number: int) -> DBusError:
    return DBusError(ErrorType.INVALID_ARGS, f"there is no item {number} in the menu")
