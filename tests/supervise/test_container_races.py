"""Answers of a container engine that are older than what has happened since, and jobs that end halfway."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest
from msgspec.structs import replace

from roost.core.model import Build, ContainerKeys, Dependency, Stop
from roost.core.states import Desired, State
from roost.edges.engine.api import Action, EngineError, ErrorKind, ExecResult, Status
from support.container_stand import BOX, PLACE, Stand, settle
from support.fake_engine import GONE
from support.virtual_loop import run_virtual

BUILT = replace(BOX, container=ContainerKeys(build=Build(context="/project")))
TAG = PLACE.image("box")


def drift(stand: Stand) -> list[str]:
    return [line for line in stand.told if line.startswith("drift")]


def begun(work: Coroutine[object, object, bool]) -> asyncio.Future[bool]:
    return asyncio.ensure_future(work)


# -- looks -----------------------------------------------------------------------------------------------


def test_a_look_that_is_asked_for_sees_what_has_happened_before() -> None:
    """P11, S80: one that is under way may be older; it is not taken for the answer."""

    async def scenario() -> None:
        stand = await Stand().up()
        old = stand.engine.late["list"] = asyncio.Event()
        looking = begun(stand.containers.look())
        await settle()
        stand.engine.pause("c1")
        await settle()
        old.set()
        assert await looking
        await settle()
        assert stand.engine.containers["c1"].status is Status.RUNNING
        assert len(drift(stand)) == 1 and "paused" in drift(stand)[0]

    run_virtual(scenario())


def test_looks_that_are_asked_for_together_are_one() -> None:
    """P12: however many ask while one is under way, one more is enough for all of them."""

    async def scenario() -> None:
        stand = await Stand().up()
        asked = stand.engine.calls.count("list")
        stand.engine.late["list"] = asyncio.Event()
        looks = [begun(stand.containers.look())]
        await settle()
        looks += [begun(stand.containers.look()) for _ in range(20)]
        stand.engine.let_go("list")
        assert await asyncio.gather(*looks) == [True] * 21
        assert stand.engine.calls.count("list") == asked + 2

    run_virtual(scenario())


def test_a_look_that_began_before_the_engine_was_lost_brings_nobody_back() -> None:
    """P12: what it had said is no proof that it still answers."""

    async def scenario() -> None:
        stand = await Stand().up()
        old = stand.engine.late["list"] = asyncio.Event()
        looking = begun(stand.containers.look())
        await settle()
        stand.engine.lose()
        await settle()
        assert stand.box.state is State.WAITING
        old.set()
        assert not await looking
        assert stand.box.state is State.WAITING and stand.containers.obstacle is not None
        await stand.engine_back()
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 1)

    run_virtual(scenario())


def test_a_start_that_is_heard_of_after_the_engine_was_lost_waits_for_it() -> None:
    """P12: its answer was on the way; the component is not called running while nobody can know."""

    async def scenario() -> None:
        stand = Stand()
        await settle()
        answer = stand.engine.late["inspect"] = asyncio.Event()
        await stand.up()
        await stand.engine_away()
        answer.set()
        await asyncio.sleep(3)
        assert stand.box.state is State.WAITING and not stand.box.ready
        await stand.engine_back()
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 1)

    run_virtual(scenario())


def test_a_new_daemon_believes_nothing_that_the_engine_has_not_said() -> None:
    """S80, P12: what was saved holds once it was looked for; a hung engine delays that by a moment, and it waits."""

    async def scenario() -> None:
        stand = await Stand().up()
        del stand.engine.containers["c1"]
        await stand.containers.meet()
        assert stand.box.state is not State.RUNNING
        await asyncio.sleep(1.5)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)

        held = stand.engine.hold["list"] = asyncio.Event()
        begun = stand.clock.now()
        await stand.containers.meet()
        assert stand.box.state is State.WAITING and stand.clock.now() - begun < 5
        assert stand.box.reason == "waiting for the container engine: it has not answered yet"
        held.set()
        await settle()
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)

    run_virtual(scenario())


def test_a_component_that_leaves_during_a_look() -> None:
    """S55: the answer names one that the configuration no longer has; those after it are looked at all the same."""

    async def scenario() -> None:
        stand = await Stand(BOX, replace(BOX, name="other")).up("box", "other")
        old = stand.engine.late["list"] = asyncio.Event()
        looking = begun(stand.containers.look())
        await settle()
        stand.supervisor.reload(stand.project_of(replace(BOX, name="other")))
        await settle()
        assert list(stand.supervisor.components) == ["other"]
        old.set()
        assert await looking and drift(stand) == []
        assert stand.supervisor.components["other"].state is State.RUNNING

    run_virtual(scenario())


def test_nobody_starts_again_before_all_that_runs_is_known() -> None:
    """P11: the first that is found again is what another waits for, whose start was never heard of and took place."""

    async def scenario() -> None:
        after = replace(BOX, name="later", depends_on=(Dependency(target="box"),))
        stand = await Stand(BOX, after).up("box")
        answer = stand.engine.late["inspect"] = asyncio.Event()
        stand.supervisor.start(["later"], "up")
        await settle()
        stand.engine.away = True
        await stand.containers.look()
        stand.engine.fail_late("inspect", GONE)
        answer.set()
        await settle()
        later = stand.supervisor.components["later"]
        assert (later.state, later.container) == (State.WAITING, None)
        await stand.engine_back()
        later = stand.supervisor.components["later"]
        assert (later.state, later.run, later.container) == (State.RUNNING, 1, "c2")
        assert stand.engine.running() == ["c1", "c2"]

    run_virtual(scenario())


def test_a_paused_container_that_was_lost_sight_of_goes_on() -> None:
    """P11: paused while the engine could not be reached; it is found, and it goes on, in the same look."""

    async def scenario() -> None:
        stand = await Stand().up()
        await stand.engine_away()
        stand.engine.containers["c1"] = replace(stand.engine.containers["c1"], status=Status.PAUSED)
        await stand.engine_back()
        assert stand.engine.containers["c1"].status is Status.RUNNING
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 1)

    run_virtual(scenario())


def test_an_engine_that_is_slow_to_unpause_delays_nobody() -> None:
    """P12: the look is over before; and what is done is told once."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.engine.hold["unpause"] = asyncio.Event()
        stand.engine.pause("c1")
        await settle()
        assert await stand.containers.look() and await stand.containers.look()
        assert len(drift(stand)) == 1 and stand.engine.calls.count("unpause") == 1

    run_virtual(scenario())


