"""P6: the wire is frozen. Today's keeper still says all that 1.0 said; today's daemon still understands it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.old_keeper import GOLDEN, OldKeeper
from e2e.harness import eventually
from keeper.harness import house_in, until
from roost.client.errors import RoostError
from roost.keeper import wire
from roost.platform.paths import ProjectPaths

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in speaks over a Unix socket")

CONFIG = """
components:
  api: {run: [sleep, "1000"], restart: {policy: never}}
  job: {type: task, run: [nope]}
"""


@pytest.fixture
def place() -> Iterator[ProjectPaths]:
    """A project folder with a short path, because of the socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        base = Path(folder)
        paths = ProjectPaths(str(base / "p"), str(base / "p/.roost"), str(base / "r"))
        for made in (paths.root, paths.state, paths.logs, paths.runs, paths.run):
            Path(made).mkdir(parents=True, mode=0o700, exist_ok=True)
        Path(paths.config).write_text(CONFIG, encoding="utf-8")
        yield paths


def daemon_under(paths: ProjectPaths) -> subprocess.Popen[bytes]:
    """Today's daemon, as a keeper would start it."""
    argv = [sys.executable, "-P", "-m", "roost.supervise", paths.root, paths.state, paths.run]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def call(paths: ProjectPaths, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """One RPC call, by the client's fast path."""
    from roost.client import fast

    answer: dict[str, Any] = fast.call(paths, method, params, timeout=60.0)
    return answer


def answers(paths: ProjectPaths) -> bool:
    from roost.client.launch import answers as ping

    return ping(paths, 60.0)


def failed(paths: ProjectPaths, name: str) -> dict[str, Any] | None:
    components: list[dict[str, Any]] = call(paths, "project.status", {})["components"]
    return next((one for one in components if one["name"] == name and one["state"] == "failed"), None)


def events(paths: ProjectPaths) -> list[dict[str, Any]]:
    try:
        lines = Path(paths.events).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def test_the_daemon_of_today_takes_up_what_an_old_keeper_has(place: ProjectPaths) -> None:
    """P6: exits, leftovers and log trouble in 1.0's words; what it does not know it lets pass."""
    keeper = OldKeeper(place.keeper_endpoint.removeprefix("unix:"), "hello_after_a_crash", GOLDEN["events"])
    daemon = daemon_under(place)
    try:
        eventually(lambda: answers(place), what="an answer")
        status = call(place, "project.status", {})
        api, job = status["components"]
        assert (api["state"], api["last_exit"]["code"], api["last_exit"]["run"]) == ("failed", 7, 3)
        assert job["last_exit"]["signal"] == 9
        eventually(
            lambda: 8 in [request["seq"] for request in keeper.asked if request["verb"] == "ack"],
            what="an acknowledgement of the last",
        )
        told = {"exited", "leftover", "log_trouble", "daemon_started"}
        eventually(lambda: told <= {event["kind"] for event in events(place)}, what="all of it on record")
    finally:
        daemon.kill()
        daemon.communicate()
        keeper.close()


def test_the_daemon_of_today_asks_an_old_keeper_in_words_that_it_knows(place: ProjectPaths) -> None:
    """P6: `spawn` has every field of 1.0, and a refusal becomes a reason for people."""
    keeper = OldKeeper(place.keeper_endpoint.removeprefix("unix:"), "hello", [])
    daemon = daemon_under(place)
    try:
        eventually(lambda: answers(place), what="an answer")
        call(place, "project.up", {"names": ["job"], "wait": False})
        (request,) = eventually(
            lambda: [one for one in keeper.asked if one["verb"] == "spawn"], what="a spawn"
        )
        needed = {"name", "run", "argv", "cwd", "env", "streams", "tty", "log", "stop", "note"}
        assert needed <= request.keys()
        job = eventually(lambda: failed(place, "job"), what="the failure of job")
        assert "there is no program 'nope'" in job["reason"]
        known = set(wire.__doc__.split()) if wire.__doc__ else set()
        assert {one["verb"] for one in keeper.asked} <= known
    finally:
        daemon.kill()
        daemon.communicate()
        keeper.close()


def test_the_keeper_of_today_says_all_that_was_promised(place: ProjectPaths) -> None:
    """P6: every field of 1.0 in `hello`, in RUN, in the answer to `spawn` and in the events, still of its type."""
    with house_in(Path(place.root).parent) as house:
        client = house.start()
        assert_promised(client.hello, GOLDEN["hello"])
        reply = client.call(
            "spawn",
            name="job",
            run=1,
            argv=["/bin/sh", "-c", "sleep 0.2; exit 7"],
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            streams="separate",
            tty=False,
            log={"max_size": 10**6, "max_files": 1},
            stop={"signal": "TERM", "timeout": 1.0, "leftovers": "end"},
            note={"digest": "x"},
        )
        assert_promised(reply, GOLDEN["spawn"])
        (run,) = client.call("list")["runs"]
        assert_promised(run, GOLDEN["hello_after_a_crash"]["runs"][0])
        assert_promised(client.event("exited", "job"), GOLDEN["events"][0])


def assert_promised(found: dict[str, Any], promised: dict[str, Any]) -> None:
    """Every promised field is there, and of the promised type where neither is null."""
    for key, value in promised.items():
        assert key in found, f"{key} is gone"
        if value is not None and found[key] is not None and key != "note":
            assert isinstance(found[key], (int, float) if isinstance(value, float) else type(value)), key


GOLDEN_1_1: dict[str, Any] = json.loads(Path(__file__).with_name("wire_1_1.json").read_text(encoding="utf-8"))


def test_a_terminal_comes_with_the_words_of_1_1(place: ProjectPaths) -> None:
    """P6: the answer to `spawn`, RUN and `ends` of a run with a terminal; what was lost with both is told."""
    with house_in(Path(place.root).parent) as house:
        client = house.start()
        assert_promised(client.hello, GOLDEN_1_1["hello"])
        code = "import os, time; os.dup2(21, 30); os.close(21); print(1, flush=True); time.sleep(3600)"
        house.spawn(client, "api", [sys.executable, "-I", "-S", "-c", code], tty=True)
        until(lambda: house.log("api"))
        (run,) = client.call("list")["runs"]
        assert_promised(run, GOLDEN_1_1["run"])
        second = house.connect()
        assert_promised(second.event("ends", "api"), GOLDEN_1_1["ends"])
        client.close()
        second.close()
        house.kill_keeper()
        third = house.start()
        assert_promised(third.event("terminal_lost", "api"), GOLDEN_1_1["terminal_lost"])


def test_an_old_keeper_that_knows_no_terminals_is_left_as_it_is(place: ProjectPaths) -> None:
    """P6: a daemon of today tells people of a 1.1 event, and takes a RUN without `terminal` as one without."""
    lost = {**GOLDEN_1_1["terminal_lost"], "name": "api"}
    events_of_both = [*GOLDEN["events"], lost]
    keeper = OldKeeper(place.keeper_endpoint.removeprefix("unix:"), "hello_after_a_crash", events_of_both)
    daemon = daemon_under(place)
    try:
        eventually(lambda: answers(place), what="an answer")
        eventually(lambda: "terminal_lost" in [event["kind"] for event in events(place)])
        with pytest.raises(RoostError, match="has no terminal"):
            call(place, "component.attach", {"name": "api"})
        eventually(lambda: any(one.get("seq") == 9 for one in keeper.asked), what="its ack")
    finally:
        daemon.kill()
        daemon.communicate()
        keeper.close()
