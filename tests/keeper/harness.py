"""A real keeper as a process, and a blocking client of its wire.  For tests only."""

from __future__ import annotations

import array
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import roost
from roost.keeper import wire
from roost.keeper.channel import PRESSED_PATIENCE
from roost.platform import identity, logindex
from roost.platform.paths import ProjectPaths

PACKAGE = Path(roost.__file__).parent
PATIENCE = 60.0  # seconds that a test waits for what must come, on a machine that has much else to do
IDLE = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(3600)"]
"""A daemon that does nothing: the test speaks to the keeper in its place."""
HANDOVER = {**os.environ, wire.HANDOVER_VARIABLE: "1"}
"""The environment of a keeper that the daemon of the one before has started; a second client speaks in its place."""


def until(condition: Callable[[], Any], timeout: float = PATIENCE, what: str = "") -> Any:
    """Wait until `condition` gives something true; that.  Fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or condition}")
        time.sleep(0.005)


class WireFailed(Exception):
    """An error reply."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['kind']}: {error['message']}")
        self.error = error
        self.kind: str = error["kind"]


class WireClient:
    """One connection to the keeper."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._decoder = wire.Decoder()
        self._next_id = 0
        self.hello: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self.fds: list[int] = []

    def send(self, verb: str, **fields: Any) -> int:
        """A request, without waiting for the answer; its id."""
        self._next_id += 1
        self._socket.sendall(wire.encode({"id": self._next_id, "verb": verb, **fields}))
        return self._next_id

    def call(self, verb: str, timeout: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """A request and its result; raises WireFailed."""
        number = self.send(verb, **fields)
        deadline = time.monotonic() + timeout
        while number not in self.replies:
            self.receive(deadline - time.monotonic())
        reply = self.replies.pop(number)
        if "error" in reply:
            raise WireFailed(reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    def give(self, verb: str, fds: Sequence[int], **fields: Any) -> dict[str, Any]:
        """A request with descriptors, and its result; raises WireFailed."""
        self._next_id += 1
        frame = {"id": self._next_id, "verb": verb, "fds": len(fds), **fields}
        socket.send_fds(self._socket, [wire.encode(frame)], list(fds))
        number = self._next_id
        while number not in self.replies:
            self.receive(PATIENCE)
        reply = self.replies.pop(number)
        if "error" in reply:
            raise WireFailed(reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    def receive(self, timeout: float) -> None:
        """Take in what comes within `timeout` seconds; raises TimeoutError, EOFError."""
        if timeout <= 0:
            raise TimeoutError
        self._socket.settimeout(timeout)
        data, ancillary, _, _ = self._socket.recvmsg(262144, socket.CMSG_SPACE(32 * 4))
        for _, _, payload in ancillary:
            fds = array.array("i")
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
            self.fds.extend(fds)
        if not data:
            raise EOFError("the keeper closed the connection")
        for frame in self._decoder.feed(data):
            if "event" in frame:
                self.events.append(frame)
            else:
                number = frame["id"]
                assert isinstance(number, int)
                self.replies[number] = frame

    def event(
        self, kind: str, name: str | None = None, run: int | None = None, timeout: float = PATIENCE
    ) -> Any:
        """The first event of that kind (and name, and run), now or within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if (
                    event["event"] == kind
                    and name in (None, event.get("name"))
                    and run in (None, event.get("run"))
                ):
                    return event
            self.receive(deadline - time.monotonic())

    def settle(self, seconds: float) -> None:
        """Take in what comes for a while."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while True:
                self.receive(deadline - time.monotonic())

    def close(self) -> None:
        self._socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()


class Piece(NamedTuple):
    """Bytes of one stream in the log, and when they came (nanoseconds since 1970)."""

    at: int
    run: int
    stream: int
    data: bytes


def records_in(index: Path) -> list[tuple[int, int, int, int, int]]:
    """The whole records of an index, but for those that say what was before the file."""
    data = index.read_bytes()
    records = [logindex.unpack(data, at) for at in range(0, len(data) - logindex.SIZE + 1, logindex.SIZE)]
    return [record for record in records if not record[4] & logindex.ORIGIN]


class House:
    """A project folder with a keeper that can be started, spoken to and killed."""

    def __init__(self, folder: Path) -> None:
        root = folder / "project"
        root.mkdir(parents=True, exist_ok=True)
        self._run = Path(tempfile.mkdtemp(prefix="k-", dir="/tmp"))  # a socket's address fits in 104 bytes
        self.paths = ProjectPaths(str(root), str(root / ".roost"), str(self._run / "0123456789abcdef"))
        self.daemon: Sequence[str] = IDLE
        self.package = PACKAGE
        self.keeper: subprocess.Popen[bytes] | None = None
        self._clients: list[WireClient] = []
        self._pids: dict[int, int] = {}  # of components: pid → start time
        self._daemons: dict[int, int] = {}  # of killed keepers: pid → start time

    @property
    def argv(self) -> list[str]:
        places = [self.paths.root, self.paths.state, self.paths.run]
        program = str(self.package / "keeper" / "__main__.py")
        return [sys.executable, "-I", "-S", program, *places, "--", *self.daemon]

    @property
    def socket(self) -> str:
        return os.path.join(self.paths.run, "keeper.sock")

    def start(self, daemon: Sequence[str] | None = None, **options: Any) -> WireClient:
        """Start a keeper; a client that has said hello as the daemon."""
        self.daemon = daemon or self.daemon
        self.keeper = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, **options)
        return self.connect()

    def connect(self, role: str = "daemon") -> WireClient:
        """A further client, once the keeper listens."""
        client: WireClient = until(self._try_connect, what="the keeper's socket")
        self._clients.append(client)
        client.hello = client.call("hello", role=role, major=wire.MAJOR, minor=wire.MINOR)
        return client

    def _try_connect(self) -> WireClient | None:
        assert self.keeper is None or self.keeper.poll() is None, "the keeper ended"
        try:
            return WireClient(self.socket)
        except OSError:
            return None

    def spawn(
        self, client: WireClient, name: str, argv: Sequence[str], run: int = 1, **fields: Any
    ) -> dict[str, Any]:
        """Spawn a component with sensible defaults."""
        request = {
            "name": name,
            "run": run,
            "argv": list(argv),
            "cwd": self.paths.root,
            "env": {"PATH": os.environ["PATH"]},
            "streams": "separate",
            "tty": False,
            "log": {"max_size": 10 * 1024 * 1024, "max_files": 5},
            "stop": {"signal": "TERM", "timeout": 5, "leftovers": "end"},
            "note": None,
            **fields,
        }
        result = client.call("spawn", **request)
        self._pids[result["pid"]] = result["start_time"]
        return result

    def log(self, name: str) -> bytes:
        """All that was logged, the rotated files first; a look that falls into a rotation is repeated."""
        while True:
            with contextlib.suppress(FileNotFoundError):
                return b"".join(path.read_bytes() for path in self.files(self.paths.log(name)))

    def record(self, name: str) -> dict[str, Any]:
        """The run record; empty if there is none, or while the keeper writes over it."""
        try:
            found: dict[str, Any] = json.loads(Path(self.paths.run_record(name)).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def index(self, name: str) -> list[tuple[int, int, int, int, int]]:
        """The records of the live log."""
        return records_in(Path(self.paths.index(name)))

    def pieces(self, name: str) -> list[Piece]:
        """What the live log holds, by its index."""
        log = Path(self.paths.log(name)).read_bytes()
        records = [record for record in self.index(name) if not record[4] & logindex.GAP]
        ends = [record[0] for record in records[1:]] + [len(log)]
        each = [
            Piece(record[1], record[2], record[3], log[record[0] : end])
            for record, end in zip(records, ends, strict=True)
        ]
        return [piece for piece in each if piece.data]

    def lines(self, name: str, stream: int) -> list[bytes]:
        """The lines of one stream of the live log, put together by the index as `roost logs` does."""
        return b"".join(piece.data for piece in self.pieces(name) if piece.stream == stream).splitlines()

    def check_tears(self, name: str) -> None:
        """Where one stream cuts the other's line in the file, that line had waited for its end (DESIGN.md §3)."""
        for one, other in pairwise(self.pieces(name)):
            if one.stream != other.stream and not one.data.endswith(b"\n"):
                assert other.at - one.at > PRESSED_PATIENCE * 0.9e9, (one, other)

    def files(self, path: str) -> list[Path]:
        """The live file and the rotated ones, oldest first."""
        found = []
        for number in range(100):
            each = Path(logindex.rotated(path, number))
            if each.exists():
                found.insert(0, each)
        return found

    def kill_keeper(self) -> None:
        """`kill -9`.  Its stand-in daemon, which would end by itself if it were real, is ended in `clean`."""
        assert self.keeper is not None
        self._note_daemons(self.keeper.pid)
        self.keeper.kill()
        self.keeper.wait()
        self.keeper = None

    def _note_daemons(self, keeper: int) -> None:
        for pid in _below(keeper):
            found = identity.facts(pid)
            if found is not None and pid not in self._pids and found.parent == keeper:
                self._daemons[pid] = found.start_time

    def clean(self) -> None:
        """End everything that this house started, by pid."""
        for client in self._clients:
            client.close()
        if self.keeper is not None:
            self.keeper.send_signal(signal.SIGSTOP)  # or it would start the next daemon meanwhile
            below = _below(self.keeper.pid)
            self.keeper.kill()
            self.keeper.wait()
            for pid in below:
                _kill(pid)
            self.keeper = None
        for pid, started in self._daemons.items():
            found = identity.facts(pid)
            if found is not None and found.start_time == started:
                _kill(pid)
        for pid, started in self._pids.items():
            found = identity.facts(pid)
            if found is not None and found.start_time == started and found.session == pid:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(self._run, ignore_errors=True)


def _below(pid: int) -> list[int]:
    from roost.platform import groups

    return groups.descendants(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def python(code: str) -> list[str]:
    """The argv of a small Python program."""
    return [sys.executable, "-I", "-S", "-c", code]


@contextlib.contextmanager
def house_in(folder: Path) -> Iterator[House]:
    """A house, cleaned at the end."""
    house = House(folder)
    try:
        yield house
    finally:
        house.clean()
