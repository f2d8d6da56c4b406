"""The keeper itself: what it consists of, its loop, and how it ends.

It decides nothing about components.  One thread for control (this one), others for logs (pumps.py).
"""

from __future__ import annotations

import json
import os
import signal
import time

from roost.platform import endpoint, groups, identity, pipes
from roost.platform.inbox import Inbox, Link

from . import wire
from .control import Control
from .daemon_child import DaemonChild
from .kept import Kept
from .leftovers import Leftovers
from .lifecycle import Lifecycle
from .pumps import Pumps
from .records import Records
from .spawn import Starter
from .table import Table
from .takeover import Takeover
from .terminals import Terminals
from .timers import Timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.platform.paths import ProjectPaths
    from roost.platform.spawn import Spawner

    from .house import House
    from .journal import Journal

LOOK_AFTER = 5.0  # seconds between two looks at folders, locks and socket: P3b allows ten in all
HANDOVER_PATIENCE = 5.0  # seconds that the daemon that has started us may take to tell what it knows
DAEMON_PATIENCE = 5.0  # seconds that a daemon may take to come, or to go, once we are to end
LOG_PATIENCE = 5.0  # seconds that the last bytes may take to get to the disk


class Keeper:
    """All parts of a running keeper."""

    def __init__(
        self,
        paths: ProjectPaths,
        daemon_argv: list[str],
        env: dict[str, str],
        environment: str,
        version: str,
        house: House,
        journal: Journal,
        spawner: Spawner,
        handover: bool,
    ) -> None:
        self.paths = paths
        self.awaits_handover = (
            handover  # the daemon of the keeper before us has started us, and has more to tell
        )
        self.environment = environment
        self.remembered: dict[str, str] = {}  # what daemons have told us for those that come after them
        self.journal = journal
        self.terminating = False  # somebody sent us TERM or INT
        self.leaving = False  # nothing more is started
        self._finished = False
        self._house = house
        self._version = version
        self._started_at = time.time()
        self._boot_id = identity.boot_id()
        self._instance = os.urandom(8).hex()
        self.timers = Timers()
        self.table = Table()
        self.inbox = Inbox(self, (signal.SIGTERM, signal.SIGINT))
        self.pumps = Pumps(
            self.inbox.post, self, paths.logs, lambda name: (paths.log(name), paths.index(name))
        )
        self.records = Records(
            paths, self._boot_id, journal, lambda name, function: self.pumps.of(name).do(function)
        )
        self.starter = Starter(paths, self._instance, spawner, self.records, journal)
        self.daemon = DaemonChild(daemon_argv, env, paths.daemon_log, spawner, self.timers, journal)
        self.control = Control(self)
        subreaper = groups.become_subreaper()
        self._leftovers = Leftovers(self.table, self.timers, journal, subreaper)
        self.lifecycle = Lifecycle(
            self.table,
            self.timers,
            self.pumps,
            self.records,
            self._leftovers,
            journal,
            self.control.emit,
            self.inbox.post,
        )
        self.takeover = Takeover(self)
        self.kept = Kept(self.timers, lambda: self.control.has_daemon)
        self.terminals = Terminals(self)
        self._leftovers.exempt = lambda: (self.daemon.pid,)
        self._leftovers.done = self.lifecycle.maybe_forget
        self._leftovers.idle = self._maybe_end
        self.lifecycle.nothing_lives = self._nothing_lives
        self.daemon.gone = self._maybe_end

    # -- life --------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin to listen and to pump; raises OSError."""
        self.inbox.listen(self.paths.keeper_endpoint)
        self.pumps.start()
        self.journal.write_by(self.pumps.do)
        self.journal.say(f"keeper {self._version} started, pid {os.getpid()}, instance {self._instance}")

    def run(self) -> None:
        """Take over what runs, start the daemon, and serve until there is nothing more to do."""
        self.takeover.run()
        if self.awaits_handover:
            self.timers.at(time.monotonic() + HANDOVER_PATIENCE, self.handed_over)
        else:
            self.daemon.start()
        self._look_after()
        while not self._finished:
            self.inbox.turn(0.0 if self.control.is_busy else self.timers.delay(time.monotonic()))
            self.control.serve()
            self.timers.run_due(time.monotonic())
        self._end()

    def handed_over(self) -> None:
        """The daemon of the keeper before us has told all that it knew, or will tell no more."""
        self.terminals.nobody_has_more()
        self.takeover.nobody_knows_more()
        if self.awaits_handover:
            self.awaits_handover = False
            if self.daemon.wanted:
                self.daemon.start()

    def facts(self) -> dict[str, object]:
        """The answer to `hello`."""
        return {
            "major": wire.MAJOR,
            "minor": wire.MINOR,
            "version": self._version,
            "pid": os.getpid(),
            "start_time": identity.start_time(os.getpid()),
            "boot_id": self._boot_id,
            "instance": self._instance,
            "root": self.paths.root,
            "started_at": self._started_at,
            "environment": self.environment,
            "daemon": {"restarts": self.daemon.restarts, "last_exit": self.daemon.last_exit},
            "runs": [run.public() for run in self.table],
            "splice": pipes.HAS_SPLICE,
            "remembered": self.remembered,
        }

    # -- what the inbox tells (platform/inbox.Receiver) ----------------------------------------------------

    def connected(self, link: Link) -> None:
        """A new client."""
        self.control.connected(link)

    def received(self, link: Link, data: bytes) -> None:
        """Bytes of a client."""
        self.control.received(link, data)

    def closed(self, link: Link) -> None:
        """A client is gone."""
        self.control.closed(link)

    def children_ended(self) -> None:
        """Children are to be reaped: runs, the daemon, and orphans that became ours."""
        self.lifecycle.reap(self._other_ended)

    def process_ended(self, pid: int) -> None:
        """A run that an earlier keeper started has ended."""
        self.takeover.process_ended(pid)

    def signalled(self, number: int) -> None:
        """TERM or INT: end in good order; the second time without waiting for the daemon."""
        self.journal.say(f"told to end by signal {number}")
        if self.terminating:
            self._stop_all()
            return
        self.terminating = True
        self.control.emit({"event": "terminate"})
        if not self.control.has_daemon:
            self._await_daemon()

    def _other_ended(self, pid: int, code: int) -> None:
        if pid == self.daemon.pid:
            self.daemon.ended(code)

    # -- what the pumps tell (pumps.Observer) --------------------------------------------------------------

    def flushed(self, name: str, run: int) -> None:
        """A run's last words are in its log."""
        self.lifecycle.flushed(name, run)

    def drained(self, name: str, run: int) -> None:
        """Nobody writes to a run's pipes any more."""
        self.lifecycle.drained(name, run)

    def grew(self, name: str, size: int) -> None:
        """A watched log is longer."""
        self.control.emit({"event": "grew", "name": name, "size": size}, may_be_lost=True)

    def log_trouble(self, name: str, number: int, text: str, lost: int, resolved: bool) -> None:
        """A log could not be written, or can be again."""
        self.journal.say(f"log of {name}: {text}" + (f", resolved, {lost} bytes lost" if resolved else ""))
        event = {"event": "log_trouble", "name": name, "errno": number, "message": text}
        self.control.emit(self.table.record({**event, "lost": lost, "resolved": resolved}))

    def logs_removed(self, files: dict[str, int], size: int, limit: int) -> None:
        """All logs together were larger than they may be."""
        self.journal.say(
            f"{sum(files.values())} old log files ({size} bytes) removed: limits.logs is {limit}"
        )
        event = {"event": "logs_removed", "files": files, "size": size, "limit": limit}
        self.control.emit(self.table.record(event))

    def pump_failed(self, text: str) -> None:
        """A mistake of ours in the pump thread."""
        self.journal.say(f"mistake in the pumps: {text}")

    # -- the end -----------------------------------------------------------------------------------------

    def leave(self, why: str) -> None:
        """End as soon as leftovers and daemon are gone; no run lives any more."""
        if not self.leaving:
            self.leaving = True
            self.journal.say(f"leaving: {why}")
            self._leftovers.end_strays()
            self.daemon.dismiss(DAEMON_PATIENCE)
            self._maybe_end()

    def daemon_lost(self) -> None:
        """The daemon's connection ended; while we are to end, another must come soon."""
        self.kept.daemon_lost()
        if self.terminating and not self.leaving:
            self._await_daemon()

    def _await_daemon(self) -> None:
        def check() -> None:
            if not self.control.has_daemon:
                self._stop_all()

        self.timers.at(time.monotonic() + DAEMON_PATIENCE, check)

    def _stop_all(self) -> None:
        """Nobody else does it: stop every run as its own settings say, then leave."""
        self.journal.say("no daemon to end the components: the keeper stops them itself")
        self.leaving = True
        self.daemon.dismiss(0.0)
        for run in self.table.living():
            self.lifecycle.stop(run, run.stop_signal, run.stop_timeout, None)
        if not self.table.living():
            self._nothing_lives()

    def _nothing_lives(self) -> None:
        if self.leaving:
            self._leftovers.end_strays()
            self._maybe_end()

    def _maybe_end(self) -> None:
        held_up = (
            self.daemon.pid or self.table.living() or self.lifecycle.is_telling or self._leftovers.hunting
        )
        if self.leaving and not held_up:
            self._finished = True

    def _end(self) -> None:
        """Take away what would lead others to somebody who is gone.

        The locks go with the process: whoever finds them free may rely on its being no more.
        """
        self.inbox.close()
        self._forget_daemon()
        self.journal.say("ended")
        self.pumps.stop(LOG_PATIENCE)

    def _forget_daemon(self) -> None:
        """Remove what the daemon should have removed itself, if it is that daemon's."""
        try:
            with open(self.paths.daemon_json, encoding="utf-8") as file:
                announced = json.load(file)
        except (OSError, ValueError):
            return
        if isinstance(announced, dict) and announced.get("pid") == self.daemon.last_pid:
            endpoint.remove(self.paths.endpoint)
            for path in (self.paths.daemon_json, self.paths.daemon_pid):
                try:
                    os.unlink(path)
                except OSError:
                    pass  # it is gone already, or the disk refuses: a stale one is recognised as such

    # -- looking after the house ---------------------------------------------------------------------------

    def _look_after(self) -> None:
        """Make anew what was removed or replaced (P3b), and notice a child whose signal was lost."""
        self.timers.at(time.monotonic() + LOOK_AFTER, self._look_after)
        self._house.look_after(self.journal)
        self.records.look_after(run for run in self.table if not run.acknowledged)
        if not self.inbox.is_reachable():
            self.journal.say("the socket was removed or replaced: listening anew")
            try:
                self.inbox.listen(self.paths.keeper_endpoint)
            except OSError as error:
                self.journal.say(f"cannot listen: {error.strerror}")
        self.pumps.look_after()
        self.children_ended()
