"""The user's desktop, really (`backend.Desktop`): each method starts a program of it, or talks to a service."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence

from roost.client import register
from roost.platform import autostart, desktop, doors, programs
from roost.platform.system import System

from .backend import DesktopError
from .backends.surroundings import session_bus
from .model import Notice
from .toasts import Toasts

_PATIENCE = 5.0
_log = logging.getLogger(__name__)


class SystemDesktop:
    """The desktop of the session whose environment this is."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._found = doors.here(environ)
        self._env = doors.outside(environ)
        self._toasts = Toasts(session_bus(environ), self._show_log_of)

    def open_url(self, url: str) -> None:
        """Show an address in the browser."""
        if not doors.is_address(url):
            raise DesktopError(f"{url!r} is no address for a browser", "write it with http:// or https://")
        self._open(url)

    def open_folder(self, path: str) -> None:
        """Show a folder in the file manager."""
        if not os.path.isdir(path):
            raise DesktopError(f"{path} is not there any more")
        self._open(path)

    def view_log(self, root: str, component: str, log: str | None) -> None:
        """Follow a component's log in a terminal; where there is none, show the file `log`."""
        command = [*programs.roost_argv(), "-C", root, "logs", "-f", "--", component]
        if self._in_terminal(command, stay=False):
            return
        if log is None or not os.path.exists(log):
            raise DesktopError("there is no terminal, and no log file yet", doors.NO_TERMINAL)
        self._open(log)

    def explain(self, root: str, component: str) -> None:
        """`roost why` in a terminal; DesktopError where there is none."""
        if not self._in_terminal([*programs.roost_argv(), "-C", root, "why", "--", component], stay=True):
            raise DesktopError("there is no terminal", doors.NO_TERMINAL)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, where it stays."""
        argv = doors.clipboard(self._found)
        if argv is None:
            raise DesktopError("there is no program for the clipboard", doors.NO_CLIPBOARD)
        data = doors.clipboard_bytes(self._found, text)
        try:  # its outputs are not read: wl-copy and xclip stay behind to serve the text, and hold them open
            done = subprocess.run(
                argv,
                input=data,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._env,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise DesktopError(f"{argv[0]} did not take the text: {error}") from error
        if done.returncode:
            raise DesktopError(f"{argv[0]} did not take the text (exit code {done.returncode})")

    def notifies(self) -> bool:
        """Whether notifications can be shown here."""
        return self._found.system is System.MACOS or self._toasts.works()

    def notify(self, notice: Notice) -> None:
        """Show a notification, in the desktop's own way."""
        if self._found.system is System.MACOS and not self._toasts.works():
            self._launch(doors.macos_notification(notice.title, notice.body))
        else:
            self._toasts.show(notice)

    def starts_at_login(self) -> bool:
        """Whether the tray really will start with the next login; a record from before Roost moved is mended."""
        mechanism, item = autostart.for_desktop(self._found.environ), autostart.tray_item()
        try:
            found = mechanism.status(item)
            if found.stale:
                mechanism.enable(item)
                found = mechanism.status(item)
        except OSError as error:
            raise _refused("cannot be told", error) from error
        return found.starts

    def start_at_login(self, wanted: bool) -> None:
        """Have it so, or not."""
        mechanism, item = autostart.for_desktop(self._found.environ), autostart.tray_item()
        try:
            if wanted:
                mechanism.enable(item)
            else:
                mechanism.disable(item)
        except OSError as error:
            raise _refused("cannot be changed", error) from error

    def projects_at_login(self) -> list[str]:
        """The roots of the projects to bring up when the login itself has started the tray."""
        return [entry.root for entry in register.read() if entry.at_login]

    # -- by hand -----------------------------------------------------------------------------------------

    def _show_log_of(self, notice: Notice) -> None:
        """A click on a notification about a component opens its log; the caller's thread does not wait."""
        if notice.root is None or notice.component is None:
            return
        log = os.path.join(notice.root, ".roost", "logs", f"{notice.component}.log")
        arguments = (notice.root, notice.component, log)
        threading.Thread(target=self._view_log_quietly, args=arguments, name="view-log", daemon=True).start()

    def _view_log_quietly(self, root: str, component: str, log: str) -> None:
        try:
            self.view_log(root, component, log)
        except DesktopError as error:
            _log.warning("the log of %s could not be shown: %s", component, error)

    def _in_terminal(self, command: Sequence[str], stay: bool) -> bool:
        """Whether some terminal took it; one that ends at once with an error is passed over."""
        for argv in doors.in_terminal(self._found, command, stay):
            try:
                if not desktop.launch(argv, self._env, new_console=True):
                    return True
                _log.info("%s ended at once", argv[0])
            except OSError as error:
                _log.info("%s could not be started: %s", argv[0], error)
        return False

    def _open(self, target: str) -> None:
        argv = doors.opening(self._found, target)
        if argv is not None:
            self._launch(argv)
        elif self._found.system is System.WINDOWS:
            try:
                desktop.open_target(target)
            except OSError as error:
                raise DesktopError(f"{target} cannot be opened: {error.strerror or error}") from error
        else:
            raise DesktopError(f"there is no program that opens {target}", doors.NO_OPENER)

    def _launch(self, argv: Sequence[str]) -> None:
        try:
            code = desktop.launch(argv, self._env)
        except OSError as error:
            raise DesktopError(f"{argv[0]} cannot be started: {error.strerror or error}") from error
        if code:
            raise DesktopError(f"{argv[0]} could not open {argv[-1]} (exit code {code})")


def _refused(what: str, error: OSError) -> DesktopError:
    return DesktopError(f"what starts at login {what}: {error}", "roost autostart status tells more")
