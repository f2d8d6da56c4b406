"""What a kill at a bad moment must not cost: wishes, runs, ports, exits, and the way to say what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import Any

import psutil
import pytest

from e2e.harness import COMMAND_TIMEOUT, SOON, ProjectUnderTest, eventually, is_running, program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="on Windows a job object ends the components (P2)")

COUNTER = program("counter", "--rate", 5)
STUBBORN = program("ignore_term")


def successor(project: ProjectUnderTest, daemon: int) -> dict[str, Any]:
    """The status of the daemon that came after this one."""

    def look() -> dict[str, Any] | None:
        done = project.roost("status", "--json")
        if done.code != 0 or done.json["daemon"]["pid"] == daemon:
            return None
        project.pids()
        return dict(done.json)

    return eventually(look, what="the next daemon")


def kill_daemon(project: ProjectUnderTest) -> dict[str, Any]:
    """`kill -9` of the daemon; the status of the next one."""
    daemon = project.pids()[":daemon"]
    project.kill(daemon, signal.SIGKILL)
    return successor(project, daemon)


def states(status: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in status["components"]}


# -- the end is interrupted ------------------------------------------------------------------------------


def test_down_ends_although_the_keeper_is_killed_meanwhile(project: ProjectUnderTest) -> None:
    """P2, S48: the next keeper and its daemon go on with it, and nothing is left."""
    project.components(
        stubborn={"run": STUBBORN, "stop": {"timeout": "6s"}}, db={"run": COUNTER}, web={"run": COUNTER}
    )
    project.up()
    eventually(lambda: project.log_lines("stubborn"), what="one that does not listen")
    pids = project.pids()
    down = project.start_roost("down")
    eventually(lambda: project.component("stubborn")["state"] == "stopping", what="a down under way")
    project.kill(pids[":keeper"], signal.SIGKILL)
    _, told = down.communicate(timeout=COMMAND_TIMEOUT)

    assert down.returncode == 0, told.decode()
    assert not any(is_running(pid) for pid in pids.values())
    project.up()
    assert set(states(project.status()).values()) == {"running"}


def test_a_signal_and_then_a_kill_lose_no_wish(project: ProjectUnderTest) -> None:
    """S58, S77: TERM keeps what was wanted, also when a KILL follows before the last component has ended."""
    project.components(
        stubborn={"run": STUBBORN, "stop": {"timeout": "10m"}},
        web={"run": COUNTER},
        off={"run": COUNTER},
    )
    project.up()
    project.roost("stop", "off", check=True)
    before = project.pids()
    daemon = before[":daemon"]
    eventually(lambda: project.log_lines("stubborn"), what="one that does not listen")
    project.kill(daemon, signal.SIGTERM)
    eventually(lambda: not is_running(before["web"]), what="the end of web")
    time.sleep(0.1)
    project.kill(daemon, signal.SIGKILL)
    successor(project, daemon)
    project.kill(before["stubborn"])
    project.wait_for(lambda s: states(s) == {"stubborn": "running", "web": "running", "off": "stopped"})
    assert [one["desired"] for one in project.status()["components"]] == ["running", "running", "stopped"]


def test_the_keeper_is_killed_while_its_daemon_is_being_started(project: ProjectUnderTest) -> None:
    """P2, P7: both die one after the other, and the house comes back by itself; no component notices."""
    project.components(a={"run": COUNTER}, b={"run": COUNTER})
    project.up()
    before = project.pids()
    keeper = psutil.Process(before[":keeper"])
    project.kill(before[":daemon"], signal.SIGKILL)
    known = set(before.values())
    eventually(
        lambda: {child.pid for child in keeper.children()} - known, every=0.001, what="the next daemon"
    )
    project.kill(before[":keeper"], signal.SIGKILL)
    successor(project, before[":daemon"])
    status = project.wait_for(
        lambda s: s["daemon"]["running"] and s["daemon"]["keeper_pid"] != before[":keeper"],
        what="a new keeper",
    )
    assert {one["name"]: one["pid"] for one in status["components"]} == {n: before[n] for n in ("a", "b")}


# -- which configuration is in force ---------------------------------------------------------------------


def test_what_came_up_by_itself_is_what_the_next_daemon_goes_by(project: ProjectUnderTest) -> None:
    """S57, P1: changed between an end by a signal and the next `up`: the file of that `up` stays in force."""
    project.components(a={"run": COUNTER})
    project.up()
    daemon = project.pids()[":daemon"]
    project.kill(daemon, signal.SIGTERM)
    eventually(lambda: project.roost("status").code == 3 and not is_running(daemon), what="the end")
    project.components(a={"run": COUNTER}, b={"run": COUNTER})
    project.up()
    before = project.pids()
    after = kill_daemon(project)

    assert states(after) == {"a": "running", "b": "running"}
    assert {one["name"]: one["pid"] for one in after["components"]} == {n: before[n] for n in ("a", "b")}


def test_what_runs_and_is_in_no_configuration_any_more_ends(project: ProjectUnderTest) -> None:
    """S55, S77: when all who remember what was applied are gone, nothing runs on without anybody knowing."""
    project.components(a={"run": COUNTER}, gone={"run": COUNTER})
    project.up()
    gone = project.pids()["gone"]
    project.components(a={"run": COUNTER})
    project.kill_both()
    project.roost("up", check=True)

    eventually(lambda: not is_running(gone), what="the end of what was removed")
    project.wait_for(lambda s: states(s) == {"a": "running"})
    project.down()


def test_without_a_valid_configuration_what_runs_goes_on_and_is_told(project: ProjectUnderTest) -> None:
    """P1, P20: killed when nothing can be used: nobody dies, `status` shows who runs, a repair is enough."""
    project.file(".env", "LEVEL=debug\n")
    config = {
        "version": 1,
        "name": "test",
        "env_file": [".env"],
        "components": {"a": {"run": COUNTER}, "b": {"run": COUNTER}, "off": {"run": COUNTER}},
    }
    project.write(config)
    project.up()
    project.roost("stop", "off", check=True)
    before = project.pids()
    (project.root / ".env").unlink()
    status = kill_daemon(project)

    assert {one["name"]: one["pid"] for one in status["components"]} == {n: before[n] for n in ("a", "b")}
    refused = project.roost("up")
    assert refused.code == 2 and ("roost.yaml" in refused.err or ".env" in refused.err), str(refused)
    assert "roost.yaml" in project.events()[-1]["message"] or any(
        event["kind"] == "config_problem" for event in project.events()
    )

    project.file(".env", "LEVEL=debug\n")
    project.roost("start", "a")  # asks for the configuration, and so does a look once in ten seconds
    again = project.wait_for(lambda s: len(s["components"]) == 3)
    assert states(again) == {"a": "running", "b": "running", "off": "stopped"}
    assert {one["name"]: one["pid"] for one in again["components"] if one["pid"]} == {
        n: before[n] for n in ("a", "b")
    }
    project.down()


def test_what_was_applied_outlives_the_keeper_too(project: ProjectUnderTest) -> None:
    """P2, S57, P19: it is handed to the next keeper, and to that one's daemons; it is in no file of ours."""
    project.components(a={"run": COUNTER, "env": {"PLAIN": "written-in-the-file"}})
    project.up()
    before = project.pids()
    project.write("version: 1\ncomponents: {other: {run: [sleep, '99']}, bad: {}}\n")
    project.kill(before[":keeper"], signal.SIGKILL)
    project.wait_for(
        lambda s: s["daemon"]["running"] and s["daemon"]["keeper_pid"] != before[":keeper"],
        what="a new keeper",
    )
    status = kill_daemon(project)

    assert [one["name"] for one in status["components"]] == ["a"]
    assert status["project"]["config_stale"] is True
    assert project.pids()["a"] == before["a"]
    for path in project.state.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it was about to be put in another's place
            assert not path.is_file() or b"written-in-the-file" not in path.read_bytes(), path
    project.down()


