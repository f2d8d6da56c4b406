"""One tray for each session of a user: a lock that the system frees, and a socket on which a second one calls.

The second one only says that it was started; the first shows where it is, and the second ends well.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from roost.platform import endpoint
from roost.platform.files import make_private
from roost.platform.locks import Lock
from roost.platform.paths import tray_endpoint

_PATIENCE = 5.0
_LONGEST = 4096
_SCREEN_NUMBER = re.compile(r"(?<=\d)\.\d+$")
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")

log = logging.getLogger(__name__)


def session_of(environ: Mapping[str, str]) -> str:
    """A word for the session on whose screen we are: one user may have several, each with a panel."""
    screen = _SCREEN_NUMBER.sub("", environ.get("DISPLAY", "")) or environ.get("WAYLAND_DISPLAY", "")
    return _NO_WORD.sub("-", screen).strip("-")[:32] or "session"


class Single:
    """The right to be the tray of this session.  `folder` holds the lock."""

    def __init__(self, folder: str, environ: Mapping[str, str]) -> None:
        session = session_of(environ)
        make_private(folder)
        self._lock = Lock(os.path.join(folder, f"tray-{session}.lock"))
        self._endpoint = tray_endpoint(session, environ)
        self._listener: endpoint.Listener | None = None

    def take(self) -> bool:
        """Whether we are the first.  Raises OSError where no lock can be had at all."""
        return self._lock.take()

    def call(self) -> int | None:
        """Tell the first that there was a second; its pid, None if it does not answer."""
        try:
            with endpoint.connect(self._endpoint, _PATIENCE) as connection:
                if not endpoint.peer_is_owner(connection):
                    return None
                connection.sendall(b'{"started": true}\n')
                answer = json.loads(connection.recv(_LONGEST))
                return int(answer["pid"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("the tray that runs does not answer: %s", error)
            return None

    def listen(self, called: Callable[[], None]) -> None:
        """Call `called`, on a thread of its own, whenever another one has been started."""
        path = self._endpoint.partition(":")[2]
        if self._endpoint.startswith("unix:"):
            make_private(os.path.dirname(path))
        try:
            self._listener = endpoint.listen(self._endpoint)  # the lock says that an old name is nobody's
        except OSError as error:
            log.warning("a second tray will find nobody to tell: %s", error)
            return
        threading.Thread(target=self._serve, args=(called,), name="second-trays", daemon=True).start()

    def close(self) -> None:
        """Make room for another one."""
        if self._listener is not None:
            endpoint.remove(self._endpoint)
            self._listener.close()
            self._listener = None
        self._lock.release()

    def _serve(self, called: Callable[[], None]) -> None:
        listener = cast(Any, self._listener)
        while True:
            try:
                accepted = listener.accept()
            except OSError:
                return  # closed: we are about to end
            connection = accepted[0] if isinstance(accepted, tuple) else accepted
            try:
                self._answer(connection, called)
            except OSError as error:
                log.info("a second tray went away: %s", error)

    @staticmethod
    def _answer(connection: endpoint.Connection, called: Callable[[], None]) -> None:
        with connection:
            connection.settimeout(_PATIENCE)
            if not endpoint.peer_is_owner(connection) or not connection.recv(_LONGEST):
                return
            connection.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        called()
