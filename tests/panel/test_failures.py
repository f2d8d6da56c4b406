"""What may be missing or die around the tray: each is said in a sentence, and nothing hangs (P15, P20)."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from e2e.harness import eventually, is_running
from panel.rig import MakeSession, TraySession

pytestmark = pytest.mark.xdist_group("panel")

SLEEPER = {"run": ["sleep", "600"]}


@pytest.mark.parametrize(
    ("screen", "bus", "said"),
    [
        (False, False, "no screen here"),
        (False, True, "no screen here"),
        (True, False, "no session bus"),
    ],
    ids=["nothing", "no screen", "no bus"],
)
def test_without_a_desktop_it_says_what_is_missing_and_ends(
    make_session: MakeSession, screen: bool, bus: bool, said: str
) -> None:
    """No display, no session bus: a sentence with what to do, exit code 1, no trace, and no hanging."""
    session = make_session(panel=False, screen=screen, bus=bus, notifications=False)
    assert session.tray().wait(60) == 1
    text = session.desktop.output("tray")
    assert said in text
    assert "Traceback" not in text and len(text.splitlines()) <= 4


def test_addresses_that_lead_nowhere_are_said(make_session: MakeSession) -> None:
    """A display and a bus that the environment names and that are not there: the same."""
    session = make_session(panel=False, screen=False, bus=False)
    nowhere = {"DISPLAY": ":4711", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={session.project.base}/none"}
    assert session.tray(**nowhere).wait(60) == 1
    assert "the screen cannot be opened" in session.desktop.output("tray")
    assert "Traceback" not in session.desktop.output("tray")


def test_without_a_screen_there_are_notifications_alone(make_session: MakeSession) -> None:
    """Where somebody shows notifications the tray stays for them, and says so."""
    session = make_session(panel=False)
    process = session.tray(DISPLAY="")
    eventually(lambda: "notifications alone" in session.desktop.output("tray"), what="a word about it")
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_without_a_notification_service_the_icon_works(make_session: MakeSession) -> None:
    """What cannot be shown is written into the log, and does not touch the icon."""
    session = make_session(notifications=False)
    session.project.components(api=SLEEPER)
    session.project.roost("up", check=True)
    session.tray()
    icon = session.icon()
    assert session.project.roost("tray", check=True).code == 0
    log = Path(session.project.env["XDG_STATE_HOME"]) / "roost" / "tray.log"
    eventually(lambda: "no notification service" in log.read_text(), what="a word in the log")
    assert "Traceback" not in log.read_text()
    icon.click("api", "Stop")
    session.eventually(lambda: session.state("api") == "stopped", "the stop")


def test_a_second_tray_tells_the_first_and_ends_well(session: TraySession) -> None:
    """`roost tray` where one runs: exit code 0, and the first says where it is."""
    first = session.tray()
    session.icon()
    done = session.project.roost("tray", check=True)
    assert f"already running (pid {first.pid})" in done.err
    eventually(session.desktop.popups, what="the notification")
    session.keep("notification")
    eventually(lambda: "Roost is in the tray already" in session.notices(), what="its text")
    assert first.poll() is None


def test_after_kill_9_another_tray_has_the_icon(session: TraySession) -> None:
    """The lock is freed by the system; the panel drops the icon of the dead, and has that of the next."""
    first = session.tray()
    address = session.icon().name
    first.kill()
    first.wait(60)
    session.eventually(lambda: session.desktop.find_item() is None, "no icon")
    second = session.tray()
    assert session.icon().name != address
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0


def test_a_daemon_that_is_killed_is_followed_again(session: TraySession) -> None:
    """`kill -9` of the daemon: its keeper starts another, and the tray shows and acts through that (P1)."""
    session.project.components(api=SLEEPER)
    session.project.up()
    session.tray()
    icon = session.icon()
    icon.line("api")
    daemon = session.project.pids()[":daemon"]
    session.project.kill(daemon)
    eventually(lambda: not is_running(daemon), what="the daemon's end")
    session.eventually(lambda: session.project.pids().get(":daemon", daemon) != daemon, "another daemon")
    run = session.project.component("api")["run"]
    icon.click("api", "Restart")
    session.eventually(lambda: session.project.component("api")["run"] == run + 1, "another run")


def test_the_session_s_end_is_the_tray_s_end(session: TraySession) -> None:
    """When the session bus goes at logout the tray goes too, and what runs keeps running."""
    session.project.components(api=SLEEPER)
    session.project.up()
    process = session.tray()
    session.icon()
    session.desktop.end_bus()
    assert process.wait(60) is not None
    assert "Traceback" not in session.desktop.output("tray")
    assert session.state("api") == "running"


def test_no_terminal_no_opener_no_clipboard_is_said(session: TraySession) -> None:
    """What the desktop lacks is named with the packages that bring it; the tray goes on."""
    session.project.components(api=SLEEPER)
    session.project.up()
    roost = Path(session.project.env["PATH"].partition(":")[0])
    session.tray(PATH=str(roost))
    icon = session.icon()
    icon.click("Copy status")
    eventually(lambda: any("no program for the clipboard" in label for label in icon.menu().labels()))
    eventually(lambda: "wl-clipboard" in session.notices(), what="the packages")
    icon.click("Open folder")
    eventually(lambda: any("no program that opens" in label for label in icon.menu().labels()))
    icon.click("api", "View log")
    eventually(lambda: any("no program that opens" in label for label in icon.menu().labels()))
    assert session.process is not None and session.process.poll() is None


def test_the_doctor_knows_the_desktop(session: TraySession) -> None:
    """In a desktop that has everything but a clipboard, that is what `roost doctor` says, with the packages."""
    session.project.components(api=SLEEPER)
    session.project.env["PATH"] = str(Path(session.project.env["PATH"].partition(":")[0]))
    session.record("x-terminal-emulator", "xdg-open")
    found = session.project.roost("doctor", "--json", check=True).json["findings"]
    about = {one["layer"]: (one["status"], one["advice"]) for one in found}
    assert about["tray"] == about["notifications"] == about["terminal"] == about["opener"] == ("ok", "")
    assert about["clipboard"][0] == "note" and "wl-clipboard" in about["clipboard"][1]
