"""Linux without a desktop: a unit of the user's own systemd, which starts it at the login and ends it in order.

The unit only begins and ends the project: keeper and daemon look after each other and after the components
themselves, and none of them may be taken for the service (KillMode=process leaves them alone when one dies).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import autostart
from .autostart import Item, Registration

Run = Callable[[Sequence[str]], tuple[int, str]]
"""Runs a command: its exit code and what it printed."""

_ENDING = ".service"
_WANTS = "default.target.wants"
_END_PATIENCE = 90
"""Seconds that everything may take to stop at logout; systemd gives the user's manager 120."""


class SystemdUser(NamedTuple):
    """`folder` is the user's folder of units; `systemctl` talks to the user's manager, if there is one."""

    folder: str
    systemctl: Run

    def status(self, item: Item) -> Registration:
        """What the user's manager would do: the unit, the link that has it started, and the program."""
        path = self._path(item)
        found = Registration("systemd user unit", path)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                argv = start_of(file.read())
        except FileNotFoundError:
            return found
        found = found._replace(registered=True, argv=argv)
        if not os.path.lexists(self._link(item)):
            return found._replace(trouble=f"it is switched off (systemctl --user enable {item.name})")
        trouble = autostart.missing_program(argv)
        return found._replace(trouble=trouble, stale=bool(trouble))

    def enable(self, item: Item) -> None:
        """Write the unit, and the link that `systemctl --user enable` would make."""
        path, link = self._path(item), self._link(item)
        autostart.write(path, unit(item).encode())
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.lexists(link):
            os.symlink(path, link)
        self.systemctl(["daemon-reload"])

    def disable(self, item: Item) -> None:
        """Remove both."""
        autostart.remove(self._link(item))
        autostart.remove(self._path(item))
        for folder in (os.path.dirname(self._link(item)), self.folder):
            try:
                os.rmdir(folder)
            except OSError:
                break  # others have units there
        self.systemctl(["daemon-reload"])

    def records(self) -> list[str]:
        """The user's units of ours."""
        return [f"roost-{name}" for name in autostart.named(self.folder, "roost-", _ENDING)]

    def _path(self, item: Item) -> str:
        return os.path.join(self.folder, item.name + _ENDING)

    def _link(self, item: Item) -> str:
        return os.path.join(self.folder, _WANTS, item.name + _ENDING)


def unit(item: Item) -> str:
    """The unit (systemd.service(5))."""
    lines = [
        "[Unit]",
        f"Description={_plain(item.title)}",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        f"ExecStart={exec_line(item.argv)}",
        *([f"ExecStop={exec_line(item.ending)}"] if item.ending else []),
        "KillMode=process",
        "TimeoutStartSec=infinity",
        f"TimeoutStopSec={_END_PATIENCE}",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def exec_line(argv: Sequence[str]) -> str:
    """A command line by systemd's rules: quoted, with `%` and `$` doubled."""
    return " ".join(_quote(argument) for argument in argv)


def _quote(argument: str) -> str:
    text = argument.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + text.replace("%", "%%").replace("$", "$$") + '"'


def start_of(text: str) -> tuple[str, ...]:
    """The arguments of a unit's ExecStart as `unit` writes it."""
    import shlex

    for line in text.splitlines():
        if line.startswith("ExecStart="):
            try:
                words = shlex.split(line.partition("=")[2])
            except ValueError:
                return ()
            return tuple(word.replace("%%", "%").replace("$$", "$") for word in words)
    return ()


def _plain(text: str) -> str:
    return " ".join(text.replace("%", "%%").split())


def run_systemctl(arguments: Sequence[str]) -> tuple[int, str]:
    """Talk to the user's manager; where there is none, the files say it all and are read at the next login."""
    program = shutil.which("systemctl")
    if program is None:
        return 1, ""
    try:
        done = subprocess.run(
            [program, "--user", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return 1, str(error)
    return done.returncode, done.stdout + done.stderr
