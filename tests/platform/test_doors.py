"""The command lines of a desktop's programs, for every system on every system."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping

import pytest

from roost.platform import doors
from roost.platform.doors import Found
from roost.platform.system import System

COMMAND = ["/opt/my tools/roost", "-C", '/home/zoë/it\'s "my" shop', "logs", "-f", "--", "api"]
LINUX, MACOS, WINDOWS = System.LINUX, System.MACOS, System.WINDOWS


def found(
    system: System, *programs: str, environ: Mapping[str, str] = {}, files: tuple[str, ...] = ()
) -> Found:
    """A machine with just these programs and files."""
    there = {name: f"/usr/bin/{name}" for name in programs}
    return Found(system, environ, there.get, files.__contains__)


@pytest.mark.parametrize(
    ("terminal", "before"),
    [
        ("alacritty", ["-e"]),
        ("foot", []),
        ("gnome-terminal", ["--"]),
        ("kgx", ["--"]),
        ("kitty", []),
        ("konsole", ["-e"]),
        ("ptyxis", ["--"]),
        ("wezterm", ["start", "--"]),
        ("x-terminal-emulator", ["-e"]),
        ("xdg-terminal-exec", []),
        ("xfce4-terminal", ["-x"]),
        ("xterm", ["-e"]),
    ],
)
def test_each_terminal_gets_the_command_as_it_asks(terminal: str, before: list[str]) -> None:
    """Every argument stays one, whatever is in it (P20)."""
    (argv,) = doors.in_terminal(found(LINUX, terminal), COMMAND, stay=False)
    assert argv[: 1 + len(before)] == [f"/usr/bin/{terminal}", *before]
    assert argv[-len(COMMAND) :] == COMMAND


@pytest.mark.parametrize("terminal", ["lxterminal", "tilix"])
def test_a_terminal_that_takes_one_text_gets_it_quoted(terminal: str) -> None:
    """What is taken apart again has the same arguments."""
    (argv,) = doors.in_terminal(found(LINUX, terminal), COMMAND, stay=False)
    assert argv[:2] == [f"/usr/bin/{terminal}", "-e"]
    assert shlex.split(argv[2])[-len(COMMAND) :] == COMMAND


@pytest.mark.parametrize(
    ("environ", "first"),
    [
        ({}, "x-terminal-emulator"),
        ({"TERMINAL": "foot"}, "foot"),
        ({"TERMINAL": "not-installed"}, "x-terminal-emulator"),
        ({"XDG_CURRENT_DESKTOP": "KDE"}, "konsole"),
        ({"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, "gnome-terminal"),
        ({"XDG_CURRENT_DESKTOP": "KDE", "TERMINAL": "xterm"}, "xterm"),
    ],
)
def test_the_user_s_own_terminal_comes_first(environ: dict[str, str], first: str) -> None:
    """TERMINAL, then the desktop's own, then what the system prefers."""
    machine = found(
        LINUX, "xterm", "foot", "konsole", "gnome-terminal", "x-terminal-emulator", environ=environ
    )
    assert next(doors.in_terminal(machine, COMMAND, stay=False))[0] == f"/usr/bin/{first}"


def test_without_a_terminal_there_is_no_command_line() -> None:
    """The caller then shows the file."""
    assert list(doors.in_terminal(found(LINUX), COMMAND, stay=False)) == []


@pytest.mark.skipif(sys.platform == "win32", reason="runs /bin/sh")
@pytest.mark.parametrize(
    ("stay", "code", "waits"), [(True, 0, True), (True, 3, True), (False, 3, True), (False, 0, False)]
)
def test_the_window_stays_open_for_what_is_to_be_read(stay: bool, code: int, waits: bool) -> None:
    """What ends well without being asked to stay closes its window; an error can be read."""
    command = [sys.executable, "-c", f"import sys; print('a b'); sys.exit({code})"]
    (argv,) = doors.in_terminal(found(LINUX, "xterm"), command, stay)
    done = subprocess.run(argv[2:], input=b"\n", capture_output=True, timeout=30)
    assert done.stdout.startswith(b"a b")
    assert (b"Press Enter" in done.stdout) is waits


