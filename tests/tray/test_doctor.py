"""What `roost doctor` says of the tray: what works, and which packages bring the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roost.platform.autostart import Registration
from roost.platform.system import System
from roost_tray.backends.surroundings import Gi, Surroundings
from roost_tray.doctor import Facts, judge

DESKTOP = Surroundings(System.LINUX, bus="unix:path=/b", watcher=True, display=":0")
ALL = Facts(DESKTOP, True, "/usr/bin/xterm", "/usr/bin/xdg-open", "/usr/bin/xclip", Registration("", ""))


def notes(facts: Facts) -> dict[str, str]:
    """Advice by layer, of what does not work."""
    return {found.layer: found.advice for found in judge(facts) if found.status != "ok"}


def test_where_all_is_there_nothing_is_advised() -> None:
    """A desktop that has everything."""
    assert notes(ALL) == {}
    assert next(found.layer for found in judge(ALL)) == "tray"


@pytest.mark.parametrize(
    ("facts", "layer", "advice"),
    [
        (replace(ALL, notifies=False), "notifications", "dunst"),
        (replace(ALL, terminal=None), "terminal", "xterm"),
        (replace(ALL, opener=None), "opener", "xdg-utils"),
        (replace(ALL, clipboard=None), "clipboard", "wl-clipboard"),
        (replace(ALL, surroundings=replace(DESKTOP, watcher=False)), "tray", "system tray"),
        (
            replace(ALL, surroundings=replace(DESKTOP, watcher=False, desktop="GNOME")),
            "tray",
            "gnome-shell-extension-appindicator",
        ),
        (
            replace(ALL, surroundings=replace(DESKTOP, watcher=False, system_tray=True)),
            "tray",
            "Debian: python3-gi gir1.2-gtk-3.0; Fedora: python3-gobject gtk3; Arch: python-gobject gtk3",
        ),
        (
            replace(ALL, surroundings=replace(DESKTOP, watcher=False, system_tray=True, gi=Gi.OTHER_PYTHON)),
            "tray",
            "/usr/bin/python3",
        ),
        (
            replace(ALL, login=Registration("", "", True, ("/x",), "it has gone", True)),
            "start at login",
            "roost autostart enable",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_packages(facts: Facts, layer: str, advice: str) -> None:
    """One note for one gap, with the names on Debian, Fedora and Arch where there are any."""
    assert list(notes(facts)) == [layer]
    assert advice in notes(facts)[layer]


def test_without_a_screen_the_rest_does_not_matter() -> None:
    """A server has one note, and no list of what it does not need."""
    server = Facts(Surroundings(System.LINUX), False, None, None, None, Registration("", ""))
    assert list(notes(server)) == ["tray"]


@pytest.mark.parametrize("system", [System.WINDOWS, System.MACOS])
def test_other_systems_bring_everything(system: System) -> None:
    """Windows and macOS have it all; only the login can be wrong."""
    facts = Facts(Surroundings(system), False, None, None, None, Registration("", ""))
    assert notes(facts) == {}
