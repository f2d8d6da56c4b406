"""An icon as a panel sees it: over D-Bus, by the names that StatusNotifierItem and dbusmenu prescribe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from e2e.harness import eventually
from panel.session import DesktopSession

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
_GLYPHS = re.compile(r"^[^\w(]+")


@dataclass
class Line:
    """One line of the menu, with those below it."""

    number: int
    label: str = ""
    enabled: bool = True
    checked: bool | None = None
    children: list[Line] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The label without its glyph, and without what follows a colon: `api` for `● api: running`."""
        return _GLYPHS.sub("", self.label).partition(": ")[0]

    def find(self, name: str) -> Line:
        """The line below this one with that label or name, also behind More.  Raises LookupError."""
        for child in self.children:
            if name in (child.label, child.name):
                return child
        for child in self.children:
            if child.name == "More":
                return child.find(name)
        raise LookupError(f"no {name!r} among {[child.label for child in self.children]}")

    def labels(self) -> list[str]:
        """Every label, from the top."""
        return [self.label, *(label for child in self.children for label in child.labels())]


class IconOnBus:
    """The one icon that the session's panel has."""

    def __init__(self, session: DesktopSession) -> None:
        self._session = session
        self.name, self.path, self.menu_path = session.wait(self._look, "an icon of ours in the panel")

    def _look(self) -> tuple[str, str, Any] | None:
        """Name, path, and the path of its menu; the panel may still have that of a tray that has just ended."""
        name, _, path = (self._session.find_item() or "").partition("/")
        try:
            return (
                (name, f"/{path}", self._session.property(name, f"/{path}", ITEM, "Menu")) if name else None
            )
        except LookupError:
            return None

    def property(self, name: str) -> Any:
        """A property of the icon."""
        return self._session.property(self.name, self.path, ITEM, name)

    def picture(self, side: int) -> Image.Image:
        """What it looks like in a size, with its alpha channel."""
        for width, height, data in self.property("IconPixmap"):
            if width == side:
                alpha, red, green, blue = Image.frombytes("RGBA", (width, height), bytes(data)).split()
                return Image.merge("RGBA", (red, green, blue, alpha))
        raise LookupError(f"no picture of {side} pixels")

    def menu(self) -> Line:
        """The whole menu."""
        _, root = self._session.call(self.name, self.menu_path, MENU, "GetLayout", "iias", (0, -1, []))
        return _line(root)

    def line(self, *names: str) -> Line:
        """A line by the names on the way to it; it is waited for."""

        def look() -> Line | None:
            found = self.menu()
            try:
                for name in names:
                    found = found.find(name)
            except LookupError:
                return None
            return found

        return eventually(look, what=f"{' → '.join(names)} in the menu")

    def click(self, *names: str) -> None:
        """Choose a line that can be chosen."""
        number = eventually(
            lambda: (line := self.line(*names)).enabled and line.number, what=f"{names} can be chosen"
        )
        arguments = (number, "clicked", ("i", 0), 0)
        self._session.call(self.name, self.menu_path, MENU, "Event", "isvu", arguments)


def _line(node: Any) -> Line:
    number, properties, children = node
    values = {name: value for name, (_, value) in properties.items()}
    return Line(
        number=number,
        label=values.get("label", "").replace("__", "_"),
        enabled=values.get("enabled", True) and values.get("type") != "separator",
        checked=bool(values["toggle-state"]) if "toggle-type" in values else None,
        children=[_line(child) for _, child in children],
    )
