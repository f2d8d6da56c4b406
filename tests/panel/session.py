"""A desktop session for tests: a screen that is only memory, a session bus, a panel, a notification service.

Every part is really what people run (Xvfb, dbus-daemon, xfce4-panel, dunst), started in a home of its own and
awaited by asking it.  Nothing here knows any code of ours.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from PIL import Image, ImageChops, ImageGrab
from Xlib import X, display
from Xlib.error import XError
from Xlib.ext import xtest

from e2e.harness import eventually, need

DBUS = "org.freedesktop.DBus"
WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"
BAR = (0, 0, 1280, 40)
"""Where the panel is: left, top, right, bottom."""
_PATIENCE = 60.0

PANEL_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
 <property name="configver" type="int" value="2"/>
 <property name="panels" type="array">
  <value type="int" value="1"/>
  <property name="panel-1" type="empty">
   <property name="position" type="string" value="p=6;x=0;y=0"/>
   <property name="length" type="uint" value="100"/>
   <property name="position-locked" type="bool" value="true"/>
   <property name="size" type="uint" value="32"/>
   <property name="icon-size" type="uint" value="22"/>
   <property name="plugin-ids" type="array"><value type="int" value="1"/><value type="int" value="2"/></property>
  </property>
 </property>
 <property name="plugins" type="empty">
  <property name="plugin-1" type="string" value="separator">
   <property name="expand" type="bool" value="true"/></property>
  <property name="plugin-2" type="string" value="systray">
   <property name="square-icons" type="bool" value="true"/></property>
 </property>
</channel>
"""

# Without the folders of services that a bus starts by itself: what a test has not started is not there.
BUS_SETTINGS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
 <type>session</type>
 <listen>%s</listen>
 <auth>EXTERNAL</auth>
 %s
 <policy context="default">
  <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
 </policy>
