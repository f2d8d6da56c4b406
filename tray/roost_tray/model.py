"""What an icon shows: a state, a tooltip and a menu.  Pure values; the border between both halves of the tray.

The upper half makes a `Rendered` from what it knows and from what the platform can do; a backend
(`backend.py`) only puts it on the screen.  Two that are equal look the same.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field


class State(enum.StrEnum):
    """What the icon says, the best first.  Each has a color and a silhouette of its own (assets/icons)."""

    WELL = "well"
    WORKING = "working"
    DEGRADED = "degraded"
    FAILED = "failed"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"


class Kind(enum.Enum):
    """What an item of a menu is."""

    ACTION = enum.auto()
    TEXT = enum.auto()
    """Never to be chosen: a line to read."""
    SEPARATOR = enum.auto()
    SUBMENU = enum.auto()


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a menu.

    `id` is unique in its menu and stays the same as long as the line means the same, so that a backend may
    edit what it has in place.  `label` is ready for the toolkit: one line, without control characters, marks
    of mnemonics escaped as `Capabilities.mnemonic` asks.  `checked` is None where nothing can be checked;
    `radio`: one of a choice, which it shares with the other radio items beside it.  `default` is what a
    click on the icon itself does, where the platform has that.
    """

    id: str
    label: str = ""
    kind: Kind = Kind.ACTION
    enabled: bool = True
    checked: bool | None = None
    radio: bool = False
    default: bool = False
    children: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Menu:
    """A whole menu, from the top."""

    items: tuple[Item, ...] = ()

    def walk(self) -> Iterator[Item]:
        """Every item, depth first, in the order in which it is read."""
        waiting = list(reversed(self.items))
        while waiting:
            item = waiting.pop()
            yield item
            waiting.extend(reversed(item.children))

    @property
    def shape(self) -> tuple[object, ...]:
        """Equal for two menus that differ in labels, marks and what is enabled alone: edited in place."""
        return tuple(_shape(item) for item in self.items)


def _shape(item: Item) -> tuple[object, ...]:
    children = tuple(_shape(child) for child in item.children)
    return (item.id, item.kind, item.checked is None, item.radio, item.default, children)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; a menu is made for exactly that."""

    name: str
    menu: bool = True
    """False: a lamp alone; nothing can be chosen."""
    submenu: bool = True
    checkmarks: bool = True
    """False: the label has to say what is checked."""
    edit_in_place: bool = False
    """A label may change under an open menu without closing it."""
    notifications: bool = False
    """Whether `Backend.notify` works (the desktop's own way comes first)."""
    default_action: bool = False
    """Whether a click on the icon itself chooses the default item."""
    tooltip_length: int = 120
    """Characters; 0 where there is no tooltip."""
    label_length: int = 72
    """Characters of a label, before escaping."""
    mnemonic: str = ""
    """The character that the toolkit takes for the mark of a mnemonic, unless it is doubled; "" for none."""
    icon_sizes: tuple[int, ...] = (16, 22, 24, 32, 48, 64)
    """Pixels; what the backend would like to draw, the likeliest first."""
    template_icons: bool = False
    """The system colors the icon itself (macOS): its shape alone counts."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """All that is to be seen at one moment."""

    state: State = State.STOPPED
    tooltip: str = "Roost"
    menu: Menu = field(default_factory=Menu)


class Urgency(enum.IntEnum):
    """How much a notice matters."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification.  `root` and `component` say what it is about, for a click that opens the log."""

    title: str
    body: str = ""
    urgency: Urgency = Urgency.NORMAL
    root: str | None = None
    component: str | None = None
