"""tcp and http probes against real servers on the loopback, good and bad ones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from e2e.harness import free_port, needs_ipv6
from roost.core.health import Result
from roost.core.model import Handler, HttpProbe, TcpProbe
from roost.edges.clock import RealClock
from roost.edges.probes.answer import Context
from roost.edges.probes.check import Checker
from roost.edges.probes.connect import connected_to_itself
from roost.edges.probes.http import NotHttp, StatusReader

NOTHING = Context(folder="/", environment=dict, lines=lambda: pytest.fail("no log probe here"))
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FILES = Path(__file__).parent / "files"


def saying(*pieces: bytes, pause: float = 0.0) -> Serve:
    """A server that reads the question and answers these bytes, piece by piece, then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            serve.asked = await reader.readuntil(b"\r\n\r\n")  # type: ignore[attr-defined]
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

    return serve


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that accepts and never answers."""
    await reader.read(-1)


async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that closes at once."""


@contextlib.asynccontextmanager
async def server(
    serve: Serve, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Its port, while it serves; every connection is closed when `serve` returns or the test ends."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await serve(reader, writer)
        writer.close()

    listening = await asyncio.start_server(handle, host, 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def look(handler: Handler, timeout: float = 30.0) -> Result:
    return await Checker(RealClock()).check(handler, NOTHING, timeout)


def ask(serve: Serve, url: str = "http://127.0.0.1:{port}/", timeout: float = 30.0, **keys: object) -> Result:
    """One http look at a server; `{port}` in the URL is its port."""

    async def whole() -> Result:
        async with server(serve) as port:
            return await look(HttpProbe(url=url.format(port=port), **keys), timeout)  # type: ignore[arg-type]

    return asyncio.run(whole())


# -- tcp -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        pytest.param("::1", "localhost", marks=needs_ipv6),
        pytest.param("::1", "::1", marks=needs_ipv6),
    ],
)
def test_a_port_that_accepts_is_success_by_either_family(host: str, asked: str) -> None:
    """`localhost` reaches a server whether it listens on IPv4 or on IPv6 alone (S13)."""

    async def whole() -> Result:
        async with server(gone, host) as port:
            return await look(TcpProbe(host=asked, port=str(port)))

    result = asyncio.run(whole())
    assert result.ok and "accepts connections" in result.message
    assert 0 < result.latency_s < 30 and result.at > 1_700_000_000


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_that_nobody_has_is_refused_in_words(host: str) -> None:
    """The sentence names what was refused and where (S16)."""
    port = free_port()
    result = asyncio.run(look(TcpProbe(host=host, port=str(port))))
    assert not result.ok
    assert result.message == f"connection refused on {host}:{port}"


def test_a_connection_to_itself_is_no_success() -> None:
    """Where the system gives the asker the very port that it asks for, nobody else is there."""
    with socket.socket() as alone, socket.create_server(("127.0.0.1", 0)) as listening:
        alone.bind(("127.0.0.1", 0))
        alone.connect(alone.getsockname())
        assert connected_to_itself(alone)
        with socket.create_connection(listening.getsockname()) as real:
            assert not connected_to_itself(real)


def test_a_full_backlog_is_a_time_out() -> None:
    """A look at a server that accepts nothing ends at its time-out, with what it was doing (S14, S16)."""

    async def whole() -> Result:
        with socket.socket() as listening, contextlib.ExitStack() as others:
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            port = listening.getsockname()[1]
            for _ in range(8):
                other = others.enter_context(socket.socket())
                other.setblocking(False)
                other.connect_ex(("127.0.0.1", port))
            return await look(TcpProbe(port=str(port)), timeout=0.2)

    result = asyncio.run(whole())
    assert not result.ok and result.message.startswith("timed out after 200 ms: connecting to 127.0.0.1:")
    assert 0.15 < result.latency_s < 30


def test_a_name_that_does_not_exist_is_said_so() -> None:
    """A host that the resolver does not know is a clear failure, not an exception (S16)."""
    result = asyncio.run(look(TcpProbe(host="no-such-host.invalid", port="80"), timeout=10))
    assert not result.ok
    assert "no-such-host.invalid" in result.message


