"""What stands beside a component stands beside a container too: replicas, schedules, hooks, terminals, pulls."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import Any

import pytest

from e2e.containers_rig import HTTPD, SLEEPER, Contained
from e2e.harness import ProjectUnderTest, eventually, need
from e2e.test_health_triggers import watched
from support.engine import RealEngine

PATIENCE = 60.0
ENGINE_LIMIT = 4.5  # seconds; whoever waits for an engine that hangs waits five at least


@pytest.fixture
def contained(project: ProjectUnderTest, container_engine: RealEngine) -> Contained:
    """A project on the engine."""
    return Contained(project, container_engine)


def by_name(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in status["components"]}


def test_replicas_hooks_watch_and_schedule(contained: Contained) -> None:
    """S12: each replica its container and number; a changed file restarts; a schedule runs; a hook hears of it."""
    project = contained.project
    project.file("src/a.txt", "1")
    project.components(
        w=contained.box(
            "sh", "-c", "echo I am $ROOST_REPLICA; exec sleep 600", replicas=2, stop={"timeout": 0}
        ),
        seen=contained.box(
            *SLEEPER, watch={"paths": "src"}, hooks={"on_ready": "echo $ROOST_COMPONENT >> ready"}
        ),
        tick=contained.box("echo", "tick", type="task", schedule={"every": "1s"}),
    )
    project.up()
    for number in (1, 2):
        eventually(
            lambda number=number: project.log_lines(f"w-{number}") == [f"I am {number}"], what="its number"
        )
    eventually(lambda: (project.root / "ready").exists(), timeout=PATIENCE, what="the hook")
    watched(project, project.root / "src")
    project.file("src/a.txt", "2")
    project.wait_for(
        lambda s: by_name(s)["seen"]["run"] >= 2, timeout=PATIENCE, what="a restart for the file"
    )
    eventually(lambda: project.log_lines("tick")[:2] == ["tick", "tick"], timeout=PATIENCE, what="two runs")


def test_figures_and_a_stop_command(contained: Contained) -> None:
    """S26: memory and processor come from the engine; `stop.command` runs in the container."""
    project = contained.project
    project.components(
        box=contained.box(
            "sh", "-c", "while ! test -e /enough; do sleep 0.05; done; echo had enough",
            stop={"command": "touch /enough", "timeout": "30s"},
        )
    )  # fmt: skip
    project.up()
    status = project.wait_for(
        lambda s: s["components"][0]["cpu_percent"] is not None and s["components"][0]["rss_bytes"],
        timeout=PATIENCE,
        what="both figures",
    )
    assert 0 < status["components"][0]["rss_bytes"] < 50_000_000
    assert project.roost("stop", "box", check=True).seconds < 60
    assert project.log_lines("box") == ["had enough"]
    assert project.component("box")["last_exit"]["code"] == 0


def test_a_container_with_a_terminal(contained: Contained) -> None:
    """`attach` types at a container with `tty: true`, `Ctrl-]` leaves it running, and what it shows is in its log."""
    need("tmux")
    from e2e.panes import Pane

    project = contained.project
    project.components(
        shell=contained.box("sh", "-c", "echo the shell; exec sh", tty=True, stop={"timeout": "1s"})
    )
    project.up()
    before = contained.container("shell").id
    with Pane(project) as pane:
        pane.line("roost attach shell; echo left $?")
        pane.see("the shell")
        pane.line("echo $((40 + 2)) is it")
        pane.see("42 is it")
        pane.keys("C-]")
        pane.see("left 0")
        pane.line("roost exec shell -- sh -c 'test -t 0 && echo a ter\"\"minal inside'")
        pane.see("a terminal inside")
    assert contained.container("shell").id == before
    eventually(lambda: b"42 is it" in project.log_bytes("shell"), what="the same in its log")


def test_an_image_is_pulled_and_up_says_so(contained: Contained) -> None:
    """`pull`: what is missing is fetched, with a word from `up`; `always` takes what the registry has by now."""
    project, client = contained.project, contained.client()
    with contained.engine.registry() as registry, contextlib.closing(client):
        image = f"{registry}/app:1"
        base = client.images.get(contained.engine.image)
        base.tag(f"{registry}/app", "1")
        client.images.push(f"{registry}/app", tag="1")
        client.images.remove(image)
        project.components(app=contained.box(*SLEEPER, image=image, pull="always"))
        done = project.up()
        assert f"app: pulling {image}" in done.err
        pulled = client.images.get(image)
        known = {each.partition("@")[2] for each in pulled.attrs["RepoDigests"]}
        digest = known.pop() if len(known) == 1 else pulled.id  # Podman has two of what was made here
        assert project.component("app")["image"] == f"{image}@{digest}"
        project.down()
        client.images.remove(image, force=True)


def test_another_file_while_nobody_was_there(contained: Contained) -> None:
    """S57, P11: a daemon that finds a container made from another specification replaces it, and only that one."""
    project = contained.project
    same, one = contained.box(*SLEEPER), contained.box(*SLEEPER, env={"A": "1"})
    project.components(same=same, one=one)
    project.up()
    before = {each.labels["roost.component"]: each.id for each in contained.containers()}
    daemon = project.status()["daemon"]
    os.kill(daemon["keeper_pid"], signal.SIGSTOP)
    os.kill(daemon["pid"], signal.SIGKILL)
    os.kill(daemon["keeper_pid"], signal.SIGKILL)
    project.components(same=same, one={**one, "env": {"A": "2"}})
    project.up()
    project.wait_for(
        lambda s: s["color"] == "green" and by_name(s)["one"]["container"] not in (None, before["one"][:12]),
        timeout=PATIENCE,
        what="the changed one replaced",
    )
    assert contained.container("same").id == before["same"]
    assert len(contained.containers()) == 2


def test_down_does_not_wait_for_ever_for_an_engine(contained: Contained) -> None:
    """P12, S48: with an engine that hangs `down` names what it could not end; once it goes on nothing is left."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER, stop={"timeout": "1s"}), other={"run": ["sleep", "600"]})
    project.up()
    with contained.engine.stopped():
        done = project.roost("down", "--timeout", "3s")
        assert done.code == 1 and "box: its container could not be stopped" in done.err, str(done)
        assert done.seconds < 100
        assert not project.status()["daemon"]["running"]
    project.up()
    project.down()
    assert contained.containers() == [] and contained.networks() == []


