"""Containers outlive the daemon, the keeper and, as far as it lets them, the engine; what others do is set right."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import docker
import pytest

from conftest import MakeProject
from e2e.containers_rig import HTTPD, SLEEPER, Contained
from e2e.harness import ProjectUnderTest, eventually, free_port, program
from support.engine import RealEngine

COUNTER = ["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"]
PATIENCE = 60.0
ENGINE_LIMIT = 4.5  # seconds; whoever waits for an engine that hangs waits five at least


@pytest.fixture
def contained(project: ProjectUnderTest, container_engine: RealEngine) -> Contained:
    """A project on the engine."""
    return Contained(project, container_engine)


def by_name(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in status["components"]}


def kill_daemon(project: ProjectUnderTest) -> None:
    """kill -9, and wait for the successor."""
    before = project.status()["daemon"]["pid"]
    os.kill(before, signal.SIGKILL)
    project.wait_for(lambda s: s["daemon"]["running"] and s["daemon"]["pid"] != before, what="another daemon")


def kill_keeper(project: ProjectUnderTest) -> None:
    """kill -9 of the keeper, and wait for the next one with its own daemon."""
    before = project.status()["daemon"]
    os.kill(before["keeper_pid"], signal.SIGKILL)
    project.wait_for(
        lambda s: s["daemon"]["running"] and s["daemon"]["keeper_pid"] not in (None, before["keeper_pid"]),
        timeout=PATIENCE,
        what="another keeper",
    )


def kill_both(project: ProjectUnderTest) -> None:
    """kill -9 of both, as one; then `up`."""
    daemon = project.status()["daemon"]
    os.kill(daemon["keeper_pid"], signal.SIGSTOP)
    os.kill(daemon["pid"], signal.SIGKILL)
    os.kill(daemon["keeper_pid"], signal.SIGKILL)
    eventually(lambda: not project.status()["daemon"]["running"], what="nobody answering")
    project.up()


@pytest.mark.parametrize("kill", [kill_daemon, kill_keeper, kill_both], ids=["daemon", "keeper", "both"])
def test_a_container_is_found_again_by_its_label(
    contained: Contained, kill: Callable[[ProjectUnderTest], None]
) -> None:
    """P1, P2, P11: the same container, the same run, every line once; nothing runs twice."""
    project = contained.project
    project.components(box=contained.box(*COUNTER), other={"run": ["sleep", "600"]})
    project.up()
    before = contained.container("box").id
    eventually(lambda: len(project.log_lines("box")) > 5, what="some lines")
    kill(project)
    status = project.wait_for(
        lambda s: by_name(s)["box"]["container"], timeout=PATIENCE, what="the container again"
    )
    box = by_name(status)["box"]
    assert before.startswith(box["container"]) and (box["run"], box["restarts"]) == (1, 0)
    count = len(project.log_lines("box"))
    eventually(lambda: len(project.log_lines("box")) > count + 5, timeout=PATIENCE, what="its log going on")
    assert [one.id for one in contained.containers()] == [before]
    lines = project.log_lines("box")
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]
    project.wait_for(lambda s: s["color"] == "green", timeout=PATIENCE, what="green")
    project.down()
    assert contained.containers() == [] and contained.networks() == []


def test_a_cleared_log_stays_cleared_over_a_kill(contained: Contained) -> None:
    """P1: after kill -9 of the daemon, before the container has written another line, no old one comes back."""
    project = contained.project
    project.file("gate/here", "")
    script = (
        "echo old; echo older >&2; while ! test -e /gate/open; do sleep 0.05; done; echo new; exec sleep 600"
    )
    project.components(box=contained.box("sh", "-c", script, volumes=["./gate:/gate"]))
    project.up()
    eventually(lambda: len(project.log_lines("box")) == 2, timeout=PATIENCE, what="both lines")
    project.roost("logs", "--clear", "box", check=True)
    assert project.log_lines("box") == []
    kill_daemon(project)
    project.file("gate/open", "")
    eventually(lambda: project.log_lines("box"), timeout=PATIENCE, what="a line")
    eventually(lambda: "new" in project.log_lines("box"), timeout=PATIENCE, what="the new line")
    assert project.log_lines("box") == ["new"]


def test_an_end_while_the_daemon_was_dead_is_known(contained: Contained) -> None:
    """P1, P11: the exit code of what ended meanwhile; a task is not run twice."""
    project = contained.project
    wait = "while ! test -e /gate/open; do sleep 0.05; done; echo through"
    project.file("gate/here", "")
    project.components(
        task=contained.box("sh", "-c", wait, type="task", volumes=["./gate:/gate"]),
        crash=contained.box("sh", "-c", f"{wait}; exit 9", volumes=["./gate:/gate"], restart="never"),
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_for(lambda s: all(one["state"] == "running" for one in s["components"]), timeout=PATIENCE)
    daemon = project.status()["daemon"]
    os.kill(daemon["keeper_pid"], signal.SIGSTOP)  # so that no other daemon comes too soon
    try:
        os.kill(daemon["pid"], signal.SIGKILL)
        project.file("gate/open", "")
        eventually(lambda: {one.status for one in contained.containers()} == {"exited"}, what="both ended")
    finally:
        os.kill(daemon["keeper_pid"], signal.SIGCONT)
    status = project.wait_for(
        lambda s: [one["state"] for one in s["components"]] == ["completed", "failed"], timeout=PATIENCE
    )
    task, crash = status["components"]
    assert (task["last_exit"]["code"], crash["last_exit"]["code"]) == (0, 9)
    assert (task["run"], crash["run"]) == (1, 1)
    assert project.log_lines("task") == ["through"] and project.log_lines("crash") == ["through"]


def test_down_without_keeper_and_daemon_ends_containers_too(contained: Contained) -> None:
    """S48: when it returns nothing of ours is left, whoever had died before."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER))
    project.up()
    daemon = project.status()["daemon"]
    os.kill(daemon["keeper_pid"], signal.SIGSTOP)
    os.kill(daemon["pid"], signal.SIGKILL)
    os.kill(daemon["keeper_pid"], signal.SIGKILL)
    assert by_name(project.status())["box"]["container"]
    project.down()
    assert contained.containers() == [] and contained.networks() == []


