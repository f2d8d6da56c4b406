"""`kill -9` of the keeper: components live on, and the next keeper takes them over (P2, P3)."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from keeper.harness import HANDOVER, House, python, until
from roost.platform import exits, identity, logindex

FLOOD = """
import os, time
number = 0
while number < {count}:
    while number == {count} - 2000 and not os.path.exists("go"): time.sleep(.01)
    lines = b"".join(b"%d %s\\n" % (n, b"x" * (n % 200)) for n in range(number, number + 200))
    left = memoryview(lines)
    while left:
        left = left[os.write(1 + number // 200 % 2, left):]
    number += 200
"""


UNTIL_GO = """
import os, time
while not os.path.exists("go"): time.sleep(.01)
"""


def go(house: House) -> None:
    """Let those end who wait for it."""
    (Path(house.paths.root) / "go").touch()


def unread(fd: int) -> int:
    """How many bytes wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def alive(pid: int) -> bool:
    facts = identity.facts(pid)
    return facts is not None and not facts.zombie


def test_a_component_notices_nothing_of_its_keepers_death(house: House) -> None:
    """Same pid, no SIGPIPE, it goes on writing; the next keeper has it in its table and in its log (P2)."""
    client = house.start()
    code = "import os, time\nfor n in range(10**6): os.write(1, b'%d\\n' % n); time.sleep(.002)"
    pid = house.spawn(client, "api", python(code), note={"mine": 1})["pid"]
    until(lambda: len(house.log("api")) > 20)
    house.kill_keeper()
    until(lambda: unread(client.fds[0]), what="words that wait in the pipe")
    client.close()
    size = len(house.log("api"))
    second = house.start()
    run = second.hello["runs"][0]
    assert (run["name"], run["run"], run["pid"], run["note"]) == ("api", 1, pid, {"mine": 1})
    assert (run["adopted"], run["ended"]) == (True, False)
    until(lambda: len(house.log("api")) > size + 200)
    numbers = [int(line) for line in house.log("api").splitlines()[:-1]]
    assert numbers == list(range(len(numbers)))
    assert any(record[4] & logindex.LATE for record in house.index("api"))
    second.call("stop", name="api", run=1, signal="TERM", kill_after=5)
    event = second.event("exited", "api")
    assert event["signal"] == "TERM" if event["known"] else event["how"] == "unknown"
    second.event("drained", "api")


def test_killing_the_keeper_under_flood_loses_and_tears_nothing(house: House) -> None:
    """Ten kills at random moments while both streams flood: every line once, whole, in order (P2, P13).

    It ends only when the last keeper is there: what ends while nobody holds its pipes may lose its last words.
    """
    seed = random.Random(7)
    client = house.start()
    log = {"max_size": 10**9, "max_files": 1}
    count = 400_000
    pid = house.spawn(client, "api", python(FLOOD.format(count=count)), log=log)["pid"]
    for _ in range(10):
        time.sleep(seed.uniform(0.0, 0.08))
        house.kill_keeper()
        client.close()
        client = house.start()
    go(house)
    event = client.event("exited", "api", timeout=120)
    assert event["pid"] == pid
    client.event("drained", "api")
    house.check_tears("api")
    for stream in (1, 2):
        numbers = [number for number in range(count) if number // 200 % 2 == stream - 1]
        assert house.lines("api", stream) == [
            b"%d %s" % (number, b"x" * (number % 200)) for number in numbers
        ]


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(7)", (7, None)), ("os.abort()", (None, "ABRT"))]
)
def test_the_end_of_an_adopted_run_is_told_with_its_code(
    house: House, code: str, expected: tuple[int | None, str | None]
) -> None:
    """Not our child, and yet: when, and how where the system says so (D6)."""
    client = house.start()
    house.spawn(client, "api", python(f"{UNTIL_GO}\n{code}"))
    house.kill_keeper()
    client.close()
    second = house.start()
    go(house)
    event = second.event("exited", "api")
    if event["known"]:
        assert (event["code"], event["signal"]) == expected
        assert event["how"] in ("pidfd", "zombie")
    else:
        assert event["how"] == "unknown"


def test_what_ended_without_a_keeper_is_told_by_whoever_knows(house: House) -> None:
    """The old daemon holds pipes and a pidfd: with them the next keeper loses neither bytes nor code (D3)."""
    client = house.start()
    house.spawn(client, "api", python(f"{UNTIL_GO}\nprint('last words'); os._exit(0) or 1"))
    house.spawn(client, "job", python(f"{UNTIL_GO}\nprint('words', flush=True); raise SystemExit(7)"))
    pidfd = client.fds[-1]
    house.kill_keeper()
    go(house)
    code = until(lambda: (exits.code_of_reaped(pidfd),) if exits.code_of_reaped(pidfd) is not None else None)[
        0
    ]
    assert code == 7
    second = house.start(env=HANDOVER)
    witness = house.connect(role="doctor")
    witness.call("known_exit", name="job", run=1, code=code)
    witness.call("environ", env=dict(os.environ), environment="shell")
    event = second.event("exited", "job")
    assert (event["code"], event["known"], event["how"]) == (7, True, "pidfd")
    assert house.log("job") == b"words\n"
    unknown = second.event("exited", "api")
    assert (unknown["code"], unknown["known"], unknown["how"]) == (None, False, "unknown")
    client.close()


def test_the_next_daemon_comes_when_the_last_one_has_told_everything(house: House, tmp_path: Path) -> None:
    """P1, P2: what is remembered and the environment are told before it can ask, however slowly."""
    house.start().close()
    house.kill_keeper()
    path = tmp_path / "env"
    code = f"import os, time; open({str(path)!r}, 'a').write(os.environ['BASE'] + ' '); time.sleep(3600)"
    house.start(daemon=python(code), env={**HANDOVER, "BASE": "mine"})
    witness = house.connect(role="doctor")
    witness.call("remember", name="roost.yaml", text="a: b")
    time.sleep(0.5)
    witness.call("environ", env={**os.environ, "BASE": "told"}, environment="shell")
    assert until(lambda: path.exists() and path.read_text()) == "told "
    assert house.connect().hello["remembered"] == {"roost.yaml": "a: b"}


def test_an_exit_that_nobody_acknowledged_survives_the_keeper(house: House) -> None:
    """It is on record on the disk, too: the next keeper tells it again (P1, P2)."""
    client = house.start()
    house.spawn(client, "api", python("raise SystemExit(5)"))
    client.event("exited", "api")
    path = Path(house.paths.run_record("api"))
    until(lambda: house.record("api").get("exit"))
    house.kill_keeper()
    client.close()
    second = house.start()
    assert second.event("exited", "api")["code"] == 5
    second.call("ack", seq=second.event("drained", "api")["seq"])
    until(lambda: not path.exists())


def test_an_exit_is_on_record_before_it_is_told(house: House) -> None:
    """P2: a keeper that is killed when it has told the code has left it to the next, whatever else it had to do."""
    client, journal = house.start(), Path(house.paths.keeper_log)
    until(journal.exists)
    journal.unlink()
    os.mkfifo(
        journal
    )  # the first pump thread stands still at the next line of it, and with it the log of `api`
    house.spawn(client, "api", ["/bin/sleep", "60"])
    house.spawn(client, "task", python("raise SystemExit(5)"))
    assert client.event("exited", "task")["code"] == 5
    house.kill_keeper()
    client.close()
    journal.unlink()
    assert house.start().event("exited", "task")["code"] == 5


def test_a_pid_that_is_anothers_now_is_not_touched(house: House) -> None:
    """A record whose pid belongs to a process with another start time is a run that ended (P3, S3)."""
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    path = Path(house.paths.run_record("api"))
    record = until(lambda: (found := house.record("api")).get("pid") and found)
    house.kill_keeper()
    client.close()
    os.kill(pid, signal.SIGKILL)
    stranger = os.getpid()
    path.write_text(json.dumps({**record, "pid": stranger, "start_time": record["start_time"]}))
    second = house.start()
    assert second.event("exited", "api")["known"] is False
    second.settle(0.3)
    assert alive(stranger)


def test_a_record_of_an_earlier_boot_is_dropped(house: House) -> None:
    """After a reboot nothing of it can be true (P3)."""
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    path = Path(house.paths.run_record("api"))
    record = until(lambda: (found := house.record("api")).get("pid") and found)
    house.kill_keeper()
    client.close()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))
    path.write_text(json.dumps({**record, "boot_id": "another"}))
    assert house.start().hello["runs"] == []
    assert not path.exists()


