"""Ending a container: the signal, the time-out, the kill."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

from ...core.words import signal_name
from . import faults

if TYPE_CHECKING:
    from docker.api.client import APIClient


def plain(signal: str) -> str:
    """As an engine reads it: `SIGTERM`, or a number."""
    return f"SIG{signal.removeprefix('SIG')}" if not signal.isdigit() else signal


def stop(sdk: APIClient, container: str, signal: str, timeout: float, is_podman: bool = False) -> None:
    """One verb with the escalation inside the engine, so that it does not need us (DESIGN.md §1).

    An engine older than version 1.42 of its interface knows no other signal than the container's own; for
    another one the escalation is here.  Podman ends nothing that is paused.
    """
    if is_podman:
        _let_go_on(sdk, container)
    params = {"t": str(max(0, math.ceil(timeout)))}
    if is_at_least(sdk.api_version, 1, 42):
        params["signal"] = plain(signal)
    elif _own_signal(sdk, container) != plain(signal):
        _end_by(sdk, container, signal, timeout)
    url = f"{sdk.base_url}/v{sdk.api_version}/containers/{container}/stop"
    sdk._raise_for_status(sdk.post(url, params=params, timeout=sdk.timeout))


def _let_go_on(sdk: APIClient, container: str) -> None:
    if sdk.inspect_container(container)["State"].get("Paused"):
        sdk.unpause(container)


def _own_signal(sdk: APIClient, container: str) -> str:
    """The one that it is made to be stopped with; Podman gives its number."""
    found = str(sdk.inspect_container(container)["Config"].get("StopSignal") or "SIGTERM")
    return signal_name(int(found)) if found.isdigit() else found


def _end_by(sdk: APIClient, container: str, signal: str, timeout: float) -> None:
    """Send the signal and wait; kill what is still there."""
    from docker.errors import APIError
    from requests.exceptions import ConnectionError, ReadTimeout

    try:
        sdk.kill(container, plain(signal))
        with contextlib.suppress(ReadTimeout, ConnectionError):  # the library's words for "not yet"
            sdk.wait(container, timeout=max(0.01, timeout))
            return
        sdk.kill(container, "SIGKILL")
    except APIError as error:
        if error.status_code != 409 and not faults.says_not_running(str(error.explanation)):
            raise


def is_at_least(version: str, major: int, minor: int) -> bool:
    """Whether an engine speaks that version of its interface."""
    parts = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return tuple(parts) >= (major, minor)
