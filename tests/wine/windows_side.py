"""What runs inside Windows' Python (here: under Wine): platform and keeper, driven as the daemon drives them.

Each `check_…` is one behaviour; the program runs all of them, or those that are named, and prints one line of
JSON for each: name, seconds, what was found, and the trace if it failed.  It knows no test framework.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
DAEMON = os.path.join(os.path.dirname(os.path.dirname(HERE)), "daemon")
sys.path.insert(0, DAEMON)

from roost.keeper import wire  # noqa: E402
from roost.platform import (  # noqa: E402
    detach,
    endpoint,
    groups,
    identity,
    inbox,
    locks,
    logindex,
    loop_channel,
    loop_server,
    pipes,
    programs,
    reaping,
    security_windows,
)
from roost.platform.paths import ProjectPaths  # noqa: E402
from roost.platform.spawn import Spawner  # noqa: E402

PATIENCE = 90.0
UNDER_WINE = hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
# Wine 8 loses a process that it has just made, whoever asked for it: one of 1,800 `cmd.exe /c exit 5` that plain
# subprocess started with a loaded processor (2026-11).  Windows knows no such answer of CreateProcess.
LOST_BY_WINE = "cannot be started: Internal error"


def python(code: str) -> list[str]:
    """The argv of a small program."""
    return [sys.executable, "-I", "-S", "-u", "-c", code]


IDLE = python("import time; time.sleep(900)")
STUBBORN = "import signal, time; signal.signal(signal.SIGBREAK, signal.SIG_IGN); print('up'); time.sleep(900)"


def until(condition: Callable[[], object], what: str) -> object:
    """Wait until `condition` gives something true; that."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.01)
    return value


class Client:
    """A blocking client of the wire."""

    def __init__(self, where: str, role: str = "daemon") -> None:
        self.connection = endpoint.connect(where, PATIENCE)
        self.decoder = wire.Decoder()
        self.events: list[dict] = []
        self.replies: dict[int, dict] = {}
        self.number = 0
        self.hello = self.call("hello", role=role, major=wire.MAJOR, minor=wire.MINOR)

    def call(self, verb: str, **fields: object) -> dict:
        """A request and its result; an error is raised as AssertionError, with its text."""
        self.number += 1
        self.connection.sendall(wire.encode({"id": self.number, "verb": verb, **fields}))
        while self.number not in self.replies:
            self._receive()
        reply = self.replies.pop(self.number)
        assert "error" not in reply, "{kind}: {message}".format(**reply["error"])
        return reply["result"]

    def event(self, kind: str, name: str) -> dict:
        """The first event of that kind and component, which may be still to come."""
        while True:
            for event in self.events:
                if (event["event"], event.get("name")) == (kind, name):
                    return event
            self._receive()

    def _receive(self) -> None:
        data = self.connection.recv(65536)
        assert data, "the keeper hung up"
        for frame in self.decoder.feed(data):
            if "event" in frame:
                self.events.append(frame)
            else:
                self.replies[frame["id"]] = frame


