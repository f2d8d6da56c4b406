"""macOS: a property list in ~/Library/LaunchAgents (launchd.plist(5)); launchd reads it at the next login."""

from __future__ import annotations

import os
import plistlib
import re
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple
from xml.parsers.expat import ExpatError

from . import autostart
from .autostart import Item, Registration

Run = Callable[[Sequence[str]], tuple[int, str]]

_BEGINNING = "io.github.roost."
_ENDING = ".plist"


class LaunchAgent(NamedTuple):
    """`launchctl` tells and changes what the user has switched off; `user` is the user's number."""

    folder: str
    launchctl: Run
    user: int
    needs_desktop: bool

    def status(self, item: Item) -> Registration:
        """What launchd would do."""
        path = self._path(item)
        found = Registration("launch agent", path)
        try:
            with open(path, "rb") as file:
                keys = plistlib.load(file)
            argv = tuple(str(word) for word in keys.get("ProgramArguments", ()))
        except FileNotFoundError:
            return found
        except (plistlib.InvalidFileException, ExpatError, AttributeError, TypeError):
            return found._replace(registered=True, trouble="it cannot be understood", stale=True)
        found = found._replace(registered=True, argv=argv)
        _, listing = self.launchctl(["print-disabled", self._domain()])
        if keys.get("Disabled") or is_disabled(listing, label(item)):
            return found._replace(trouble="it is switched off (launchctl, or System Settings, Login Items)")
        trouble = autostart.missing_program(argv)
        return found._replace(trouble=trouble, stale=bool(trouble))

    def enable(self, item: Item) -> None:
        """Write the list, and take back what switched it off.  Nothing is started now."""
        autostart.write(self._path(item), agent(item, self.needs_desktop))
        self.launchctl(["enable", f"{self._domain()}/{label(item)}"])

    def disable(self, item: Item) -> None:
        """Remove the list.  What runs goes on."""
        autostart.remove(self._path(item))

    def records(self) -> list[str]:
        """The user's lists of ours."""
        return autostart.named(self.folder, _BEGINNING, _ENDING)

    def _path(self, item: Item) -> str:
        return os.path.join(self.folder, label(item) + _ENDING)

    def _domain(self) -> str:
        return f"gui/{self.user}"


def label(item: Item) -> str:
    """Its name for launchd."""
    return _BEGINNING + item.name


def agent(item: Item, needs_desktop: bool) -> bytes:
    """The property list.  What it starts outlives it (AbandonProcessGroup): the tray's end stops no project."""
    keys: dict[str, object] = {
        "Label": label(item),
        "ProgramArguments": list(item.argv),
        "RunAtLoad": True,
        "KeepAlive": False,
        "AbandonProcessGroup": True,
        "ProcessType": "Interactive" if needs_desktop else "Background",
    }
    if needs_desktop:
        keys["LimitLoadToSessionType"] = "Aqua"
    return plistlib.dumps(keys)


def is_disabled(listing: str, name: str) -> bool:
    """Whether `launchctl print-disabled` says so: `"NAME" => disabled`, on older systems `=> true`."""
    return re.search(rf'"{re.escape(name)}"\s*=>\s*(disabled|true)\b', listing) is not None


def run_launchctl(arguments: Sequence[str]) -> tuple[int, str]:
    """Ask launchd; where it does not answer, the file says it all."""
    try:
        done = subprocess.run(
            ["/bin/launchctl", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return 1, str(error)
    return done.returncode, done.stdout
