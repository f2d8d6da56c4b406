"""The tray with eyes and hand: the icon found by its color, the menu opened and used by mouse, texts read (P15)."""

from __future__ import annotations

import html
import io
import signal
import time
from functools import partial

import pytest
from PIL import Image

from e2e.harness import eventually
from panel.rig import MakeSession, TraySession, ink
from panel.session import Box, Word
from roost_tray import icons
from roost_tray.backends import system_gi
from roost_tray.model import State

pytestmark = pytest.mark.xdist_group("panel")

SLEEPER = {"run": ["sleep", "600"]}
PAUSE = 5.0  # seconds from one failure of a test to the next
GREEN, RED, GRAY = map(ink, (State.WELL, State.FAILED, State.STOPPED))


def find(session: TraySession, color: tuple[int, int, int]) -> tuple[int, int]:
    """Where the panel has an icon of this color, once it has."""
    place: tuple[int, int] = session.desktop.wait(
        lambda: session.desktop.find_color(color), f"{color} in the panel"
    )
    return place


def menu_at(session: TraySession, x: int, y: int, button: int = 1) -> Box:
    """Click there; the menu that comes."""
    before = set(session.desktop.popups())
    session.desktop.click(x, y, button)
    return new_popup(session, before)


def new_popup(session: TraySession, before: set[int]) -> Box:
    """The window that was not there before."""

    def look() -> Box | None:
        return next((box for number, box in session.desktop.popups().items() if number not in before), None)

    box: Box = session.desktop.wait(look, "a menu")
    return box


def word(session: TraySession, box: Box, *texts: str) -> Word:
    """The first of these words that follow each other, read from the screen once they are there."""

    def look() -> Word | None:
        words = session.desktop.read(box)
        rows = zip(*(words[start:] for start in range(len(texts))), strict=False)
        return next(
            (row[0] for row in rows if all(t in w.text for t, w in zip(texts, row, strict=True))), None
        )

    found: Word = session.desktop.wait(look, f"{' '.join(texts)} on the screen")
    return found


def test_a_person_restarts_a_component_and_reads_its_log(session: TraySession) -> None:
    """With the mouse alone: the red icon, its menu, a submenu, Restart; then View log, in a real terminal."""
    session.project.components(
        web=SLEEPER,
        api={"run": ["sh", "-c", "while :; do echo HELLO FROM API; sleep 0.2; done"]},
        bad={"run": ["sh", "-c", "exit 3"], "restart": "never"},
    )
    session.project.env["TERMINAL"] = "xterm"
    session.project.roost("up", "--no-wait", check=True)
    session.eventually(lambda: session.state("bad") == "failed", "the failure")
    run = session.project.component("web")["run"]
    session.tray()
    menu = menu_at(session, *find(session, RED))
    session.keep("menu")
    before = set(session.desktop.popups())
    web = word(session, menu, "web:")
    session.desktop.click(web.x, web.y)
    submenu = new_popup(session, before)
    restart = word(session, submenu, "Restart")
    session.keep("submenu")
    session.desktop.click(restart.x, restart.y)
    session.eventually(lambda: session.project.component("web")["run"] == run + 1, "another run")
    session.eventually(lambda: not session.desktop.popups(), "the menu's end")
    menu = menu_at(session, *find(session, RED), button=3)
    before = set(session.desktop.popups())
    api = word(session, menu, "api:")
    session.desktop.click(api.x, api.y)
    log = word(session, new_popup(session, before), "View")
    session.desktop.click(log.x, log.y)
    word(session, Box(0, 40, 1280, 680), "HELLO", "FROM", "API")
    session.keep("log")


def shows(session: TraySession, state: State) -> None:
    """The panel has an icon of that state's color, and what the icon tells of itself is that state's picture."""
    find(session, ink(state))
    with Image.open(io.BytesIO(icons.png(state, icons.Theme.ANY, 22))) as picture:
        expected = picture.convert("RGBA").tobytes()
    session.eventually(lambda: session.icon().picture(22).tobytes() == expected, f"the picture of {state}")
    session.keep(state)


def test_the_icon_shows_each_state(session: TraySession) -> None:
    """All six, one after the other, on a real project; and gray again when it is down (P15)."""
    session.project.components(
        api={
            "run": ["sleep", "600"],
            "probes": {
                "startup": {"exec": ["test", "-e", "started"], "period": "200ms", "failure_threshold": 1000},
                "readiness": {"exec": ["test", "-e", "ready"], "period": "200ms"},
            },
        },
        bad={"run": ["sh", "-c", "exit 3"], "restart": "never", "autostart": False},
    )
    session.project.roost("up", "--no-wait", check=True)
    session.tray()
    shows(session, State.WORKING)
    session.project.file("started", "")
    shows(session, State.DEGRADED)
    session.project.file("ready", "")
    shows(session, State.WELL)
    daemon = session.project.pids()[":daemon"]
    session.project.kill(daemon, signal.SIGSTOP)
    try:
        shows(session, State.UNREACHABLE)
    finally:
        session.project.kill(daemon, signal.SIGCONT)
    shows(session, State.WELL)
    session.project.roost("start", "bad", "--no-wait", check=True)
    shows(session, State.FAILED)
    session.project.roost("down", check=True)
    shows(session, State.STOPPED)


