"""Every item of the tray's menu, chosen over D-Bus as a panel does it, on a real project (P15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.harness import eventually, is_running
from panel.rig import TraySession

pytestmark = pytest.mark.xdist_group("panel")

SLEEPER = {"run": ["sleep", "600"]}
LOUD = {"run": ["sh", "-c", "while :; do echo a line; sleep 0.1; done"]}


@pytest.fixture
def shop(session: TraySession) -> TraySession:
    """A project that is up, with one component that has given up, and its tray."""
    session.record("xdg-open", "x-terminal-emulator", "xclip")
    session.project.components(
        api={**LOUD, "url": "http://localhost:8123/a%20b?c=d&e"},
        worker=SLEEPER,
        bad={"run": ["sh", "-c", "echo the last words; exit 3"], "restart": "never"},
    )
    session.project.roost("up", "--no-wait", check=True)
    session.tray()
    return session


def test_what_concerns_one_component(shop: TraySession) -> None:
    """Restart, Stop and Start do what they say; the menu then shows what has become of it."""
    icon = shop.icon()
    eventually(lambda: icon.line("worker").label == "● worker: running", what="that it runs, in the menu")
    run = shop.project.component("worker")["run"]
    icon.click("worker", "Restart")
    shop.eventually(lambda: shop.project.component("worker")["run"] == run + 1, "another run")
    icon.click("worker", "Stop")
    shop.eventually(lambda: shop.state("worker") == "stopped", "the stop")
    eventually(lambda: "stopped" in icon.line("worker").label, what="the stop in the menu")
    icon.click("worker", "Start")
    shop.eventually(lambda: shop.state("worker") == "running", "the start")
    assert not shop.project.component("api")["restarts"]


def test_what_opens_something(shop: TraySession) -> None:
    """Open URL, View log, Why?, Open folder and Copy status call the desktop's programs with whole arguments."""
    icon = shop.icon()
    icon.click("api", "Open URL")
    icon.click("Open folder")
    opened = [["http://localhost:8123/a%20b?c=d&e"], [str(shop.project.root)]]
    eventually(lambda: sorted(a for a, _ in shop.calls("xdg-open")) == sorted(opened), what="both opened")
    icon.click("api", "View log")
    icon.click("bad", "Why?")
    eventually(lambda: len(shop.calls("x-terminal-emulator")) == 2, what="two terminals")
    why, log = sorted((arguments for arguments, _ in shop.calls("x-terminal-emulator")), key=len)
    root = str(shop.project.root)
    assert log[-6:] == ["-C", root, "logs", "-f", "--", "api"]
    assert why[-5:] == ["-C", root, "why", "--", "bad"]
    eventually(lambda: "exit code 3" in icon.line("bad").label, what="the failure in the menu")
    icon.click("Copy status")
    eventually(lambda: shop.calls("xclip"), what="a text on the clipboard")
    assert "bad" in shop.calls("xclip")[0][1] and "exit code 3" in shop.calls("xclip")[0][1]


def test_what_concerns_the_whole_project(shop: TraySession) -> None:
    """Stop all, Start all, Restart all and Reload, each with its effect; the icon tells the state."""
    icon = shop.icon()
    icon.click("Stop all")
    shop.eventually(lambda: {shop.state("api"), shop.state("worker")} == {"stopped"}, "all stopped")
    icon.click("Start all")
    shop.eventually(lambda: {shop.state("api"), shop.state("worker")} == {"running"}, "all running")
    for name in ("api", "worker"):
        eventually(
            lambda name=name: icon.line(name).label == f"● {name}: running", what="the same in the menu"
        )
    run = shop.project.component("api")["run"]
    icon.click("Restart all")
    shop.eventually(lambda: shop.project.component("api")["run"] == run + 1, "another run")
    shop.project.components(api=LOUD, worker=SLEEPER, late=SLEEPER)
    icon.click("Reload")
    icon.line("late")
    shop.eventually(lambda: shop.state("late") == "running", "what is new")
    shop.eventually(lambda: not any("bad" in label for label in icon.menu().labels()), "what is gone")


def test_start_at_login_is_true(shop: TraySession) -> None:
    """The mark follows the system's own record, and choosing it changes that."""
    icon = shop.icon()
    record = Path(shop.project.env["XDG_CONFIG_HOME"]) / "autostart" / "roost-tray.desktop"
    eventually(lambda: icon.line("Start at login").checked is False, what="no mark")
    icon.click("Start at login")
    eventually(lambda: icon.line("Start at login").checked is True, what="the mark")
    assert shop.project.roost("autostart", "status", check=True).out.startswith("tray  enabled")
    icon.click("Start at login")
    eventually(lambda: icon.line("Start at login").checked is False, what="no mark again")
    assert not record.exists()


def test_which_notifications_are_wanted_lasts(shop: TraySession) -> None:
    """The choice is marked, and is still there after the tray was started anew."""
    icon = shop.icon()
    assert icon.line("Notifications", "Failures only").checked is True
    icon.click("Notifications", "Off")
    eventually(lambda: icon.line("Notifications", "Off").checked is True, what="the choice")
    icon.click("Quit tray")
    assert shop.process is not None and shop.process.wait(60) == 0
    shop.tray()
    icon = shop.icon()
    assert icon.line("Notifications", "Off").checked is True
    assert icon.line("Notifications", "Failures only").checked is False


def test_quitting_the_tray_stops_nothing(shop: TraySession) -> None:
    """Quit tray ends the tray alone, with exit code 0; the projects keep running."""
    pids = shop.project.pids()
    shop.icon().click("Quit tray")
    assert shop.process is not None and shop.process.wait(60) == 0
    assert all(is_running(pid) for pid in pids.values())


def test_stopping_everything_stops_everything(shop: TraySession) -> None:
    """Stop everything and quit brings the projects down, and then ends the tray."""
    pids = shop.project.pids()
    shop.icon().click("Stop everything and quit")
    assert shop.process is not None and shop.process.wait(60) == 0
    eventually(lambda: not any(is_running(pid) for pid in pids.values()), what="everything down")