def test_a_run_with_nothing_but_an_intent_is_found_by_its_lock(house: House) -> None:
    """A keeper that was killed between spawn and record: who holds the lock is the run, and is not started twice."""
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    path = Path(house.paths.run_record("api"))
    record = until(lambda: (found := house.record("api")).get("pid") and found)
    house.kill_keeper()
    client.close()
    path.write_text(json.dumps({**record, "pid": 0, "start_time": 0}))
    assert [run["pid"] for run in house.start().hello["runs"]] == [pid]


def test_a_run_that_was_just_being_started_is_waited_for(house: House) -> None:
    """P2, S1: a keeper killed before what it forked had its descriptors in their places: it is not started twice."""
    client = house.start()
    late = f"import os\nos.dup2(22, 15)\nfor fd in (20, 21, 22): os.close(fd)\nprint('up', flush=True)\n{UNTIL_GO}\n"
    pid = house.spawn(client, "api", python(late + "os.dup2(15, 22)\ntime.sleep(60)"))["pid"]
    until(lambda: house.log("api") == b"up\n")
    record = until(lambda: (found := house.record("api")).get("pid") and found)
    house.kill_keeper()
    client.close()
    Path(house.paths.run_record("api")).write_text(json.dumps({**record, "pid": 0, "start_time": 0}))
    os.unlink(house.socket)
    house.keeper = subprocess.Popen(house.argv, stdin=subprocess.DEVNULL)
    until(lambda: os.path.exists(house.socket))
    time.sleep(0.3)  # it looks for the run now
    go(house)
    assert [run["pid"] for run in house.connect().hello["runs"]] == [pid]


