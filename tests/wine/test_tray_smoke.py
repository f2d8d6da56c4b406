"""The tray's Windows half on Windows' Python under Wine: its icon in a real panel, and what starts at login.

Wine is not Windows: Explorer's own habits (its restart, the overflow, focus) cannot be judged here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from e2e.harness import need, short_folder
from roost_tray.icons import Theme
from roost_tray.model import State
from wine.test_keeper_smoke import ROOT, windows_python
from wine.test_roost_smoke import Roost, roost

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="needs a screen of its own"),
]

if sys.platform == "linux":
    from panel.rig import ink
    from panel.session import DesktopSession, Word, end

__all__ = ["roost"]


@pytest.fixture
def desktop() -> Iterator[DesktopSession]:
    """A session with a panel, whose tray of the older kind takes Wine's icons."""
    need("xfce4-panel")
    session = DesktopSession(short_folder(), notifications=False)
    session.start_panel()
    yield session
    session.close()


def test_an_icon_with_a_menu_that_is_not_taken_away_under_the_hand(desktop: DesktopSession) -> None:
    """The icon changes, its default item is chosen by a click; a menu that is open stays as it is (P15)."""
    command = windows_python()
    paths = ";".join(f"Z:{ROOT / folder}" for folder in ("daemon", "tray"))
    env = {**os.environ, "DISPLAY": desktop.display, "PYTHONPATH": paths, "PYTHONUTF8": "1"}
    process = desktop.start("icon", [*command, "-B", str(ROOT / "tests/wine/tray_side.py")], env=env)

    def said(line: str) -> object:
        return desktop.wait(
            lambda: line in desktop.output("icon").splitlines(), f"{line}: {desktop.output('icon')}", 60
        )

    red = ink(State.FAILED, Theme.DARK)
    try:
        said("ready True")
        desktop.wait(lambda: desktop.find_color(red, tolerance=25), "the red icon")
        said("chosen default")
        said("opened")
        box = desktop.wait(lambda: [one for one in desktop.popups().values() if one.height > 80], "the menu")[
            0
        ]

        def read() -> dict[str, Word]:
            """Its words, once it has been drawn whole."""
            words = {word.text: word for word in desktop.read(box)}
            return words if {"second", "Open", "Quit"} <= words.keys() else {}

        words = desktop.wait(read, "its words")
        desktop.click(words["Quit"].x, words["Quit"].y)
        said("chosen quit")
        said("ended")
        assert process.wait(30) == 0
    finally:
        end(process)


def test_the_run_key_is_written_read_and_removed(roost: Roost) -> None:
    """`autostart enable|status|disable` on a real registry: on record, told truly, and gone."""
    roost("autostart", "enable")
    told = roost("autostart", "status")
    assert told.startswith("tray  enabled (Run key HKEY_CURRENT_USER")
    roost("autostart", "disable")
    assert "disabled" in roost("autostart", "status")
