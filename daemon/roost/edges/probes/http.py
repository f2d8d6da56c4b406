"""The `http` probe: one GET; a status within the probe's ranges is success.

As with the kubelet, a certificate is not verified and each look has a connection of its own.  Redirects are
not followed: a 3xx is a status like any other.  Only the status line is understood; of the rest just enough
is read for the server not to see its answer cut off.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from roost.core.model import HttpProbe

from .answer import Answer, Unreachable
from .connect import Connector, in_thread, numeric_family, place, trouble

_CHUNK = 16 * 1024
_STATUS_ROOM = 8 * 1024
"""No status line, and no informational answer before it, is longer."""
_TLS_PIECES = 64
"""A thread cannot be interrupted: so many time-outs after its look it has ended in any case."""
_DRAIN_BYTES = 256 * 1024
_DRAIN_SECONDS = 0.05


class NotHttp(Exception):
    """The other side answered something else; the text is a sentence for people."""


class Target(Struct, frozen=True):
    """Whom to ask, and the bytes of the question."""

    tls: bool
    host: str
    port: int
    request: bytes

    @property
    def where(self) -> str:
        return place(self.host, self.port)


def subject(probe: HttpProbe) -> str:
    """What a look does, for the text of a time-out."""
    return f"GET {_shown(probe.url)}"


async def look(probe: HttpProbe, connector: Connector, timeout: float) -> Answer:
    """Ask once.  `timeout` (seconds) bounds the thread in which TLS is spoken; the caller bounds the rest."""
    try:
        target = _target(probe)
        if target.tls:
            status = await in_thread(lambda: _ask_tls(target, timeout))
        else:
            status = await _ask(target, connector)
    except (Unreachable, NotHttp) as error:
        return Answer(False, str(error))
    ok = any(low <= status <= high for low, high in probe.status)
    return Answer(ok, f"HTTP {status} from {_shown(probe.url)}")


def _shown(url: str) -> str:
    """The URL without the password that it may hold."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl() if at and user else url


# -- the question ----------------------------------------------------------------------------------------


def _target(probe: HttpProbe) -> Target:
    try:
        parts = urlsplit(probe.url)
        host, port = parts.hostname, parts.port
        name = host.encode("ascii" if host.isascii() else "idna").decode("ascii") if host else ""
    except ValueError as error:  # UnicodeError, too
        raise NotHttp(f"{probe.url} is no valid URL: {error}") from error
    if parts.scheme not in ("http", "https") or not name:
        raise NotHttp(f"{probe.url} is no valid URL: expected http://HOST[:PORT]/PATH or https://…")
    tls = parts.scheme == "https"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    default = 443 if tls else 80
    headers = {"Host": name if ":" not in name else f"[{name}]", "User-Agent": "roost-probe", "Accept": "*/*"}
    if port not in (None, default):
        headers["Host"] += f":{port}"
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode("ascii")
    return Target(tls, name, port or default, _request(path + query, headers, probe.headers))


def _request(path: str, ours: dict[str, str], theirs: dict[str, str]) -> bytes:
    """The bytes of the request; a header of the probe replaces ours of the same name."""
    given = {name.lower() for name in theirs}
    headers = {name: value for name, value in ours.items() if name.lower() not in given}
    headers |= theirs
    headers["Connection"] = "close"
    for name, value in headers.items():
        if any(character in name + value for character in "\r\n\0"):
            raise NotHttp(f"header {name.strip()!r} holds a line break; write its value on one line")
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("utf-8")


# -- the answer ------------------------------------------------------------------------------------------


class StatusReader:
    """Finds the status of the final answer in bytes as they come.  Pure."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._bytes = b""

    def feed(self, data: bytes) -> int | None:
        """The status, or None while more is needed; `b""` means that the other side closed.

        Raises NotHttp with a sentence.
        """
        if not data:
            raise NotHttp(self._closed())
        self._bytes += data
        while b"\n" in self._bytes:
            status = self._status(self._bytes.split(b"\n", 1)[0])
            if status >= 200 or status == 101:
                return status
            _, end, rest = self._bytes.replace(b"\r\n", b"\n").partition(b"\n\n")
            if not end:
                break
            self._bytes = rest  # an informational answer (100, 103): the final one follows
        if len(self._bytes) > _STATUS_ROOM:
            raise NotHttp(self._strange())
        if not b"HTTP/".startswith(self._bytes[:5]):
            raise NotHttp(self._strange())
        return None

    def _status(self, line: bytes) -> int:
        words = line.split(None, 2)
        if len(words) >= 2 and words[0].startswith(b"HTTP/") and len(words[1]) == 3 and words[1].isdigit():
            return int(words[1])
        raise NotHttp(self._strange())

    def _closed(self) -> str:
        if self._bytes:
            return f"{self._where} closed the connection in the middle of its answer"
        return f"{self._where} closed the connection without an answer"

    def _strange(self) -> str:
        if self._bytes.startswith((b"\x15\x03", b"\x16\x03")):
            return f"{self._where} speaks TLS; write https:// in the URL"
        return f"the answer of {self._where} is not HTTP/1: {self._bytes[:40]!r}"


async def _ask(target: Target, connector: Connector) -> int:
    loop = asyncio.get_running_loop()
    connection = await connector.connect(target.host, target.port)
    with connection:
        reader, status = StatusReader(target.where), None
        try:
            await loop.sock_sendall(connection, target.request)
            while status is None:
                status = reader.feed(await loop.sock_recv(connection, _CHUNK))
        except OSError as error:
            raise Unreachable(trouble(error, target.where)) from error
        await _drain(connection)
    return status


async def _drain(connection: socket.socket) -> None:
    """Take the rest of a short answer, so that the server does not complain about a reader that went away."""
    loop = asyncio.get_running_loop()
    taken = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while taken < _DRAIN_BYTES and (data := await loop.sock_recv(connection, _CHUNK)):
                taken += len(data)
    except OSError:
        return  # too slow, or gone: the status is known, which is all that was asked


def _ask_tls(target: Target, timeout: float) -> int:
    """The same in a thread and with blocking calls, since the daemon's loop is kept free of `ssl` (4 MB)."""
    import ssl  # only a project with an https probe pays for it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = None if numeric_family(target.host) else target.host
    reader = StatusReader(target.where)
    try:
        with (
            socket.create_connection((target.host, target.port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            connection.sendall(target.request)
            for _ in range(_TLS_PIECES):
                status = reader.feed(connection.recv(_CHUNK))
                if status is not None:
                    return status
    except ssl.SSLError as error:
        raise Unreachable(f"no TLS with {target.where}: {error.reason or error}") from error
    except OSError as error:
        raise Unreachable(trouble(error, target.where)) from error
    raise NotHttp(f"{target.where} answers in crumbs, without a status")
