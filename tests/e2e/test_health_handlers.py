"""The probe handlers `notify` and `grpc`, with real programs."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import ProjectUnderTest, eventually, is_running, program

NOTIFY: dict[str, Any] = {"notify": True, "period": "200ms"}


def say(project: ProjectUnderTest, *lines: str) -> None:
    with (project.root / "say").open("a") as file:
        file.writelines(line + "\n" for line in lines)


def test_a_service_says_that_it_is_ready(project: ProjectUnderTest) -> None:
    """sd_notify: READY, STATUS, RELOADING, from the service and from its children, over a daemon's death."""
    run = program("notify", project.root / "say")
    project.components(web={"run": run, "probes": {"readiness": NOTIFY}})
    project.roost("up", "--no-wait", check=True)
    project.wait_state("web", "running")
    assert project.component("web")["ready"] is False
    say(project, "self READY=1\\nSTATUS=serving 3 clients")
    project.up()
    assert project.component("web")["status_text"] == "serving 3 clients"
    assert "serving 3 clients" in project.roost("status", "--verbose", check=True).out

    say(project, "self RELOADING=1")
    project.wait_for(lambda s: not s["components"][0]["ready"])
    assert "RELOADING=1" in project.roost("why", "web", check=True).out
    say(project, "child READY=1")
    project.wait_for(lambda s: s["components"][0]["ready"])

    before = project.pids()
    project.kill(before[":daemon"])
    eventually(lambda: project.pids().get(":daemon", 0) not in (0, before[":daemon"]), what="the next daemon")
    time.sleep(1.0)  # five periods, in each of which a daemon that has forgotten would count a failure
    assert project.component("web")["ready"] is True
    say(project, "self STATUS=still here")
    project.wait_for(lambda s: s["components"][0]["status_text"] == "still here")
    assert project.pids()["web"] == before["web"]


@contextmanager
def without_daemon(project: ProjectUnderTest) -> Iterator[None]:
    """The daemon is killed, and the next one comes only after the block: the keeper is held up meanwhile."""
    before = project.pids()
    project.kill(before[":keeper"], signal.SIGSTOP)
    try:
        project.kill(before[":daemon"])
        eventually(lambda: not is_running(before[":daemon"]), what="the daemon is dead")
        yield
    finally:
        project.kill(before[":keeper"], signal.SIGCONT)
    eventually(lambda: project.pids().get(":daemon", 0) not in (0, before[":daemon"]), what="the next daemon")


def has_said(project: ProjectUnderTest, line: str) -> bool:
    said = project.root / "said"
    return said.exists() and line in said.read_text().splitlines()


def test_what_is_said_while_there_is_no_daemon_is_heard_by_the_next_one(project: ProjectUnderTest) -> None:
    """P1: kill -9 of the daemon, READY=1 meanwhile: the successor knows it, and the service notices nothing."""
    run = program("notify", project.root / "say")
    project.components(web={"run": run, "probes": {"readiness": NOTIFY}})
    project.roost("up", "--no-wait", check=True)
    pid = project.wait_state("web", "running")["pid"]
    with without_daemon(project):
        say(project, "self READY=1\\nSTATUS=said to nobody")
        eventually(lambda: has_said(project, "self READY=1\\nSTATUS=said to nobody"), what="it was said")
    web = project.wait_for(lambda s: s["components"][0]["ready"], what="READY=1 is known")["components"][0]
    assert (web["pid"], web["status_text"]) == (pid, "said to nobody")


def test_the_time_without_a_daemon_fails_no_watchdog(project: ProjectUnderTest) -> None:
    """P1: nobody has listened for many periods, and that is not the service's silence."""
    run = program("notify", project.root / "say")
    say(project, "beat 600")
    project.components(
        web={"run": run, "probes": {"liveness": {"notify": True, "period": "1s", "failure_threshold": 5}}}
    )
    project.up()
    pid = project.pids()["web"]
    with without_daemon(project):
        time.sleep(6.5)  # six periods, of which five without a word are a failure
    seen = project.component("web")["probes"]["liveness"]["at"]
    project.wait_for(lambda s: s["components"][0]["probes"]["liveness"]["at"] not in (None, seen))
    assert (project.component("web")["run"], project.pids()["web"]) == (1, pid)


@pytest.mark.skipif(not hasattr(socket, "SO_PASSCRED"), reason="the system does not tell who sent a datagram")
def test_a_stranger_cannot_speak_for_a_service(project: ProjectUnderTest) -> None:
    """The sender's pid has to belong to the component's tree."""
    run = program("notify", project.root / "say")
    project.components(web={"run": run, "probes": {"readiness": NOTIFY}})
    project.roost("up", "--no-wait", check=True)
    pid = project.wait_state("web", "running")["pid"]
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    address = next(entry for entry in environment if entry.startswith(b"NOTIFY_SOCKET=")).partition(b"=")[2]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(b"READY=1\nSTATUS=gotcha", os.fsdecode(address))
    say(project, "self STATUS=mine")
    shown = project.wait_for(lambda s: s["components"][0]["status_text"])["components"][0]
    assert (shown["ready"], shown["status_text"]) == (False, "mine")


def test_a_silent_watchdog_restarts_a_service(project: ProjectUnderTest) -> None:
    """WATCHDOG=1 keeps it alive; silence for `period * failure_threshold` is the end of the run."""
    run = program("notify", project.root / "say")
    liveness = {"notify": True, "period": "2s", "failure_threshold": 3}
    say(project, "beat 80", "beat 6000")
    project.components(
        web={"run": run, "probes": {"liveness": liveness}, "restart": {"backoff": {"initial": 0}}}
    )
    project.up()
    eventually(lambda: project.log_lines("web")[:1] == ["watchdog 6000000"], what="its period")
    eventually(lambda: "said beat 80" in project.log_lines("web"), what="eight seconds of beats")
    assert project.component("web")["run"] == 1
    (project.root / "say").unlink()
    project.wait_for(lambda s: s["components"][0]["run"] >= 2)
    gone = next(event for event in project.events() if event["kind"] == "restarting")
    assert "no WATCHDOG=1 since the last look" in gone["message"]


def test_a_grpc_service_is_asked_for_its_health(project: ProjectUnderTest) -> None:
    """grpc.health.v1 by name of the service: ready while it serves, and `why` says what it answered."""
    probe = {
        "grpc": {"port": "${port.rpc}", "service": "shop.Orders"},
        "period": "200ms",
        "timeout": "30s",
        "failure_threshold": 1,
    }
    project.components(
        orders={
            "run": [*program("grpc_server"), "${port.rpc}"],
            "ports": {"rpc": "auto"},
            "probes": {"readiness": probe},
        }
    )
    project.up()
    project.file("sick", "")
    project.wait_for(lambda s: "NOT_SERVING" in s["components"][0]["reason"])
    assert project.component("orders")["ready"] is False
    assert "NOT_SERVING" in project.roost("why", "orders", check=True).out
    (project.root / "sick").unlink()
    project.wait_for(lambda s: s["components"][0]["ready"])