@pytest.mark.parametrize("files", [(), ("/Applications/iTerm.app",)])
def test_macos_gets_the_command_as_an_argument_of_the_script(files: tuple[str, ...]) -> None:
    """No text of a project is ever part of an AppleScript."""
    (argv,) = doors.in_terminal(found(MACOS, files=files), COMMAND, stay=False)
    script = " ".join(argv[1:-1])
    assert ("iTerm" in script, "shop" in script) == (bool(files), False)
    assert shlex.split(argv[-1])[-len(COMMAND) :] == COMMAND


def test_windows_runs_it_in_a_console_of_its_own() -> None:
    """The console is the user's terminal; it waits for a key where there is something to read."""
    machine = found(WINDOWS, environ={"COMSPEC": r"C:\Windows\System32\cmd.exe"})
    command = [r"C:\my tools\roost.exe", "-C", r"C:\Users\zoë\my shop", "why", "--", "api"]
    line = r'"C:\my tools\roost.exe" -C "C:\Users\zoë\my shop" why -- api'
    shell = [r"C:\Windows\System32\cmd.exe", "/d", "/s", "/c"]
    assert list(doors.in_terminal(machine, command, stay=True)) == [[*shell, f"{line} & pause"]]
    assert list(doors.in_terminal(machine, command, stay=False)) == [[*shell, f"{line} || pause"]]


@pytest.mark.parametrize(
    ("machine", "argv"),
    [
        (found(LINUX, "xdg-open", "gio"), ["/usr/bin/xdg-open", "/my shop"]),
        (found(LINUX, "gio"), ["/usr/bin/gio", "open", "/my shop"]),
        (found(LINUX), None),
        (found(MACOS), ["/usr/bin/open", "/my shop"]),
        (found(WINDOWS), None),
    ],
)
def test_things_are_opened_in_the_desktop_s_own_way(machine: Found, argv: list[str] | None) -> None:
    """The first program that there is gets the path as one argument."""
    assert doors.opening(machine, "/my shop") == argv


@pytest.mark.parametrize(
    ("machine", "argv"),
    [
        (found(LINUX, "wl-copy", "xclip", environ={"WAYLAND_DISPLAY": "wayland-0"}), ["/usr/bin/wl-copy"]),
        (
            found(LINUX, "wl-copy", "xclip", environ={"DISPLAY": ":0"}),
            ["/usr/bin/xclip", "-selection", "clipboard"],
        ),
        (found(LINUX, "xsel", environ={"DISPLAY": ":0"}), ["/usr/bin/xsel", "--clipboard", "--input"]),
        (found(LINUX, "xsel"), None),
        (found(MACOS), ["/usr/bin/pbcopy"]),
        (found(WINDOWS), ["clip.exe"]),
    ],
)
def test_the_clipboard_s_program_fits_the_screen(machine: Found, argv: list[str] | None) -> None:
    """A program for a screen that is not there would hang."""
    assert doors.clipboard(machine) == argv


def test_the_clipboard_s_text_is_encoded_as_the_program_reads_it() -> None:
    """clip.exe takes UTF-16 with its mark, the others UTF-8."""
    assert doors.clipboard_bytes(found(WINDOWS), "ä").startswith((b"\xff\xfe", b"\xfe\xff"))
    assert doors.clipboard_bytes(found(LINUX), "ä") == "ä".encode()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("http://localhost:8080/a b", True),
        ("HTTPS://example.org", True),
        ("calc.exe", False),
        ("file:///etc/passwd", False),
        (r"\\server\share\run.exe", False),
        ("-help", False),
        ("http://a\nb", False),
        ("", False),
    ],
)
def test_only_addresses_are_opened_as_addresses(text: str, is_one: bool) -> None:
    """A `url` of roost.yaml starts no program (P20)."""
    assert doors.is_address(text) is is_one


def test_foreign_programs_get_none_of_a_bundle_s_libraries() -> None:
    """What PyInstaller changed is taken back: the old value, or none."""
    bundled = {
        "_PYI_ARCHIVE_FILE": "/opt/roost/roost",
        "LD_LIBRARY_PATH": "/opt/roost/_internal",
        "HOME": "/h",
    }
    assert doors.outside(bundled) == {"HOME": "/h"}
    assert doors.outside({**bundled, "LD_LIBRARY_PATH_ORIG": "/x"}) == {"HOME": "/h", "LD_LIBRARY_PATH": "/x"}
    assert doors.outside({"LD_LIBRARY_PATH": "/mine"}) == {"LD_LIBRARY_PATH": "/mine"}
