"""The tray above real daemons (P15): what it shows, what its menu does, and that it is only a client."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby

import pytest

from e2e.harness import ProjectUnderTest, describe, eventually, roost_command
from e2e.tray_harness import RecordingDesktop, tray_log, tray_of
from roost_tray import link, notices
from roost_tray.model import State
from roost_tray.presenter import SPACING

LIMIT = 1.0
"""Seconds from a component's crash to its icon (P15): half of it is the tray's own pace of two changes a second."""

SLEEP = {"run": ["sleep", "600"], "stop": {"timeout": "2s"}}
SLOW_BACK_OFF = {"restart": {"backoff": {"initial": "5s", "max": "5s"}}}


def service(**more: object) -> dict[str, object]:
    """A component that does nothing, for long."""
    return {**SLEEP, **more}


@contextmanager
def headless_tray(project: ProjectUnderTest) -> Iterator[subprocess.Popen[bytes]]:
    """`roost tray` as a process of its own, without an icon."""
    env = {**project.env, "ROOST_TRAY_BACKEND": "headless"}
    tray = subprocess.Popen(
        [*roost_command(), "tray"],
        cwd=project.root,
        env=env,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield tray
    finally:
        if tray.poll() is None:
            tray.kill()
        tray.communicate()


def connections(project: ProjectUnderTest) -> int:
    """So many the daemon has, with that of the question."""
    return int(project.roost("daemon", "health", "--json", check=0).json["connections"])


def seen_well(project: ProjectUnderTest, times: int) -> bool:
    """Whether trays of this user have shown so often that its project is well."""
    return tray_log(project).count("well: test: 1 of 1 ready") >= times


# -- what it shows -------------------------------------------------------------------------------------


@pytest.mark.serial
def test_a_crash_is_seen_within_its_limit(project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """P15: from `kill -9` of a component to the icon that says so, with a real daemon, after a quiet moment."""
    until_asked = {"initial": "300s", "max": "300s"}
    project.components(api=service(restart={"backoff": until_asked}), db=service())
    project.up()
    took = []
    with tray_of(project, monkeypatch) as tray:
        for _ in range(5):
            tray.await_state(State.WELL)
            pid = project.pids()["api"]
            eventually(lambda: time.monotonic() > tray.shown[-1][0] + SPACING, what="a quiet moment")
            moment = time.monotonic()
            project.kill(pid)
            tray.await_state(State.DEGRADED)
            took.append(tray.seen_after(moment, State.DEGRADED))
            tray.click("▲ api…", "Restart")
    print("crash to icon, ms:", *(round(each * 1000) for each in sorted(took)))
    assert sorted(took)[2] < LIMIT


def test_the_status_line_counts_down(project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`test: 1 of 2 ready, api restarting in 4 s`, with less each second, until it is well again."""
    project.components(api=service(**SLOW_BACK_OFF), db=service())
    project.up()
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        project.kill(project.pids()["api"])
        tray.await_state(State.DEGRADED)
        tray.await_state(State.WELL)
        lines = [rendered.menu.items[0].label for _, rendered in tray.shown]
        found = [re.fullmatch(r"test: 1 of 2 ready, api restarting in (\d) s", line) for line in lines]
        figures = [figure for figure, _ in groupby(int(each[1]) for each in found if each)]
        assert len(figures) >= 2 and figures == sorted(set(figures), reverse=True)
        assert lines[-1] == "test: 2 of 2 ready"


