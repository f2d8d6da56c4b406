"""Linux desktops: a file in the user's autostart folder (freedesktop.org, "Desktop Application Autostart").

A file of the same name in a folder of the system (/etc/xdg/autostart, from a package) counts where the user has
none; the user's own one then says that it is switched off.
"""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from . import autostart
from .autostart import Item, Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GROUP = "[Desktop Entry]"
_ENDING = ".desktop"
_IN_QUOTES = '"`$\\'
_RESERVED = " \t\n\"'\\><~|&;$*?#()`"


class XdgAutostart(NamedTuple):
    """`folder` is the user's own, `others` the system's, in their order; `desktop` is XDG_CURRENT_DESKTOP."""

    folder: str
    others: tuple[str, ...] = ()
    desktop: str = ""

    @classmethod
    def of_session(cls, environ: Mapping[str, str]) -> XdgAutostart:
        """The folders as the environment tells them."""
        system = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        others = tuple(
            os.path.join(place, "autostart") for place in system.split(":") if os.path.isabs(place)
        )
        own = os.path.join(autostart.config_home(environ), "autostart")
        return cls(own, others, environ.get("XDG_CURRENT_DESKTOP", ""))

    def status(self, item: Item) -> Registration:
        """What the session would read."""
        own = self._path(item)
        for path in (own, *self._of_system(item)):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return judge(path, parse(file.read()), self.desktop)
            except FileNotFoundError:
                continue
        return Registration("autostart file", own)

    def enable(self, item: Item) -> None:
        """Write the user's file."""
        autostart.write(self._path(item), entry(item).encode())

    def disable(self, item: Item) -> None:
        """Remove the user's file; where the system has one, say in the user's that it is off."""
        if self._of_system(item):
            autostart.write(
                self._path(item), f"{_GROUP}\nType=Application\nName=Roost\nHidden=true\n".encode()
            )
        else:
            autostart.remove(self._path(item))

    def records(self) -> list[str]:
        """The user's files of ours."""
        return [f"roost-{name}" for name in autostart.named(self.folder, "roost-", _ENDING)]

    def _path(self, item: Item) -> str:
        return os.path.join(self.folder, item.name + _ENDING)

    def _of_system(self, item: Item) -> list[str]:
        paths = (os.path.join(folder, item.name + _ENDING) for folder in self.others)
        return [path for path in paths if os.path.exists(path)]


def entry(item: Item) -> str:
    """The desktop entry.  TryExec: where the program has gone, the desktop leaves it alone."""
    lines = [
        _GROUP,
        "Type=Application",
        "Version=1.0",
        f"Name={_escape(item.title)}",
        f"TryExec={_escape(item.argv[0])}",
        f"Exec={_escape(exec_line(item.argv))}",
        "Icon=roost",
        "Terminal=false",
        "NoDisplay=true",
        "StartupNotify=false",
        "X-GNOME-Autostart-enabled=true",
        "X-KDE-autostart-phase=2",
    ]
    return "\n".join(lines) + "\n"


def exec_line(argv: Sequence[str]) -> str:
    """A command line by the specification's rules ("The Exec key"): quoted where needed, `%` doubled."""
    return " ".join(_quote(argument) for argument in argv)


def _quote(argument: str) -> str:
    text = argument.replace("%", "%%")
    if argument and not any(character in _RESERVED for character in argument):
        return text
    for character in "\\" + _IN_QUOTES.replace("\\", ""):
        text = text.replace(character, "\\" + character)
    return f'"{text}"'


def exec_argv(line: str) -> tuple[str, ...]:
    """The arguments of a command line; field codes (%u …) are nothing here."""
    argv: list[str] = []
    word: list[str] | None = None
    quoted = False
    rest = iter(line)
    for character in rest:
        if character == '"':
            quoted, word = not quoted, word or []
        elif character == "\\" and quoted:
            (word := word or []).append(next(rest, ""))
        elif character == "%":
            (word := word or []).append("%" if next(rest, "") == "%" else "")
        elif character in " \t" and not quoted:
            argv += ["".join(word)] if word is not None else []
            word = None
        else:
            (word := word or []).append(character)
    return tuple(argv + (["".join(word)] if word is not None else []))


def parse(text: str) -> dict[str, str]:
    """The keys of the entry; other groups and translations are left out."""
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == _GROUP
        elif inside and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key.strip()] = _unescape(value.strip())
    return found


def judge(path: str, keys: Mapping[str, str], desktop: str) -> Registration:
    """What the desktop would do with it."""
    argv = exec_argv(keys.get("Exec", ""))
    found = Registration("autostart file", path, True, argv)
    if keys.get("Hidden", "") == "true":
        return found._replace(registered=False)
    if keys.get("X-GNOME-Autostart-enabled", "true") == "false":
        return found._replace(trouble="it is switched off in the desktop's settings")
    desktops = set(desktop.split(":")) - {""}
    only, never = _list(keys, "OnlyShowIn"), _list(keys, "NotShowIn")
    if desktops and ((only and not only & desktops) or never & desktops):
        return found._replace(trouble=f"it is not for this desktop ({desktop})")
    tried = keys.get("TryExec", "")
    program = (tried,) if tried else argv
    if program and not os.path.isabs(program[0]):
        program = (shutil.which(program[0]) or os.path.join("/", program[0]),)
    trouble = autostart.missing_program(program)
    return found._replace(trouble=trouble, stale=bool(trouble))


def _list(keys: Mapping[str, str], key: str) -> set[str]:
    return set(keys.get(key, "").split(";")) - {""}


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _unescape(value: str) -> str:
    parts, rest = [], iter(value)
    for character in rest:
        if character == "\\":
            following = next(rest, "")
            parts.append({"s": " ", "n": "\n", "t": "\t", "r": "\r"}.get(following, following))
        else:
            parts.append(character)
    return "".join(parts)