class House:
    """A project with a keeper of its own."""

    def __init__(self) -> None:
        self.base = tempfile.mkdtemp(prefix="roost ü ")
        root = os.path.join(self.base, "project")
        os.mkdir(root)
        mark = os.urandom(8).hex()
        self.paths = ProjectPaths(root, os.path.join(root, ".roost"), os.path.join(self.base, "run", mark))
        self.pids: set[int] = set()

    def start(self) -> int:
        """Start the keeper as `roost up` does; its pid."""
        program = os.path.join(DAEMON, "roost", "keeper", "__main__.py")
        places = [self.paths.root, self.paths.state, self.paths.run]
        argv = [sys.executable, "-I", "-S", program, *places, "--", *IDLE]
        pid = detach.start_detached(argv, dict(os.environ), PATIENCE)
        self.pids.add(pid)
        return pid

    def client(self) -> Client:
        """A further client that says it is the daemon."""
        return Client(self.paths.keeper_endpoint)

    def spawn(self, client: Client, name: str, argv: list[str], **more: object) -> int:
        """Spawn a component; its pid."""
        request = {"name": name, "run": 1, "argv": argv, "cwd": self.paths.root, "env": dict(os.environ)}
        try:
            pid = client.call("spawn", **{**request, **more})["pid"]
        except AssertionError as error:
            if not UNDER_WINE or LOST_BY_WINE not in str(error):
                raise
            pid = client.call("spawn", **{**request, **more})["pid"]
        self.pids.add(pid)
        return pid

    def log(self, name: str) -> bytes:
        """All that was logged, the rotated files first."""
        text, number = b"", 0
        while os.path.exists(path := logindex.rotated(self.paths.log(name), number)):
            with open(path, "rb") as file:
                text = file.read() + text
            number += 1
        return text

    def pieces(self, name: str) -> dict[int, bytes]:
        """What each stream wrote, by the index."""
        with open(self.paths.index(name), "rb") as file:
            index = file.read()
        records = [logindex.unpack(index, at) for at in range(0, len(index), logindex.SIZE)]
        records = [record for record in records if not record[4] & logindex.ORIGIN]
        log = self.log(name)
        found: dict[int, bytes] = {}
        for record, following in zip(records, [*records[1:], (len(log),)], strict=True):
            found[record[3]] = found.get(record[3], b"") + log[record[0] : following[0]]
        return found

    def journal(self) -> str:
        """What the keeper wrote of itself."""
        try:
            with open(self.paths.keeper_log, encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""

    def clean(self) -> None:
        """End everything that this house started."""
        self._kill(self.pids)  # with the keeper first, which would start another daemon
        self._kill(_daemon_pids(self.journal()))
        shutil.rmtree(self.base, ignore_errors=True)

    def _kill(self, pids: Iterable[int]) -> None:
        for pid in pids:
            began = identity.start_time(pid)
            if began is not None:
                groups.signal_process(pid, began, groups.KILL)
        until(lambda: not any(map(alive, pids)), "everything has ended")


def _daemon_pids(journal: str) -> list[int]:
    return [int(line.rsplit(None, 1)[1]) for line in journal.splitlines() if "daemon started, pid " in line]


def _kill_daemon(it: House) -> int:
    """End the latest daemon; its pid."""
    pid = _daemon_pids(str(until(it.journal, "the journal")))[-1]
    groups.signal_process(pid, identity.start_time(pid) or 0, groups.KILL)
    return pid


def alive(pid: int) -> bool:
    return identity.start_time(pid) is not None


@contextlib.contextmanager
def house() -> Iterator[House]:
    """A house with a keeper that runs; its journal is shown if something goes wrong."""
    made = House()
    try:
        made.start()
        yield made
    except BaseException:
        print(made.journal(), file=sys.stderr)
        raise
    finally:
        made.clean()


# -- the keeper, over its pipe ----------------------------------------------------------------------------


def check_output_and_exit_code() -> str:
    code = "import sys; print('out 1'); print('err 1', file=sys.stderr); print('out 2'); sys.exit(3)"
    with house() as it:
        client = it.client()
        it.spawn(client, "api", python(code), streams="separate")
        exited = client.event("exited", "api")
        assert (exited["code"], exited["signal"], exited["how"]) == (3, None, "waited"), exited
        client.event("drained", "api")
        assert it.pieces("api") == {1: b"out 1\r\nout 2\r\n", 2: b"err 1\r\n"}, it.pieces("api")
        assert client.call("ack", seq=client.events[-1]["seq"]) == {}
        assert client.call("list") == {"runs": []}
        until(lambda: not os.path.exists(it.paths.run_record("api")), "the record is removed")
    return f"hello from pid {client.hello['pid']}, splice {client.hello['splice']}"


def check_much_output_and_rotation() -> str:
    code = "import sys; [print(f'{n:07d} ' + 'x' * 91) for n in range(100000)]"
    with house() as it:
        client = it.client()
        began = time.monotonic()
        argv = [part for part in python(code) if part != "-u"]
        it.spawn(client, "loud", argv, log={"max_size": 1_000_000, "max_files": 20})
        client.event("drained", "loud")
        seconds = time.monotonic() - began
        numbers = [int(line[:7]) for line in it.log("loud").splitlines()]
        assert numbers == list(range(100000)), (len(numbers), numbers[:3], numbers[-3:])
        files = len(os.listdir(it.paths.logs))
        assert files >= 20, files
    return f"100,000 lines (10 MB) in {seconds:.2f} s, {files // 2} log files, none lost"


def check_stop_by_kill() -> str:
    with house() as it:
        client = it.client()
        pid = it.spawn(client, "stubborn", python(STUBBORN))
        until(lambda: b"up" in it.log("stubborn"), "it is up")
        began = time.monotonic()
        client.call("stop", name="stubborn", run=1, signal="TERM", kill_after=0.5)
        exited = client.event("exited", "stubborn")
        seconds = time.monotonic() - began
        assert (exited["code"], exited["signal"]) == (None, "KILL"), exited
        assert 0.4 < seconds < 60, seconds
        assert not alive(pid)
    return f"kill_after 0.5 s: ended after {seconds:.2f} s"


def check_grandchild_ends_with_its_job() -> str:
    child = f"import subprocess, sys; p = subprocess.Popen({IDLE!r}); print(p.pid); p.wait()"
    with house() as it:
        client = it.client()
        it.spawn(client, "parent", python(child))
        grandchild = int(until(lambda: it.log("parent").strip(), "the grandchild's pid"))
        assert alive(grandchild)
        client.call("stop", name="parent", run=1, signal=None, kill_after=0)
        client.event("exited", "parent")
        until(lambda: not alive(grandchild), "the grandchild has ended")
    return "killed with its parent"


def check_leftovers() -> str:
    child = f"import subprocess; print(subprocess.Popen({IDLE!r}).pid)"
    with house() as it:
        client = it.client()
        it.spawn(client, "ends", python(child), stop={"leftovers": "end"})
        it.spawn(client, "leaves", python(child), stop={"leftovers": "leave"})
        ended, left = client.event("leftovers", "ends"), client.event("leftovers", "leaves")
        assert (ended["action"], left["action"]) == ("ended", "left"), (ended, left)
        first, second = int(it.log("ends")), int(it.log("leaves"))
        it.pids |= {first, second}
        assert [each["pid"] for each in ended["processes"]] == [first], ended
        assert [each["pid"] for each in left["processes"]] == [second], left
        until(lambda: not alive(first), "the leftover is ended")
        client.call("quit")
        _kill_daemon(it)
        until(lambda: not alive(client.hello["pid"]), "the keeper has ended")
        assert alive(second), "what may stay was ended with the keeper"
    return "one ended, one left and still alive after the keeper's end"


def check_refusals() -> str:
    texts = []
    with house() as it:
        client = it.client()
        for argv, more in [
            (["no-such-program"], {}),
            (IDLE, {"cwd": os.path.join(it.paths.root, "nowhere")}),
            ([os.path.join(it.paths.root, "empty.exe")], {}),
        ]:
            with open(os.path.join(it.paths.root, "empty.exe"), "wb") as file:
                file.write(b"this is no program")
            try:
                it.spawn(client, "bad", argv, **more)
            except AssertionError as error:
                texts.append(str(error).replace(it.base, ""))
        assert len(texts) == 3, texts
        assert all(text.startswith("spawn_failed: ") for text in texts), texts
        it.spawn(client, "bad", python("pass"))  # and nothing of the failed attempts is in the way
        client.event("exited", "bad")
    return " | ".join(texts)


def check_daemon_is_started_again() -> str:
    with house() as it:
        client = it.client()
        began = time.monotonic()
        _kill_daemon(it)
        until(lambda: len(_daemon_pids(it.journal())) == 2, "another daemon")
        seconds = time.monotonic() - began
        assert alive(_daemon_pids(it.journal())[1])
        assert client.call("list") == {"runs": []}
    return f"after {seconds:.2f} s"


def check_keeper_killed() -> str:
    with house() as it:
        client = it.client()
        keeper, daemon = client.hello["pid"], _daemon_pids(until(it.journal, "the journal"))[0]
        component = it.spawn(client, "api", python(STUBBORN))
        until(lambda: b"up" in it.log("api"), "it is up")
        assert locks.is_held(it.paths.keeper_lock)
        assert locks.is_held(it.paths.component_lock("api"))
        assert it.start() == keeper, "a second keeper started beside the first"
        began = time.monotonic()
        groups.signal_process(keeper, identity.start_time(keeper) or 0, groups.KILL)
        until(lambda: not alive(component), "the component has ended with its keeper")
        assert alive(daemon), "the daemon must outlive the keeper: it starts the next one"
        again = it.start()
        seconds = time.monotonic() - began
        assert again != keeper
        successor = it.client()
        assert successor.hello["pid"] == again
        exited = successor.event("exited", "api")
        assert exited["known"] is False, exited
    return f"component ended, next keeper answers after {seconds:.2f} s"


def check_quit() -> str:
    with house() as it:
        client = it.client()
        daemon = _daemon_pids(until(it.journal, "the journal"))[0]
        client.call("quit")
        until(lambda: not alive(client.hello["pid"]), "the keeper has ended")
        assert not alive(daemon)
        assert not locks.is_held(it.paths.keeper_lock)
        try:
            endpoint.connect(it.paths.keeper_endpoint, 0.2)
        except FileNotFoundError:
            pass
        else:
            raise AssertionError("somebody still serves the keeper's pipe")
    return "keeper, daemon, locks and pipe are gone"


def check_fifty_components() -> str:
    with house() as it:
        client = it.client()
        began = time.monotonic()
        for number in range(50):
            it.spawn(client, f"c{number}", ["cmd.exe", "/d", "/c", "exit 5"], streams="merged")
        spawned = time.monotonic() - began
        codes = {client.event("exited", f"c{number}")["code"] for number in range(50)}
        seconds = time.monotonic() - began
        assert codes == {5}, codes
    return f"50 started in {spawned:.2f} s, all ended and reaped after {seconds:.2f} s"


# -- the platform door ------------------------------------------------------------------------------------


def check_endpoint() -> str:
    where = rf"pipe:\\.\pipe\roost-test-{os.urandom(8).hex()}"
    listener = endpoint.listen(where)
    seen: list[object] = []

    def serve() -> None:
        for _ in range(2):
            connection = listener.accept()
            seen.append(endpoint.peer_is_owner(connection))
            data = b""
            while not data.endswith(b"\n"):
                data += connection.recv(65536)
            connection.sendall(data)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    for message in (b'{"hello": 1}\n', b"x" * 3_000_000 + b"\n"):
        client = endpoint.connect(where, 5.0)
        assert endpoint.peer_is_owner(client)
        answer = b""
        sender = threading.Thread(target=client.sendall, args=(message,))
        sender.start()
        while piece := client.recv(65536):
            answer += piece
        sender.join()
        assert answer == message, len(answer)
        client.close()
    thread.join()
    assert seen == [True, True], seen
    silent = endpoint.connect(where, 0.1)
    began = time.monotonic()
    try:
        silent.recv(1)
    except TimeoutError:
        pass
    else:
        raise AssertionError("no time-out")
    seconds = time.monotonic() - began
    listener.close()
    silent.close()
    return f"two round trips, 3 MB intact; a time-out of 0.1 s took {seconds:.2f} s"


def check_channel_on_a_loop() -> str:
    async def talk(it: House) -> float:
        loop = asyncio.get_running_loop()
        came, ended = asyncio.Queue[dict](), asyncio.Event()
        decoder = wire.Decoder()

        def received(data: bytes, fds: list[int]) -> None:
            for frame in decoder.feed(data):
                came.put_nowait(frame)

        channel = loop_channel.open_channel(loop, it.paths.keeper_endpoint, PATIENCE, received, ended.set)
        began = time.monotonic()
        for number in range(200):
            channel.send(wire.encode({"id": number, "verb": "list", "padding": "x" * 5000}))
        numbers = [(await asyncio.wait_for(came.get(), PATIENCE))["id"] for _ in range(200)]
        seconds = time.monotonic() - began
        assert numbers == list(range(200)), numbers
        channel.send(wire.encode({"id": 0, "verb": "quit"}))
        await came.get()
        _kill_daemon(it)
        await asyncio.wait_for(ended.wait(), PATIENCE)
        channel.close()
        return seconds

    with house() as it:
        seconds = asyncio.run(talk(it))
    return f"200 requests in {seconds:.3f} s, then the end is told"


class Echo(asyncio.Protocol):
    """Sends back what it gets, if its client is our user."""

    owners: list[bool] = []
    clients: list[int | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pipe = transport.get_extra_info("pipe")
        self.owners.append(endpoint.peer_is_owner(pipe))
        self.clients.append(endpoint.peer_pid(pipe))
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]


def check_server_on_a_loop() -> str:
    where = rf"pipe:\\.\pipe\roost-test-{os.urandom(8).hex()}"

    def one(number: int) -> str:
        client = endpoint.connect(where, PATIENCE)
        try:
            message = b"%d " % number * 5000
            sender = threading.Thread(target=client.sendall, args=(message,))
            sender.start()
            answer = b""
            while len(answer) < len(message):
                piece = client.recv(65536)
                assert piece, "cut off"
                answer += piece
            sender.join()
            assert answer == message
            return access_list(client.fileno())
        finally:
            client.close()

    async def talk() -> set[str]:
        loop = asyncio.get_running_loop()
        server = await loop_server.serve(loop, Echo, where)
        try:
            await loop_server.serve(loop, Echo, where)
        except PermissionError:
            pass  # Wine lets two serve one name; Windows does not
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            lists = await asyncio.gather(*(loop.run_in_executor(pool, one, n) for n in range(100)))
        server.close()
        await asyncio.sleep(0.1)
        return set(lists)

    (access,) = asyncio.run(talk())
    assert access.startswith("D:P(A;") and access.count("(") == 1, access
    assert access.endswith(f";;;{security_windows.our_user()})"), access
    assert Echo.owners == [True] * 100 and set(Echo.clients) == {os.getpid()}, Echo.owners
    return f"100 clients, 20 at a time; access list {access}"


def access_list(handle: int) -> str:
    """Who may do what with an object, in the system's notation for it."""
    advapi32 = ctypes.WinDLL("advapi32")
    text, needed = ctypes.c_wchar_p(), ctypes.c_ulong()
    descriptor = ctypes.create_string_buffer(4096)
    pointer, whom = ctypes.c_void_p(handle), 4  # DACL_SECURITY_INFORMATION
    assert advapi32.GetKernelObjectSecurity(pointer, whom, descriptor, 4096, ctypes.byref(needed))
    convert = advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW
    assert convert(descriptor, 1, whom, ctypes.byref(text), None)
    return str(text.value)


def check_locks() -> str:
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "x.lock")
    code = (
        f"import sys; sys.path.insert(0, {DAEMON!r})\nfrom roost.platform.locks import Lock\nimport time\n"
        f"lock = Lock({path!r}); print('taken' if lock.take() else 'refused'); time.sleep(90)"
    )
    ours = locks.Lock(path)
    assert ours.take()
    assert locks.is_held(path)
    assert not locks.Lock(path).take(), "two in one process"
    assert _first_line(code)[0] == "refused"
    ours.release()
    assert not locks.is_held(path)
    word, pid = _first_line(code, keep=True)
    assert word == "taken"
    assert locks.is_held(path)
    assert not ours.take()
    groups.kill_tree(pid, identity.start_time(pid) or 0)
    until(ours.take, "the lock of a killed holder is free")
    ours.release()
    shutil.rmtree(folder)
    return "exclusive; free again when the holder is killed"


