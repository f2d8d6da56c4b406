"""Gives the brain an icon, on the main thread: the best there is, again if it was not there yet, else none."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping

from .backend import Backend, Desktop, Unavailable
from .backends.headless import HeadlessBackend
from .brain import Brain

_FIRST_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)
_LATER = 60.0

log = logging.getLogger(__name__)


def delays() -> Iterator[float]:
    """Seconds between attempts: two minutes in which a login comes to rest, then once a minute."""
    return itertools.chain(_FIRST_DELAYS, itertools.repeat(_LATER))


class Conductor:
    """Runs one icon after the other until it is told to end.  `say` is for people at a terminal."""

    def __init__(
        self,
        choose: Callable[[Mapping[str, str]], Backend],
        desktop: Desktop,
        environ: Mapping[str, str],
        say: Callable[[str], None],
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._choose = choose
        self._desktop = desktop
        self._environ = environ
        self._say = say
        self._wait = wait
        self._over = threading.Event()
        self._backend: Backend | None = None

    def end(self) -> None:
        """Have `run` return; from any thread."""
        self._over.set()
        backend = self._backend
        if backend is not None:
            backend.stop()

    def run(self, brain: Brain) -> int:
        """Have an icon until the end; the exit code."""
        said = ""
        for delay in delays():
            try:
                self._have_icon(brain)
                return 0
            except Unavailable as error:
                if error.reason != said:
                    said = error.reason
                    self._explain(error)
                if not error.passing:
                    return self._go_without(brain, error)
            brain.attach(HeadlessBackend())
            self._wait(self._over, delay)
            if self._over.is_set():
                return 0
        raise AssertionError("the delays have no end")

    def _have_icon(self, brain: Brain) -> None:
        self._backend = backend = self._choose(self._environ)
        try:
            if not self._over.is_set():
                brain.attach(backend)
                backend.run(brain)
        finally:
            self._backend = None

    def _explain(self, error: Unavailable) -> None:
        log.warning("no icon: %s (%s)", error.reason, error.hint)
        self._say(f"no icon: {error.reason}")
        if error.hint:
            self._say(f"  {error.hint}")
        if error.passing:
            self._say("  waiting for it")

    def _go_without(self, brain: Brain, error: Unavailable) -> int:
        """Notifications alone, where there is somebody to show them."""
        if not self._desktop.notifies():
            self._say("  and notifications cannot be shown either, so the tray ends here")
            return 1
        self._say("  going on without: there will be notifications alone")
        brain.attach(HeadlessBackend())
        self._over.wait()
        return 0