@pytest.mark.parametrize("broken", ["components: [", "{components: {}"])
def test_with_a_broken_file_and_nobody_who_remembers_what_runs_goes_on(
    project: ProjectUnderTest, broken: str
) -> None:
    """P2, P20, S33: keeper and daemon are killed and roost.yaml is broken: `up` says so and harms nobody."""
    path = project.components(a={"run": COUNTER})
    text = path.read_text()
    project.up()
    before = project.pids()
    path.write_text(broken)
    project.kill_both()
    refused = project.roost("up", check=2)
    assert "roost.yaml" in refused.err
    status = project.status()
    assert {one["name"]: one["pid"] for one in status["components"]} == {"a": before["a"]}
    path.write_text(text)
    project.up()
    assert project.pids()["a"] == before["a"]
    project.down()


def test_another_environment_reaches_what_the_file_takes_from_it(project: ProjectUnderTest) -> None:
    """INTERFACES §3: `up --env` restarts what differs, also where it does by a `${NAME}` in the file."""
    show = ["/bin/sh", "-c", "echo level $LEVEL; exec sleep 1000"]
    project.components(
        a={"run": show, "env": {"LEVEL": "${DEPTH:-none}"}},
    )
    project.up()
    before = project.pids()
    project.roost("up", "--env", env={"DEPTH": "seven"}, check=True)

    eventually(lambda: project.log_lines("a") == ["level none", "level seven"], what="a with the new value")
    assert project.pids()["a"] != before["a"]


# -- the state file --------------------------------------------------------------------------------------


