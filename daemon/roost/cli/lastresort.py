"""Where no daemon comes (its files are broken, say) the keeper itself is asked: why, and to end everything.

Ends every run by the keeper's own verb, with its escalation inside, all at once and without an order; then
the keeper.  Used only when the daemon has not come, or not come back.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ..keeper import wire
from ..platform import endpoint
from ..platform.paths import ProjectPaths
from .text import harmless

_PATIENCE = 5.0  # seconds for one answer of the keeper
_KILL_AFTER = 10.0
_LOOK = 0.05
_HOPELESS = 2  # restarts in a row: at once, and after a second


def end_by_keeper(paths: ProjectPaths, timeout: float | None) -> list[str]:
    """Stop all runs (killing them after `timeout` seconds, or 10) and the keeper.  The names of the runs.

    Raises OSError if no keeper answers, TimeoutError if runs outlive even that.
    """
    kill_after = _KILL_AFTER if timeout is None else timeout
    keeper = _Keeper(paths)
    try:
        keeper.ask("hello", role="doctor", major=wire.MAJOR, minor=wire.MINOR)
        runs = keeper.living()
        for run in runs:
            parts = {"name": run["name"], "run": run["run"], "signal": "TERM", "kill_after": kill_after}
            keeper.ask("stop", **parts, leftovers=None)
        deadline = time.monotonic() + kill_after + _PATIENCE
        while keeper.living():
            if time.monotonic() > deadline:
                raise TimeoutError("components outlive even being killed")
            time.sleep(_LOOK)
        keeper.ask("quit")
    finally:
        keeper.close()
    return [str(run["name"]) for run in runs]


def why_no_daemon_comes(paths: ProjectPaths) -> str | None:
    """The last words of a daemon that has ended several times in a row; None while there is hope."""
    try:
        keeper = _Keeper(paths)
    except OSError:
        return None
    try:
        facts = keeper.ask("hello", role="doctor", major=wire.MAJOR, minor=wire.MINOR)["daemon"]
    except OSError:
        return None
    finally:
        keeper.close()
    ended = facts["last_exit"] or {}
    if facts["restarts"] < _HOPELESS or not (ended.get("code") or ended.get("error")):
        return None
    return (
        f"the daemon of {paths.root} does not come up: {ended.get('error') or _last_words(paths.daemon_log)}"
    )


def end_idle_keeper(paths: ProjectPaths) -> None:
    """End a keeper that has neither runs nor a daemon that answers; one that has, or none, is left as it is."""
    try:
        keeper = _Keeper(paths)
    except OSError:
        return
    try:
        facts = keeper.ask("hello", role="doctor", major=wire.MAJOR, minor=wire.MINOR)
        if not facts["runs"] and facts["daemon"]["restarts"]:
            keeper.ask("quit")
    except OSError:
        return
    finally:
        keeper.close()


def _last_words(log: str) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        return f"and its log cannot be read ({error.strerror})"
    return harmless(next((line for line in reversed(lines) if line.strip()), "it says nothing"))


class _Keeper:
    """One connection to the keeper; one question at a time."""

    def __init__(self, paths: ProjectPaths) -> None:
        self._connection = endpoint.connect(paths.keeper_endpoint, _PATIENCE)
        self._decoder = wire.Decoder()
        self._number = 0

    def ask(self, verb: str, **parts: object) -> dict[str, Any]:
        """The result of one verb.  Raises OSError for a refusal or a lost connection."""
        self._number += 1
        self._connection.sendall(wire.encode({"id": self._number, "verb": verb, **parts}))
        while True:
            data: bytes = self._connection.recv(65536)
            if not data:
                raise ConnectionError("the keeper ended the connection")
            for frame in self._decoder.feed(data):
                if frame.get("id") != self._number:
                    continue
                if "error" in frame:
                    raise OSError(f"the keeper refused {verb}: {frame['error']}")
                result = frame["result"]
                assert isinstance(result, dict)
                return result

    def living(self) -> list[dict[str, Any]]:
        """The runs that have not ended."""
        return [run for run in self.ask("list")["runs"] if not run["ended"]]

    def close(self) -> None:
        self._connection.close()
