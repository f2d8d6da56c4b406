"""What the user chose in the menu and what outlives the tray: `tray.json` in the user's folder."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass

from roost.platform.files import make_private, write_atomic

from .world import Level

VERSION = 1
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preferences:
    """The choices, with what holds where nothing was chosen."""

    notifications: Level = Level.FAILURES


def read(path: str) -> Preferences:
    """What is in the file; what is missing or makes no sense is as if it had never been chosen."""
    try:
        with open(path, encoding="utf-8") as file:
            chosen = json.load(file)
        return Preferences(notifications=Level(chosen["notifications"]))
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be used, so nothing of it is: %s", path, error)
        return Preferences()


def write(path: str, preferences: Preferences) -> None:
    """Keep them.  Raises OSError."""
    make_private(os.path.dirname(path))
    text = json.dumps({"version": VERSION, "notifications": preferences.notifications}, indent=1)
    write_atomic(path, text.encode() + b"\n", durable=False)
