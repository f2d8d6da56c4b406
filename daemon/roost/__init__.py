"""Roost: a supervisor for a developer's local stack.

`import roost` is kept light: the client's names are loaded when they are first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

_CLIENT = (
    "AsyncClient",
    "Client",
    "DaemonNotRunning",
    "InvalidConfig",
    "NoSuchComponent",
    "NotReady",
    "RoostError",
    "Running",
    "Timeout",
    "ensure_running",
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import AsyncClient as AsyncClient
    from .client import Client as Client
    from .client import DaemonNotRunning as DaemonNotRunning
    from .client import InvalidConfig as InvalidConfig
    from .client import NoSuchComponent as NoSuchComponent
    from .client import NotReady as NotReady
    from .client import RoostError as RoostError
    from .client import Running as Running
    from .client import Timeout as Timeout
    from .client import ensure_running as ensure_running


def __getattr__(name: str) -> object:
    if name in _CLIENT:
        from . import client

        return getattr(client, name)
    raise AttributeError(f"module 'roost' has no attribute {name!r}")
