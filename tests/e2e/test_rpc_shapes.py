"""Every method of INTERFACES.md §6, called on a live daemon: its answer has the shape that the contract gives.

And every answer and notification fits the schema that `rpc.discover` offers for it.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from e2e.harness import PATIENCE, ProjectUnderTest, eventually, short_folder
from e2e.test_commands import COLOR, COMPONENT, DAEMON, ENTRY, EVENT, HEALTH, RELOAD, STATUS, WHY, conforms

Text, Flag, Whole = str, bool, int
TALK = [
    sys.executable,
    "-c",
    "import itertools, time\nfor n in itertools.count(): print('line', n, flush=True); time.sleep(0.1)",
]
STAY = [sys.executable, "-c", "import time; time.sleep(3600)"]
HEAR = {"run": "read -r line", "tty": True, "type": "task", "autostart": False}
BAD = "version: 1\ncomponents: {db: {rum: x}}\n"
ADDED = {"project.up", "logs.clear"}  # for the command; not in the contract
AT_A_TERMINAL = {"component.attach", "terminal.write", "terminal.resize"}
APART = {"unsubscribe", "daemon.restart", "daemon.shutdown", "project.acquire", "project.release"}
PROBLEM = {"file": Text, "line": Whole, "column": Whole, "path": Text, "message": Text}

CALLS: list[tuple[str, Any, Any]] = [
    ("ping", None, {"pong": Flag}),
    (
        "rpc.discover",
        None,
        {"openrpc": Text, "info": {"title": Text, "version": Text}, "methods": [{"name": Text}]},
    ),
    ("daemon.status", None, DAEMON),
    ("daemon.health", None, HEALTH),
    ("project.status", None, STATUS),
    ("component.list", None, [COMPONENT]),
    ("component.get", {"name": "talk"}, COMPONENT),
    ("component.stop", {"names": ["idle"]}, {"components": [COMPONENT]}),
    ("component.start", {"names": ["idle"], "timeout": 60}, {"components": [COMPONENT]}),
    ("component.restart", {"names": ["idle"], "wait": True}, {"components": [COMPONENT]}),
    ("component.start", {"names": ["idle"], "wait": False}, {"components": [COMPONENT]}),
    ("component.signal", {"name": "idle", "signal": "CONT"}, {"components": [COMPONENT]}),
    ("component.why", {"name": "talk"}, WHY),
    ("component.exec", {"name": "idle", "command": ["true"]}, {"code": Whole}),
    ("logs.query", {"names": ["talk"], "lines": 3}, {"entries": [ENTRY], "cursor": Text, "more": Flag}),
    (
        "logs.query",
        {"grep": "line [0-9]", "since": "5m", "stream": "stdout"},
        {"entries": [ENTRY], "more": Flag},
    ),
    ("events.query", {"limit": 5, "component": "talk"}, {"events": [EVENT], "more": Flag}),
    ("events.query", {"since": 0}, {"events": [EVENT], "more": Flag}),
    ("config.check", {"text": BAD}, {"valid": Flag, "problems": [PROBLEM]}),
    ("config.check", {"path": "roost.yaml"}, {"valid": Flag, "problems": [PROBLEM]}),
    ("config.reload", {"dry_run": True}, RELOAD),
    ("config.reload", None, RELOAD),
]
STREAMS: list[tuple[str, Any, dict[str, Any]]] = [
    ("logs.stream", {"names": ["talk"]}, {"logs.entries": {"subscription": Text, "entries": [ENTRY]}}),
    ("events.stream", {"since": 0}, {"events.event": {"subscription": Text, **EVENT}}),
    (
        "status.stream",
        {},
        {
            "status.snapshot": {"subscription": Text, **STATUS},
            "status.changed": {"subscription": Text, "components": [COMPONENT], "color": COLOR},
        },
    ),
]


class Caller:
    """A plain connection to the daemon."""

    def __init__(self, project: ProjectUnderTest) -> None:
        endpoint = project.status()["daemon"]["endpoint"]
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(PATIENCE)
        self._connection.connect(endpoint.partition(":")[2])
        self._file = self._connection.makefile("rb")
        self.notices: list[dict[str, Any]] = []

    def call(self, method: str, params: Any = None) -> Any:
        """The result of one call; notifications that come meanwhile are kept."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            request["params"] = params
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._read()
            if "method" not in message:
                assert message.get("jsonrpc") == "2.0" and message.get("id") == 1, message
                assert "result" in message, message
                return message["result"]
            self.notices.append(message)

    def notice(self, method: str) -> Any:
        """The payload of the next notification of that name."""
        while True:
            message = self.notices.pop(0) if self.notices else self._read()
            assert "id" not in message, "a notification has none"
            if message["method"] == method:
                return message["params"]

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def _read(self) -> dict[str, Any]:
        line = self._file.readline()
        assert line.endswith(b"\n"), "one message a line"
        message: dict[str, Any] = json.loads(line)
        return message


@pytest.fixture(scope="module")
def stack() -> Iterator[ProjectUnderTest]:
    """One that talks and one that does not."""
    project = ProjectUnderTest(short_folder())
    project.components(talk={"run": TALK}, idle={"run": STAY, "depends_on": ["talk"]}, hear=HEAR)
    try:
        project.up("talk", "idle")
        project.up()
        project.roost("start", "hear", "--no-wait", check=True)
        project.wait_state("hear", "running")
        eventually(lambda: project.log_lines("talk"), what="a line")
        yield project
    finally:
        project.finish()