def test_a_state_file_of_a_newer_roost_is_refused_in_words(project: ProjectUnderTest) -> None:
    """S73: `up` says so within seconds, names the file and what to do, and leaves nothing half started."""
    project.components(a={"run": COUNTER})
    project.up()
    project.down()
    state = project.state / "state.json"
    newer = {**json.loads(state.read_text()), "version": 99}
    state.write_text(json.dumps(newer))
    done = project.roost("up")

    assert done.code == 1 and done.seconds < SOON
    assert "newer Roost" in done.err and "state.json" in done.err and "move the file away" in done.err
    assert json.loads(state.read_text()) == newer
    eventually(lambda: project.roost("status").code == 3, what="nothing half started")
    state.unlink()
    project.up()


def test_a_damaged_state_file_is_kept_aside_and_told(project: ProjectUnderTest) -> None:
    """S71, P20: what runs is found again by the keeper, and its chosen port is still its own."""
    project.components(
        a={"run": ["/bin/sh", "-c", "echo port ${port.http}; exec sleep 100"], "ports": {"http": "auto"}}
    )
    project.up()
    before = project.component("a")
    eventually(lambda: project.log_lines("a"), what="its first line")
    daemon = project.pids()[":daemon"]
    project.kill(daemon, signal.SIGSTOP)
    (project.state / "state.json").write_text('{"version": 1, "components": {"a"')
    project.kill(daemon, signal.SIGKILL)
    after = successor(project, daemon)["components"][0]

    assert (after["pid"], after["run"], after["ports"]) == (before["pid"], before["run"], before["ports"])
    assert (project.state / "state.json.unreadable").exists()
    health = project.roost("daemon", "health", "--json", check=True).json
    assert health["status"] == "degraded" and "state.json" in health["problems"][0]
    assert "state.json was damaged" in project.roost("doctor").out
    assert any(event["kind"] == "state_problem" for event in project.events())


def test_no_secret_is_in_the_state_file(project: ProjectUnderTest) -> None:
    """P19: a probe that prints a password shows `***` in every file of ours."""
    probe = {"exec": ["/bin/sh", "-c", "echo refused for $DB_PASSWORD; exit 1"], "period": "0.2s"}
    project.components(
        a={"run": COUNTER, "probes": {"readiness": probe}, "env": {"DB_PASSWORD": "tr0ub4dor-3"}}
    )
    project.up("--no-wait")
    project.wait_for(lambda s: "***" in s["components"][0]["reason"])
    project.roost("stop", "a", check=True)
    project.roost("start", "a", "--no-wait", check=True)
    project.wait_for(lambda s: "***" in s["components"][0]["reason"])
    time.sleep(0.2)

    for name in ("state.json", "events.jsonl", "daemon.log", "keeper.log"):
        assert "tr0ub4dor-3" not in (project.state / name).read_text(), name


# -- another program, other descriptors ------------------------------------------------------------------


def test_a_daemon_that_cannot_be_replaced_is_not_replaced(project: ProjectUnderTest) -> None:
    """P6, P20: a program that does not exist is refused; one that ends at once gives way to the one before."""
    project.components(a={"run": COUNTER})
    project.up()
    before = project.pids()
    missing = project.roost("call", "daemon.restart", json.dumps({"program": ["/no/such/program"]}))
    assert missing.code != 0 and "/no/such/program" in missing.err
    assert project.pids() == before

    project.roost("call", "daemon.restart", json.dumps({"program": ["/bin/false"]}), check=True)
    after = successor(project, before[":daemon"])
    assert after["components"][0]["pid"] == before["a"]
    assert after["components"][0]["state"] == "running"


def test_the_daemon_after_the_next_still_holds_the_ends(project: ProjectUnderTest) -> None:
    """P2, D3: what ends without a keeper is known to a daemon that did not start it: last words and code."""
    project.file("gate", "")
    command = "echo begun; while [ -e gate ]; do sleep 0.02; done; echo last words; exit 7"
    project.components(
        mortal={"run": ["/bin/sh", "-c", command], "restart": "never"},
        other={"run": program("counter", "--rate", 1)},
    )
    project.up("--no-wait")
    mortal = project.wait_state("mortal", "running")["pid"]
    kill_daemon(project)
    pids = project.pids()
    project.kill(pids[":daemon"], signal.SIGSTOP)
    project.kill(pids[":keeper"], signal.SIGKILL)
    (project.root / "gate").unlink()
    eventually(lambda: not is_running(mortal), what="an end without a keeper")
    project.kill(pids[":daemon"], signal.SIGCONT)
    ended = project.wait_state("mortal", "failed")

    assert project.log_lines("mortal") == ["begun", "last words"]
    if ended["last_exit"]["known"] or _kernel_tells():
        assert ended["last_exit"]["code"] == 7


def _kernel_tells() -> bool:
    """Linux 6.15 on: a pidfd opened while it lived gives the code after the reap."""
    release = os.uname().release.split(".")
    return os.uname().sysname == "Linux" and (int(release[0]), int(release[1])) >= (6, 15)