_spawner: list[Spawner] = []


def _first_line(code: str, keep: bool = False) -> tuple[str, int]:
    """What a program says first, and its pid; it is killed unless it is to be kept."""
    if not _spawner:
        _spawner.append(Spawner())
    pipe = pipes.make_pipe("first line")
    pid = _spawner[0].spawn(python(code), dict(os.environ), ".", pipe.writing, pipe.writing)
    pipe.close(with_reader=False)
    with open(pipe.reading, "rb", buffering=0) as file:
        text = b""
        while not text.endswith(b"\n"):
            piece = file.read(1)
            if not piece:
                break
            text += piece
    if not keep:
        groups.kill_tree(pid, identity.start_time(pid) or 0)
        until(lambda: list(reaping.reap()), "it is reaped")
    return text.decode().strip(), pid


def check_arguments() -> str:
    nasty = [
        "",
        "a b",
        'say "hi"',
        "back\\",
        'q\\"',
        "tab\there",
        "ü€",
        "%PATH%",
        "a&b|c^d",
        "'",
        "c:\\x y\\",
    ]
    code = "import sys; print(ascii(sys.argv[1:]))"
    with house() as it:
        client = it.client()
        it.spawn(client, "args", [*python(code), *nasty])
        client.event("drained", "args")
        assert it.log("args").decode().strip() == ascii(nasty), it.log("args")
        with open(os.path.join(it.paths.root, "my tool.cmd"), "w") as file:
            file.write("@echo off\necho [%~1] [%2]\nexit /b 4\n")
        it.spawn(client, "batch", ["./my tool", "one two", "three"])
        assert client.event("exited", "batch")["code"] == 4
        client.event("drained", "batch")
        assert it.log("batch").split() == [b"[one", b"two]", b"[three]"], it.log("batch")
        it.spawn(client, "shell", [*programs.default_shell(), 'echo "a  b" & exit 6'])
        assert client.event("exited", "shell")["code"] == 6
        client.event("drained", "shell")
        assert it.log("shell").strip() == b'"a  b"', it.log("shell")
    return f"{len(nasty)} arguments unchanged, a batch file, a line for cmd.exe"


def check_console_events() -> str:
    heard: list[int] = []

    class Receiver:
        def signalled(self, number: int) -> None:
            heard.append(number)

        def children_ended(self) -> None:
            pass

    box = inbox.Inbox(Receiver(), (signal.SIGTERM, signal.SIGINT))
    thread = threading.Thread(target=box.console_handler, args=(1,))  # as the system calls it
    thread.start()
    box.turn(PATIENCE)
    thread.join()
    assert heard == [signal.SIGTERM], heard
    return "CTRL_BREAK becomes TERM"


def main(names: list[str]) -> int:
    """Run the checks; the exit code is 1 if one has failed."""
    checks = [(name, value) for name, value in globals().items() if name.startswith("check_")]
    failed = 0
    for name, check in checks:
        if names and name not in names:
            continue
        began, found, trace = time.monotonic(), "", ""
        try:
            found = check()
        except Exception:  # noqa: BLE001  (whatever it was, it is reported, and the next check runs)
            trace = traceback.format_exc()
            failed = 1
        seconds = round(time.monotonic() - began, 3)
        print(json.dumps({"name": name, "seconds": seconds, "found": found, "trace": trace}), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
