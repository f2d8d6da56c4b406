"""The environment that a user's login shell makes: what a terminal would have, and an icon has not."""

from __future__ import annotations

import os
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = "roost-environment-follows"
_OF_THE_SHELL = ("SHLVL", "PWD", "OLDPWD", "_")


def login_environment(environ: Mapping[str, str], timeout: float = 10.0) -> dict[str, str]:
    """`environ` as the user's profile leaves it; as it is where there is no shell, or it does not answer.

    Windows has no profile: there the session's environment is the user's.
    """
    if sys.platform == "win32":
        return dict(environ)
    found = _told_by(_shell(environ), environ, timeout)
    return dict(environ) if found is None else found


def _shell(environ: Mapping[str, str]) -> str:
    shell = environ.get("SHELL", "")
    if os.path.isabs(shell):
        return shell
    if sys.platform == "win32":
        raise AssertionError("no login shell on Windows")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        return "/bin/sh"


def _told_by(shell: str, environ: Mapping[str, str], timeout: float) -> dict[str, str] | None:
    """What the shell's profile leaves, apart from what profiles print; None if nothing was to be had."""
    script = f"echo {_MARK}; exec /usr/bin/env -0"  # plain enough for sh, bash, zsh, fish and csh
    try:
        done = subprocess.run(
            [shell, "-l", "-c", script],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    _, mark, listing = done.stdout.partition(_MARK.encode() + b"\n")
    pairs = (os.fsdecode(entry).partition("=") for entry in listing.split(b"\0") if entry)
    found = {name: value for name, equals, value in pairs if equals and name not in _OF_THE_SHELL}
    return found if mark and found else None
