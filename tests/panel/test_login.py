"""The tray as the login starts it: the projects that are to start with it begin as they were wanted."""

from __future__ import annotations

import pytest

from e2e.harness import eventually
from panel.rig import TraySession

pytestmark = pytest.mark.xdist_group("panel")

SLEEPER = {"run": ["sleep", "600"]}


def test_the_login_s_tray_brings_back_what_was_wanted(session: TraySession) -> None:
    """What was stopped by a person stays so; a project that is not marked is left alone (INTERFACES.md §2)."""
    session.project.components(api=SLEEPER, web=SLEEPER)
    session.project.up()
    session.project.roost("stop", "web", check=True)
    session.project.roost("autostart", "enable", "--this-project", check=True)
    session.project.roost("autostart", "end", check=True)
    session.project.roost("status", check=3)
    session.tray("--at-login")
    session.eventually(lambda: session.state("api") == "running", "the project")
    assert session.state("web") == "stopped"
    assert session.project.status()["daemon"]["environment"] == "login"
    icon = session.icon()
    assert icon.line("web").label.startswith("○ web: stopped")


def test_a_tray_started_by_hand_starts_nothing(session: TraySession) -> None:
    """The mark is about logins alone, and a project without it is never started by the tray."""
    session.project.components(api=SLEEPER)
    session.project.up()
    session.project.down()
    session.project.roost("autostart", "enable", "--this-project", check=True)
    session.tray()
    icon = session.icon()
    eventually(lambda: icon.line("Start all").enabled, what="a project that is down")
    session.project.roost("autostart", "disable", "--this-project", check=True)
    icon.click("Quit tray")
    assert session.process is not None and session.process.wait(60) == 0
    session.tray("--at-login")
    icon = session.icon()
    eventually(lambda: icon.line("Start all").enabled, what="a project that is down")
    session.project.roost("status", check=3)
