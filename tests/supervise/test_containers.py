"""The second pair of hands on a supervisor, with an engine in memory and in virtual time: races and losses."""

from __future__ import annotations

import asyncio

import pytest

from roost.core.states import State
from roost.edges.engine.api import Action, EngineError, ErrorKind, Status
from support.container_stand import PLACE, Stand, settle
from support.virtual_loop import run_virtual


def test_a_container_is_started_when_the_engine_answers() -> None:
    """P12: nothing is asked of it before; then image, network, container, output, in that order."""

    async def scenario() -> None:
        stand = Stand()
        stand.supervisor.start(["box"], "up")
        assert stand.box.state is State.WAITING and "container engine" in stand.box.reason
        await settle()
        assert (stand.box.state, stand.box.container) == (State.RUNNING, "c1")
        assert [call for call in stand.engine.calls if call not in ("list", "inspect")] == [
            "pull", "network", "create", "start",
        ]  # fmt: skip
        assert stand.capture.taken == [("box", 1, "c1")]

    run_virtual(scenario())


def test_a_stop_does_not_wait_for_an_image() -> None:
    """P12: what is being fetched is given up at once, and nothing is made of it afterwards."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.hold["pull"] = asyncio.Event()
        await stand.up()
        assert stand.box.state is State.STARTING and stand.box.reason == "pulling box:1: 1 of 2 MB"
        stand.supervisor.stop(["box"], "stop")
        await settle()
        assert stand.box.state is State.STOPPED
        stand.engine.hold["pull"].set()
        await settle()
        assert stand.engine.containers == {}

    run_virtual(scenario())


def test_a_stop_during_the_making_ends_what_comes_of_it() -> None:
    """S48: the engine may be at work when nobody wants it any more; what it makes does not stay."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.hold["start"] = asyncio.Event()
        await stand.up()
        stand.supervisor.stop(["box"], "stop")
        await settle()
        assert stand.box.state is State.STOPPING
        stand.engine.hold["start"].set()
        await settle()
        assert stand.box.state is State.STOPPED and stand.engine.containers == {}

    run_virtual(scenario())


def test_one_that_ends_at_once_has_started_and_ended() -> None:
    """P11: its exit code is known, it is judged once, and the next run has a container of its own."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.exits_at_once = 4
        await stand.up()
        assert stand.box.state is State.BACKOFF and len(stand.box.history) == 1
        assert stand.box.last_exit is not None and stand.box.last_exit.code == 4
        stand.engine.exits_at_once = None
        await asyncio.sleep(1.1)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        assert len(stand.engine.containers) == 1

    run_virtual(scenario())


def test_a_look_that_began_before_a_container_was_there_says_nothing_of_it() -> None:
    """P11: the engine's answer may be older than what has happened since; nobody is believed gone by it."""

    async def scenario() -> None:
        stand = Stand()
        await settle()
        old = stand.engine.late["list"] = asyncio.Event()
        looking = asyncio.ensure_future(stand.containers.look())
        await settle()
        await stand.up()
        assert stand.box.state is State.RUNNING
        old.set()
        assert await looking
        assert (stand.box.state, stand.box.run, stand.box.container) == (State.RUNNING, 1, "c1")
        assert stand.box.history == () and [line for line in stand.told if line.startswith("drift")] == []

    run_virtual(scenario())


def test_a_look_that_began_before_an_end_says_nothing_of_the_next_run() -> None:
    """P11: the same when what it saw has ended meanwhile and another is there."""

    async def scenario() -> None:
        stand = await Stand().up()
        old = stand.engine.late["list"] = asyncio.Event()
        looking = asyncio.ensure_future(stand.containers.look())
        await settle()
        stand.engine.end("c1", 3)
        await asyncio.sleep(1.5)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        old.set()
        assert await looking
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        assert [exit.code for exit in [stand.box.last_exit] if exit is not None] == [3]

    run_virtual(scenario())


def test_an_end_before_the_start_was_heard_of_is_not_missed() -> None:
    """P11: the engine tells of the end while its answer to the question after the start is on its way."""

    async def scenario() -> None:
        stand = Stand()
        await settle()
        old = stand.engine.late["inspect"] = asyncio.Event()
        await stand.up()
        assert stand.engine.running() == ["c1"] and stand.box.state is State.STARTING
        stand.engine.end("c1", 7)
        await settle()
        old.set()
        await settle()
        assert stand.box.state is State.BACKOFF
        assert stand.box.last_exit is not None and stand.box.last_exit.code == 7

    run_virtual(scenario())


