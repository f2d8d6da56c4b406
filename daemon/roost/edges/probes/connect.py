"""Connections for probes: to an address at once, to `localhost` by both families, to a name by the resolver.

A name is looked up in a thread of its own, since the system's resolver cannot be interrupted; probes of the
same name share one look-up, so that a resolver that hangs costs one thread for each name and nothing else.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from .answer import Unreachable

Value = TypeVar("Value")
Address = tuple[socket.AddressFamily, str]

_LOCALHOST: tuple[Address, ...] = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH)
_WORDS = {
    errno.ECONNREFUSED: "connection refused on",
    errno.ECONNRESET: "connection reset by",
    errno.EHOSTUNREACH: "no route to",
    errno.ENETUNREACH: "no network to",
    errno.ETIMEDOUT: "no answer from",
    errno.EADDRNOTAVAIL: "no such address here:",
    errno.EMFILE: "no file descriptor left to connect to",
}


def place(host: str, port: int) -> str:
    """`127.0.0.1:80`, `[::1]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def trouble(error: OSError, where: str) -> str:
    """What the system said about a connection, as a sentence."""
    words = _WORDS.get(error.errno or 0)
    return f"{words} {where}" if words else f"{where}: {error.strerror or error}"


class Connector:
    """Opens connections; knows which names are being looked up."""

    def __init__(self) -> None:
        self._lookups: dict[str, asyncio.Future[list[Address]]] = {}

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected, non-blocking socket.  Raises Unreachable with the last address's trouble.

        That this machine has no IPv6 says nothing, where another address has been asked.
        """
        said = None
        for family, address in await self._addresses(host):
            try:
                return await _connect(family, address, port)
            except OSError as error:
                if said is None or error.errno not in _NO_SUCH_FAMILY:
                    said = trouble(error, place(host, port))
        raise Unreachable(said or f"no address for {host}")

    async def _addresses(self, host: str) -> tuple[Address, ...] | list[Address]:
        if host.lower() == "localhost":
            return _LOCALHOST
        if (family := numeric_family(host)) is not None:
            return [(family, host)]
        lookup = self._lookups.get(host)
        if lookup is None:
            lookup = self._lookups[host] = in_thread(lambda: _resolve(host))
            lookup.add_done_callback(lambda _: self._lookups.pop(host, None))
        return await asyncio.shield(lookup)


def numeric_family(host: str) -> socket.AddressFamily | None:
    """The family of a numeric address; None if `host` is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except (OSError, ValueError):
            continue
        return family
    return None


async def _connect(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
        if connected_to_itself(connection):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody but ourselves is there")
    except BaseException:
        connection.close()
        raise
    return connection


def connected_to_itself(connection: socket.socket) -> bool:
    """Both ends are one socket: where nobody listens, the system may give us the very port we ask for."""
    return bool(connection.getsockname()[:2] == connection.getpeername()[:2])


def _resolve(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"cannot find host {host}: {getattr(error, 'strerror', None) or error}") from error
    return [(family, str(address[0])) for family, _, _, _, address in found]


def in_thread(work: Callable[[], Value]) -> asyncio.Future[Value]:
    """Run what blocks in a thread of its own, never in a pool in which others would wait behind it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Value] = loop.create_future()

    def settle(value: Value | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def body() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as raised:  # noqa: BLE001 - handed to the one who waits
            error = raised
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=body, name="probe", daemon=True).start()
    return future
