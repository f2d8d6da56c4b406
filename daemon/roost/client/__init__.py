"""How programs talk to a project's daemon: blocking, asynchronous, or one quick call.

Kept light: the names below are loaded when they are first used, because `roost status` comes through here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aio import AsyncClient as AsyncClient
    from .blocking import Client as Client
    from .errors import DaemonNotRunning as DaemonNotRunning
    from .errors import InvalidConfig as InvalidConfig
    from .errors import NoSuchComponent as NoSuchComponent
    from .errors import NotReady as NotReady
    from .errors import RoostError as RoostError
    from .errors import Timeout as Timeout
    from .running import Running as Running
    from .running import ensure_running as ensure_running
    from .streams import Lagged as Lagged

_PLACES = {
    "AsyncClient": "aio",
    "Client": "blocking",
    "DaemonNotRunning": "errors",
    "InvalidConfig": "errors",
    "Lagged": "streams",
    "NoSuchComponent": "errors",
    "NotReady": "errors",
    "RoostError": "errors",
    "Running": "running",
    "Timeout": "errors",
    "ensure_running": "running",
}


def __getattr__(name: str) -> object:
    if name in _PLACES:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