def test_processes_and_containers_need_each_other(contained: Contained) -> None:
    """P9, P11: dependence in both directions up to green; through a restart of engine and daemon; nothing is left."""
    project, port = contained.project, free_port()
    project.components(
        gate={"run": [*program("gate"), "go"], "probes": {"readiness": {"log": "open"}}},
        db=contained.box(
            *HTTPD,
            ports=[f"{port}:80"],
            depends_on=["gate"],
            restart={"backoff": {"initial": "0.2s"}, "limit": {"max": 50}},
            probes={"readiness": {"tcp": port, "period": "0.2s"}},
        ),
        migrate={
            "type": "task",
            "run": ["sh", "-c", "echo migrated"],
            "depends_on": ["db"],
        },
        front=contained.box(
            *SLEEPER,
            depends_on={"migrate": "completed"},
            restart={"backoff": {"initial": "0.2s"}, "limit": {"max": 50}},
        ),
        tail={"run": ["sleep", "600"], "depends_on": {"front": "started"}},
    )
    project.file("go", "")
    project.up()
    first = by_name(project.status())
    assert all(one["ready"] or one["state"] == "completed" for one in first.values())

    contained.engine.end(signal.SIGTERM)
    status = project.wait_for(
        lambda s: {by_name(s)[name]["state"] for name in ("db", "front")} == {"waiting"},
        timeout=PATIENCE,
        what="both containers waiting",
    )
    for name in ("db", "front"):
        assert by_name(status)[name]["reason"].startswith("waiting for the container engine: ")
    assert by_name(status)["tail"]["pid"] == first["tail"]["pid"]
    kill_daemon(project)
    contained.engine.start()
    status = project.wait_for(lambda s: s["color"] == "green", timeout=PATIENCE, what="green again")
    after = by_name(status)
    assert [after[name]["pid"] for name in ("gate", "tail")] == [
        first[name]["pid"] for name in ("gate", "tail")
    ]
    project.down()
    assert contained.containers() == [] and contained.networks() == []