def test_a_killed_daemon_is_unreachable_then_well_again(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The icon says that nothing is known, keeps what was known last, and takes the new daemon by itself."""
    project.components(api=service())
    project.up()
    before = project.pids()
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        project.kill(
            before[":keeper"], signal.SIGSTOP
        )  # so that the daemon stays away for as long as we look
        try:
            project.kill(before[":daemon"])
            unreachable = tray.await_state(State.UNREACHABLE)
            assert [item.label for item in unreachable.menu.items if "api" in item.label] == [
                "⊘ api: running"
            ]
        finally:
            project.kill(before[":keeper"], signal.SIGCONT)
        tray.await_state(State.WELL)
    assert project.pids()["api"] == before["api"]


def test_every_new_daemon_is_followed_and_no_connection_is_left_behind(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Daemon after daemon is killed: the tray has two connections to the last one, and its menu still acts."""
    project.components(api=service())
    project.up()
    with tray_of(project, monkeypatch) as tray:
        for _ in range(4):
            tray.await_state(State.WELL)
            daemon = project.pids()[":daemon"]
            project.kill(daemon)
            eventually(
                lambda old=daemon: project.pids().get(":daemon") not in (None, old), what="another one"
            )
        run = project.component("api")["run"]
        tray.click("● api: running", "Restart")
        eventually(lambda: project.component("api")["run"] > run, what="another run")
        eventually(lambda: connections(project) <= 3, what="stream, calls, and the question itself")


def test_a_daemon_that_hangs_is_unreachable(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket takes connections, but nobody answers: the icon does not go on saying that all is well."""
    monkeypatch.setattr(link, "PULSE", 0.2)
    monkeypatch.setattr(link, "SILENCE", 1.0)
    project.components(api=service())
    project.up()
    pids = project.pids()
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        for name in (":keeper", ":daemon"):  # the keeper would replace it
            project.kill(pids[name], signal.SIGSTOP)
        try:
            tray.await_state(State.UNREACHABLE)
        finally:
            for name in (":daemon", ":keeper"):
                project.kill(pids[name], signal.SIGCONT)
        tray.await_state(State.WELL)


def test_projects_come_and_go(
    make_project: Callable[..., ProjectUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `up` registers appears by itself, a project that is brought down is stopped, one deleted vanishes."""
    import shutil

    first = make_project("one")
    second = make_project("two", base=first.base)
    for project in (first, second):
        project.write({"version": 1, "name": project.root.name, "components": {"a": SLEEP}})
    with tray_of(first, monkeypatch) as tray:
        tray.await_state(State.STOPPED)
        first.up()
        tray.await_state(State.WELL)
        second.up()
        tray.await_item("● one: 1 of 1 ready", "● a: running", "Restart")
        tray.await_item("● two: 1 of 1 ready")
        second.down()
        tray.await_item("○ two: not running", "Start all")
        shutil.rmtree(second.root)
        tray.await_item("● a: running")


def test_the_summary_is_that_of_roost_projects(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both say how many of the wanted components are ready, in the same words."""
    project.components(api=service(), db=service(), mail=service(autostart=False))
    project.up()
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        (shown,) = project.roost("projects", "--json", check=True).json
        assert tray.now.menu.items[0].label == f"{shown['name']}: {shown['summary']}"
        project.roost("stop", "api", "db", check=True)
        tray.await_state(State.STOPPED)
        (shown,) = project.roost("projects", "--json", check=True).json
        assert tray.now.menu.items[0].label == f"{shown['name']}: {shown['summary']}, stopped"


# -- what its menu does --------------------------------------------------------------------------------


def test_components_are_restarted_stopped_and_started(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its label, with its effect on the real process; the others are left alone."""
    project.components(api=service(), db=service())
    project.up()
    before = project.pids()
    with tray_of(project, monkeypatch) as tray:
        tray.click("● api: running", "Restart")
        eventually(lambda: project.pids().get("api") not in (None, before["api"]), what="a new pid")
        tray.click("● api: running", "Stop")
        project.wait_state("api", "stopped")
        tray.click("○ api…", "Start")
        project.wait_state("api", "running")
        assert project.pids()["db"] == before["db"]


def test_a_whole_project_is_stopped_started_restarted_and_reloaded(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop all leaves the daemon; Start all brings back what autostarts; Reload takes what is new."""
    project.components(api=service(), db=service())
    project.up()
    daemon = project.pids()[":daemon"]
    with tray_of(project, monkeypatch) as tray:
        tray.click("Stop all")
        tray.await_state(State.STOPPED)
        assert project.pids() == {":daemon": daemon, ":keeper": project.pids()[":keeper"]}
        tray.click("Start all")
        tray.await_state(State.WELL)
        before = project.pids()
        tray.click("Restart all")
        eventually(lambda: not {before["api"], before["db"]} & set(project.pids().values()), what="new pids")
        project.components(api=service(), db=service(), web=service())
        tray.click("Reload")
        tray.await_item("● web: running")


def test_a_stopped_project_is_started_with_a_keeper(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: Start all starts keeper and daemon, in the environment of the user's login shell."""
    project.components(api={"run": 'echo "flavour: $FLAVOUR"; sleep 600', "stop": {"timeout": "2s"}})
    project.up()
    project.down()
    (project.home / ".profile").write_text("echo hello from a profile\nexport FLAVOUR='van illa'\n")
    monkeypatch.setenv("SHELL", "/bin/sh")
    project.env["SHELL"] = "/bin/sh"
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.STOPPED)
        tray.click("Start all")
        tray.await_state(State.WELL)
    assert project.status()["daemon"]["environment"] == "login"
    eventually(lambda: project.log_lines("api") and project.log_lines("api")[-1] == "flavour: van illa")


def test_what_cannot_be_done_is_said_where_it_was_asked_for(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A roost.yaml with a mistake: a line in the menu and a notification with the place; nothing is harmed."""
    project.components(api=service())
    project.up()
    project.write("components: {api: {rum: sleep 600}}\n")
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        tray.click("Reload")
        eventually(lambda: tray.now.menu.items[1].label.startswith("! reload (test): "), what="the line")
        notice = eventually(lambda: tray.desktop.notices, what="a notification")[0]
        assert notice.title == "test: reload did not work"
        assert "did you mean 'run'?" in notice.body
        assert tray.now.state is State.WELL


def test_the_desktop_is_asked_for_what_is_its_own(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder, status, URL, log and `why` go to the desktop, with what it needs."""
    project.components(api=service(url="http://localhost:8123/"))
    project.up()
    root = str(project.root)
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        tray.click("Open folder")
        tray.click("Copy status")
        for label in ("Open URL", "View log", "Why?"):
            tray.click("● api: running", label)
        asked = tray.desktop.asked
        eventually(lambda: len(asked) == 5, what="five calls")
        log = str(project.state / "logs" / "api.log")
        assert {("folder", root), ("url", "http://localhost:8123/"), ("log", root, "api", log)} <= set(asked)
        assert ("why", root, "api") in asked
        (copied,) = (call[1] for call in asked if call[0] == "copy")
        assert copied == f"test ({root}): 1 of 1 ready\n● api  running\n"


def test_without_a_terminal_the_reasons_come_as_a_notification(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Why?` says the whole chain, down to its root."""
    refusing = {"readiness": {"tcp": 1, "period": "1s"}}
    project.components(db=service(probes=refusing), api=service(depends_on=["db"]))
    project.up("--no-wait")
    project.wait_for(lambda s: s["components"][0]["reason"].startswith("not ready: readiness probe"))
    with tray_of(project, monkeypatch, desktop=RecordingDesktop(terminal=False)) as tray:
        tray.click("◐ api: waiting for db…", "Why?")
        notice = eventually(lambda: tray.desktop.notices, what="a notification")[0]
        assert notice.title == "Why api is not ready"
        assert "db (running): not ready: readiness probe" in notice.body


def test_a_failure_is_notified_with_exit_code_and_last_line(
    project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real program that ends with an error: what it said last and with which code, and what comes of it."""
    monkeypatch.setattr(notices, "GRACE", 0.0)
    go = project.root / "go"
    command = f"while [ ! -e {go} ]; do sleep 0.1; done; echo no such table: users >&2; exit 3"
    project.components(api={"run": command, "restart": "never"})
    project.up()
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        go.touch()
        notice = eventually(lambda: tray.desktop.notices, what="a notification")[0]
        assert notice.title == "test: api failed"
        assert "exit code 3" in notice.body
        assert notice.body.endswith("\nno such table: users")
        assert (notice.root, notice.component) == (str(project.root), "api")


def test_choices_last(project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The level of notifications outlives the tray; `Start at login` is as the desktop says."""
    with tray_of(project, monkeypatch) as tray:
        tray.click("Notifications", "Off")
        tray.click("Start at login")
        eventually(lambda: find_checked(tray.now, "Start at login"), what="the mark")
        assert tray.desktop.at_login
        tray.desktop.at_login = False
        tray.brain.menu_opened()
        eventually(lambda: not find_checked(tray.now, "Start at login"), what="no mark")
    with tray_of(project, monkeypatch) as tray:
        eventually(lambda: find_checked(tray.now, "Notifications", "Off"), what="the choice")


def find_checked(rendered: object, *path: str) -> bool | None:
    """Whether the item with these labels is marked; None while there is none."""
    from roost_tray.model import Rendered
    from tray.scenes import find

    assert isinstance(rendered, Rendered)
    return find(rendered.menu, *path).checked if rendered.menu.items else None


# -- how it ends ---------------------------------------------------------------------------------------


def test_quitting_the_tray_stops_nothing(project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Projects keep running: the menu's `Quit tray` ends the tray alone."""
    project.components(api=service())
    project.up()
    before = project.pids()
    with tray_of(project, monkeypatch) as tray:
        tray.await_state(State.WELL)
        tray.click("Quit tray")
        assert tray.over.wait(60)
    assert project.pids() == before


def test_everything_is_stopped_and_then_the_tray_ends(
    make_project: Callable[..., ProjectUnderTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All running projects are brought down, as `roost down` does it, before the tray goes."""
    first = make_project("one")
    second = make_project("two", base=first.base)
    for project in (first, second):
        project.components(api=service())
        project.up()
    with tray_of(first, monkeypatch) as tray:
        tray.await_state(State.WELL)
        tray.click("Stop everything and quit")
        assert tray.over.wait(60)
    assert first.pids() == second.pids() == {}
    assert [said for process in first.leftovers() if "roost" in (said := describe(process))] == []


def test_projects_are_brought_up_at_login(project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tray that the login has started brings up the projects that are to run from then on."""
    project.components(api=service())
    project.up()
    project.down()
    desktop = RecordingDesktop(login_projects=[str(project.root)])
    with tray_of(project, monkeypatch, at_login=True, desktop=desktop) as tray:
        tray.await_state(State.WELL)
    assert "api" in project.pids()


# -- as a process --------------------------------------------------------------------------------------


def test_a_second_tray_says_so_and_ends_well(project: ProjectUnderTest) -> None:
    """One for each session; the second tells the first, and exits 0."""
    project.components(api=service())
    project.up()
    with headless_tray(project) as tray:
        eventually(partial(seen_well, project, 1), what="the first one's icon")
        second = project.roost("tray", env={"ROOST_TRAY_BACKEND": "headless"}, check=0)
        assert second.err == f"roost-tray: already running (pid {tray.pid})\n"
        eventually(lambda: "Roost is in the tray already" in tray_log(project), what="word of the second")
        tray.terminate()
        assert tray.wait(60) == 0
    with headless_tray(project) as tray:
        eventually(partial(seen_well, project, 2), what="a new tray")


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_killed_tray_disturbs_nothing_and_nobody(project: ProjectUnderTest) -> None:
    """It is a client: after `kill -9` everything runs on with the same pids, and another tray may come at once."""
    project.components(api=service())
    project.up()
    before = project.pids()
    for times in (1, 2, 3):
        with headless_tray(project) as tray:
            eventually(partial(seen_well, project, times), what="its icon")
            tray.kill()
            tray.wait(60)
    assert project.pids() == before
    assert project.roost("daemon", "health", "--json", check=0).json["status"] == "healthy"


def test_without_icon_and_notifications_it_says_so_and_ends(project: ProjectUnderTest) -> None:
    """No screen, no session bus: a clear message and what to do, exit 1, at once and without a trace."""
    absent = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
    done = project.roost("tray", env={**dict.fromkeys(absent, ""), "ROOST_TRAY_BACKEND": ""})
    assert done.code == 1, str(done)
    assert done.err.startswith("roost-tray: no icon: ")
    assert "Traceback" not in done.err + tray_log(project)