</busconfig>
"""


class Word(NamedTuple):
    """A word on the screen, and where its middle is."""

    text: str
    x: int
    y: int


class Box(NamedTuple):
    """A part of the screen, in pixels."""

    x: int
    y: int
    width: int
    height: int


class DesktopSession:
    """One session.  `folder` becomes its home and must be short; `close` ends all that was started."""

    def __init__(
        self, folder: Path, *, screen: bool = True, bus: bool = True, notifications: bool = True
    ) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CURRENT_DESKTOP")
        }
        self.env |= {
            "HOME": str(folder),
            "GDK_BACKEND": "x11",
            "NO_AT_BRIDGE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        for name in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR"):
            place = folder / name.partition("_")[0].lower()
            place.mkdir(mode=0o700, exist_ok=True)
            self.env[f"XDG_{name}"] = str(place)
        self.panel: subprocess.Popen[bytes] | None = None
        try:
            if screen:
                self._start_screen()
            if bus:
                self._start_bus()
            if bus and notifications:
                self.start("dunst", [need("dunst")])
                self.wait(lambda: self.has_name(NOTIFICATIONS), "the notification service")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything, the last first."""
        if hasattr(self, "_bus"):
            self._bus.close()
        if hasattr(self, "_screen"):
            self._screen.close()
        for process in reversed(self._started):
            end(process)
        for log in self._logs:
            log.close()

    # -- processes ---------------------------------------------------------------------------------------

    def start(
        self, name: str, argv: list[str], env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a program of the session; its output goes to NAME.out in the session's folder."""
        log = open(self.folder / f"{name}.out", "ab")  # noqa: SIM115  closed with the session
        self._logs.append(log)
        process = subprocess.Popen(
            argv,
            env=self.env if env is None else env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
        self._started.append(process)
        return process

    def output(self, name: str) -> str:
        """What a program has written so far."""
        return (self.folder / f"{name}.out").read_text(errors="replace")

    def wait(self, look: Any, what: str, timeout: float = _PATIENCE) -> Any:
        """The first true value of `look()`."""
        return eventually(look, what=what, timeout=timeout)

    def _start_screen(self) -> None:
        """Xvfb chooses a free number itself, and writes it and the newline one after the other."""
        reading, writing = os.pipe()
        try:
            options = ["-screen", "0", "1280x720x24", "-nolisten", "tcp", "-noreset"]
            self.start("xvfb", [need("Xvfb"), "-displayfd", str(writing), *options], pass_fds=[writing])
            os.close(writing)
            number = b""
            while not number.endswith(b"\n"):
                piece = os.read(reading, 16)
                assert piece, f"Xvfb has ended: {self.output('xvfb')}"
                number += piece
        finally:
            os.close(reading)
        self.display = f":{number.decode().strip()}"
        self.env["DISPLAY"] = self.display
        self._screen = display.Display(self.display)

    def _start_bus(self) -> None:
        address = self.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={self.folder / 'bus'}"
        settings = self.folder / "bus.conf"
        settings.write_text(BUS_SETTINGS % (address, self._service_folders()))
        self._bus_process = self.start("dbus", [need("dbus-daemon"), f"--config-file={settings}", "--nofork"])
        self._bus: DBusConnection = self.wait(lambda: _connected(address), "the session bus")

    def _service_folders(self) -> str:
        """The panel's own settings service alone: it is started by the bus."""
        services = self.folder / "services"
        services.mkdir()
        there = Path("/usr/share/dbus-1/services/org.xfce.Xfconf.service")
        if there.exists():
            (services / there.name).write_bytes(there.read_bytes())
        return f"<servicedir>{services}</servicedir>"

    def start_panel(self) -> None:
        """Have xfce4-panel with its tray at the top of the screen."""
        settings = Path(self.env["XDG_CONFIG_HOME"]) / "xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(PANEL_SETTINGS)
        self.panel = self.start("panel", [need("xfce4-panel"), "--disable-wm-check"])
        self.wait(lambda: self.has_name(WATCHER), "the panel's tray")

    def kill_panel(self) -> None:
        """End the panel and its plug-ins the hard way."""
        assert self.panel is not None
        end(self.panel, signal.SIGKILL)
        self.wait(lambda: not self.has_name(WATCHER), "the end of the panel")

    # -- the bus -----------------------------------------------------------------------------------------

    def call(
        self,
        name: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
    ) -> Any:
        """What a call answers; LookupError with the service's own words if it is an error."""
        address = DBusAddress(path, bus_name=name, interface=interface)
        answer = self._bus.send_and_get_reply(
            new_method_call(address, member, signature or None, body), timeout=_PATIENCE
        )
        if answer.header.message_type is MessageType.error:
            raise LookupError(answer.header.fields.get(HeaderFields.error_name), answer.body)
        return answer.body

    def property(self, name: str, path: str, interface: str, member: str) -> Any:
        """A property's value, without its type."""
        return self.call(name, path, "org.freedesktop.DBus.Properties", "Get", "ss", (interface, member))[0][
            1
        ]

    def has_name(self, name: str) -> bool:
        """Whether somebody owns this name."""
        return bool(self.call(DBUS, "/org/freedesktop/DBus", DBUS, "NameHasOwner", "s", (name,))[0])

    def find_item(self) -> str | None:
        """The address of our icon, as the panel has it."""
        items = self.property(WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisteredStatusNotifierItems")
        return next((item for item in items if "roost" in item), None)

    @contextlib.contextmanager
    def bus_standing_still(self) -> Iterator[None]:
        """While the block lasts the session bus takes and gives nothing."""
        os.kill(self._bus_process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._bus_process.pid, signal.SIGCONT)

    def end_bus(self) -> None:
        """End the session bus, as a logout does."""
        self._bus.close()
        end(self._bus_process)

    # -- the screen --------------------------------------------------------------------------------------

    def picture(self, box: Box | None = None) -> Image.Image:
        """The screen, or a part of it."""
        whole = ImageGrab.grab(xdisplay=self.display).convert("RGB")
        return whole.crop((box.x, box.y, box.x + box.width, box.y + box.height)) if box else whole

    def save(self, path: Path) -> None:
        """Keep a picture of the screen for people to look at."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.picture().save(path)

    def find_color(
        self, color: tuple[int, int, int], tolerance: int = 12, least: int = 20
    ) -> tuple[int, int] | None:
        """The middle of what has this color in the panel, if there are enough pixels of it."""
        bar = self.picture().crop(BAR)
        bands = ImageChops.difference(bar, Image.new("RGB", bar.size, color)).split()
        worst = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
        mask = worst.point(lambda value: 255 if value < tolerance else 0)
        area = mask.getbbox()
        if area is None or mask.histogram()[255] < least:
            return None
        return BAR[0] + (area[0] + area[2]) // 2, BAR[1] + (area[1] + area[3]) // 2

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Move the pointer there and click."""
        self.move(x, y)
        xtest.fake_input(self._screen, X.ButtonPress, button)
        xtest.fake_input(self._screen, X.ButtonRelease, button)
        self._screen.sync()

    def move(self, x: int, y: int) -> None:
        """Move the pointer there."""
        xtest.fake_input(self._screen, X.MotionNotify, x=x, y=y)
        self._screen.sync()

    def popups(self) -> dict[int, Box]:
        """Menus and notifications: windows without a frame that are on the screen, the newest last."""
        found: dict[int, Box] = {}
        for window in self._screen.screen().root.query_tree().children:
            with contextlib.suppress(XError):
                attributes, shape = window.get_attributes(), window.get_geometry()
                is_shown = attributes.map_state == X.IsViewable and attributes.override_redirect
                if is_shown and shape.width > 60 and shape.height > 40 and shape.width < 1000:
                    found[window.id] = Box(shape.x, shape.y, shape.width, shape.height)
        return found

    def read(self, box: Box) -> list[Word]:
        """The words in a part of the screen."""
        enlarged = self.picture(box)
        enlarged = enlarged.resize((enlarged.width * 3, enlarged.height * 3))
        data = io.BytesIO()
        enlarged.save(data, "PNG")
        argv = [need("tesseract"), "-", "-", "--psm", "6", "tsv"]
        env = {**self.env, "OMP_THREAD_LIMIT": "1"}
        done = subprocess.run(argv, input=data.getvalue(), capture_output=True, env=env, check=True)
        return list(_words(done.stdout.decode(), box))


def _connected(address: str) -> DBusConnection | None:
    """A connection, once somebody listens."""
    try:
        return open_dbus_connection(address)
    except OSError:
        return None


def _words(table: str, box: Box) -> Iterator[Word]:
    """tesseract's table: the sixth to ninth columns are left, top, width and height, the twelfth the text."""
    for line in table.splitlines()[1:]:
        cells = line.split("\t")
        if len(cells) > 11 and cells[11].strip():
            left, top, width, height = map(int, cells[6:10])
            yield Word(cells[11].strip(), box.x + (left + width // 2) // 3, box.y + (top + height // 2) // 3)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """End a program that a session started, with all of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    try:
        process.wait(4)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
