"""Starting components: what they are given, and what cannot be started."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from keeper.harness import PATIENCE, House, WireFailed, python, until
from roost.platform import identity, locks

REPORT = """
import json, os, resource, signal, sys
fds = sorted(int(name) for name in os.listdir("/proc/self/fd"))
fds = [fd for fd in fds if os.path.exists("/proc/self/fd/%d" % fd)]
print(json.dumps({
    "fds": fds, "session": os.getsid(0) == os.getpid(), "cwd": os.getcwd(),
    "env": dict(os.environ), "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "stdin": os.readlink("/proc/self/fd/0"),
}))
"""


def test_a_component_runs_in_a_session_of_its_own_with_nothing_of_ours(house: House) -> None:
    """Own session and folder, null device, its environment, the starter's limits, three kept descriptors."""
    client = house.start()
    house.spawn(client, "api", [*python(REPORT)], env={"PATH": "/bin", "MINE": "1"})
    client.event("exited", "api")
    seen = json.loads(house.log("api"))
    assert seen["session"]
    assert seen["cwd"] == os.path.realpath(house.paths.root)
    assert seen["stdin"] == "/dev/null"
    assert seen["fds"] == [0, 1, 2, 20, 21, 22]
    assert seen["limit"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    instance = client.hello["instance"]
    mine = {
        "PATH": "/bin",
        "MINE": "1",
        "ROOST_INSTANCE": instance,
        "ROOST_COMPONENT": "api",
        "ROOST_RUN": "1",
    }
    assert {key: value for key, value in seen["env"].items() if key != "LC_CTYPE"} == mine


def test_a_component_begins_with_default_signals(house: House) -> None:
    """None ignored, none blocked, though the keeper's starter may have (nohup)."""
    client = house.start()
    house.spawn(client, "api", ["/bin/grep", "-E", "SigIgn|SigBlk", "/proc/self/status"])
    client.event("exited", "api")
    masks = [int(line.split()[1], 16) for line in house.log("api").splitlines()]
    assert [mask & 0x7FFFFFFF for mask in masks] == [0, 0]  # glibc keeps 32 and 33 for itself


def test_the_reply_brings_reading_ends_and_a_pidfd(house: House) -> None:
    """The daemon gets spare ends, so that the keeper's death alone loses nothing (D3, P2)."""
    client = house.start()
    result = house.spawn(client, "api", ["/bin/sleep", "60"])
    assert result["start_time"] == identity.start_time(result["pid"])
    assert [stat.S_ISFIFO(os.fstat(fd).st_mode) for fd in client.fds] == [True, True, False]
    assert len(client.fds) == 3


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["no-such-program"], "no program no-such-program"),
        (["./missing"], "no program ./missing"),
        (["./plain"], "chmod +x"),
        (["."], "is a folder"),
        (["./text"], "neither a binary"),
        (["./orphan"], "interpreter"),
        (["a\0b"], "null"),
    ],
)
def test_what_cannot_be_started_is_refused_with_a_reason(house: House, argv: list[str], word: str) -> None:
    """Missing, not executable, a folder, of no known format: an error each, and nothing is left (P20)."""
    client = house.start()
    root = Path(house.paths.root)
    (root / "plain").write_text("#!/bin/sh\n")
    for name, text in (("text", "echo hello\n"), ("orphan", "#!/no/such/shell\n")):
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    with pytest.raises(WireFailed) as failed:
        house.spawn(client, "api", argv)
    assert failed.value.kind == "spawn_failed"
    assert word in str(failed.value)
    assert client.call("list")["runs"] == []
    assert os.listdir(house.paths.runs) == []
    assert sorted(os.listdir(house.paths.run)) == ["keeper.lock", "keeper.sock"]
    assert house.spawn(client, "api", ["/bin/true"])["pid"] > 0


def test_a_missing_folder_is_refused_by_name(house: House) -> None:
    """The error names the folder, not the program."""
    client = house.start()
    with pytest.raises(WireFailed, match="/no/such/folder"):
        house.spawn(client, "api", ["/bin/true"], cwd="/no/such/folder")