# -- starts ----------------------------------------------------------------------------------------------


def test_what_was_given_up_says_nothing_more() -> None:
    """S12: the engine goes on fetching an image that nobody waits for any more; its progress is nobody's reason."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.hold["pull"] = asyncio.Event()
        await stand.up()
        (progress,) = stand.engine.pulls
        await stand.engine_away()
        stand.supervisor.stop(["box"], "stop")
        stand.supervisor.start(["box"], "up")
        await settle()
        waits = stand.box.reason
        assert stand.box.state is State.WAITING and "container engine" in waits
        await asyncio.sleep(1)
        progress("pulling box:1: 2 of 2 MB")
        assert stand.box.reason == waits

    run_virtual(scenario())


def test_a_restart_while_an_image_is_fetched() -> None:
    """S12: the fetching is given up, and the next run is the only one that makes a container."""

    async def scenario() -> None:
        stand = Stand()
        held = stand.engine.hold["pull"] = asyncio.Event()
        await stand.up()
        stand.supervisor.restart(["box"], "restart")
        await settle()
        assert (stand.box.state, stand.box.run) == (State.STARTING, 2)
        held.set()
        await settle()
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        assert stand.engine.calls.count("create") == 1 and len(stand.engine.containers) == 1

    run_virtual(scenario())


@pytest.mark.parametrize("call", ["pull", "network", "create", "start", "inspect"])
def test_a_component_that_leaves_while_it_starts(call: str) -> None:
    """S55: wherever the start is, nothing of it stays, and nobody is blamed."""

    async def scenario() -> None:
        stand = Stand()
        await settle()
        stand.engine.hold[call] = asyncio.Event()
        await stand.up()
        stand.supervisor.reload(stand.project_of())
        await settle()
        stand.engine.hold.pop(call).set()
        await asyncio.sleep(1)
        assert stand.supervisor.components == {} and stand.engine.containers == {} and drift(stand) == []

    run_virtual(scenario())


# -- ends ------------------------------------------------------------------------------------------------


def test_an_ended_container_stays_until_its_end_is_on_record() -> None:
    """P1: a daemon that is killed in between leaves the next one somebody to ask; the next run waits for it."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.disk = []
        stand.engine.end("c1", 3)
        await asyncio.sleep(1.5)
        assert stand.box.run == 2 and list(stand.engine.containers) == ["c1"]
        for saved in stand.disk:
            saved()
        await settle()
        assert stand.engine.running() == ["c2"] and list(stand.engine.containers) == ["c2"]

    run_virtual(scenario())


