"""The command lines of a desktop's own programs: a terminal, the browser, the file manager, the clipboard.

Pure: the system, its environment and what is installed are given (`Found`), so that the rules of every system are
tested on each.  Every argument stays an argument of its own; nothing is put together for a shell, except where a
program takes nothing else, and then it is quoted.
"""

from __future__ import annotations

import os
import shlex
import shutil
from typing import NamedTuple

from .system import System, this_system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

NO_OPENER = "install xdg-utils (so on Debian, Fedora and Arch)"
NO_TERMINAL = "install one (xterm, say), or name yours in TERMINAL"
NO_CLIPBOARD = "install wl-clipboard (Wayland), or xclip (so on Debian, Fedora and Arch)"
"""What to do where a program is missing."""

_AFTER = {
    "alacritty": ("-e",),
    "foot": (),
    "ghostty": ("-e",),
    "gnome-terminal": ("--",),
    "kgx": ("--",),
    "kitty": (),
    "konsole": ("-e",),
    "mate-terminal": ("-x",),
    "ptyxis": ("--",),
    "terminator": ("-x",),
    "wezterm": ("start", "--"),
    "xdg-terminal-exec": (),
    "xfce4-terminal": ("-x",),
}
"""What stands between a terminal's name and the command; else `-e`, as xterm has it and Debian's policy asks."""

_ONE_TEXT = {"lxterminal", "tilix"}
"""These take the command after `-e` as one text."""

_OF_DESKTOP = {
    "GNOME": ("ptyxis", "kgx", "gnome-terminal"),
    "KDE": ("konsole",),
    "XFCE": ("xfce4-terminal",),
    "MATE": ("mate-terminal",),
    "LXQT": ("qterminal",),
    "LXDE": ("lxterminal",),
}
_TERMINALS = (
    "xdg-terminal-exec",
    "x-terminal-emulator",
    "gnome-terminal",
    "ptyxis",
    "kgx",
    "konsole",
    "xfce4-terminal",
    "mate-terminal",
    "qterminal",
    "lxterminal",
    "tilix",
    "terminator",
    "kitty",
    "alacritty",
    "foot",
    "wezterm",
    "ghostty",
    "urxvt",
    "st",
    "xterm",
)
"""After the user's own choice: what the system says is preferred, then what there may be."""

_WAIT = '"$@" || { printf "\\n[exit %s] Press Enter to close. " $?; read -r _; }'
_ALWAYS_WAIT = '"$@"; printf "\\nPress Enter to close. "; read -r _'


class Found(NamedTuple):
    """What a command line depends on.  `which` finds a program; `exists` tells whether there is a file."""

    system: System
    environ: Mapping[str, str]
    which: Callable[[str], str | None]
    exists: Callable[[str], bool] = os.path.exists


def here(environ: Mapping[str, str]) -> Found:
    """This machine."""
    return Found(this_system(), environ, lambda name: shutil.which(name, path=environ.get("PATH")))


def in_terminal(found: Found, command: Sequence[str], stay: bool) -> Iterator[list[str]]:
    """The command lines that run `command` in a terminal of its own, the likeliest first; none: no terminal.

    The window stays open until a key is pressed: with `stay` always, else when the command has failed.  On Windows
    it is started with a new console, which is the terminal that the user has chosen.
    """
    if found.system is System.WINDOWS:
        yield _in_console(found.environ, command, stay)
        return
    kept = ["/bin/sh", "-c", _ALWAYS_WAIT if stay else _WAIT, "roost", *command]
    if found.system is System.MACOS:
        yield _in_macos_terminal(found, kept)
        return
    for terminal in _terminals(found.environ):
        path = found.which(terminal)
        if path:
            yield _terminal_line(path, kept)


def _terminals(environ: Mapping[str, str]) -> Iterator[str]:
    chosen = environ.get("TERMINAL", "")
    if chosen:
        yield chosen
    for desktop in environ.get("XDG_CURRENT_DESKTOP", "").upper().split(":"):
        yield from _OF_DESKTOP.get(desktop, ())
    yield from _TERMINALS


