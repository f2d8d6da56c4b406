"""What a daemon does when its keeper has died: start another and tell it what only we know (D3).

The spare reading ends that we held have kept the bytes of whatever ended meanwhile; our pidfds know its exit
code where the system tells.  Blocking: called in a thread, at the end of a daemon's life.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..keeper import wire
from ..platform import detach, endpoint, exits, programs
from ..platform.paths import ProjectPaths

Held = Mapping[tuple[str, int], list[int]]
"""Name and run → the spare reading ends of its output, then its pidfd."""

Masters = Mapping[tuple[str, int], int]
"""Name and run → which of these is its terminal's master."""

_START = 5.0
_ANSWER = 5.0


def replace_keeper(
    paths: ProjectPaths,
    base: Mapping[str, str],
    environment: str,
    held: Held,
    masters: Masters,
    kept: Mapping[str, int],
    remembered: Mapping[str, str],
    ending: bool = False,
) -> int:
    """Start a keeper, tell it what is known, and give its pid; what is held may be let go then.

    `kept` and `remembered` are for the new keeper's daemon, by name.  `ending`: everything was about to end, and
    it and its daemon are to go on with that.
    Raises detach.StartFailed or OSError if none can be started or it does not answer.  A keeper that somebody
    else has started meanwhile is as good.
    """
    pid = detach.start_detached(programs.keeper_argv(paths), {**base, wire.HANDOVER_VARIABLE: "1"}, _START)
    connection = endpoint.connect(paths.keeper_endpoint, _ANSWER)
    try:
        talk = _Talk(connection)
        for (name, run), master in masters.items():
            talk.ask({"verb": "terminal", "name": name, "run": run}, master)
        for name, fd in kept.items():
            talk.ask({"verb": "keep", "name": name}, fd)
        for name, text in remembered.items():
            talk.ask({"verb": "remember", "name": name, "text": text})
        for (name, run), fds in held.items():
            code = next((code for fd in fds if (code := exits.code_of_reaped(fd)) is not None), None)
            if code is not None:
                talk.ask({"verb": "known_exit", "name": name, "run": run, "code": code})
        talk.ask({"verb": "environ", "env": dict(base), "environment": environment})
        if ending:
            talk.ask({"verb": "terminate"})
    finally:
        connection.close()
    return pid


class _Talk:
    """Requests, one after the other, each with its answer."""

    def __init__(self, connection: endpoint.Connection) -> None:
        self._connection = connection
        self._decoder = wire.Decoder()
        self._number = 0

    def ask(self, request: dict[str, object], *fds: int) -> None:
        """Send, with descriptors, and wait.

        A refusal (an older keeper, a run that is over) is the keeper's affair.
        """
        self._number += 1
        frame = {"id": self._number, **request, **({"fds": len(fds)} if fds else {})}
        endpoint.send_with(self._connection, wire.encode(frame), fds)
        while True:
            data = self._connection.recv(65536)
            if not data:
                raise ConnectionResetError("the new keeper ended the connection")
            if any(answer.get("id") == self._number for answer in self._decoder.feed(data)):
                return
