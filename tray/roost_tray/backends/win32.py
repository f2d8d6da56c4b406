"""The icon in Windows' notification area: pystray's, where it holds.

What is ours around it: one marshaller for every call (a message to the icon's own window), a menu that is never
replaced under the user's hand, pictures drawn for the screen's resolution, an icon that comes back with Explorer,
and a logout that is not held up.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from pystray import _win32
from pystray._util import win32

from roost.platform import taskbar

from .. import icons
from ..backend import Listener, Unavailable
from ..model import Capabilities, Menu, Notice, Rendered, Urgency
from .pystray_menu import native

_WM_JOBS = win32.WM_USER + 20
_WM_QUERYENDSESSION = 0x0011
_WM_ENDSESSION = 0x0016
_WM_SETTINGCHANGE = 0x001A
_TOOLTIP_LENGTH, _TITLE_LENGTH, _BODY_LENGTH = 127, 63, 255
_AGAIN = (1, 1, 2, 4, 8, 16, 30, 60)
"""Seconds between the tries to have the icon back after Explorer has restarted."""
_log = logging.getLogger(__name__)


class Win32Backend:
    """An icon in the notification area; a click opens its default item, a right click the menu."""

    capabilities = Capabilities(
        name="win32",
        notifications=True,
        default_action=True,
        tooltip_length=_TOOLTIP_LENGTH,
        mnemonic="&",
        icon_sizes=(16, 20, 24, 32, 48),
    )

    def __init__(self) -> None:
        self._rendered = Rendered()
        self._icon: _Icon | None = None
        self._stopped = False

    def run(self, listener: Listener) -> None:
        """Have the icon until `stop`.  Raises Unavailable, passing while Explorer is not ready for icons."""
        if self._stopped:
            return
        taskbar.be_sharp()
        icon = self._icon = _Icon(listener, self._rendered)
        try:
            icon.run(lambda _: icon.post(icon.appear))
        finally:
            self._icon = None
        if icon.trouble is not None:
            reason = f"the notification area takes no icons: {icon.trouble}"
            raise Unavailable(reason, "it does when Explorer runs", passing=True) from icon.trouble

    def show(self, rendered: Rendered) -> None:
        """Show this from now on."""
        self._rendered = rendered
        self._soon(lambda icon: icon.show(self._rendered))

    def notify(self, notice: Notice) -> None:
        """A balloon at the icon."""
        self._soon(lambda icon: icon.balloon(notice))

    def stop(self) -> None:
        """Have `run` return."""
        self._stopped = True
        self._soon(lambda icon: icon.stop())

    def _soon(self, action: Callable[[_Icon], object]) -> None:
        icon = self._icon
        if icon is not None:
            icon.post(lambda: action(icon))


class _Icon(_win32.Icon):  # type: ignore[misc]
    """pystray's icon; all but `post` is called on the thread of its window."""

    icon: Any
    _icon_handle: Any

    def __init__(self, listener: Listener, rendered: Rendered) -> None:
        super().__init__("roost", icon=rendered.state, title=rendered.tooltip[:_TOOLTIP_LENGTH])
        self._listener = listener
        self._theme = icons.Theme.LIGHT if taskbar.has_light_taskbar() else icons.Theme.DARK
        self._jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._shown_menu = Menu()
        self._menu_is_open = False
        self._waiting: Menu | None = None
        self.trouble: OSError | None = None
        self._message_handlers |= {
            _WM_JOBS: self._on_jobs,
            _WM_QUERYENDSESSION: lambda wparam, lparam: 1,
            _WM_ENDSESSION: lambda wparam, lparam: wparam and self.stop(),
            _WM_SETTINGCHANGE: self._on_settings,
        }
        self._take(rendered.menu)

    def post(self, job: Callable[[], object]) -> None:
        """Have the window's thread do it; any thread."""
        self._jobs.put(job)
        if self._hwnd:
            win32.PostMessage(self._hwnd, _WM_JOBS, 0, 0)

    def appear(self) -> None:
        """The first time; where that fails, leave with the reason in `trouble`."""
        try:
            self.visible = True
        except OSError as error:
            self.trouble = error
            self.stop()
        else:
            self._listener.ready()

    def show(self, rendered: Rendered) -> None:
        """Change what is different."""
        try:
            if rendered.state != self.icon:
                self.icon = rendered.state
            self.title = rendered.tooltip[:_TOOLTIP_LENGTH]
        except OSError as error:
            _log.info(
                "Explorer did not take the icon: %s", error
            )  # it is coming back; see _on_taskbarcreated
        if self._menu_is_open:
            self._waiting = rendered.menu
        elif rendered.menu != self._shown_menu:
            self._take(rendered.menu)
            self.update_menu()

    def balloon(self, notice: Notice) -> None:
        """Show a notification; one that Explorer does not take is lost."""
        try:
            self._message(
                win32.NIM_MODIFY,
                win32.NIF_INFO,
                szInfo=(notice.body or notice.title)[:_BODY_LENGTH],
                szInfoTitle=notice.title[:_TITLE_LENGTH],
                dwInfoFlags=taskbar.balloon_flags(notice.urgency >= Urgency.HIGH),
            )
        except OSError as error:
            _log.warning("a notification could not be shown: %s", error)

    # -- what pystray calls ------------------------------------------------------------------------------

    def __call__(self) -> None:
        """A click on the icon."""
        for item in self._shown_menu.walk():
            if item.default and item.enabled:
                self._listener.chosen(item.id)
                return

    def _handler(self, callback: Callable[[Any], object]) -> Callable[..., object]:
        """Call it, and do not make the menu anew each time."""
        return lambda *_: callback(self)

    def _assert_icon_handle(self) -> None:
        """Load the picture in the size that the taskbar draws."""
        if not self._icon_handle:
            side = taskbar.small_icon_side()
            path = icons.ico_path(self.icon, self._theme)
            self._icon_handle = win32.LoadImage(
                None, path, win32.IMAGE_ICON, side, side, win32.LR_LOADFROMFILE
            )

    def _on_notify(self, wparam: int, lparam: int) -> None:
        if lparam != win32.WM_RBUTTONUP:
            super()._on_notify(wparam, lparam)
            return
        self._menu_is_open = True
        self._listener.menu_opened()
        try:
            super()._on_notify(wparam, lparam)  # returns when the menu is closed; jobs go on meanwhile
        finally:
            self._menu_is_open = False
            self._listener.menu_closed()
        if self._waiting is not None:
            self._take(self._waiting)
            self.update_menu()

    def _on_taskbarcreated(self, wparam: int, lparam: int) -> None:
        """Explorer has started anew, or the resolution has changed: our icon may be there or not."""
        if self.visible:
            self._come_back(list(_AGAIN))

    def _come_back(self, pauses: list[int]) -> None:
        try:
            self._hide()
        except OSError:
            pass  # it was not there any more
        try:
            self._show()
        except OSError as error:
            if not pauses:
                self.trouble = error
                self.stop()
                return
            timer = threading.Timer(pauses.pop(0), lambda: self.post(lambda: self._come_back(pauses)))
            timer.daemon = True
            timer.start()

    def _on_settings(self, wparam: int, lparam: int) -> None:
        theme = icons.Theme.LIGHT if taskbar.has_light_taskbar() else icons.Theme.DARK
        if theme is not self._theme:
            self._theme = theme
            self.icon = self.icon

    def _on_jobs(self, wparam: int, lparam: int) -> None:
        while not self._jobs.empty():
            job = self._jobs.get()
            try:
                job()
            except Exception:  # noqa: BLE001  the next one may be the end
                _log.exception("the icon could not be changed")

    def _take(self, menu: Menu) -> None:
        self._shown_menu, self._waiting = menu, None
        self._menu = native(menu, self._listener.chosen)