@pytest.mark.parametrize("call", ["pull", "network", "create", "start"])
def test_an_engine_that_is_lost_in_the_middle_fails_nobody(call: str) -> None:
    """P12: whichever call it was, the component waits, counts no failure, and runs once when it is back."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.hold[call] = asyncio.Event()
        await stand.up()
        stand.engine.away = True
        stand.engine.hold.pop(call).set()
        await settle()
        assert stand.box.state is State.WAITING and stand.box.history == ()
        assert stand.box.reason == "waiting for the container engine: no container engine answers"
        await stand.engine_back()
        assert stand.box.state is State.RUNNING
        assert stand.engine.running() == [stand.box.container]

    run_virtual(scenario())


def test_a_container_whose_making_was_not_heard_of_is_taken_up() -> None:
    """P11: the engine started it and its answer was lost: it is not started twice."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.refuse["start"] = EngineError(ErrorKind.TIMEOUT, "no answer")
        await stand.up()
        assert stand.box.state in (State.WAITING, State.STARTING)
        made = next(iter(stand.engine.containers))
        await stand.engine.start(made)
        await asyncio.sleep(3)
        assert (stand.box.state, stand.box.container, stand.box.run) == (State.RUNNING, made, 1)
        assert stand.capture.taken == [("box", 1, made)]

    run_virtual(scenario())


def test_what_ended_while_the_engine_was_away_is_judged_then() -> None:
    """P11: one that goes on is the same run; one that has ended starts again, and its code is known."""

    async def scenario() -> None:
        stand = await Stand().up()
        await stand.engine_away()
        assert stand.box.state is State.WAITING and stand.box.alive
        await stand.engine_back()
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 1)

        await stand.engine_away()
        stand.engine.end("c1", 137)
        await stand.engine_back()
        assert stand.box.last_exit is not None and stand.box.last_exit.code == 137
        await asyncio.sleep(2)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)

    run_virtual(scenario())


def test_a_stop_waits_for_the_engine_within_bounds() -> None:
    """S48, P12: it is done when the engine is back in time; else it is said that the container may still run."""

    async def scenario() -> None:
        stand = await Stand().up()
        await stand.engine_away()
        stand.supervisor.stop(["box"], "stop")
        await asyncio.sleep(3)
        assert stand.box.state is State.STOPPING
        await stand.engine_back()
        assert stand.box.state is State.STOPPED and stand.engine.containers == {}

        await stand.up()
        await stand.engine_away()
        stand.supervisor.stop(["box"], "stop")
        await asyncio.sleep(8)
        assert stand.box.state is State.STOPPED
        assert [line for line in stand.told if "may still run" in line]
        await stand.engine_back()
        assert stand.engine.containers == {}, "what nobody wants is removed when it is seen again"

    run_virtual(scenario())


def test_a_name_that_is_taken() -> None:
    """P11: a container of ours under that name makes room; somebody else's is left alone, and named."""

    async def scenario() -> None:
        stand = Stand()
        old = PLACE.of_component("box", 9, "i") | {"roost.folder": "2:2"}
        ours = stand.engine.put(old, PLACE.container("box"), Status.EXITED)
        await stand.up()
        assert stand.box.state is State.RUNNING and ours not in stand.engine.containers

        other = Stand()
        theirs = other.engine.put({}, PLACE.container("box"))
        await other.up()
        assert other.box.state is State.BACKOFF and "not Roost's" in other.box.reason
        assert theirs in other.engine.containers

    run_virtual(scenario())


def test_what_others_do_is_set_right() -> None:
    """P11: paused, renamed, killed, started again: each is told as drift and put right."""

    async def scenario() -> None:
        stand = await Stand().up()
        engine = stand.engine
        await engine.rename("c1", "other")
        engine.happen(Action.RENAMED, "c1")
        await settle()
        assert engine.containers["c1"].name == PLACE.container("box")

        engine.happen(Action.KILLED, "c1", signal="15")
        engine.end("c1", 143)
        await settle()
        assert stand.box.state is State.BACKOFF
        await asyncio.sleep(1.1)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        drift = [line for line in stand.told if line.startswith("drift")]
        assert [("renamed" in drift[0]), ("SIGTERM" in drift[1]), len(drift)] == [True, True, 2]

    run_virtual(scenario())


def test_our_own_signal_is_no_drift() -> None:
    """`roost signal` is nobody else's doing, also when the program ends by it."""

    async def scenario() -> None:
        stand = await Stand().up()
        await stand.containers.signal(stand.box, "KILL")
        stand.engine.happen(Action.KILLED, "c1", signal="9")
        await asyncio.sleep(2)
        assert stand.box.run == 2
        assert [line for line in stand.told if line.startswith("drift")] == []

    run_virtual(scenario())