def _terminal_line(path: str, command: Sequence[str]) -> list[str]:
    name = os.path.basename(path)
    if name in _ONE_TEXT:
        return [path, "-e", shlex.join(command)]
    return [path, *_AFTER.get(name, ("-e",)), *command]


def _in_macos_terminal(found: Found, command: Sequence[str]) -> list[str]:
    """iTerm where it is installed, else Terminal; the command is an argument of the script, not part of it."""
    line = shlex.join(command)
    script: tuple[str, ...]
    if found.exists("/Applications/iTerm.app"):
        script = (
            'tell application "iTerm"',
            "activate",
            "set theWindow to (create window with default profile)",
            "tell current session of theWindow to write text (item 1 of argv)",
            "end tell",
        )
    else:
        script = ('tell application "Terminal"', "activate", "do script (item 1 of argv)", "end tell")
    lines = ("on run argv", *script, "end run")
    return ["/usr/bin/osascript", *(part for text in lines for part in ("-e", text)), line]


def _in_console(environ: Mapping[str, str], command: Sequence[str], stay: bool) -> list[str]:
    """cmd.exe keeps the window; what follows `/c` is in its language (platform/quoting.py)."""
    from .quoting import quote

    line = " ".join(quote(each) for each in command)
    shell = environ.get("COMSPEC", "cmd.exe")
    return [shell, "/d", "/s", "/c", f"{line} & pause" if stay else f"{line} || pause"]


def opening(found: Found, target: str) -> list[str] | None:
    """What opens a file, a folder or an address in the user's own way; None where there is no such program.

    On Windows that is no program but a call (`desktop.open_target`).
    """
    if found.system is System.MACOS:
        return ["/usr/bin/open", target]
    if found.system is System.WINDOWS:
        return None
    for name, *words in (["xdg-open"], ["gio", "open"], ["kde-open"], ["wslview"]):
        path = found.which(name)
        if path:
            return [path, *words, target]
    return None


def clipboard(found: Found) -> list[str] | None:
    """The program whose standard input becomes the clipboard's text; None where there is none."""
    if found.system is System.MACOS:
        return ["/usr/bin/pbcopy"]
    if found.system is System.WINDOWS:
        return ["clip.exe"]
    wayland = bool(found.environ.get("WAYLAND_DISPLAY"))
    screen = bool(found.environ.get("DISPLAY"))
    programs: list[tuple[bool, list[str]]] = [
        (wayland, ["wl-copy"]),
        (screen, ["xclip", "-selection", "clipboard"]),
        (screen, ["xsel", "--clipboard", "--input"]),
    ]
    for fits, (name, *words) in programs:
        path = found.which(name) if fits else None
        if path:
            return [path, *words]
    return None


def clipboard_bytes(found: Found, text: str) -> bytes:
    """The text as that program reads it."""
    return text.encode("utf-16" if found.system is System.WINDOWS else "utf-8")


def macos_notification(title: str, body: str) -> list[str]:
    """A notification without an application of our own; both texts are arguments of the script."""
    script = "display notification (item 2 of argv) with title (item 1 of argv)"
    return ["/usr/bin/osascript", "-e", "on run argv", "-e", script, "-e", "end run", title, body]


def is_address(text: str) -> bool:
    """Whether a text is an address for a browser, and nothing that a desktop would run."""
    return text.lower().startswith(("http://", "https://")) and not any(c < " " for c in text)


def outside(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for programs that are not ours: a bundle's own libraries are not for them."""
    env = {name: value for name, value in environ.items() if not name.startswith("_PYI_")}
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "GI_TYPELIB_PATH"):
        if f"{name}_ORIG" in env:
            env[name] = env.pop(f"{name}_ORIG")
        elif "_PYI_ARCHIVE_FILE" in environ:
            env.pop(name, None)
    return env