@pytest.fixture
def caller(stack: ProjectUnderTest) -> Iterator[Caller]:
    """A connection of the test's own."""
    caller = Caller(stack)
    yield caller
    caller.close()


@pytest.fixture(scope="module")
def described(stack: ProjectUnderTest) -> dict[str, Any]:
    """What the daemon says of itself."""
    caller = Caller(stack)
    document: dict[str, Any] = caller.call("rpc.discover")
    caller.close()
    return document


def fits(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    """A value against a schema of the document."""
    jsonschema.validate(value, {**schema, "components": document["components"]})


def of_method(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["methods"] if one["name"] == name)
    return found


@pytest.mark.parametrize(
    ("method", "params", "shape"), CALLS, ids=lambda it: it if isinstance(it, str) else ""
)
def test_an_answer_has_its_shape(
    caller: Caller, described: dict[str, Any], method: str, params: Any, shape: Any
) -> None:
    """By the contract, and by the schema that the daemon offers."""
    if method != "component.start":  # the test before may have stopped it, and the one between run elsewhere
        caller.call("component.start", {"names": ["idle"]})
    result = caller.call(method, params)
    conforms(result, shape)
    fits(result, of_method(described, method)["result"]["schema"], described)


@pytest.mark.parametrize(
    ("method", "params", "shapes"), STREAMS, ids=lambda it: it if isinstance(it, str) else ""
)
def test_a_stream_sends_what_it_says(
    caller: Caller,
    stack: ProjectUnderTest,
    described: dict[str, Any],
    method: str,
    params: Any,
    shapes: dict[str, Any],
) -> None:
    """First the subscription, then its notifications, each with the subscription; then it can be ended."""
    subscription = caller.call(method, params)["subscription"]
    kinds = {one["name"]: one["params"] for one in of_method(described, method)["x-notifications"]}
    assert kinds.keys() == shapes.keys()
    for name, shape in shapes.items():
        if name == "status.changed":
            stack.roost("restart", "idle", check=True)
        payload = caller.notice(name)
        assert payload["subscription"] == subscription
        conforms(payload, shape)
        fits(payload, kinds[name], described)
    conforms(caller.call("unsubscribe", {"subscription": subscription}), {})


def test_a_lease_has_its_shapes(caller: Caller, described: dict[str, Any]) -> None:
    """Granted, claimed again under the name that the client chose, and released."""
    schema = of_method(described, "project.acquire")["result"]["schema"]
    for params in ({"names": ["talk"], "lease": "mine"}, {"lease": "mine", "claim": True}):
        lease = caller.call("project.acquire", params)
        assert lease == {"lease": "mine", "started": []}
        fits(lease, schema, described)
    fits(
        caller.call("project.release", {"lease": "mine"}),
        of_method(described, "project.release")["result"]["schema"],
        described,
    )


def test_a_terminal_has_its_shapes(
    caller: Caller, stack: ProjectUnderTest, described: dict[str, Any]
) -> None:
    """Attached, typed at, given a size, seen, and ended with its run."""
    notices = {
        one["name"]: one["params"] for one in of_method(described, "component.attach")["x-notifications"]
    }
    subscription = caller.call("component.attach", {"name": "hear"})["subscription"]
    attached = caller.notice("terminal.attached")
    conforms(attached, {"subscription": Text, "terminal": Text, "run": Whole})
    terminal = attached["terminal"]
    resized = caller.call("terminal.resize", {"terminal": terminal, "columns": 60, "rows": 20})
    typed = caller.call("terminal.write", {"terminal": terminal, "data": base64.b64encode(b"x\n").decode()})
    fits(resized, of_method(described, "terminal.resize")["result"]["schema"], described)
    fits(typed, of_method(described, "terminal.write")["result"]["schema"], described)
    output, ended = caller.notice("terminal.output"), caller.notice("terminal.ended")
    conforms(output, {"subscription": Text, "data": Text, "cursor": Text})
    conforms(ended, {"subscription": Text, "reason": Text})
    for name, payload in {"attached": attached, "output": output, "ended": ended}.items():
        assert payload["subscription"] == subscription
        fits(payload, notices[f"terminal.{name}"], described)
    stack.wait_state("hear", "completed")


def test_nothing_is_left_out(described: dict[str, Any]) -> None:
    """Each method that the daemon offers is called in this file."""
    offered = {one["name"] for one in described["methods"]}
    called = {name for name, _, _ in (*CALLS, *STREAMS)} | APART
    assert offered == called | AT_A_TERMINAL | ADDED


def test_the_ends_answer_before_they_end(project: ProjectUnderTest) -> None:
    """`daemon.restart` and `daemon.shutdown`: the answer comes first, then the connection ends."""
    project.components(idle={"run": STAY})
    project.up()
    before = project.pids()
    caller = Caller(project)
    assert caller.call("daemon.restart")["pid"] == before[":daemon"]
    caller.close()
    project.wait_for(lambda it: it["daemon"]["running"] and it["daemon"]["pid"] != before[":daemon"])
    assert project.pids()["idle"] == before["idle"]
    caller = Caller(project)
    conforms(caller.call("daemon.shutdown"), {"stopped": [Text], "killed": [Text]})
    caller.close()