def test_a_resolver_that_hangs_costs_one_thread_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at one name share its look-up, and each still ends at its own time-out (P12)."""
    import threading

    release, calls = threading.Event(), []

    def hang(*arguments: object, **keys: object) -> list[object]:
        calls.append(arguments)
        release.wait(10)
        return []

    async def whole() -> list[Result]:
        checker = Checker(RealClock())
        probe = TcpProbe(host="slow.invalid", port="80")
        results = await asyncio.gather(*(checker.check(probe, NOTHING, 0.1) for _ in range(20)))
        release.set()
        return results

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    results = asyncio.run(whole())
    assert {result.message for result in results} == {"timed out after 100 ms: connecting to slow.invalid:80"}
    assert len(calls) == 1


# -- http ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "status", "ok"),
    [
        (b"HTTP/1.1 200 OK", ((200, 399),), True),
        (b"HTTP/1.0 204 No Content", ((200, 399),), True),
        (b"HTTP/1.1 302 Found", ((200, 399),), True),
        (b"HTTP/1.1 404 Not Found", ((200, 399),), False),
        (b"HTTP/1.1 503", ((200, 399),), False),
        (b"HTTP/1.1 401 Unauthorized", ((200, 299), (401, 401)), True),
        (b"HTTP/1.1 302 Found", ((200, 299),), False),
    ],
)
def test_a_status_within_the_ranges_is_success(
    line: bytes, status: tuple[tuple[int, int], ...], ok: bool
) -> None:
    """200–399 unless the probe says otherwise; a redirect is a status, not an order; both are told (S16)."""
    result = ask(saying(line + b"\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n"), status=status)
    assert result.ok is ok
    assert result.message.startswith(f"HTTP {line.split()[1].decode()} from http://127.0.0.1:")


def test_the_question_is_a_plain_get_with_the_headers_of_the_probe() -> None:
    """Path, query and headers arrive as written; a header of the probe replaces ours of the same name."""
    serve = saying(b"HTTP/1.1 200 OK\r\n\r\n")
    url = "http://me:se%20cret@127.0.0.1:{port}/a b/é?q=ü&r=%20#part"
    result = ask(serve, url, headers={"host": "shop.test", "X-Check": "1"})
    asked = serve.asked.decode()  # type: ignore[attr-defined]
    assert asked.startswith("GET /a%20b/%C3%A9?q=%C3%BC&r=%20 HTTP/1.1\r\n")
    assert "host: shop.test\r\n" in asked and "X-Check: 1\r\n" in asked and "Connection: close\r\n" in asked
    assert "Host:" not in asked and "Authorization: Basic bWU6c2UgY3JldA==\r\n" in asked
    assert "cret" not in result.message  # P19


def test_a_header_cannot_smuggle_in_another_request() -> None:
    """A line break in a header is refused before anything is sent (P20)."""
    result = ask(saying(b"HTTP/1.1 200 OK\r\n\r\n"), headers={"X": "1\r\n\r\nGET /admin HTTP/1.1"})
    assert not result.ok and "line break" in result.message


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), "is not HTTP/1"),
        ((b"\x00\xff" * 100_000,), "is not HTTP/1"),
        ((b"HTTP/1.1 two hundred\r\n\r\n",), "is not HTTP/1"),
        ((b"HTTP/1.1 " + b"9" * 50_000,), "is not HTTP/1"),
        ((b"HTTP/1.1 103 Early\r\n" + b"X: y\r\n" * 10_000,), "is not HTTP/1"),
        ((b"\x15\x03\x01\x00\x02\x02\x46",), "speaks TLS"),
        ((b"HTTP/1.1 2",), "closed the connection in the middle"),
        ((), "closed the connection without an answer"),
    ],
)
def test_what_is_no_answer_is_a_clear_failure(pieces: tuple[bytes, ...], words: str) -> None:
    """Garbage, a torn answer and a closed connection each have their sentence (S16, P20)."""
    result = ask(saying(*pieces))
    assert not result.ok and words in result.message and len(result.message) < 300


def test_a_server_that_closes_at_once_is_a_clear_failure() -> None:
    """Closed before the question was read: said as a closed or a reset connection (S16)."""
    result = ask(gone)
    assert not result.ok
    assert "closed the connection without an answer" in result.message or "reset by" in result.message


def test_headers_without_end_do_not_matter() -> None:
    """The status line decides, however much a server sends after it, and nothing of that is kept (P20)."""
    assert ask(saying(b"HTTP/1.1 200 OK\r\n", *[b"X-Junk: " + b"y" * 60_000 + b"\r\n"] * 20)).ok


def test_a_status_that_comes_in_crumbs_is_put_together() -> None:
    """An answer may arrive a byte at a time, with informational ones before it."""
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\n"
    )
    reader = StatusReader("there")
    found = [reader.feed(answer[i : i + 1]) for i in range(len(answer))]
    assert found == [None] * (len(answer) - 1) + [201]


def test_a_reader_of_nothing_says_that_the_other_side_closed() -> None:
    """The end of the stream before a status is NotHttp with whom it was."""
    with pytest.raises(NotHttp, match="there closed the connection without an answer"):
        StatusReader("there").feed(b"")


def test_a_server_that_never_answers_is_a_time_out() -> None:
    """A look ends at its time-out, and says for what it waited (S14, S16)."""
    result = ask(mute, timeout=0.2)
    assert not result.ok and result.message.startswith("timed out after 200 ms: GET http://127.0.0.1:")
    assert result.latency_s < 30


def test_a_body_that_never_ends_does_not_delay_the_answer() -> None:
    """Once the status is known, the rest is taken for a moment only."""
    result = ask(saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"tick\n"] * 100, pause=1.0))
    assert result.ok and result.latency_s < 30


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://h:99999/", "127.0.0.1:80", "http://[::1/"])
def test_a_url_that_is_none_is_said_so(url: str) -> None:
    """What slips through the configuration still gets a sentence (P20)."""
    result = asyncio.run(look(HttpProbe(url=url)))
    assert not result.ok and "no valid URL" in result.message


def test_https_takes_any_certificate() -> None:
    """As with the kubelet, a self-signed certificate is as good as any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "localhost.pem")

    async def whole() -> tuple[Result, Result]:
        async with server(saying(b"HTTP/1.1 200 OK\r\n\r\n"), tls=context) as port:
            good = await look(HttpProbe(url=f"https://localhost:{port}/"), timeout=30)
        async with server(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
            return good, await look(HttpProbe(url=f"https://localhost:{port}/"), timeout=0.5)

    good, plain = asyncio.run(whole())
    assert good.ok and good.message.startswith("HTTP 200 from https://localhost:")
    assert not plain.ok


def test_a_surprise_in_a_look_is_its_failure_and_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a fault of ours in a handler becomes a failed result with its text; a probe never dies (S16)."""

    async def broken(*arguments: object) -> None:
        raise ValueError("surprise")

    monkeypatch.setattr("roost.edges.probes.tcp.look", broken)
    result = asyncio.run(look(TcpProbe(port="1")))
    assert not result.ok and result.message == "the probe itself failed: ValueError: surprise"
