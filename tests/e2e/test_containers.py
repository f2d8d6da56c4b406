"""Containers are components like any other: started, seen, reached, ended, on a real engine."""

from __future__ import annotations

import json
import os
import signal
import socket

import pytest

from e2e.containers_rig import HTTPD, SLEEPER, Contained
from e2e.harness import ProjectUnderTest, eventually, free_port
from support.engine import RealEngine

QUICK = {"period": "0.2s", "timeout": "30s"}


@pytest.fixture
def contained(project: ProjectUnderTest, container_engine: RealEngine) -> Contained:
    """A project on the engine."""
    return Contained(project, container_engine)


def test_a_container_comes_up_is_seen_and_leaves_nothing(contained: Contained) -> None:
    """S12, S26, P11: state, id, image with digest, ports, log, labels; after `down` neither it nor its network."""
    project, port = contained.project, free_port()
    project.components(
        web=contained.box(
            *HTTPD,
            ports=[f"{port}:80"],
            env={"COLOR": "blue"},
            labels={"team": "a"},
            probes={"readiness": {"http": f"http://127.0.0.1:{port}/", "period": "0.2s"}},
        )
    )
    project.up()
    web, found = project.component("web"), contained.container("web")
    assert (web["state"], web["ready"], web["kind"], web["pid"]) == ("running", True, "container", None)
    assert found.id.startswith(web["container"])
    assert web["image"].startswith(f"{contained.engine.image}@sha256:")
    assert web["ports"] == [{"name": None, "port": port, "target": 80}]
    labels = found.labels
    assert (labels["roost.project"], labels["roost.component"], labels["roost.run"]) == ("test", "web", "1")
    assert labels["roost.instance"] and labels["team"] == "a"
    assert found.attrs["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")
    environment = dict(pair.split("=", 1) for pair in found.attrs["Config"]["Env"])
    assert environment["COLOR"] == "blue"
    assert (environment["ROOST_COMPONENT"], environment["ROOST_RUN"]) == ("web", "1")
    assert "DOCKER_HOST" not in environment, "nothing of this machine's"
    assert environment.get("HOME") in ((None, "/root") if contained.engine.is_podman else (None,))
    eventually(lambda: project.log_lines("web") == ["serving"], what="its output")

    project.down()
    assert contained.containers() == []
    assert contained.networks() == []


def test_how_a_container_ended_is_known_and_its_policy_obeyed(contained: Contained) -> None:
    """P11: the exit code, a restart with another run, a task that completes, one that fails; all output is kept."""
    project = contained.project
    project.components(
        crash=contained.box(
            "sh", "-c", "echo run $ROOST_RUN; sleep 0.2; exit 7", restart={"backoff": {"initial": "0.1s"}}
        ),
        good=contained.box("sh", "-c", "echo done", type="task"),
        bad=contained.box("sh", "-c", "echo oh >&2; exit 3", type="task", autostart=False),
    )
    project.roost("up", "--no-wait", check=True)
    status = project.wait_for(
        lambda s: {c["name"]: c for c in s["components"]}["crash"]["run"] >= 3, timeout=60, what="three runs"
    )
    crash = {c["name"]: c for c in status["components"]}["crash"]
    assert crash["last_exit"]["code"] == 7 and crash["restarts"] >= 2
    project.wait_for(lambda s: {c["name"]: c for c in s["components"]}["good"]["state"] == "completed")
    project.roost("stop", "crash", check=True)
    assert project.log_lines("crash")[:2] == ["run 1", "run 2"]
    assert project.log_lines("good") == ["done"]

    failed = project.roost("up", "bad", check=1)
    assert "bad failed: exit code 3" in failed.err and "| oh" in failed.err
    assert contained.events("exited", "bad")[0]["data"]["code"] == 3


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"command": ["/no/such/program"]}, "/no/such/program"),
        ({"image": "localtest/missing:1", "pull": "never"}, "localtest/missing:1"),
        ({"network": "nowhere"}, "nowhere"),
    ],
    ids=["command", "image", "network"],
)
def test_what_cannot_be_started_says_why(contained: Contained, keys: dict[str, object], said: str) -> None:
    """S16, P10: a bad command, a missing image, an unknown network: named in the reason, and nothing is left."""
    contained.project.components(web={**contained.box("sleep", "60"), **keys})
    done = contained.project.roost("up", check=1)
    assert said in done.err, str(done)
    assert "web failed" in done.err
    contained.project.down()
    assert contained.containers() == []