def test_a_program_is_looked_up_in_the_components_own_path(house: House) -> None:
    """Not in the keeper's PATH; relative entries count from the component's folder."""
    client = house.start()
    tools = Path(house.paths.root) / "tools"
    tools.mkdir()
    (tools / "mytool").write_text("#!/bin/sh\necho found\n")
    (tools / "mytool").chmod(0o755)
    house.spawn(client, "api", ["mytool"], env={"PATH": "/nowhere:tools"})
    client.event("exited", "api")
    assert house.log("api") == b"found\n"


def test_a_second_run_of_a_living_component_is_refused(house: House) -> None:
    """One live run per component, whatever is asked for."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sleep", "60"])
    with pytest.raises(WireFailed) as failed:
        house.spawn(client, "api", ["/bin/sleep", "60"], run=2)
    assert failed.value.kind == "exists"


def test_requests_with_faults_are_answered_with_errors(house: House) -> None:
    """A missing or wrong field, an unknown verb, a run that is not there: an error, and the next works."""
    client = house.start()
    for verb, fields, kind in (
        ("spawn", {"name": "x"}, "bad_request"),
        ("spawn", {"name": "../x", "run": 1}, "bad_request"),
        ("stop", {"name": "x", "run": 9}, "no_such_run"),
        ("ack", {"seq": "one"}, "bad_request"),
        ("nonsense", {}, "no_such_verb"),
    ):
        with pytest.raises(WireFailed) as failed:
            client.call(verb, **fields)
        assert failed.value.kind == kind
    assert client.call("list") == {"runs": []}


def test_the_run_record_follows_the_run(house: House) -> None:
    """pid, start time and boot id while it lives, the exit when it ended, gone when that is acknowledged."""
    client = house.start()
    pid = house.spawn(
        client, "api", ["/bin/sleep", "60"], note={"digest": "abc"}, env={"PASSWORD": "hidden"}
    )["pid"]
    path = Path(house.paths.run_record("api"))
    record = until(lambda: (found := house.record("api")).get("pid") and found)
    assert record["pid"] == pid
    assert record["start_time"] == identity.start_time(pid)
    assert record["boot_id"] == identity.boot_id()
    assert record["note"] == {"digest": "abc"}
    assert "hidden" not in path.read_text()  # P19
    client.call("signal", name="api", run=1, signal="KILL")
    seq = client.event("exited", "api")["seq"]
    assert until(lambda: house.record("api").get("exit"))["signal"] == "KILL"
    client.call("ack", seq=seq)
    until(lambda: not path.exists())


def test_the_runs_lock_lives_as_long_as_the_component(house: House) -> None:
    """Held by the component itself, also when the keeper is gone; free when it has ended (S1)."""
    client = house.start()
    house.spawn(client, "api", ["/bin/sleep", "60"])
    lock = house.paths.component_lock("api")
    assert locks.is_held(lock)
    client.call("signal", name="api", run=1, signal="KILL")
    client.event("exited", "api")
    assert not locks.is_held(lock)


def test_fifty_spawns_at_once_keep_nobody_waiting(house: House) -> None:
    """While one client's burst is served, another is answered in between (D12, P12)."""
    client = house.start()
    other = house.connect(role="doctor")
    assert house.keeper is not None
    house.keeper.send_signal(signal.SIGSTOP)  # so that both requests are there when it looks
    ids = [
        client.send(
            "spawn",
            name=f"c{number}",
            run=1,
            argv=["/bin/true"],
            cwd="/",
            env={},
            streams="merged",
            stop={},
            log={},
        )
        for number in range(50)
    ]
    number = other.send("list")
    house.keeper.send_signal(signal.SIGCONT)
    until(lambda: other.receive(PATIENCE) or number in other.replies)
    assert len(other.replies[number]["result"]["runs"]) < 50
    until(lambda: client.receive(PATIENCE) or len(client.replies) == len(ids))