def test_a_disk_that_stands_still_stops_no_restart() -> None:
    """P12: an end that cannot be saved is not waited for without end."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.disk = []
        stand.engine.end("c1", 3)
        await asyncio.sleep(4)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)

    run_virtual(scenario())


def test_the_last_output_is_taken_before_a_container_is_removed() -> None:
    """S19: news of its end wait for it only so long; the container does."""

    async def scenario() -> None:
        stand = await Stand().up()
        late = stand.capture.late = asyncio.Event()
        stand.supervisor.stop(["box"], "stop")
        await asyncio.sleep(11)
        assert stand.box.state is State.STOPPED
        assert await stand.containers.look()
        assert list(stand.engine.containers) == ["c1"]
        late.set()
        await settle()
        assert stand.engine.containers == {}

    run_virtual(scenario())


def test_one_that_was_started_again_by_hand_is_ended_before_its_output_is_awaited() -> None:
    """P11: its log would never end; another takes its place at once."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.capture.late = asyncio.Event()
        stand.engine.on_kill = stand.capture.late.set
        await asyncio.sleep(5)
        await stand.engine.start("c1")
        assert await stand.containers.look()
        await asyncio.sleep(2)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        assert list(stand.engine.containers) == ["c2"] and "started again" in drift(stand)[0]

    run_virtual(scenario())


def test_a_stop_command_is_not_asked_of_a_container_that_has_ended() -> None:
    """S48: the engine refuses it; the container is ended the usual way, and nothing is said to run on."""

    async def scenario() -> None:
        stand = await Stand(replace(BOX, stop=Stop(timeout=2, command=("leave",)))).up()
        stand.engine.containers["c1"] = replace(stand.engine.containers["c1"], status=Status.EXITED)
        stand.supervisor.stop(["box"], "stop")
        await asyncio.sleep(0.5)
        assert stand.box.state is State.STOPPED and stand.engine.containers == {}
        assert [line for line in stand.told if "may still run" in line] == []

    run_virtual(scenario())


def test_a_stop_command_that_brings_about_nothing_takes_no_more_than_the_time_out() -> None:
    """S48: command and signal share it."""

    async def scenario() -> None:
        stand = await Stand(replace(BOX, stop=Stop(timeout=4, command=("leave",)))).up()
        stand.engine.command, stand.engine.stubborn = ExecResult(code=0, output=b""), True
        stand.supervisor.stop(["box"], "stop")
        await asyncio.sleep(3.9)
        assert stand.box.state is State.STOPPING
        await asyncio.sleep(0.3)
        assert stand.box.state is State.STOPPED

    run_virtual(scenario())


def test_who_is_killed_while_it_starts_has_no_time_to_end() -> None:
    """S48: `down --timeout` is over before the engine has made it; it is not asked politely then."""

    async def scenario() -> None:
        stand = Stand(replace(BOX, stop=Stop(timeout=30)))
        held = stand.engine.hold["start"] = asyncio.Event()
        await stand.up()
        stand.engine.stubborn = True
        stand.supervisor.stop(["box"], "down")
        stand.containers.kill(stand.box)
        held.set()
        await asyncio.sleep(1)
        assert stand.box.state is State.STOPPED and stand.engine.containers == {}

    run_virtual(scenario())


def test_an_end_that_is_asked_for_twice_is_told_once() -> None:
    """S12: a look finds it ended while a stop is on its way to it."""

    async def scenario() -> None:
        stand = await Stand().up()
        held = stand.engine.hold["stop"] = asyncio.Event()
        stand.supervisor.stop(["box"], "stop")
        await settle()
        stopping = stand.box
        stand.containers.hands.end(stopping, 0)
        held.set()
        await settle()
        stand.supervisor.start(["box"], "up")
        await settle()
        assert (stand.box.state, stand.box.run, stand.box.history) == (State.RUNNING, 2, ())

    run_virtual(scenario())


# -- what may be left ------------------------------------------------------------------------------------


def test_what_may_still_run_is_named_until_it_is_gone() -> None:
    """S48: an engine that was back for a moment has not removed it yet."""

    async def scenario() -> None:
        stand = await Stand().up()
        await stand.engine_away()
        stand.supervisor.stop(["box"], "stop")
        await asyncio.sleep(8)
        assert stand.box.state is State.STOPPED
        stand.engine.hold["kill"] = asyncio.Event()
        await stand.engine_back()
        stand.engine.lose()
        await settle()
        stand.engine.hold.pop("kill").set()
        (left,) = await stand.containers.leave()
        assert left.startswith("box: ") and "may still run" in left

    run_virtual(scenario())


def test_a_start_without_an_answer_may_have_left_something() -> None:
    """S48: a hung engine does what it was asked when it goes on; who leaves before says so."""

    async def scenario() -> None:
        stand = Stand()
        stand.engine.refuse["start"] = EngineError(ErrorKind.TIMEOUT, "no answer")
        stand.engine.hold["start"] = held = asyncio.Event()
        await stand.up()
        stand.engine.away = True
        held.set()
        await asyncio.sleep(1)
        stand.supervisor.stop(["box"], "down")
        (left,) = await stand.containers.leave()
        assert left.startswith("box: its container may have been started")

    run_virtual(scenario())


