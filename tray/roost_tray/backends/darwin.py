"""The icon in macOS's menu bar: pystray's, where it holds.

AppKit may be touched on the main thread alone, and newer systems end a program that does otherwise: every call
goes through `AppHelper.callAfter`.  The picture is a template that the system colors, so that its shape tells the
state; titles are edited in the open menu, another shape waits until it is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import AppKit
import Foundation
import objc
from PyObjCTools import AppHelper
from pystray import _darwin

from .. import icons
from ..backend import Listener
from ..model import Capabilities, Menu, Notice, Rendered
from .pystray_menu import native

_POINTS, _PIXELS = 18, 36


class DarwinBackend:
    """An item in the menu bar; a click opens the menu."""

    capabilities = Capabilities(
        name="darwin", edit_in_place=True, template_icons=True, icon_sizes=(_POINTS, _PIXELS)
    )

    def __init__(self) -> None:
        self._rendered = Rendered()
        self._icon: _Icon | None = None
        self._stopped = False

    def run(self, listener: Listener) -> None:
        """Have the icon until `stop`; on the main thread."""
        if self._stopped:
            return
        AppKit.NSApplication.sharedApplication().setActivationPolicy_(
            AppKit.NSApplicationActivationPolicyAccessory  # no icon in the Dock
        )
        icon = self._icon = _Icon(listener, self._rendered)
        try:
            icon.run(lambda _: AppHelper.callAfter(icon.appear))
        finally:
            self._icon = None

    def show(self, rendered: Rendered) -> None:
        """Show this from now on."""
        self._rendered = rendered
        self._soon(lambda icon: icon.show(self._rendered))

    def notify(self, notice: Notice) -> None:
        """pystray would call osascript and wait for it; the desktop has a better way."""
        raise NotImplementedError("capabilities.notifications is False")

    def stop(self) -> None:
        """Have `run` return."""
        self._stopped = True
        self._soon(lambda icon: icon.stop())

    def _soon(self, action: Callable[[_Icon], object]) -> None:
        def work() -> None:
            if self._icon is not None:
                action(self._icon)

        AppHelper.callAfter(work)


class _Icon(_darwin.Icon):  # type: ignore[misc]
    """pystray's icon, on the main thread."""

    icon: Any

    def __init__(self, listener: Listener, rendered: Rendered) -> None:
        super().__init__("roost", icon=rendered.state, title=rendered.tooltip)
        self._listener = listener
        self._watcher = _MenuWatcher.alloc().init()
        self._watcher.icon = self
        self._shown_menu = Menu()
        self._menu_is_open = False
        self._waiting: Menu | None = None
        self._take(rendered.menu)

    def appear(self) -> None:
        """The first time."""
        self.visible = True
        self._listener.ready()

    def show(self, rendered: Rendered) -> None:
        """Change what is different."""
        if rendered.state != self.icon:
            self.icon = rendered.state
        self.title = rendered.tooltip
        if rendered.menu.shape == self._shown_menu.shape:
            self._waiting = None
            self._edit(rendered.menu)
        elif self._menu_is_open:
            self._waiting = rendered.menu
        else:
            self._take(rendered.menu)
            self.update_menu()

    def opened(self) -> None:
        """The menu is on the screen."""
        self._menu_is_open = True
        self._listener.menu_opened()

    def closed(self) -> None:
        """It is not any more; what was chosen is told after this."""
        self._menu_is_open = False
        self._listener.menu_closed()
        AppHelper.callAfter(self._take_waiting)

    def _take_waiting(self) -> None:
        if self._waiting is not None and not self._menu_is_open:
            self._take(self._waiting)
            self.update_menu()

    # -- what pystray calls ------------------------------------------------------------------------------

    def _handler(self, callback: Callable[[Any], object]) -> Callable[..., object]:
        """Call it, and do not make the menu anew each time."""
        return lambda *_: callback(self)

    def _update_menu(self) -> None:
        super()._update_menu()
        if self._menu_handle is not None:
            self._menu_handle[0].setDelegate_(self._watcher)

    def _assert_image(self) -> None:
        """A picture of twice the points, for sharp screens, that the system colors."""
        png = icons.png(self.icon, icons.Theme.TEMPLATE, _PIXELS)
        image = AppKit.NSImage.alloc().initWithData_(Foundation.NSData.dataWithBytes_length_(png, len(png)))
        image.setSize_(Foundation.NSMakeSize(_POINTS, _POINTS))
        image.setTemplate_(True)
        self._icon_image = image
        self._status_item.button().setImage_(image)

    def _take(self, menu: Menu) -> None:
        self._shown_menu, self._waiting = menu, None
        self._menu = native(menu, self._listener.chosen)

    def _edit(self, menu: Menu) -> None:
        """Labels and marks alone are others."""
        if self._menu_handle is not None and menu != self._shown_menu:
            _edit(self._menu_handle[0], menu)
        self._shown_menu = menu


def _edit(nsmenu: Any, menu: Menu) -> None:
    """Both have the same lines, but that pystray leaves out needless separators: found by their place."""
    natives = [nsmenu.itemAtIndex_(number) for number in range(nsmenu.numberOfItems())]
    lines = [item for item in menu.items if item.label]
    for line, item in zip((one for one in natives if not one.isSeparatorItem()), lines, strict=True):
        line.setTitle_(item.label)
        line.setEnabled_(item.enabled and bool(item.children or item.kind.name == "ACTION"))
        if item.checked is not None:
            line.setState_(AppKit.NSOnState if item.checked else AppKit.NSOffState)
        if item.children:
            _edit(line.submenu(), Menu(item.children))


class _MenuWatcher(Foundation.NSObject):  # type: ignore[misc]
    """Is told by the menu when it is opened and closed (NSMenuDelegate)."""

    icon = objc.ivar()

    def menuWillOpen_(self, menu: object) -> None:
        self.icon.opened()

    def menuDidClose_(self, menu: object) -> None:
        self.icon.closed()