@pytest.mark.serial
def test_answers_while_the_engine_hangs(contained: Contained) -> None:
    """P12: the interface answers, and a probe of another component looks on time, while the engine is stopped."""
    import roost

    project = contained.project
    project.components(
        box=contained.box(*HTTPD),
        probed={
            "run": ["sleep", "600"],
            "probes": {"liveness": {"exec": ["true"], "period": "0.1s", "timeout": "5s"}},
        },
    )
    project.up()
    os.environ["HOME"], home = str(project.home), os.environ["HOME"]
    try:
        with contained.engine.stopped(), roost.Client(str(project.root)) as client:
            answers: list[float] = []
            looks: set[str] = set()
            end = time.monotonic() + 8
            while time.monotonic() < end:
                at = time.monotonic()
                client.ping()
                answers.append(time.monotonic() - at)
                seen = client.component_get("probed").probes["liveness"].at
                looks.add(str(seen))
                time.sleep(0.02)
    finally:
        os.environ["HOME"] = home
    answers.sort()
    figures = {"p50_ms": answers[len(answers) // 2] * 1000, "max_ms": answers[-1] * 1000, "looks": len(looks)}
    print(json.dumps(figures))
    assert figures["p50_ms"] < 50 and figures["max_ms"] < ENGINE_LIMIT * 1000, figures
    assert figures["looks"] > 15, figures
