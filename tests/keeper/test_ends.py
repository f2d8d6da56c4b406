"""How runs end: exits, the order of events, stopping, what is left behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from keeper.harness import PATIENCE, House, WireFailed, python, until
from roost.platform import identity

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"TERM\\n"))
os.write(1, b"up\\n")
while True: time.sleep(1)
"""
DOUBLE_FORK = """
import os, sys, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 1); os.dup2(null, 2)
        os.write(write, str(os.getpid()).encode())
        time.sleep(60)
    os._exit(0)
os.wait()
open("daemon.pid", "w").write(os.read(read, 20).decode())
{rest}
"""


def alive(pid: int) -> bool:
    facts = identity.facts(pid)
    return facts is not None and not facts.zombie


def daemon_pid(house: House) -> int:
    path = Path(house.paths.root) / "daemon.pid"
    return int(until(lambda: path.exists() and path.read_text()))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(0)", (0, None)),
        ("raise SystemExit(7)", (7, None)),
        ("import os; os.kill(os.getpid(), 9)", (None, "KILL")),
        ("import os; os.abort()", (None, "ABRT")),
    ],
)
def test_an_exit_is_told_with_code_or_signal_and_times(
    house: House, code: str, expected: tuple[int | None, str | None]
) -> None:
    """`exited` says how, when and after how long, and that it is known."""
    client = house.start()
    before = time.time()
    pid = house.spawn(client, "api", python(code))["pid"]
    event = client.event("exited", "api")
    assert (event["code"], event["signal"]) == expected
    assert (event["pid"], event["known"], event["how"]) == (pid, True, "waited")
    assert before <= event["at"] <= time.time()
    assert 0 < event["uptime"] <= event["at"] - before + 0.1
    client.event("drained", "api")


def test_exits_stay_on_record_until_a_daemon_confirms_them(house: House) -> None:
    """What happens while no daemon listens is told, in order, to the next that says hello (P1)."""
    client = house.start()
    for number in range(5):
        house.spawn(client, f"c{number}", ["/bin/sh", "-c", f"sleep .1; exit {number}"])
    client.close()
    doctor = house.connect(role="doctor")
    until(lambda: all(run["ended"] for run in doctor.call("list")["runs"]))
    second = house.connect()
    codes = {second.event("exited", f"c{number}")["code"] for number in range(5)}
    assert codes == set(range(5))
    sequence = [event["seq"] for event in second.events]
    assert sequence == sorted(sequence)
    second.call("ack", seq=second.event("exited", "c4")["seq"])
    third = house.connect()
    third.settle(0.1)
    assert all(event["seq"] > second.event("exited", "c4")["seq"] for event in third.events)
    with pytest.raises((EOFError, ConnectionError)):
        second.settle(PATIENCE)


def test_a_grandchild_that_keeps_the_pipe_delays_nothing(house: House) -> None:
    """`exited` comes at once; `leftovers` names the grandchild; `drained` comes when it is gone (S65, S8)."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sh", "-c", "sleep 600 & echo $!"])
    event = client.event("exited", "api")
    assert event["code"] == 0
    pid = int(house.log("api"))
    leftovers = client.event("leftovers", "api")
    assert [process["pid"] for process in leftovers["processes"]] == [pid]
    assert leftovers["processes"][0]["name"] in ("sh", "sleep")  # as soon as it is one
    assert leftovers["action"] == "ended"
    client.event("drained", "api")
    kinds = [event["event"] for event in client.events]
    assert kinds == ["exited", "leftovers", "drained"]
    until(lambda: not alive(pid))


def test_leftovers_may_be_left(house: House) -> None:
    """With `leave` they go on, named; their output is still taken; the component may run again (D8)."""
    client = house.start()
    code = "while true; do echo tick; sleep .02; done & echo started"
    stop = {"signal": "TERM", "timeout": 5, "leftovers": "leave"}
    house.spawn(client, "api", ["/bin/sh", "-c", code], stop=stop)
    event = client.event("leftovers", "api")
    assert event["action"] == "left"
    pid = event["processes"][0]["pid"]
    size = len(house.log("api"))
    house.spawn(client, "api", ["/bin/echo", "again"], run=2)
    client.event("exited", "api", 2)
    until(lambda: len(house.log("api")) > size + 30)
    assert alive(pid)
    assert not [event for event in client.events if event["event"] == "drained" and event["run"] == 1]
    os.kill(pid, signal.SIGKILL)
    client.event("drained", "api", 1)


def test_stop_signals_the_group_and_the_whole_tree_is_killed_after_the_time(house: House) -> None:
    """TERM first; who ignores it is killed `kill_after` later, with children in other sessions (P5, S8)."""
    client = house.start()
    code = STUBBORN.replace('os.write(1, b"up', '\nif os.fork() == 0: os.setsid()\nos.write(1, b"up')
    pid = house.spawn(client, "api", python(code))["pid"]
    until(lambda: house.log("api").count(b"up\n") == 2)
    below = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    began = time.monotonic()
    client.call("stop", name="api", run=1, signal="TERM", kill_after=5)  # time enough to hear of TERM
    event = client.event("exited", "api")
    assert 4.9 < time.monotonic() - began < 50
    assert event["signal"] == "KILL"
    assert house.log("api").count(b"TERM\n") == 1
    until(lambda: not any(alive(child) for child in below))
    assert len(below) == 1


def test_the_earlier_end_counts_when_stop_is_said_again(house: House) -> None:
    """A second stop may shorten the time and never lengthens it; without a signal none is sent."""
    client = house.start()
    house.spawn(client, "api", python(STUBBORN))
    until(lambda: house.log("api") == b"up\n")
    client.call("stop", name="api", run=1, signal=None, kill_after=2)
    client.call("stop", name="api", run=1, signal=None, kill_after=600)
    assert client.call("list")["runs"][0]["stopping"]
    assert client.event("exited", "api")["signal"] == "KILL"
    assert house.log("api") == b"up\n"


def test_a_stop_is_carried_out_though_the_daemon_dies_between(house: House) -> None:
    """The escalation is the keeper's: nobody stays half stopped (P5)."""
    client = house.start()
    pid = house.spawn(client, "api", python(STUBBORN))["pid"]
    until(lambda: house.log("api") == b"up\n")
    client.call("stop", name="api", run=1, signal="TERM", kill_after=0.3)
    client.close()
    until(lambda: not alive(pid))


