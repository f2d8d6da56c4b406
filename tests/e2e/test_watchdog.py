"""The 10 s watchdog, when keeper and daemon no longer believe the same (DESIGN.md §2, S20).

Somebody sits in the middle of their wire and swallows single messages, so that one side really has not heard
what the other has said; nothing in the program itself is changed.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import PATIENCE, ProjectUnderTest, eventually, is_running
from e2e.wiretap import Frame, Wiretap

STAY = ["sleep", "600"]


class Loss:
    """Which messages are lost: each kind for each component once."""

    def __init__(self) -> None:
        self._wanted: set[tuple[str, str]] = set()
        self._ids: set[int] = set()

    def of(self, what: str, name: str) -> None:
        """Lose the next `what` of a component: an event, a verb, or the `reply` to its spawn."""
        self._wanted.add((what, name))

    def __call__(self, frame: Frame) -> bool:
        name = str(frame.get("name"))
        if frame.get("verb") == "spawn" and ("reply", name) in self._wanted:
            self._wanted.remove(("reply", name))
            self._ids.add(frame["id"])
        if "verb" not in frame and frame.get("id") in self._ids:
            self._ids.remove(frame["id"])
            return True
        what = (str(frame.get("event") or frame.get("verb")), name)
        if what not in self._wanted:
            return False
        self._wanted.remove(what)
        return True


@pytest.fixture
def tapped(project: ProjectUnderTest) -> Iterator[tuple[ProjectUnderTest, Loss]]:
    """A running stack whose daemon speaks to its keeper through us."""
    names = ("a", "b", "c", "d")
    project.components(**{name: {"run": STAY} for name in names}, late={"run": STAY, "autostart": False})
    project.up()
    loss = Loss()
    place = Path(project.status()["daemon"]["endpoint"].removeprefix("unix:")).with_name("keeper.sock")
    while (
        True
    ):  # the keeper takes its socket's name back within 5 s, which may be just before the daemon comes
        with Wiretap(place, loss) as tap:
            project.kill(project.pids()[":daemon"])
            if not tap.greeted.wait(10):
                continue
            project.wait_for(lambda status: status["daemon"]["running"])
            project.pids()
            yield project, loss
            project.down()
            return


def drifts(project: ProjectUnderTest) -> dict[str, str]:
    """What the watchdog has found and put on record, by component."""
    return {one["component"]: one["message"] for one in project.events() if one["kind"] == "drift"}


def test_what_one_side_has_missed_is_found_and_repaired_and_on_record(
    tapped: tuple[ProjectUnderTest, Loss],
) -> None:
    """S20, P8: an exit that was never heard restarts all the same; a start that was never heard is known."""
    project, loss = tapped
    before = project.pids()
    loss.of("exited", "a")
    loss.of("reply", "b")
    project.kill(before["a"])
    project.roost("restart", "b", "--no-wait", check=True)
    found = project.wait_for(
        lambda status: all(one["state"] == "running" and one["run"] == 2 for one in _these(status, "a", "b")),
        what="both run again",
    )
    assert all(is_running(one["pid"]) for one in _these(found, "a", "b"))
    assert {**before, **project.pids()}["c"] == before["c"], "the others notice nothing"
    assert drifts(project) == {
        "a": "a: run 1 is not known to the keeper any more",
        "b": "b: run 2 has started, and the daemon had not heard of it",
    }
    assert _these(found, "a")[0]["last_exit"]["known"] is False


def test_what_may_be_on_its_way_is_repaired_at_the_second_look(
    tapped: tuple[ProjectUnderTest, Loss],
) -> None:
    """S20, P8: a lost stop, a lost start, a run of which nobody knows, an exit that the keeper still has."""
    project, loss = tapped
    before = project.pids()
    stray = ask_keeper(project, "spawn", name="stray", run=1, argv=STAY, cwd="/", env=dict(project.env))[
        "pid"
    ]
    project.learn(stray)
    loss.of("stop", "b")
    project.roost("stop", "b", "--no-wait", check=True)
    loss.of("spawn", "late")
    project.roost("start", "late", "--no-wait", check=True)
    for what in ("exited", "leftovers", "drained"):
        loss.of(what, "a")
    project.kill(before["a"])
    four = {"stray", "b", "late", "a"}
    eventually(
        lambda: four <= drifts(project).keys(), every=0.5, timeout=2 * PATIENCE, what="four differences"
    )
    project.wait_state("b", "stopped")
    project.wait_state("late", "running")
    again = project.wait_for(lambda status: _these(status, "a")[0]["run"] == 2, what="a runs again")
    ended = _these(again, "a")[0]["last_exit"]
    assert (ended["known"], ended["signal"]) == (True, 9), "nothing is lost: the keeper has told it again"
    eventually(lambda: not is_running(stray), what="the stray is stopped")
    assert not is_running(before["b"])
    assert drifts(project) == {
        "stray": "stray: run 1 lives, and the daemon knew nothing of it",
        "b": "b: run 1 was to be stopped, and the keeper had not heard of it",
        "late": "late: run 1 was to be started, and the keeper had not heard of it",
        "a": "a: run 1 has ended, and the daemon had not heard of it",
    }


def ask_keeper(project: ProjectUnderTest, verb: str, **parts: object) -> dict[str, Any]:
    """One request to the keeper, past its daemon."""
    place = project.status()["daemon"]["endpoint"].removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(Path(place).with_name("keeper.sock")))
        line.sendall(json.dumps({"id": 1, "verb": verb, **parts}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += line.recv(65536)
    result: dict[str, Any] = json.loads(answer)["result"]
    return result


def _these(status: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    return [one for one in status["components"] if one["name"] in names]