def test_nothing_is_left_of_what_was_found_again() -> None:
    """S48: the start without an answer took place, the container is there, and it is stopped."""

    async def scenario() -> None:
        stand = Stand()
        answer = stand.engine.late["inspect"] = asyncio.Event()
        await stand.up()
        stand.engine.fail_late("inspect", GONE)
        answer.set()
        await asyncio.sleep(3)
        assert (stand.box.state, stand.box.run, stand.box.container) == (State.RUNNING, 1, "c1")
        stand.supervisor.stop(["box"], "down")
        await settle()
        await stand.engine_away()
        assert await stand.containers.leave() == []

    run_virtual(scenario())


# -- images ----------------------------------------------------------------------------------------------


def test_an_image_that_was_built_anew_while_its_component_starts() -> None:
    """S12: `up --build` during a start; what was given the old image is replaced all the same."""

    async def scenario() -> None:
        stand = Stand(BUILT)
        stand.engine.images[TAG] = "sha256:old"
        await settle()
        started = stand.engine.late["inspect"] = asyncio.Event()
        await stand.up()
        assert stand.engine.containers["c1"].image_id == "sha256:old"
        building = asyncio.ensure_future(stand.containers.build(["box"], lambda name, text: None))
        await settle()
        started.set()
        assert await building == {}
        await settle()
        (one,) = stand.engine.containers.values()
        assert one.image_id == "sha256:built1" and stand.box.state is State.RUNNING

    run_virtual(scenario())


def test_two_that_build_at_once_replace_it_once() -> None:
    """S12: the newest image counts, whoever built it."""

    async def scenario() -> None:
        stand = Stand(BUILT)
        stand.engine.images[TAG] = "sha256:old"
        await stand.up()
        stand.engine.hold["image"] = held = asyncio.Event()
        builds = [
            asyncio.ensure_future(stand.containers.build(["box"], lambda name, text: None)) for _ in range(2)
        ]
        await settle()
        held.set()
        assert await asyncio.gather(*builds) == [{}, {}]
        await settle()
        (one,) = stand.engine.containers.values()
        assert (one.image_id, stand.box.run) == ("sha256:built2", 2)

    run_virtual(scenario())


def test_a_build_that_is_done_after_a_stop_starts_nothing() -> None:
    """S12: the person who stopped it came last."""

    async def scenario() -> None:
        stand = Stand(replace(BUILT, stop=Stop(timeout=2)))
        stand.engine.images[TAG] = "sha256:old"
        await stand.up()
        answer = stand.engine.late["inspect"] = asyncio.Event()
        building = asyncio.ensure_future(stand.containers.build(["box"], lambda name, text: None))
        await settle()
        stand.engine.hold["stop"] = stopping = asyncio.Event()
        stand.supervisor.stop(["box"], "stop")
        answer.set()
        assert await building == {}
        stopping.set()
        await settle()
        assert stand.box.state is State.STOPPED and stand.box.desired is Desired.STOPPED

    run_virtual(scenario())


# -- who has done it -------------------------------------------------------------------------------------


def test_a_signal_long_ago_is_not_blamed_for_an_end() -> None:
    """P11: somebody had it read its files anew; that it crashes next week is its own doing."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.engine.happen(Action.KILLED, "c1", signal="1")
        await asyncio.sleep(3600)
        stand.engine.end("c1", 3)
        await settle()
        assert stand.box.state is State.BACKOFF and drift(stand) == []

    run_virtual(scenario())


def test_an_end_that_was_seen_before_it_was_heard_is_somebodys_all_the_same() -> None:
    """P11: a look finds it ended before the engine's word of it, and of the signal, has come."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.capture.late = asyncio.Event()
        one = stand.engine.containers["c1"]
        stand.engine.containers["c1"] = replace(one, status=Status.EXITED, exit_code=143)
        assert await stand.containers.look()
        stand.engine.happen(Action.KILLED, "c1", signal="15")
        stand.engine.happen(Action.DIED, "c1", 143)
        await settle()
        stand.capture.late.set()
        await asyncio.sleep(1.1)
        assert (stand.box.state, stand.box.run) == (State.RUNNING, 2)
        assert len(drift(stand)) == 1 and "SIGTERM" in drift(stand)[0]

    run_virtual(scenario())


def test_a_signal_that_we_could_not_send_hides_nobody_elses() -> None:
    """P11: after a refusal the next signal is somebody's."""

    async def scenario() -> None:
        stand = await Stand().up()
        stand.engine.refuse["kill"] = EngineError(ErrorKind.REFUSED, "no")
        with pytest.raises(EngineError):
            await stand.containers.signal(stand.box, "TERM")
        stand.engine.happen(Action.KILLED, "c1", signal="15")
        stand.engine.end("c1", 143)
        await settle()
        assert len(drift(stand)) == 1 and "SIGTERM" in drift(stand)[0]

    run_virtual(scenario())