def test_a_killed_engine_is_survived(contained: Contained) -> None:
    """P11: after kill -9 of the engine its containers wait, and run again by themselves when it is back."""
    project = contained.project
    project.components(
        box=contained.box(*SLEEPER, restart={"backoff": {"initial": "0.2s"}}), other={"run": ["sleep", "600"]}
    )
    project.up()
    contained.engine.end(signal.SIGKILL)
    project.wait_for(lambda s: by_name(s)["box"]["state"] == "waiting", timeout=PATIENCE, what="waiting")
    assert by_name(project.status())["other"]["ready"]
    contained.engine.start()
    status = project.wait_for(lambda s: s["color"] == "green", timeout=PATIENCE, what="green again")
    assert len(contained.containers()) == 1
    assert by_name(status)["box"]["container"] in contained.container("box").id


def test_an_engine_that_is_missing_is_waited_for(contained: Contained) -> None:
    """P12: only what needs it waits, `why` names it, and `up` says what it waits for."""
    project = contained.project
    project.env["DOCKER_HOST"] = f"unix://{project.base}/none.sock"
    project.components(
        box=contained.box(*SLEEPER),
        after={"run": ["sleep", "600"], "depends_on": ["box"]},
        alone={"run": ["sleep", "600"]},
    )
    project.roost("up", "--no-wait", check=True)
    status = project.wait_for(
        lambda s: by_name(s)["alone"]["ready"] and "none.sock" in by_name(s)["box"]["reason"],
        timeout=PATIENCE,
        what="the one, and why the other is not",
    )
    assert by_name(status)["box"]["state"] == "waiting"
    done = project.roost("up", "--timeout", "2s", check=5)
    assert "waiting for the container engine" in done.err and "none.sock" in done.err
    chain = project.roost("why", "after", "--json", check=True).json["chain"]
    assert [link["component"] for link in chain] == ["after", "box"]
    assert "waiting for the container engine" in chain[1]["reason"]
    project.down()


def test_what_somebody_does_to_a_container_is_set_right(contained: Contained) -> None:
    """P11, S80: removed, stopped, paused, renamed, restarted by hand: it runs again, and a drift event says why."""
    project = contained.project
    project.components(
        box=contained.box(*SLEEPER, restart={"backoff": {"initial": "0.1s"}, "limit": {"max": 50}})
    )
    project.up()

    def drift(*words: str) -> None:
        eventually(
            lambda: [
                e for e in contained.events("drift", "box") if any(word in e["message"] for word in words)
            ],
            timeout=PATIENCE,
            what=f"a drift event with {' or '.join(words)}",
        )

    def another(before: str) -> str:
        project.wait_for(
            lambda s: (
                by_name(s)["box"]["ready"] and by_name(s)["box"]["container"] not in (None, before[:12])
            ),
            timeout=PATIENCE,
            what="another container",
        )
        return str(contained.container("box").id)

    box = contained.container("box")
    name, identity = box.name, box.id
    box.rename("somebody-elses")
    drift("renamed")
    eventually(lambda: contained.container("box").name == name, timeout=PATIENCE, what="its name")
    box.pause()
    drift("paused")
    eventually(lambda: contained.container("box").status == "running", timeout=PATIENCE, what="going on")
    assert contained.container("box").id == identity, "neither was an end"

    if contained.engine.is_podman:  # which tells of no stop, and not of the number of a signal
        box.kill()
        drift("a signal")
        identity = another(identity)
        contained.container("box").remove(force=True)
        identity = another(identity)
        contained.container("box").stop(timeout=1)
    else:
        box.remove(force=True)
        drift("SIGKILL", "is gone")  # by how, or by what was seen first
        identity = another(identity)
        contained.container("box").stop(timeout=1)
        drift("SIGTERM")
    identity = another(identity)
    with contextlib.suppress(docker.errors.APIError):  # between its end and its start it may be replaced
        contained.container("box").restart(timeout=1)
    another(identity)
    assert len(contained.containers()) == 1


