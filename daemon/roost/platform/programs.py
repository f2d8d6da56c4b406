"""The command lines of our own programs, whether installed by pip or frozen into a bundle."""

from __future__ import annotations

import os
import sys

from .paths import ProjectPaths

FOR_LEASE = "ROOST_FOR_LEASE"
"""The variable that tells a new keeper's first daemon that it is started for a lease alone."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _frozen(*arguments: str, program: str = "roostd") -> list[str]:
    name = f"{program}.exe" if sys.platform == "win32" else program
    return [os.path.join(os.path.dirname(sys.executable), name), *arguments]


def keeper_argv(paths: ProjectPaths) -> list[str]:
    """The keeper, which then starts the daemon.  `-IS`: it is standard library alone and stays small."""
    places = [paths.root, paths.state, paths.run]
    if getattr(sys, "frozen", False):
        return _frozen("keeper", *places, "--", *daemon_argv(paths))
    program = os.path.join(_PACKAGE, "keeper", "__main__.py")
    return [sys.executable, "-I", "-S", program, *places, "--", *daemon_argv(paths)]


def daemon_argv(paths: ProjectPaths) -> list[str]:
    """The daemon.  `-P`: a file of the project named like a module must not be imported instead of it."""
    places = [paths.root, paths.state, paths.run]
    if getattr(sys, "frozen", False):
        return _frozen("daemon", *places)
    return [sys.executable, "-P", "-m", "roost.supervise", *places]


def grep_argv(deadline: float) -> list[str]:
    """The process for a log search that may take long; `deadline` in seconds (records.grep)."""
    if getattr(sys, "frozen", False):
        return _frozen("grep", f"{deadline:g}")
    return [sys.executable, "-P", "-m", "roost.records.grep", f"{deadline:g}"]


def roost_argv() -> list[str]:
    """The command `roost`, of this very installation."""
    if getattr(sys, "frozen", False):
        return _frozen(program="roost")
    return [sys.executable, "-P", "-m", "roost.cli"]


def tray_argv() -> list[str]:
    """The tray."""
    if getattr(sys, "frozen", False):
        return _frozen(program="roost-tray")
    return [sys.executable, "-P", "-m", "roost_tray"]


def become(argv: list[str]) -> int:
    """Go on as another program: the terminal, the signals and the pid are its own from now on.

    Windows has no such thing: there the other program runs below this one, whose exit code is the other's.
    Raises OSError.
    """
    if sys.platform != "win32":
        os.execv(argv[0], argv)
    import subprocess

    with subprocess.Popen(argv) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the child shares our console, and has had it, too
                pass


def default_shell() -> tuple[str, ...]:
    """What a command given as one string is handed to."""
    if sys.platform == "win32":
        return (os.environ.get("COMSPEC", "cmd.exe"), "/d", "/s", "/c")
    return ("/bin/sh", "-c")