def test_a_run_whose_record_is_gone_is_found_by_its_pipes(house: House) -> None:
    """`rm -rf .roost` with both processes dead: still nothing is started twice (P3b)."""
    client = house.start()
    pid = house.spawn(client, "api", ["/bin/sleep", "60"])["pid"]
    until(lambda: house.record("api").get("pid"))
    house.kill_keeper()
    client.close()
    Path(house.paths.run_record("api")).unlink()
    Path(house.paths.component_lock("api")).unlink()
    second = house.start()
    assert [(run["name"], run["pid"]) for run in second.hello["runs"]] == [("api", pid)]


def test_pipes_whose_names_are_gone_are_reopened_through_the_process(house: House) -> None:
    """A cleaned run folder costs no output (P3b)."""
    client = house.start()
    code = "import os, time\nfor n in range(10**6): os.write(1, b'%d\\n' % n); time.sleep(.002)"
    house.spawn(client, "api", python(code))
    until(lambda: len(house.log("api")) > 20)
    house.kill_keeper()
    client.close()
    for entry in os.scandir(house.paths.run):
        os.unlink(entry.path)
    size = len(house.log("api"))
    house.start()
    until(lambda: len(house.log("api")) > size + 100)


def test_leftovers_of_an_adopted_run_are_found(house: House) -> None:
    """They never were our descendants: session and marks say whose they are (P4)."""
    client = house.start()
    script = "setsid sleep 50 & echo up; sleep 52"
    house.spawn(client, "api", ["/bin/sh", "-c", script])
    until(lambda: house.log("api") == b"up\n")
    house.kill_keeper()
    client.close()
    second = house.start()
    second.call("signal", name="api", run=1, signal="KILL")
    pids = [process["pid"] for process in second.event("leftovers", "api")["processes"]]
    assert pids
    second.event("drained", "api")
    until(lambda: not any(alive(pid) for pid in pids))


def test_a_hunt_for_leftovers_is_taken_up_again(house: House) -> None:
    """A keeper killed between TERM and KILL: the record stays until the leftovers are ended (P4)."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sh", "-c", "(trap '' TERM; while :; do sleep .1; done) & sleep .3"])
    pids = [process["pid"] for process in client.event("leftovers", "api")["processes"]]
    client.call("ack", seq=client.events[-1]["seq"])
    record = Path(house.paths.run_record("api"))
    until(lambda: house.record("api").get("acknowledged") or not record.exists())  # they may be ended by now
    house.kill_keeper()
    client.close()
    second = house.start()
    until(lambda: not any(alive(pid) for pid in pids))
    until(lambda: not os.path.exists(house.paths.run_record("api")))
    second.settle(0.05)
    assert not [event for event in second.events if event["event"] == "exited"]  # that was told and confirmed
