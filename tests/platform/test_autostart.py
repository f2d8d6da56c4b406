"""What starts at login, by each system's own way, on every system: what is written, and what is told of it."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.platform import launchagent, runkey, systemd, xdg
from roost.platform.autostart import Item, Mechanism
from roost.platform.quoting import command_line

HERE = sys.executable
ITEM = Item("roost-tray", "Roost", (HERE, "-P", "-m", "roost_tray", "--at-login"))
GONE = ITEM._replace(argv=("/old place/python", *ITEM.argv[1:]))
ODD = Item(
    "roost-project-1", 'Roost: it\'s "100 %"', (HERE, "-C", '/home/zoë/it\'s "100%" $HOME `x` \\ shop', "a;b")
)

arguments = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), min_size=1, max_size=4
)


class FakeRegistry:
    """Values by key and name."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str | bytes] = {}

    def get(self, key: str, name: str) -> str | bytes | None:
        return self.kept.get((key, name))

    def set(self, key: str, name: str, value: str | bytes) -> None:
        self.kept[key, name] = value

    def delete(self, key: str, name: str) -> None:
        self.kept.pop((key, name), None)

    def names(self, key: str) -> list[str]:
        return [name for there, name in self.kept if there == key]


def nothing(arguments: Sequence[str]) -> tuple[int, str]:
    """A manager that has nothing to say."""
    return 0, ""


@pytest.fixture(params=["xdg", "systemd", "launchd", "run key"])
def mechanism(request: pytest.FixtureRequest, tmp_path: Path) -> Mechanism:
    """Each way of starting things at login, with nothing on record."""
    folder = str(tmp_path / "a" / "b")
    every: dict[str, Mechanism] = {
        "xdg": xdg.XdgAutostart(folder),
        "systemd": systemd.SystemdUser(folder, nothing),
        "launchd": launchagent.LaunchAgent(folder, nothing, 501, True),
        "run key": runkey.RunKey(FakeRegistry()),
    }
    if request.param == "systemd" and os.name == "nt":
        pytest.skip("links are Linux's affair")
    return every[request.param]


@pytest.mark.parametrize("item", [ITEM, ODD], ids=["plain", "odd"])
def test_what_is_enabled_would_start_and_what_is_disabled_would_not(mechanism: Mechanism, item: Item) -> None:
    """On, on again, off, off again: each is true, and the arguments come back as they were given."""
    before = mechanism.status(item)
    assert (before.registered, before.starts) == (False, False)
    for _ in range(2):
        mechanism.enable(item)
        found = mechanism.status(item)
        assert (found.starts, found.trouble, found.argv) == (True, "", item.argv)
        assert mechanism.records() == [item.name]
    for _ in range(2):
        mechanism.disable(item)
        assert not mechanism.status(item).registered
        assert mechanism.records() == []


def test_a_program_that_has_gone_is_told_and_mended(mechanism: Mechanism) -> None:
    """A record that names what is not there would not start; enabling it anew mends that."""
    mechanism.enable(GONE)
    found = mechanism.status(ITEM)
    assert (found.registered, found.starts, found.stale) == (True, False, True)
    assert "/old place/python" in found.trouble
    mechanism.enable(ITEM)
    assert mechanism.status(ITEM).starts


def test_nothing_is_left_after_disable(tmp_path: Path) -> None:
    """No file and no link stays behind."""
    folder = tmp_path / "systemd" / "user"
    for mechanism in (
        xdg.XdgAutostart(str(tmp_path)),
        launchagent.LaunchAgent(str(tmp_path), nothing, 501, True),
        *([systemd.SystemdUser(str(folder), nothing)] if os.name != "nt" else []),
    ):
        mechanism.enable(ITEM)
        mechanism.disable(ITEM)
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    registry = FakeRegistry()
    runkey.RunKey(registry).enable(ITEM)
    registry.set(runkey.APPROVED, ITEM.name, bytes([3]))
    runkey.RunKey(registry).disable(ITEM)
    assert registry.kept == {}


# -- Linux desktops ----------------------------------------------------------------------------------------


