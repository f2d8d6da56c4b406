"""A desktop session, a project in it, and the installed tray."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from e2e.harness import ProjectUnderTest, eventually, roost_command
from panel.icon import IconOnBus
from panel.session import NOTIFICATIONS, DesktopSession
from roost_tray import icons
from roost_tray.model import State

PICTURES = os.environ.get("ROOST_TEST_PICTURES")
"""Where pictures of the screen are kept, for people to look at; unset: nowhere."""

RECORDER = """#!{python}
import json, os, sys
text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
with open({path!r}, "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], text]) + "\\n")
"""


def ink(state: State, theme: icons.Theme = icons.Theme.ANY) -> tuple[int, int, int]:
    """The color by which an icon is found: the one that its picture has most of."""
    with Image.open(io.BytesIO(icons.png(state, theme, 22))) as picture:
        counted = picture.convert("RGBA").getcolors() or []
    solid = [(count, color[:3]) for count, color in counted if isinstance(color, tuple) and color[3] == 255]
    red, green, blue = max(solid)[1]
    return red, green, blue


class TraySession:
    """A session, a project whose home is the session's, and what the tray does there."""

    def __init__(self, project: ProjectUnderTest, desktop: DesktopSession) -> None:
        self.project = project
        self.desktop = desktop
        project.env |= {name: value for name, value in desktop.env.items() if name not in project.env}
        self.process: subprocess.Popen[bytes] | None = None
        self._calls = desktop.folder / "calls.jsonl"

    def tray(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """Start `roost tray`."""
        argv = [*roost_command(), "tray", *arguments]
        self.process = self.desktop.start("tray", argv, env={**self.project.env, **env})
        return self.process

    def icon(self) -> IconOnBus:
        """The icon, once it is there."""
        return IconOnBus(self.desktop)

    def record(self, *programs: str) -> None:
        """Put programs of these names first on the PATH; each writes down how it was called."""
        folder = self.desktop.folder / "bin"
        folder.mkdir(exist_ok=True)
        for name in programs:
            script = folder / name
            script.write_text(RECORDER.format(python=sys.executable, path=str(self._calls)))
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.project.env["PATH"] = f"{folder}{os.pathsep}{self.project.env['PATH']}"

    def calls(self, program: str) -> list[tuple[list[str], str]]:
        """Arguments and standard input of each call of a recorded program."""
        if not self._calls.exists():
            return []
        rows = map(json.loads, self._calls.read_text().splitlines())
        return [(arguments, text) for name, arguments, text in rows if name == program]

    def state(self, name: str) -> str:
        """A component's state."""
        return str(self.project.component(name)["state"])

    def eventually(self, look: Callable[[], object], what: str) -> None:
        """Wait until it is so."""
        eventually(look, what=what, timeout=60)

    def notices(self) -> str:
        """Every notification so far, as the notification service has them."""
        dunst = (NOTIFICATIONS, "/org/freedesktop/Notifications", "org.dunstproject.cmd0")
        self.desktop.call(*dunst, "NotificationCloseAll")  # what is on the screen is no history yet
        (rows,) = self.desktop.call(*dunst, "NotificationListHistory")
        return "\n".join(f"{row['summary'][1]}: {row['body'][1]}" for row in rows)

    def keep(self, name: str) -> None:
        """Keep a picture of the screen, where somebody wants to see them."""
        if PICTURES:
            self.desktop.save(Path(PICTURES) / f"{name}.png")


MakeSession = Callable[..., TraySession]
