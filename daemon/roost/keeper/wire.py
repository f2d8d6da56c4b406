"""The private wire between keeper and daemon.  Pure: bytes in, frames out; no socket here.

Theory
------
A frame is one JSON object on one line (UTF-8, at most `MAX_FRAME` bytes).  Three shapes exist:

* a request of the daemon, `{"id": 1, "verb": "spawn", …}`: every request has an id and gets one reply;
* a reply, `{"id": 1, "result": {…}}` or `{"id": 1, "error": {"kind": "…", "message": "…"}}`;
* an event, `{"event": "exited", "seq": 7, …}`: never an id.  One with `seq` is on record until acknowledged
  and is replayed, in order, to each daemon that says `hello`; one without is lost if nobody listens.

A frame with `"fds": n` has n descriptors attached to its bytes (SCM_RIGHTS; never on Windows).

The verbs
---------
hello    {role: "daemon"|"doctor", major, minor}
         → {major, minor, version, pid, start_time, boot_id, instance, root, started_at, environment,
            daemon: {restarts, last_exit}, runs: [RUN…], splice: bool, remembered: {name: text} (1.4)}
         Role `daemon` makes this connection the one that gets events, first the unacknowledged ones; an
         earlier such connection is closed.  A newer minor only adds; an unknown field is ignored.
spawn    {name, run, argv, cwd, env, streams: "separate"|"merged", tty, log: {max_size, max_files},
          stop: {signal, timeout, leftovers}, note}
         → {pid, start_time} with fds: the reading ends and a pidfd, where the system has them; with `tty` the
         terminal's master, too, and the frame's `terminal` says which of them it is (1.1).
         `env` is the whole environment.  `note` is the daemon's own, kept in the run record and in RUN.
         Errors: `exists` (a run of this name lives, or has had this number), `spawn_failed` (with errno and a
         sentence), `leaving` (the keeper is about to end).
stop     {name, run, signal, kill_after, leftovers} → {}
         One verb with the escalation inside: signal to the group now (none if `signal` is null), the kill of
         the whole tree `kill_after` seconds later, whatever has become of the daemon.  Again: the earlier
         end counts.  Error: `no_such_run`.
signal   {name, run, signal} → {}             to the component's group
ack      {seq} → {}                           events up to seq are taken care of and may be forgotten
list     {} → {runs: [RUN…]}
log      {name, clear?: true, max_size?, max_files?} → {}
bound    {logs} → {}                          of all logs together, in bytes; the oldest rotated files go.  Again:
                                              the daemon has rotated one that it writes itself (1.2)
watch    {names} → {}                         of which components `grew` is wanted
environ  {env, environment} → {}              the base environment for every daemon from now on; of whoever is not
                                              the daemon, the last word of a handover (below)
daemon   {argv?} → {}                         start the daemon anew, by this command line: the old one ends by
                                              itself within a second, or is killed.  If the new one has not
                                              said hello when it ends, or within ten seconds, the command
                                              line before it is taken again
known_exit {name, run, code} → {}             from the daemon of a keeper that died: how a run ended that no
                                              keeper saw (`platform.exits.code_of_reaped` of its pidfd;
                                              negative for a signal): in its handover
terminal {name, run} with fds → {}            from the same: the master of a run's terminal, which it has held
                                              (1.1), before any `known_exit`
keep     {name} with fds → {}                 what the next daemon is to be given by that name (1.3), instead of what
                                              was kept by it so far; without fds nothing more
remember {name, text} → {}                    what the next daemon is to be told by that name in the answer to
                                              `hello` (1.4): in memory alone, lost with the keeper
terminate {} → {}                             as TERM to the keeper: end in good order
quit     {} → {}                              the last word: no daemon is started any more; the keeper ends
                                              when leftovers and daemon have (at most 5 s).  Error: `busy`
                                              while a run lives.

Errors of any verb: `bad_request` (a field is missing or wrong), `no_such_verb`, `no_such_run`.

The handover: the daemon of a keeper that died starts the next one, with `HANDOVER_VARIABLE` in its environment,
and tells it on a connection without `hello` what it has and knows: `terminal`, `keep`, `remember`, `known_exit`,
and last `environ`.  The new keeper starts its own daemon after that (or once the connection has ended, or after
five seconds), and then tells as unknown and as lost what nobody knew or had.  Without the variable it waits a
second for a `known_exit`, three for a `terminal`.

RUN is {name, run, pid, start_time, started_at, mono, ended: bool, stopping: bool, adopted: bool,
terminal: bool (1.1), note}.

The events, and their order
---------------------------
For each run: the reply to `spawn` MUST come before anything else of it; every byte that the component itself
wrote MUST be in the log before `exited` (S65), unless the disk has not taken them for two seconds; then
`leftovers`, if there are any; then, when no descendant holds the output any more, `drained`.

exited    {seq, name, run, pid, code, signal, known, how: "waited"|"pidfd"|"zombie"|"unknown", at, mono,
          uptime}
          `at` is wall time, `mono` the monotonic clock (both seconds), `code` or `signal` is null.
drained   {seq, name, run}
leftovers {seq, name, run, processes: [{pid, name}], action: "ended"|"left"}
log_trouble {seq, name, errno, message, lost, resolved}   the disk refuses; `resolved`, with what was lost
logs_removed {seq, files: {name: count}, size, limit}     (1.2) `bound` has cost so many files, and bytes in all
grew      {name, size}                        at most every 20 ms for each name
ends      {name, run} with fds                for each run that lives when a daemon says hello, and when its
                                              terminal has come back: what the reply to `spawn` had, reading
                                              ends, master and pidfd, to be held
terminal_lost {seq, name, run}                (1.1) nobody has given the keeper the terminal of a run that it has
                                              taken over: its output can no longer be read
kept      {name} with fds                      (1.3) of each `keep` when a daemon says hello, unless there has been
                                              none for ten seconds: what nobody reads must block nobody
terminate {}                                  somebody sent TERM or INT to the keeper: end in good order
"""

from __future__ import annotations

import json

MAJOR = 1
MINOR = 4
HANDOVER_VARIABLE = "ROOST_HANDOVER"
MAX_FRAME = 16 * 1024 * 1024

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class WireError(Exception):
    """The other side sent what is no frame; the connection cannot go on."""


def encode(frame: dict[str, object]) -> bytes:
    """One frame as the bytes of its line."""
    return _to_json(frame).encode("ascii") + b"\n"


class Decoder:
    """Takes bytes as they come and gives back whole frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, object]]:
        """The frames that `data` completes; raises WireError on a line that is no object or is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_FRAME:
            raise WireError(f"a frame of more than {MAX_FRAME} bytes")
        return [_frame(line) for line in lines if line.strip()]


def _frame(line: bytes) -> dict[str, object]:
    try:
        frame = json.loads(line)
    except ValueError as error:
        raise WireError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(frame, dict):
        raise WireError(f"not an object: {line[:80]!r}")
    return frame