def test_the_desktop_entry_is_a_valid_one(tmp_path: Path) -> None:
    """desktop-file-validate, which knows the specification, has no complaint."""
    validate = shutil.which("desktop-file-validate")
    if validate is None:
        pytest.skip("desktop-file-utils is not installed")
    for item in (ITEM, ODD):
        path = tmp_path / f"{item.name}.desktop"
        path.write_text(xdg.entry(item), encoding="utf-8")
        done = subprocess.run([validate, path], capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@given(arguments)
def test_a_desktop_s_command_line_is_read_as_it_was_written(argv: list[str]) -> None:
    """P20: whatever is in the arguments."""
    assert xdg.exec_argv(xdg.exec_line(argv)) == tuple(argv)


@pytest.mark.parametrize(
    ("text", "desktop", "registered", "starts"),
    [
        ("", "", True, True),
        ("Hidden=true", "", False, False),
        ("X-GNOME-Autostart-enabled=false", "", True, False),
        ("OnlyShowIn=KDE;", "GNOME", True, False),
        ("OnlyShowIn=KDE;", "KDE", True, True),
        ("NotShowIn=KDE;", "KDE", True, False),
        ("TryExec=/not/there", "", True, False),
        ("Exec=", "", True, False),
    ],
)
def test_what_people_and_desktops_write_into_the_file_counts(
    text: str, desktop: str, registered: bool, starts: bool
) -> None:
    """A switch of the desktop is not talked over."""
    keys = xdg.parse(f"[Desktop Entry]\nExec={xdg.exec_line((HERE,))}\n{text}\n[Other]\nHidden=true\n")
    found = xdg.judge("/x.desktop", keys, desktop)
    assert (found.registered, found.starts) == (registered, starts)


def test_a_file_of_the_system_counts_until_the_user_s_own_says_no(tmp_path: Path) -> None:
    """A package may have it start for everybody; disabling is a file of the user's that says so."""
    system = tmp_path / "etc"
    system.mkdir()
    (system / "roost-tray.desktop").write_text(xdg.entry(ITEM))
    mechanism = xdg.XdgAutostart(str(tmp_path / "home"), (str(system),))
    assert mechanism.status(ITEM).starts
    mechanism.disable(ITEM)
    assert not mechanism.status(ITEM).registered
    mechanism.enable(ITEM)
    assert mechanism.status(ITEM).starts


# -- systemd -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="links are Linux's affair")
def test_systemd_knows_the_unit(tmp_path: Path) -> None:
    """systemd-analyze, where it is, has no complaint about it; a unit without its link is switched off."""
    mechanism = systemd.SystemdUser(str(tmp_path), nothing)
    mechanism.enable(ODD._replace(ending=(HERE, "-C", "/a b", "end")))
    analyze = shutil.which("systemd-analyze")
    if analyze:
        runtime = tmp_path / "run"
        runtime.mkdir(mode=0o700)
        done = subprocess.run(
            [analyze, "--user", "--man=no", "verify", str(tmp_path / f"{ODD.name}.service")],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        )
        assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "default.target.wants" / f"{ODD.name}.service").unlink()
    assert "switched off" in mechanism.status(ODD).trouble


@given(arguments)
def test_systemd_s_command_line_is_read_as_it_was_written(argv: list[str]) -> None:
    """P20: whatever is in the arguments."""
    text = systemd.unit(Item("a", "b", tuple(argv)))
    assert systemd.start_of(text) == tuple(argv)


# -- macOS -------------------------------------------------------------------------------------------------


def test_the_agent_needs_a_desktop_and_lets_projects_outlive_it() -> None:
    """The tray's end must not end what it has started; it belongs to a session with a screen."""
    keys = plistlib.loads(launchagent.agent(ITEM, needs_desktop=True))
    assert keys["ProgramArguments"] == list(ITEM.argv)
    assert (keys["RunAtLoad"], keys["KeepAlive"], keys["AbandonProcessGroup"]) == (True, False, True)
    assert keys["LimitLoadToSessionType"] == "Aqua"
    assert "LimitLoadToSessionType" not in plistlib.loads(launchagent.agent(ITEM, needs_desktop=False))


@pytest.mark.parametrize(
    ("listing", "starts"),
    [
        ("", True),
        ('\t"io.github.roost.roost-tray" => disabled', False),
        ('\t"io.github.roost.roost-tray" => true', False),
        ('\t"io.github.roost.roost-tray" => enabled', True),
        ('\t"io.github.roost.roost-tray-2" => disabled', True),
    ],
)
def test_what_is_switched_off_in_macos_settings_does_not_start(
    tmp_path: Path, listing: str, starts: bool
) -> None:
    """launchctl is asked; a list that nobody can read is told, too."""
    mechanism = launchagent.LaunchAgent(str(tmp_path), lambda arguments: (0, listing), 501, True)
    mechanism.enable(ITEM)
    assert mechanism.status(ITEM).starts is starts
    (tmp_path / "io.github.roost.roost-tray.plist").write_text("<plist><broken")
    assert mechanism.status(ITEM).trouble == "it cannot be understood"


def test_enabling_takes_back_what_switched_it_off(tmp_path: Path) -> None:
    """launchctl is told so, by domain and label."""
    told: list[Sequence[str]] = []

    def launchctl(arguments: Sequence[str]) -> tuple[int, str]:
        told.append(arguments)
        return 0, ""

    launchagent.LaunchAgent(str(tmp_path), launchctl, 501, True).enable(ITEM)
    assert told == [["enable", "gui/501/io.github.roost.roost-tray"]]


# -- Windows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "starts"), [(0, True), (2, True), (6, True), (3, False), (7, False)])
def test_the_task_manager_s_switch_counts(first: int, starts: bool) -> None:
    """An odd first byte is "off"; enabling it anew has it start again."""
    registry = FakeRegistry()
    mechanism = runkey.RunKey(registry)
    mechanism.enable(ITEM)
    registry.set(runkey.APPROVED, ITEM.name, bytes([first]) + bytes(11))
    assert mechanism.status(ITEM).starts is starts
    mechanism.enable(ITEM)
    assert mechanism.status(ITEM).starts


def test_a_command_that_windows_would_not_run_is_refused() -> None:
    """The Run key has a longest command; nothing is written then."""
    registry = FakeRegistry()
    with pytest.raises(OSError, match="260"):
        runkey.RunKey(registry).enable(ITEM._replace(argv=("C:\\" + "x" * 300,)))
    assert registry.kept == {}


@given(arguments)
def test_a_windows_command_line_is_read_as_it_was_written(argv: list[str]) -> None:
    """The reverse of what starts every program on Windows (P20)."""
    assert runkey.words(command_line(["program.exe", *argv])) == ("program.exe", *argv)
