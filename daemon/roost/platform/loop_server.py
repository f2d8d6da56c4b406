"""Serving an endpoint on an asyncio loop, for our own user alone: a Unix socket, on Windows a named pipe.

Nothing here decides whether a socket file that nobody answers on may be removed.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Protocol

    class Server(Protocol):
        """Who accepts connections until he is closed; those that were made stay."""

        def close(self) -> None: ...


if sys.platform == "win32":
    from .loop_server_windows import serve
else:
    from . import endpoint as endpoints

    _QUEUE = 256

    async def serve(
        loop: asyncio.AbstractEventLoop, factory: Callable[[], asyncio.BaseProtocol], endpoint: str
    ) -> Server:
        """Accept connections there, each with a protocol of its own.  Raises OSError.

        A socket file that is in the way is replaced; whoever connects is to be asked for (`peer_is_owner`).
        """
        return await loop.create_unix_server(factory, sock=endpoints.listen(endpoint), backlog=_QUEUE)


__all__ = ["serve"]
