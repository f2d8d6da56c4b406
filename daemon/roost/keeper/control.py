"""The verbs of the wire: what each asks for is done by others, here it is understood and answered.

One request of a client is served per turn of the loop, so that fifty spawns at once do not keep the other
clients waiting (D12).  Only the client with role `daemon` is told events.
"""

from __future__ import annotations

import collections
import os
import signal

from roost.platform.inbox import CARRIES_DESCRIPTORS

from . import requests, wire
from .requests import Refused
from .spawn import for_the_daemon
from .takeover import reopen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.platform.inbox import Link

    from .keeper import Keeper
    from .table import Run


class Client:
    """One connection, and the requests of it that have not been served yet."""

    __slots__ = ("decoder", "hands_over", "link", "waiting")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.decoder = wire.Decoder()
        self.waiting: collections.deque[dict[str, object]] = collections.deque()
        self.hands_over = False  # it has begun to tell what the daemon of an earlier keeper knows


class Control:
    """The clients and their requests."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._clients: dict[Link, Client] = {}
        self._busy: dict[Client, None] = {}  # those with requests, in the order of their coming
        self._daemon: Client | None = None
        self._verbs = {
            "hello": self._hello,
            "stop": self._stop,
            "signal": self._signal,
            "ack": self._ack,
            "list": self._list,
            "log": self._log,
            "bound": self._bound,
            "watch": self._watch,
            "environ": self._environ,
            "daemon": self._replace_daemon,
            "known_exit": self._known_exit,
            "terminal": self._terminal,
            "keep": self._keep,
            "remember": self._remember,
            "terminate": self._terminate,
            "quit": self._quit,
        }

    @property
    def has_daemon(self) -> bool:
        """Whether a daemon is connected and has said hello."""
        return self._daemon is not None

    @property
    def is_busy(self) -> bool:
        """Whether a request waits to be served."""
        return bool(self._busy)

    # -- connections -------------------------------------------------------------------------------------

    def connected(self, link: Link) -> None:
        """A new client."""
        self._clients[link] = Client(link)

    def received(self, link: Link, data: bytes) -> None:
        """Bytes of a client; one that sends what is no frame is cut off."""
        client = self._clients[link]
        try:
            frames = client.decoder.feed(data)
        except wire.WireError as error:
            self._keeper.journal.say(f"a client was cut off: {error}")
            link.close()
            self.closed(link)
            return
        client.waiting.extend(frames)
        if client.waiting:
            self._busy[client] = None

    def closed(self, link: Link) -> None:
        """A client is gone; what it still wanted is not done."""
        client = self._clients.pop(link, None)
        if client is not None:
            self._busy.pop(client, None)
            if client is self._daemon:
                self._daemon = None
                self._keeper.daemon_lost()
            elif client.hands_over:
                self._keeper.handed_over()

    def emit(self, event: dict[str, object], may_be_lost: bool = False) -> None:
        """Tell the daemon, if there is one; what may be lost is, when the daemon does not keep up."""
        if self._daemon is not None and not (may_be_lost and self._daemon.link.pending_bytes > 65536):
            self._daemon.link.send(wire.encode(event))

    def hand_over(self, run: Run) -> None:
        """Give the daemon, if there is one, what it is to hold of a run."""
        if self._daemon is not None and CARRIES_DESCRIPTORS and not run.ended:
            self._hand_over(self._daemon, run)

    # -- requests ----------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve one request of each client that has any."""
        for client in list(self._busy):
            request = client.waiting.popleft()
            if not client.waiting:
                del self._busy[client]
            self._answer(client, request)

    def _answer(self, client: Client, request: dict[str, object]) -> None:
        try:
            if request.get("verb") == "spawn":
                self._spawn(client, request)
                return
            function = self._verbs.get(str(request.get("verb")))
            if function is None:
                raise Refused("no_such_verb", f"this keeper does not know {request.get('verb')!r}")
            result = function(client, request)
        except Refused as refused:
            self._refuse(client, request, refused)
            return
        client.link.send(wire.encode({"id": request.get("id"), "result": result}))
        if request.get("verb") == "hello" and client is self._daemon:
            self._tell_all(client)

    def _refuse(self, client: Client, request: dict[str, object], refused: Refused) -> None:
        error = {"kind": refused.kind, "message": refused.message, **refused.more}
        client.link.send(wire.encode({"id": request.get("id"), "error": error}))

    def _tell_all(self, client: Client) -> None:
        """What no daemon has acknowledged yet, what it should hold for us, and what is going on."""
        for event in self._keeper.table.unacknowledged():
            client.link.send(wire.encode(event))
        if CARRIES_DESCRIPTORS:
            for run in self._keeper.table.living():
                self._hand_over(client, run)
            for name, fds in self._keeper.kept.everything():
                client.link.send(wire.encode({"event": "kept", "name": name, "fds": len(fds)}), fds)
        if self._keeper.terminating:
            client.link.send(wire.encode({"event": "terminate"}))

    def _hand_over(self, client: Client, run: Run) -> None:
        """What the daemon that started it held: reading ends and a pidfd, opened anew (D3)."""
        ends = reopen(run)
        fields, fds, pidfd = for_the_daemon(run, ends)
        event = {"event": "ends", **fields, "name": run.name, "run": run.run}
        client.link.send(wire.encode(event), fds)
        for fd in (*(end[0] for end in ends), pidfd):
            if fd >= 0:
                os.close(fd)

    # -- the verbs ---------------------------------------------------------------------------------------

    def _hello(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        if requests.text(request, "role", "doctor") == "daemon":
            if request.get("major") != wire.MAJOR:
                raise Refused(
                    "version", f"this keeper speaks version {wire.MAJOR}, not {request.get('major')!r}"
                )
            self._keeper.daemon.proved()
            earlier, self._daemon = self._daemon, client
            if earlier is not None and earlier is not client:
                earlier.link.close()
                self.closed(earlier.link)
        return self._keeper.facts()

    def _spawn(self, client: Client, request: dict[str, object]) -> None:
        keeper = self._keeper
        current = keeper.table.current(requests.text(request, "name"))
        if current is not None and not current.ended:
            raise Refused("exists", f"{current.name} runs already (run {current.run}, pid {current.pid})")
        if keeper.table.find(current.name, requests.whole(request, "run")) if current is not None else None:
            raise Refused(
                "exists", f"run {request['run']} of {request['name']} has been; take the next number"
            )
        if keeper.leaving:
            raise Refused("leaving", "the keeper is about to end")
        run, ends, terminal = keeper.starter.start(request, len(keeper.table))
        keeper.table.add(run)
        keeper.journal.say(f"{run.name} run {run.run} started, pid {run.pid}")
        fields, fds, pidfd = for_the_daemon(run, ends)
        result = {"pid": run.pid, "start_time": run.start_time}
        client.link.send(wire.encode({"id": request.get("id"), **fields, "result": result}), fds)
        if pidfd >= 0:
            os.close(pidfd)
        keeper.pumps.of(run.name).add(run.name, run.run, ends, run.max_size, run.max_files, terminal=terminal)

    def _stop(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        run = self._run(request)
        signal = requests.optional_text(request, "signal")
        kill_after = requests.seconds(request, "kill_after", run.stop_timeout)
        self._keeper.lifecycle.stop(run, signal, kill_after, requests.optional_text(request, "leftovers"))
        return {}

    def _signal(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._keeper.lifecycle.signal(self._run(request), requests.text(request, "signal"))
        return {}

    def _ack(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        keeper = self._keeper
        keeper.lifecycle.acknowledged(keeper.table.acknowledge(requests.whole(request, "seq")))
        return {}

    def _list(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        return {"runs": [run.public() for run in self._keeper.table]}

    def _log(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        name = requests.text(request, "name")
        run = self._keeper.table.current(name)
        size, files = (run.max_size, run.max_files) if run else (10 * 1024 * 1024, 5)
        size = requests.whole(request, "max_size", size)
        files = requests.whole(request, "max_files", files)
        if run is not None:
            run.max_size, run.max_files = size, files
        self._keeper.pumps.of(name).settings(name, size, files)
        if request.get("clear"):
            self._keeper.pumps.of(name).clear(name, size, files)
        return {}

    def _bound(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._keeper.pumps.bound(requests.whole(request, "logs"))
        return {}

    def _watch(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._keeper.pumps.watch(requests.texts(request, "names"))
        return {}

    def _environ(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._keeper.daemon.env = requests.environment(request, "env")
        self._keeper.environment = requests.text(request, "environment", "replaced")
        if client is not self._daemon:
            self._keeper.handed_over()
        return {}

    def _replace_daemon(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        argv = requests.texts(request, "argv") if request.get("argv") is not None else None
        self._keeper.daemon.replace(argv)
        return {}

    def _known_exit(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._hears(client)
        key = requests.text(request, "name"), requests.whole(request, "run")
        self._keeper.takeover.known_exit(key, requests.exit_code(request, "code"))
        return {}

    def _terminal(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        if request.get("fds") != 1 or not client.link.given:
            raise Refused("bad_request", "the terminal itself is missing: one descriptor must come with this")
        master = client.link.given.pop(0)
        if not os.isatty(master):
            os.close(master)
            raise Refused("bad_request", "what came is no terminal")
        self._hears(client)
        key = requests.text(request, "name"), requests.whole(request, "run")
        self._keeper.terminals.give(key, master)
        return {}

    def _keep(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._hears(client)
        count = requests.whole(request, "fds", 0)
        if count > len(client.link.given):
            raise Refused("bad_request", f"{count} descriptors must come with this")
        fds, client.link.given[:count] = client.link.given[:count], []
        name = requests.text(request, "name")
        self._keeper.kept.keep(name, fds)
        if self._daemon is not None and client is not self._daemon and fds:
            self._daemon.link.send(wire.encode({"event": "kept", "name": name, "fds": count}), fds)
        return {}

    def _remember(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._hears(client)
        self._keeper.remembered[requests.text(request, "name")] = requests.text(request, "text")
        return {}

    def _terminate(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        self._keeper.signalled(signal.SIGTERM)
        return {}

    def _quit(self, client: Client, request: dict[str, object]) -> dict[str, object]:
        living = self._keeper.table.living()
        if living:
            names = ", ".join(sorted(run.name for run in living))
            raise Refused("busy", f"still running: {names}")
        self._keeper.leave("the daemon asked for it")
        return {}

    def _hears(self, client: Client) -> None:
        """Part of a handover, unless it is the daemon's own."""
        client.hands_over = client is not self._daemon

    def _run(self, request: dict[str, object]) -> Run:
        name, number = requests.text(request, "name"), requests.whole(request, "run")
        run = self._keeper.table.find(name, number)
        if run is None:
            raise Refused("no_such_run", f"there is no run {number} of {name}")
        return run