def test_a_stranger_on_the_port_is_named(contained: Contained) -> None:
    """S78, P10: who holds the published port, with its pid, and it goes on by itself when the port is free."""
    project = contained.project
    with socket.socket() as listener:
        port = free_port()
        listener.bind(("127.0.0.1", port))
        listener.listen()
        project.components(web=contained.box(*HTTPD, ports=[f"{port}:80"]))
        done = project.roost("up", check=1)
        assert f"port {port} is held by" in done.err and str(os.getpid()) in done.err, str(done)
    project.wait_for(lambda s: s["color"] == "green", timeout=60, what="web after the stranger has gone")


def test_a_container_that_outgrows_its_limit_says_so(contained: Contained) -> None:
    """P11: the engine's limit ends it, and the reason of its restart names memory and limit."""
    contained.project.components(
        hog=contained.box("sh", "-c", "sleep 0.5; x=a; while :; do x=$x$x; done", limits={"memory": "16MB"})
    )
    contained.project.roost("up", "--no-wait", check=True)
    said = "it ran out of memory (its limit is 16 MB)"
    if contained.engine.is_podman:  # which does not tell with cgroups version 1
        said = "137"
    contained.project.wait_for(
        lambda s: said in (s["components"][0]["last_error"] or {}).get("message", ""),
        timeout=60,
        what="the reason",
    )


def test_commands_and_signals_reach_the_inside(contained: Contained) -> None:
    """`exec` runs in the container with its environment, `signal` reaches its program, exec probes run inside."""
    project = contained.project
    project.components(
        box=contained.box(
            "sh", "-c", "trap 'echo got USR1' USR1; touch /here; echo begun; while :; do sleep 0.1; done",
            env={"COLOR": "blue"},
            probes={"readiness": {"exec": ["test", "-e", "/here"], **QUICK}},
        )
    )  # fmt: skip
    project.up()
    done = project.roost("exec", "box", "--", "sh", "-c", "echo $COLOR $ROOST_COMPONENT; echo no >&2; exit 5")
    assert (done.code, done.out, done.err) == (5, "blue box\n", "no\n")
    missing = project.roost("exec", "box", "--", "nosuchprogram")
    assert missing.code in (1, 126, 127) and "nosuchprogram" in missing.out + missing.err
    project.roost("signal", "box", "USR1", check=True)
    eventually(lambda: "got USR1" in project.log_lines("box"), what="the signal inside")
    project.roost("exec", "box", "--", "rm", "/here", check=True)
    status = project.wait_for(lambda s: not s["components"][0]["ready"], what="unready")
    assert "readiness probe failed: exit code 1" in status["components"][0]["reason"]
    assert contained.events("drift") == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_command_in_a_container_ends_with_its_client(contained: Contained, how: signal.Signals) -> None:
    """`exec` leaves nothing running when its client goes, as with a process; the container goes on."""
    project = contained.project
    project.components(box=contained.box(*SLEEPER))
    project.up()
    command = "trap '' HUP INT TERM; sleep 777 & echo begun; sleep 778; sleep 779"
    client = project.start_roost("exec", "box", "--", "sh", "-c", command)
    try:
        assert client.stdout is not None and client.stdout.readline() == b"begun\n"
        inside = contained.container("box")
        assert "sleep 777" in str(inside.top())
        client.send_signal(how)
        client.wait(30)
        eventually(lambda: "sleep 77" not in str(inside.top()), timeout=30.0, what="the end of the command")
    finally:
        client.kill()
        client.communicate()
    assert project.status()["components"][0]["run"] == 1


def test_the_engines_health_check_is_a_probe(contained: Contained) -> None:
    """S19: `container: true` follows the HEALTHCHECK as soon as the engine says something; its output is shown."""
    contained.engine.needs_health_checks()
    project = contained.project
    project.components(
        box=contained.box(
            *SLEEPER,
            healthcheck={"test": "cat /tmp/well", "interval": "0.3s", "timeout": "5s", "retries": 1},
            probes={"readiness": {"container": True, "period": "60s"}},
        )
    )
    project.roost("up", "--no-wait", check=True)
    project.wait_for(lambda s: "/tmp/well" in s["components"][0]["reason"], what="its output")
    project.roost("exec", "box", "--", "sh", "-c", "echo fine > /tmp/well", check=True)
    project.wait_for(lambda s: s["components"][0]["ready"], what="ready by the engine's word")