def test_status_compares_with_what_is(contained: Contained) -> None:
    """S80: what was done while nobody looked is in the next answer, and when it was compared."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER, restart="never"))
    project.up()
    before = project.status()["daemon"]["reconciled_at"]
    contained.container("box").remove(force=True)
    project.wait_for(
        lambda s: by_name(s)["box"]["state"] == "failed" and s["daemon"]["reconciled_at"] > before,
        what="failed, and when that was compared",
    )


def test_two_projects_with_the_same_components_do_not_meet(
    make_project: MakeProject, container_engine: RealEngine
) -> None:
    """P11: same project name, same component names; each has its own container, and ends its own alone."""
    one, two = (Contained(make_project(), container_engine) for _ in range(2))
    for each in (one, two):
        each.project.components(box=each.box(*SLEEPER), web=each.box(*HTTPD))
        each.project.up()
    assert {c.labels["roost.project"] for c in (*one.containers(), *two.containers())} == {"test"}
    assert len({c.name for c in (*one.containers(), *two.containers())}) == 4
    kept = {c.id for c in two.containers()}
    one.project.down()
    assert one.containers() == [] and {c.id for c in two.containers()} == kept
    assert all(component["ready"] for component in two.project.status()["components"])
    two.project.down()
    assert two.containers() == []


def test_a_new_daemon_under_a_hung_engine(contained: Contained) -> None:
    """P1, P12: kill -9 of the daemon while the engine is stopped: the next one answers, and calls nothing running
    that it has not seen; afterwards it is the same run."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER), other={"run": ["sleep", "600"]})
    project.up()
    with contained.engine.stopped():
        kill_daemon(project)
        status = by_name(project.status())
        assert status["box"]["state"] == "waiting" and not status["box"]["ready"]
        assert status["box"]["reason"].startswith("waiting for the container engine: ")
        assert status["other"]["ready"]
    status = by_name(project.wait_for(lambda s: s["color"] == "green", timeout=PATIENCE, what="green again"))
    assert (status["box"]["run"], status["box"]["restarts"]) == (1, 0)


def test_a_hung_engine_delays_nobody(contained: Contained) -> None:
    """P12: while the engine is stopped, answers, probes and restarts of others are as quick as before."""
    project, port = contained.project, free_port()
    probe = {"tcp": port, "period": "0.2s", "timeout": "30s"}
    project.components(
        box=contained.box(*SLEEPER),
        web={
            "run": program("http_server", port, "mood"),
            "probes": {"startup": {**probe, "failure_threshold": 1000}, "liveness": probe},
        },
        quick={"run": ["sleep", "600"], "restart": {"backoff": {"initial": 0}, "limit": {"max": 1000}}},
    )
    project.up()
    with contained.engine.stopped():
        begun = time.monotonic()
        slowest, restarts, looks = 0.0, 0, set[str | None]()
        box: dict[str, Any] = {}
        while box.get("state") != "waiting" or restarts < 6 or len(looks) < 3:
            assert time.monotonic() - begun < PATIENCE, (box.get("state"), restarts, looks)
            at = time.monotonic()
            status = by_name(project.status())
            slowest = max(slowest, time.monotonic() - at)
            box = status["box"]
            looks.add(status["web"]["probes"]["liveness"]["at"])
            pid = status["quick"]["pid"]
            if pid:
                os.kill(pid, signal.SIGKILL)
                project.wait_for(lambda s, pid=pid: by_name(s)["quick"]["pid"] not in (None, pid))
                restarts += 1
        assert box["reason"].startswith("waiting for the container engine: ")
        assert slowest < ENGINE_LIMIT, f"an answer took {slowest:.1f} s"
    project.wait_for(lambda s: s["color"] == "green", timeout=PATIENCE, what="green when it goes on")
    assert by_name(project.status())["box"]["run"] == 1, "it was the engine that hung, not the container"
