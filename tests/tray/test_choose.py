"""Which icon a session gets: a table over what was found, the same on every system."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from roost.platform.system import System, this_system
from roost_tray.backend import Unavailable
from roost_tray.backends import system_gi
from roost_tray.backends.choose import CHOICE, best, choose
from roost_tray.backends.surroundings import Gi, Surroundings, session_bus

LINUX = System.LINUX
BUS = "unix:path=/run/user/1000/bus"


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (Surroundings(System.WINDOWS), "win32"),
        (Surroundings(System.MACOS), "darwin"),
        (Surroundings(LINUX, bus=BUS, watcher=True), "status-notifier"),
        (
            Surroundings(LINUX, bus=BUS, watcher=True, display=":0", system_tray=True, gi=Gi.THERE),
            "status-notifier",
        ),
        (Surroundings(LINUX, bus=BUS, display=":0", system_tray=True, gi=Gi.THERE), "gtk"),
        (Surroundings(LINUX, display=":0", system_tray=True, gi=Gi.THERE), "gtk"),
        (Surroundings(LINUX, display=":0", system_tray=True, gi=Gi.OTHER_PYTHON), "xorg"),
        (Surroundings(LINUX, display=":0", system_tray=True), "xorg"),
    ],
)
def test_the_best_icon_is_taken(found: Surroundings, name: str) -> None:
    """Where a panel collects icons over D-Bus it gets one; an older tray one by GTK, at the worst a lamp (P15)."""
    assert best(found) == name


@pytest.mark.parametrize(
    ("found", "reason", "hint", "passing"),
    [
        (Surroundings(LINUX), "neither DISPLAY nor WAYLAND_DISPLAY", "desktop session", False),
        (Surroundings(LINUX, bus=BUS), "no screen", "desktop session", False),
        (Surroundings(LINUX, display_trouble="no such display"), "no such display", "DISPLAY", False),
        (Surroundings(LINUX, display=":0"), "no session bus", "dbus-run-session", False),
        (Surroundings(LINUX, display=":0", bus_trouble="refused"), "refused", "dbus", False),
        (Surroundings(LINUX, bus=BUS, display=":0"), "no panel", "system tray", True),
        (Surroundings(LINUX, bus=BUS, wayland=True), "no panel", "system tray", True),
        (
            Surroundings(LINUX, bus=BUS, wayland=True, desktop="ubuntu:GNOME"),
            "no panel",
            "gnome-shell-extension-appindicator",
            True,
        ),
    ],
)
def test_where_there_can_be_none_it_says_why(
    found: Surroundings, reason: str, hint: str, passing: bool
) -> None:
    """What is missing is named with what to do; a panel may still come, so that is tried again."""
    with pytest.raises(Unavailable) as caught:
        best(found)
    assert reason in caught.value.reason
    assert hint in caught.value.hint
    assert caught.value.passing is passing


def test_an_unknown_choice_names_those_that_there_are() -> None:
    """ROOST_TRAY_BACKEND with a name that nobody knows is an error that helps."""
    with pytest.raises(Unavailable, match="'lamp'") as caught:
        choose({CHOICE: "lamp"})
    assert "status-notifier" in caught.value.hint


def test_no_surroundings_at_all_are_told_without_a_trace() -> None:
    """An empty environment (a server, a cron job) has no screen, and no question hangs."""
    if this_system() is not LINUX:
        pytest.skip("other systems need nothing from the environment")
    with pytest.raises(Unavailable, match="no screen"):
        choose({})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Xlib forgets a socket
def test_a_bus_or_a_screen_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Addresses that lead nowhere are reasons, not traces."""
    if this_system() is not LINUX:
        pytest.skip("Linux's affair")
    with pytest.raises(Unavailable, match="screen cannot be opened"):
        choose({"DISPLAY": ":4711", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none"})
    with pytest.raises(Unavailable, match="no session bus"):
        choose({"WAYLAND_DISPLAY": "wayland-0", "DBUS_SESSION_BUS_ADDRESS": "nonsense"})


def test_the_session_bus_is_found_where_the_login_put_it(tmp_path: Path) -> None:
    """The environment's address counts; else the usual place in the runtime folder, if it is there."""
    assert session_bus({"DBUS_SESSION_BUS_ADDRESS": BUS, "XDG_RUNTIME_DIR": str(tmp_path)}) == BUS
    assert session_bus({"XDG_RUNTIME_DIR": str(tmp_path)}) == ""
    (tmp_path / "bus").touch()
    assert session_bus({"XDG_RUNTIME_DIR": str(tmp_path)}) == f"unix:path={tmp_path}/bus"


def test_only_a_gi_for_our_python_is_taken(tmp_path: Path) -> None:
    """The system's PyGObject fits where its compiled part carries our version's ending."""
    ours = next(suffix for suffix in EXTENSION_SUFFIXES if suffix.count(".") > 1 or "-" in suffix)
    other, fitting = tmp_path / "other", tmp_path / "fitting"
    for folder, ending in ((other, ".cpython-32m.so"), (fitting, ours)):
        (folder / "gi").mkdir(parents=True)
        (folder / "gi" / f"_gi{ending}").touch()
    assert system_gi.fitting_folder([str(other), str(fitting)], [ours]) == str(fitting)
    assert system_gi.fitting_folder([str(other)], [ours]) is None