def test_an_open_menu_is_edited_and_stays_open(session: TraySession) -> None:
    """What changes while somebody looks at the menu changes in it; it is never closed."""
    session.project.components(api=SLEEPER, web=SLEEPER)
    session.project.roost("up", check=True)
    session.tray()
    menu = menu_at(session, *find(session, GREEN))
    (window,) = (number for number, box in session.desktop.popups().items() if box == menu)
    word(session, menu, "web:", "running")  # the first line may be under a tooltip
    session.project.roost("stop", "web", check=True)
    word(session, menu, "web:", "stopped")
    session.keep("edited")
    assert window in session.desktop.popups()


def test_the_icon_comes_back_with_the_panel(session: TraySession) -> None:
    """A panel that is killed and started again has the icon again, and its menu works."""
    session.project.components(api=SLEEPER)
    session.project.roost("up", check=True)
    session.tray()
    find(session, GREEN)
    session.desktop.kill_panel()
    session.eventually(lambda: session.desktop.find_color(GREEN) is None, "no icon")
    session.desktop.start_panel()
    menu = menu_at(session, *find(session, GREEN))
    assert word(session, menu, "Quit", "tray")


def test_a_panel_that_comes_later_gets_the_icon(make_session: MakeSession) -> None:
    """At login the tray may be there first: it waits, and says so."""
    session = make_session(panel=False)
    session.tray()
    eventually(lambda: "no panel" in session.desktop.output("tray"), what="a word about it")
    session.desktop.start_panel()
    session.icon()
    find(session, GRAY)


@pytest.mark.parametrize("kind", ["gtk", "xorg"])
def test_a_tray_of_the_older_kind_has_the_icon_too(session: TraySession, kind: str) -> None:
    """By XEmbed: with GTK there is a menu as well, and it is edited in place; without, a lamp."""
    if kind == "gtk" and not system_gi.can_import():
        pytest.skip("the system has no GTK for this Python")
    session.project.components(api=SLEEPER, web=SLEEPER)
    session.project.roost("up", check=True)
    session.tray(ROOST_TRAY_BACKEND=kind)
    x, y = find(session, GREEN)
    session.keep(f"older-{kind}")
    if kind == "gtk":
        menu = menu_at(session, x, y)
        word(session, menu, "web:", "running")  # the first line may be under a tooltip
        session.project.roost("stop", "web", check=True)
        word(session, menu, "web:", "stopped")
        session.keep("older-gtk-menu")
        quit_ = word(session, menu, "Quit", "tray")
        session.desktop.click(quit_.x, quit_.y)
        assert session.process is not None and session.process.wait(60) == 0


def test_a_failure_is_told_by_a_notification(session: TraySession) -> None:
    """What has failed is told: the component, its exit code and its last words; a click on that opens the log."""
    session.record("x-terminal-emulator")
    session.project.components(
        api=SLEEPER,
        bad={
            "run": ["sh", "-c", "echo '<b>no money</b> & more'; exit 3"],
            "restart": "never",
            "autostart": False,
        },
    )
    session.project.roost("up", check=True)
    session.tray()
    session.icon().line("api")
    session.eventually(partial(is_told, session, "bad", []), "a notification")
    (box,) = session.desktop.popups().values()
    word(session, box, "bad", "failed")
    word(session, box, "exit", "code", "3")
    session.keep("failure")
    session.desktop.click(box.x + 100, box.y + box.height // 2, button=2)  # dunst: the notification's action
    session.eventually(lambda: session.calls("x-terminal-emulator"), "the log")
    assert session.calls("x-terminal-emulator")[0][0][-2:] == ["--", "bad"]
    assert "<b>no money</b> & more" in html.unescape(session.notices())


def is_told(session: TraySession, name: str, starts: list[float]) -> bool:
    """Whether a failure is told by now; a project's first ten seconds are not told of, so it fails again.

    Not at once: the tray tells of what stays failed, not of what somebody keeps starting.
    """
    if not starts or time.monotonic() - starts[-1] > PAUSE:
        session.project.roost("start", name, "--no-wait", check=True)
        starts.append(time.monotonic())
    return bool(session.desktop.popups())