def test_a_changed_container_is_replaced_and_another_is_not(contained: Contained) -> None:
    """S54, S55: reload replaces what changed, limits included, and leaves the rest as it runs."""
    project = contained.project
    same, one = contained.box(*SLEEPER), contained.box(*SLEEPER, env={"A": "1"})
    project.components(same=same, one=one)
    project.up()
    before = {each.labels["roost.component"]: each.id for each in contained.containers()}
    project.components(same={**same, "description": "x"}, one={**one, "limits": {"memory": "64MB"}})
    done = project.roost("reload", "--json", check=True).json
    assert done["changed"] == ["one"]
    project.wait_for(lambda s: s["color"] == "green" and s["components"][1]["run"] == 2)
    after = {each.labels["roost.component"]: each.id for each in contained.containers()}
    assert after["same"] == before["same"] and after["one"] != before["one"]
    assert contained.container("one").attrs["HostConfig"]["Memory"] == 64 * 1024 * 1024

    project.roost("restart", "same", check=True)
    assert contained.container("same").id != before["same"]
    project.components(one=one)
    project.roost("reload", check=True)
    eventually(
        lambda: [c.labels["roost.component"] for c in contained.containers()] == ["one"], what="same gone"
    )


def test_volumes_and_networks(contained: Contained) -> None:
    """INTERFACES §3: a folder of the project, names on the project's network; a named volume of the user stays."""
    project = contained.project
    project.file("data/hello.txt", "from the project\n")
    name = f"roost-test-{project.mark[:8]}"
    project.components(
        web=contained.box(
            "httpd",
            "-f",
            "-p",
            "80",
            "-h",
            "/data",
            volumes=["./data:/data:ro", f"{name}:/keep", "/gone"],
            probes={
                "readiness": {"exec": ["wget", "-qO", "/dev/null", "http://127.0.0.1/hello.txt"], **QUICK}
            },
        ),
        ask=contained.box(
            "sh", "-c", "timeout 60 wget -qO- http://web/hello.txt", type="task", depends_on=["web"]
        ),
    )
    client = contained.client()
    try:
        project.up()
        assert project.log_lines("ask") == ["from the project"]
        anonymous = [
            m["Name"] for m in contained.container("web").attrs["Mounts"] if m["Destination"] == "/gone"
        ]
        project.down()
        left = [volume.name for volume in client.volumes.list()]
        assert name in left and not set(anonymous) & set(left)
        client.volumes.get(name).remove()
    finally:
        client.close()
    assert contained.networks() == []


def test_an_image_is_built_when_it_is_missing_and_on_demand(contained: Contained) -> None:
    """`build`: the image is made once, and anew by `up --build`, which replaces the container of the older one."""
    project = contained.project
    project.file(
        "image/Dockerfile", f"FROM {contained.engine.image}\nARG WORD=none\nADD word /word\nENV WORD=$WORD\n"
    )
    project.file("image/word", "first\n")
    project.components(
        built=contained.box(
            "sh", "-c", "cat /word; echo $WORD; exec sleep 600", image=None,
            build={"context": "image", "args": {"WORD": "given"}},
        )
    )  # fmt: skip
    config = json.loads((project.root / "roost.yaml").read_text())
    del config["components"]["built"]["image"]
    project.write(config)
    done = project.up()
    assert "building" in done.out + done.err
    eventually(lambda: project.log_lines("built") == ["first", "given"], what="the built image's word")
    project.file("image/word", "second\n")
    first = contained.container("built").id
    project.up()
    assert contained.container("built").id == first, "without --build nothing is built"
    project.up("--build")
    eventually(lambda: project.log_lines("built")[2:] == ["second", "given"], what="the new image's word")
    image = project.component("built")["image"].partition("@")[0]
    project.file("image/Dockerfile", "FROM nowhere\nRUN false\n")
    failed = project.roost("up", "--build", check=1)
    assert "built failed" in failed.err
    project.down()
    client = contained.client()
    try:
        client.images.remove(image, force=True)
    finally:
        client.close()
