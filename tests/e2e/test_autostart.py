"""`roost autostart`: what is told is what the system would do, and a project begins as it was wanted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import ProjectUnderTest, eventually, is_running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the files of a Linux desktop")

SLEEPER = {"run": ["sleep", "600"]}


@pytest.fixture
def shop(project: ProjectUnderTest) -> ProjectUnderTest:
    """Two components, and folders of the session's own."""
    project.components(api=SLEEPER, worker=SLEEPER)
    project.env |= {"XDG_CONFIG_HOME": str(project.home / "c"), "XDG_CONFIG_DIRS": str(project.home / "x")}
    return project


def records(project: ProjectUnderTest) -> list[Path]:
    """Every file with the system's own records."""
    return [path for path in (project.home / "c").rglob("*") if not path.is_dir()]


def states(project: ProjectUnderTest) -> dict[str, str]:
    """Each component's state."""
    listed: list[dict[str, Any]] = project.status()["components"]
    return {one["name"]: one["state"] for one in listed}


def test_the_tray_is_put_on_record_and_taken_off(shop: ProjectUnderTest) -> None:
    """Enable and disable do so once, however often; no project is needed, and nothing is left."""
    elsewhere = shop.home
    assert "disabled" in shop.roost("autostart", "status", cwd=elsewhere, check=True).out
    for _ in range(2):
        shop.roost("autostart", "enable", cwd=elsewhere, check=True)
    assert "tray  enabled" in shop.roost("autostart", "status", cwd=elsewhere, check=True).out
    (path,) = records(shop)
    assert path == shop.home / "c" / "autostart" / "roost-tray.desktop"
    assert "TryExec=" in path.read_text()
    for _ in range(2):
        shop.roost("autostart", "disable", cwd=elsewhere, check=True)
    assert records(shop) == []
    assert "disabled" in shop.roost("autostart", "status", cwd=elsewhere, check=True).out


def test_a_record_of_a_place_that_has_gone_is_told_and_mended(shop: ProjectUnderTest) -> None:
    """After Roost was moved, status says that the tray would not start (exit 1); enabling mends it."""
    shop.roost("autostart", "enable", check=True)
    (path,) = records(shop)
    path.write_text(path.read_text().replace(sys.prefix, "/old/place"))
    told = shop.roost("autostart", "status", check=1)
    assert "would not start" in told.out and "/old/place" in told.out
    assert shop.roost("autostart", "status", "--json", check=1).json["tray"]["starts"] is False
    shop.roost("autostart", "enable", check=True)
    assert shop.roost("autostart", "status", "--json", check=True).json["tray"]["starts"] is True


def test_a_project_starts_by_the_tray_or_without_it(shop: ProjectUnderTest) -> None:
    """Both ways are listed for what they are; `disable --all` forgets everything."""
    shop.roost("autostart", "enable", "--this-project", check=True)
    shop.roost("autostart", "enable", "--service", check=True)
    listed = shop.roost("autostart", "status", "--json", check=True).json
    with_tray, service = listed["projects"]
    assert (with_tray["name"], with_tray["root"], with_tray["with_tray"]) == ("test", str(shop.root), True)
    assert service["service"]["starts"] is True
    assert service["service"]["command"][-4:] == ["-C", str(shop.root), "autostart", "begin"]
    shop.roost("autostart", "disable", "--all", check=True)
    assert records(shop) == []
    assert shop.roost("autostart", "status", "--json", check=True).json["projects"] == []


def test_a_project_that_is_none_is_refused(shop: ProjectUnderTest) -> None:
    """Where there is no project, or an invalid one, nothing is put on record."""
    shop.roost("autostart", "enable", "--this-project", cwd=shop.home, check=2)
    shop.write("version: 1\ncomponents: {a: {}}\n")
    shop.roost("autostart", "enable", "--service", check=2)
    assert records(shop) == []


def test_the_login_brings_back_what_was_wanted(shop: ProjectUnderTest) -> None:
    """After a logout, what was wanted begins again and what a person had stopped does not; after `down` all
    begins.  The environment is the login shell's."""
    profile = shop.home / ".profile"
    profile.write_text("echo hello from the profile\nexport FROM_THE_PROFILE=yes\n")
    shop.env["SHELL"] = "/bin/sh"
    shop.components(api={"run": "echo profile=$FROM_THE_PROFILE; exec sleep 600"}, worker=SLEEPER)
    shop.up()
    shop.roost("stop", "worker", check=True)
    keeper = shop.status()["daemon"]["keeper_pid"]
    shop.roost("autostart", "end", check=True)
    eventually(lambda: not is_running(keeper), what="the keeper's end")
    shop.roost("status", check=3)
    shop.roost("autostart", "begin", check=True)
    eventually(lambda: states(shop) == {"api": "running", "worker": "stopped"}, what="as it was wanted")
    assert shop.status()["daemon"]["environment"] == "login"
    eventually(lambda: shop.log_lines("api")[-1:] == ["profile=yes"], what="the profile's variable")
    shop.roost("autostart", "begin", check=True)
    shop.roost("down", check=True)
    shop.roost("autostart", "begin", check=True)
    eventually(lambda: states(shop) == {"api": "running", "worker": "running"}, what="all of it")