@pytest.mark.parametrize("rest", ["", "time.sleep(60)"])
def test_a_double_forked_descendant_is_found_and_ended(house: House, rest: str) -> None:
    """It left session, group and parent; it is ended with its component, however that ends (P4)."""
    client = house.start()
    house.spawn(client, "api", python(DOUBLE_FORK.format(rest=rest)))
    pid = daemon_pid(house)
    if rest:
        client.call("stop", name="api", run=1, signal="TERM", kill_after=5)
    event = client.event("leftovers", "api")
    assert [process["pid"] for process in event["processes"]] == [pid]
    until(lambda: not alive(pid))


def test_a_double_forked_descendant_of_another_is_left_alone(house: House) -> None:
    """Whose a reparented process is decides, not that it is there (P3)."""
    client = house.start()
    house.spawn(client, "first", python(DOUBLE_FORK.format(rest="time.sleep(60)")))
    pid = daemon_pid(house)
    house.spawn(client, "second", ["/bin/true"])
    client.event("drained", "second")
    client.settle(0.3)
    assert alive(pid)
    assert not [event for event in client.events if event["event"] == "leftovers"]


def test_a_leftover_that_ignores_term_is_killed(house: House) -> None:
    """A second after TERM comes KILL."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sh", "-c", "(trap '' TERM; while :; do sleep 1; done) & sleep .3"])
    client.event("exited", "api")
    pids = [process["pid"] for process in client.event("leftovers", "api")["processes"]]
    assert pids
    until(lambda: not any(alive(pid) for pid in pids))
    client.event("drained", "api")


def test_signal_goes_to_the_group(house: House) -> None:
    """`signal` reaches the component and its children; a name that does not exist is refused."""
    client = house.start()
    house.spawn(
        client, "api", ["/bin/sh", "-c", "trap 'echo got' USR1; echo up; while :; do sleep .05; done"]
    )
    until(lambda: house.log("api") == b"up\n")
    with pytest.raises(WireFailed, match="NONSENSE"):
        client.call("signal", name="api", run=1, signal="NONSENSE")
    client.call("signal", name="api", run=1, signal="USR1")
    until(lambda: b"got" in house.log("api"))


def test_quit_is_refused_while_something_runs_and_obeyed_after(house: House) -> None:
    """The keeper does not leave its components; with none left it goes and takes its socket with it (S48)."""
    client = house.start(daemon=["/bin/sleep", "0.5"])
    house.spawn(client, "api", ["/bin/sleep", "60"])
    with pytest.raises(WireFailed) as failed:
        client.call("quit")
    assert failed.value.kind == "busy"
    client.call("stop", name="api", run=1, signal="KILL", kill_after=1)
    client.event("drained", "api")
    client.call("quit")
    assert house.keeper is not None
    assert house.keeper.wait(PATIENCE) == 0
    assert os.listdir(house.paths.run) == ["keeper.lock"]


def test_quit_does_not_overtake_the_look_for_leftovers(house: House) -> None:
    """S48, P4: what a run that an earlier keeper started has left is looked for a moment after its end."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sh", "-c", "setsid sleep 50 & echo $!; sleep 52"])
    pid = int(until(lambda: house.log("api")))
    until(lambda: (facts := identity.facts(pid)) and facts.session == pid and facts.name == "sleep")
    house.kill_keeper()
    client.close()
    client = house.start(daemon=["/bin/false"])  # nobody has to be waited for
    client.call("signal", name="api", run=1, signal="KILL")

    def quits() -> bool:
        try:
            client.call("quit")
        except WireFailed:
            return False
        return True

    until(quits)
    assert house.keeper is not None
    assert house.keeper.wait(PATIENCE) == 0
    assert not alive(pid)


def test_quit_ends_what_lost_its_owner(house: House) -> None:
    """A descendant whose run nothing shows (its environment is gone) does not outlive the house (S48)."""
    client = house.start(daemon=["/bin/sleep", "0.5"])
    code = DOUBLE_FORK.format(rest="").replace(
        "time.sleep(60)", "os.execve('/bin/sleep', ['sleep', '60'], {})"
    )
    house.spawn(client, "api", python(code))
    pid = daemon_pid(house)
    client.event("drained", "api")
    client.call("quit")
    assert house.keeper is not None
    assert house.keeper.wait(PATIENCE) == 0
    assert not alive(pid)
