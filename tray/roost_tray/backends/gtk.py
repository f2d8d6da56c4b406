"""An icon in a system tray of the older kind (XEmbed), with a menu: GTK 3, by the system's PyGObject.

Labels and marks are edited in the menu that is on the screen; another shape waits until it is closed.  The
toolkit is touched on the thread of `run` alone: `GLib.idle_add` is the marshaller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .. import icons
from ..backend import Listener, Unavailable
from ..model import Capabilities, Item, Kind, Menu, Rendered, State
from . import system_gi

_SIZES = (16, 22, 24, 32, 48, 64)
_log = logging.getLogger(__name__)


class GtkBackend:
    """A Gtk.StatusIcon.  Every click opens the menu."""

    capabilities = Capabilities(name="gtk", edit_in_place=True, icon_sizes=_SIZES)

    def __init__(self, theme: icons.Theme = icons.Theme.ANY) -> None:
        self._theme = theme
        self._rendered = Rendered()
        self._icon: _Icon | None = None
        self._stopped = False

    def run(self, listener: Listener) -> None:
        """Have the icon until `stop`.  Raises Unavailable."""
        if not system_gi.can_import():
            raise Unavailable(
                "GTK for Python cannot be imported", "install python3-gi and gir1.2-gtk-3.0 (Debian)"
            )
        from gi.repository import GLib, Gtk

        if not Gtk.init_check([])[0]:
            raise Unavailable("GTK cannot open the screen", "see whether DISPLAY is right")
        if self._stopped:
            return
        icon = self._icon = _Icon(Gtk, listener, self._theme)
        icon.show(self._rendered)
        GLib.idle_add(listener.ready)
        try:
            Gtk.main()
        finally:
            self._icon = None
            icon.hide()

    def show(self, rendered: Rendered) -> None:
        """Show this from now on."""
        self._rendered = rendered
        self._soon(lambda icon: icon.show(self._rendered))

    def notify(self, notice: object) -> None:
        """GTK 3 knows none outside of a Gtk.Application."""
        raise NotImplementedError("capabilities.notifications is False")

    def stop(self) -> None:
        """Have `run` return."""
        self._stopped = True
        self._soon(lambda icon: icon.leave())

    def _soon(self, action: Callable[[_Icon], None]) -> None:
        if self._icon is None:
            return
        from gi.repository import GLib

        def work() -> bool:
            if self._icon is not None:
                action(self._icon)
            return False

        GLib.idle_add(work)


class _Icon:
    """The widgets, on their thread."""

    def __init__(self, gtk: Any, listener: Listener, theme: icons.Theme) -> None:
        self._gtk = gtk
        self._listener = listener
        self._theme = theme
        self._state: State | None = None
        self._size = 24
        self._menu = Menu()
        self._shown: dict[str, Item] = {}
        self._widgets: dict[str, Any] = {}
        self._popup: Any = None
        self._waiting: Menu | None = None
        self._editing = False
        self._status_icon = gtk.StatusIcon()
        self._status_icon.set_title("Roost")
        self._status_icon.connect("size-changed", self._on_size)
        self._status_icon.connect("activate", lambda _: self._open(1, gtk.get_current_event_time()))
        self._status_icon.connect("popup-menu", lambda _, button, time: self._open(button, time))

    def show(self, rendered: Rendered) -> None:
        self._status_icon.set_tooltip_text(rendered.tooltip)
        if rendered.state != self._state:
            self._state = rendered.state
            self._draw()
        is_same_shape = self._popup is not None and rendered.menu.shape == self._menu.shape
        is_open = self._popup is not None and self._popup.get_visible()
        if is_same_shape or is_open:
            self._edit(rendered.menu)
            self._waiting = None if is_same_shape else rendered.menu
        else:
            self._rebuild(rendered.menu)

    def hide(self) -> None:
        self._status_icon.set_visible(False)

    def leave(self) -> None:
        self._gtk.main_quit()

    def _on_size(self, _icon: object, size: int) -> bool:
        self._size = size
        self._draw()
        return True

    def _draw(self) -> None:
        from gi.repository import GdkPixbuf

        if self._state is None:
            return
        loader = GdkPixbuf.PixbufLoader()
        loader.write(icons.png(self._state, self._theme, icons.size_for(self._theme, self._size)))
        loader.close()
        self._status_icon.set_from_pixbuf(loader.get_pixbuf())

    def _open(self, button: int, time: int) -> None:
        if self._popup is None:
            return
        self._listener.menu_opened()
        place = self._gtk.StatusIcon.position_menu
        self._popup.popup(None, None, place, self._status_icon, button, time)

    def _on_closed(self, popup: Any) -> None:
        """What was chosen is told after this, by the widgets that a new menu would take away."""
        from gi.repository import GLib

        self._listener.menu_closed()
        GLib.idle_add(self._take_waiting)

    def _take_waiting(self) -> bool:
        if self._waiting is not None and not self._popup.get_visible():
            self._rebuild(self._waiting)
        return False

    def _rebuild(self, menu: Menu) -> None:
        """A new menu; the old one is destroyed, or its widgets would stay for ever."""
        old, self._widgets, self._waiting = self._popup, {}, None
        self._menu = menu
        self._shown = {item.id: item for item in menu.walk()}
        self._popup = self._build(menu.items)
        self._popup.connect("deactivate", self._on_closed)
        if old is not None:
            old.destroy()

    def _build(self, items: tuple[Item, ...]) -> Any:
        popup = self._gtk.Menu()
        group: Any = None
        for item in items:
            widget = self._widget(item, group)
            group = widget if item.radio else None
            self._widgets[item.id] = widget
            popup.append(widget)
        popup.show_all()
        return popup

    def _widget(self, item: Item, group: Any) -> Any:
        if item.kind is Kind.SEPARATOR:
            return self._gtk.SeparatorMenuItem()
        if item.checked is None:
            widget = self._gtk.MenuItem(label=item.label)
        elif item.radio:
            widget = self._gtk.RadioMenuItem(label=item.label, group=group)
            widget.set_active(item.checked)
        else:
            widget = self._gtk.CheckMenuItem(label=item.label)
            widget.set_active(item.checked)
        widget.set_sensitive(item.enabled and item.kind is not Kind.TEXT)
        if item.kind is Kind.SUBMENU:
            widget.set_submenu(self._build(item.children))
        else:
            widget.connect("activate", self._on_chosen, item.id)
        return widget

    def _on_chosen(self, widget: object, item: str) -> None:
        if not self._editing:
            self._listener.chosen(item)

    def _edit(self, menu: Menu) -> None:
        """Bring labels and marks of the lines that there are up to date; GTK takes setting a mark for a choice."""
        self._editing = True
        try:
            for item in menu.walk():
                before = self._shown.get(item.id)
                if before is None or before == item or before.kind is not item.kind:
                    continue
                self._shown[item.id] = item
                widget = self._widgets[item.id]
                widget.set_label(item.label)
                widget.set_sensitive(item.enabled and item.kind is not Kind.TEXT)
                if item.checked is not None and before.checked is not None:
                    widget.set_active(item.checked)
        finally:
            self._editing = False
