"""The daemon as the keeper's child: started, watched, and started again when it ends (P7).

The keeper does not know what a daemon does, only its command line and the environment that it gets.
"""

from __future__ import annotations

import os
import time

from roost.platform import groups
from roost.platform.signals import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from roost.platform.spawn import Spawner

    from .journal import Journal
    from .timers import Timer, Timers

LADDER = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each restart in a row
GOOD_LIFE = 60.0  # seconds of life after which the ladder begins anew
PROOF = 10.0  # seconds that a new command line has until its daemon says hello
LAST_WORDS = 1.0  # seconds between the order to be replaced and the kill
_LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


class DaemonChild:
    """The daemon's process, one after the other."""

    def __init__(
        self,
        argv: list[str],
        env: dict[str, str],
        log_path: str,
        spawner: Spawner,
        timers: Timers,
        journal: Journal,
    ) -> None:
        self.argv = argv
        self._proved = argv  # the last one by which a daemon came up
        self.env = env
        self.pid = 0  # 0: there is none
        self.last_pid = 0
        self.restarts = 0
        self.last_exit: dict[str, object] | None = None
        self.wanted = True
        self.gone: Callable[[], None] = lambda: None  # called when it has ended and no other is to come
        self._log_path = log_path
        self._spawner = spawner
        self._timers = timers
        self._journal = journal
        self._step = 0
        self._began = 0.0
        self._replace = False
        self._timer: Timer | None = None

    def start(self) -> None:
        """Start it now; a failure counts as an end, so it is tried again."""
        self._began = time.monotonic()
        try:
            self.pid = self._spawn()
        except (OSError, ValueError) as error:
            self._journal.say(f"the daemon cannot be started: {error}")
            self._ended({"code": None, "signal": None, "error": str(error)})
            return
        self.last_pid = self.pid
        if self.argv is not self._proved:
            self._kill_later(self.pid, PROOF, unless_proved=True)
        self._journal.say(f"daemon started, pid {self.pid}")

    def _spawn(self) -> int:
        try:
            errors = os.open(self._log_path, _LOG_FLAGS, 0o600)
        except OSError:  # a disk that refuses keeps its last words, not the daemon
            errors = os.open(os.devnull, os.O_WRONLY)
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            return self._spawner.spawn(self.argv, self.env, os.sep, null, errors, bound=False)
        finally:
            os.close(errors)
            os.close(null)

    def ended(self, code: int) -> None:
        """It was reaped with that code (negative for a signal): start another, unless none is wanted."""
        self.pid = 0
        self._ended(
            {
                "code": code if code >= 0 else None,
                "signal": signal_name(-code) if code < 0 else None,
            }
        )

    def _ended(self, how: dict[str, object]) -> None:
        now = time.monotonic()
        ended = {"at": time.time(), "uptime": now - self._began, "replaced": self._replace}
        self.last_exit = {**how, **ended}
        if not self.wanted:
            self.gone()
            return
        if self._replace or how["signal"] == "KILL" or now - self._began >= GOOD_LIFE:
            self._step = 0  # a kill comes from outside (P1): it is no sign that the next one would fail, too
        if self.argv is not self._proved and not self._replace:
            self._journal.say(f"no daemon comes up by {self.argv[0]}; back to the command line before it")
            self.argv, self._step = self._proved, 0
        self._replace = False
        delay = LADDER[min(self._step, len(LADDER) - 1)]
        self._step += 1
        self.restarts += 1
        self._journal.say(f"daemon ended ({how}), started again in {delay:g} s")
        self._timer = self._timers.at(now + delay, self.start)

    def proved(self) -> None:
        """A daemon has said hello: its command line is one to come back to."""
        self._proved = self.argv

    def replace(self, argv: list[str] | None) -> None:
        """Let another take its place, by a new command line if one is given.

        It is expected to end by itself now; after LAST_WORDS it is killed.
        """
        if argv:
            self.argv = argv
        self._replace = True
        if self.pid:
            self._kill_later(self.pid, LAST_WORDS)
        elif self._timer is not None and self.wanted:
            self._timer.cancel()
            self.start()

    def dismiss(self, patience: float) -> None:
        """No daemon is wanted any more: `gone` is called when it has ended; killed after `patience` s."""
        self.wanted = False
        if self._timer is not None:
            self._timer.cancel()
        if self.pid:
            self._kill_later(self.pid, patience)
        else:
            self.gone()

    def _kill_later(self, pid: int, patience: float, unless_proved: bool = False) -> None:
        def kill() -> None:
            if self.pid == pid and not (unless_proved and self.argv is self._proved):
                groups.signal_group(pid, groups.KILL)

        self._timers.at(time.monotonic() + patience, kill)
