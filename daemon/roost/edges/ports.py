"""Ports: is one taken, and by whom; choosing one for `auto`.  Listens to nothing, keeps nothing.

Whether a port is free is asked of the system by binding it for a moment, which costs microseconds; the table
of connections is read only to name the one who has it.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import zlib
from collections.abc import Collection, Iterable

from msgspec import Struct

from roost.core.model import Port

_AUTO = range(20000, 32000)
"""Below what any system hands out to outgoing connections (Linux: from 32768 on), so that none of them sits
on a component's port while it is down, and none can connect to itself."""
_EVERYWHERE = ("0.0.0.0", "::")
_CONNECT_SECONDS = 0.2


class Stranger(Struct, frozen=True):
    """Who holds a port; what is None could not be found out, as with another user's process."""

    pid: int | None
    name: str | None

    def __str__(self) -> str:
        """`postgres (pid 812)`."""
        if self.pid is None:
            return "another user's process"
        return f"{self.name or 'a process'} (pid {self.pid})"


def holder(port: int, address: str = "127.0.0.1", protocol: str = "tcp") -> Stranger | None:
    """Who already listens where a component will; None if nobody does.

    Takes microseconds if the port is free.  Otherwise it may block for as long as reading all connections of
    the machine takes (some ten milliseconds): call it in a thread.
    """
    if _can_bind(port, address, protocol):
        return None
    answered = protocol == "udp" or _answers(port, address)
    if not answered and address not in _EVERYWHERE:
        return None  # only what is left of closed connections, or a port that needs privileges
    return _find(port, address, protocol) or (Stranger(None, None) if answered else None)


def obstacle(wanted: Iterable[Port]) -> str | None:
    """A stranger on a port that is to be listened on.  Blocking, for some ten milliseconds if there is one."""
    for port in wanted:
        if port.port is None:
            continue
        stranger = holder(port.port, port.address, port.protocol)
        if stranger is not None:
            return f"port {port.port} is held by {stranger}"
    return None


def free_port(taken: Collection[int], wish: str = "") -> int:
    """A port that nobody uses at the moment and that is not in `taken`.

    The same `wish` (say, project and component) gives the same port as long as it is free, so it is stable
    even when what was kept is lost.  Raises OSError if every port is in use.
    """
    first = zlib.crc32(wish.encode()) % len(_AUTO)
    for step in range(len(_AUTO)):
        port = _AUTO[(first + step) % len(_AUTO)]
        if port not in taken and _free_everywhere(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port between {_AUTO.start} and {_AUTO.stop - 1}")


def _free_everywhere(port: int) -> bool:
    return _can_bind(port, "0.0.0.0", "tcp") and (not socket.has_ipv6 or _can_bind(port, "::", "tcp"))


def _can_bind(port: int, address: str, protocol: str) -> bool:
    """Whether the port can be had; an address that is not this machine's is nobody's."""
    try:
        with _socket(address, protocol) as attempt:
            attempt.bind((address, port))
    except OSError as error:
        return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


def _socket(address: str, protocol: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    made = socket.socket(family, kind)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
    if exclusive is not None:  # Windows would otherwise let us share a port that is in use
        made.setsockopt(socket.SOL_SOCKET, exclusive, 1)
    return made


def _answers(port: int, address: str) -> bool:
    """Whether somebody accepts connections there; one who is too busy to answer does, too."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    with _socket(reachable, "tcp") as attempt:
        attempt.settimeout(_CONNECT_SECONDS)
        try:
            attempt.connect((reachable, port))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


# -- naming the holder -----------------------------------------------------------------------------------


def _find(port: int, address: str, protocol: str) -> Stranger | None:
    import psutil  # only when a port is taken

    try:
        listening = psutil.net_connections(protocol)
    except psutil.AccessDenied:  # macOS shows the whole table to root alone: ask our own processes
        return _find_among_ours(port, address, protocol)
    for connection in listening:
        if _listens(connection.laddr, connection.status, port, address, protocol):
            return Stranger(connection.pid, _name(connection.pid))
    return None


def _find_among_ours(port: int, address: str, protocol: str) -> Stranger | None:
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections(protocol):
                if _listens(connection.laddr, connection.status, port, address, protocol):
                    return Stranger(process.pid, process.name())
    return None


def _listens(local: tuple[object, ...], status: str, port: int, address: str, protocol: str) -> bool:
    if not local or local[1] != port or (protocol == "tcp" and status != "LISTEN"):
        return False
    return local[0] == address or local[0] in _EVERYWHERE or address in _EVERYWHERE


def _name(pid: int | None) -> str | None:
    import psutil

    try:
        return None if pid is None else str(psutil.Process(pid).name())
    except psutil.Error:
        return None
