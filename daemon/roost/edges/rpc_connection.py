"""One client's connection: lines in, calls out to the handlers, answers back, within limits.

Theory
------
Bytes are cut into lines and lines into calls.  At most `calls_per_turn` calls are carried out in one turn of
the loop, then the others have theirs; while whole lines are left over, or while the client does not read its
answers, no more is read from it.  So a client can delay nobody but itself, and what it can make us remember
is bounded: one request, 64 calls in flight, and `Limits.output` bytes of answers, past which it is cut off.

A handler that returns a value is answered at once, without a task; a coroutine becomes a task, which is
cancelled when the client goes away: only its waiting ends, not what it has set going.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from ..api import codec, errors
from ..api.codec import Batch, Call, Invalid, Notification, Request
from ..api.errors import RpcError
from ..platform.endpoint import peer_has_left, peer_is_owner, peer_pid
from .rpc_session import Session, Subscription

if TYPE_CHECKING:
    from .rpc_server import RpcServer


class Limits(Struct, frozen=True, kw_only=True):
    """What one client may use (INTERFACES.md §6).  Sizes are bytes."""

    request: int = 1024 * 1024
    in_flight: int = 64
    connections: int = 256
    calls_per_turn: int = 16
    unread: int = 256 * 1024
    """Answers not yet read by the client, from which on no more of it is read."""
    stream: int = 1024 * 1024
    """… from which on notifications are dropped."""
    batch: int = 4 * 1024 * 1024
    """Answers of one batch, from which on its other calls are refused."""
    output: int = 8 * 1024 * 1024
    """… from which on the client is cut off."""


class Connection(asyncio.Protocol):
    """The server's side of one connection."""

    def __init__(self, server: RpcServer) -> None:
        self.server = server
        self.loop = server.loop
        self.limits = server.limits
        self.subscriptions: dict[str, Subscription] = {}
        self.on_close: list[Callable[[], None]] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._discarding = False
        self._calls: deque[tuple[Call, _Collector]] = deque()
        self._out: list[bytes] = []
        self._out_size = 0
        self._in_turn = False
        self._turn_planned = False
        self._choked = False
        self._at_end = False
        self._has_left = False
        self._drained: asyncio.Future[None] | None = None
        self._subscribed = 0

    # -- the life of the connection ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writable = cast(asyncio.Transport, transport)
        if not _is_owner(transport):
            self.server.log("refused a connection of another user")
            writable.abort()
            return
        refusal = self.server.admit(self)
        if refusal is not None:
            writable.write(codec.encode_error(None, refusal) + b"\n")
            writable.close()
            return
        writable.set_write_buffer_limits(high=self.limits.unread)
        self._transport = writable

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._buffer.clear()
        self._calls.clear()
        self.server.forget(self)
        for task in self.tasks:
            task.cancel()
        for subscription in list(self.subscriptions.values()):
            subscription.close()
        self._tell_of_the_end()
        self._release_waiting()

    def eof_received(self) -> bool:
        """The client sends no more; it still gets the answers to what it has asked, unless it is gone altogether."""
        if self._transport is None:
            return False
        self._at_end = True
        if self._buffer and not self._discarding and not self._buffer.endswith(b"\n"):
            self._buffer += b"\n"
        self._turn()
        if self._transport is not None and self.tasks and _has_left(self._transport):
            self._has_left = True
            self._tell_of_the_end()
        return self._transport is not None

    def _tell_of_the_end(self) -> None:
        """Whoever does something for the client alone ends it; what was asked is carried out."""
        callbacks, self.on_close = self.on_close, []
        for callback in callbacks:
            callback()

    def close(self) -> None:
        """Send what is left, then close."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    # -- reading ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._buffer += data
        if not self._turn_planned:
            self._turn()

    def _turn(self) -> None:
        """Carry out some calls and send their answers; plan another turn if there are more."""
        self._turn_planned = False
        if self._transport is None:
            return
        self._in_turn = True
        for _ in range(self.limits.calls_per_turn):
            if not self._carry_out_next():
                break
        self._in_turn = False
        self._flush()
        self._go_on()

    def _go_on(self) -> None:
        """Read on, or stop reading until what was read has been carried out and answered."""
        if self._transport is None or self._transport.is_closing():
            return
        more = bool(self._calls) or self._line_is_waiting()
        if more and not self._choked and not self._turn_planned:
            self._turn_planned = True
            self.loop.call_soon(self._turn)
        if self._at_end:
            if not more and not self.tasks:
                self._transport.close()
        elif more or self._choked:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _carry_out_next(self) -> bool:
        """Carry out one call or take in one batch; False if there is nothing whole left or no room for it."""
        if self._transport is None or self._choked or self._out_size > self.limits.unread:
            return False
        if self._calls:
            call, collector = self._calls.popleft()
            if collector.size > self.limits.batch:
                call = Invalid(errors.too_large("the answer to this batch", self.limits.batch), call.id)
            self._carry_out(call, collector.take)
            return True
        line = self._next_line()
        if line is None:
            return False
        if not line or line.isspace():
            return True
        message = codec.parse(line)
        if isinstance(message, Batch):
            collector = _Collector(self, len(message.calls))
            self._calls.extend((call, collector) for call in message.calls)
        else:
            self._carry_out(message, self._answer)
        return True

    def _line_is_waiting(self) -> bool:
        return self._buffer.find(b"\n", self._searched) >= 0

    def _next_line(self) -> bytes | None:
        """The next whole line without its newline; what is too long is answered here and skipped."""
        buffer = self._buffer
        end = buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(buffer)
            if self._discarding or len(buffer) > self.limits.request:
                self._refuse_long_line()
                buffer.clear()
                self._searched = 0
            return None
        too_long = end > self.limits.request or self._discarding
        line = b"" if too_long else bytes(memoryview(buffer)[:end])
        del buffer[: end + 1]
        self._searched = 0
        if too_long:
            self._refuse_long_line()
            self._discarding = False
        return line

    def _refuse_long_line(self) -> None:
        if not self._discarding:
            self._discarding = True
            self.send(codec.encode_error(None, errors.too_large("a message", self.limits.request)))

    # -- carrying out ----------------------------------------------------------------------------------

    def _carry_out(self, call: Call, sink: Sink) -> None:
        if isinstance(call, Invalid):
            sink(codec.encode_error(call.id, call.error), None, False)
            return
        self.server.requests += 1
        session = Session(self, call.id, isinstance(call, Request))
        try:
            result = self.server.call(call.method, call.params, session)
        except Exception as error:  # noqa: BLE001  whatever a handler raises becomes its answer
            self._finish(call, session, sink, None, error)
            return
        if type(result) is not CoroutineType:
            self._finish(call, session, sink, result, None)
        elif len(self.tasks) >= self.limits.in_flight:
            result.close()
            self._finish(call, session, sink, None, errors.too_many_requests(self.limits.in_flight))
        else:
            self._start(result, functools.partial(self._finish, call, session, sink))

    def _start(self, coroutine: CoroutineType[Any, Any, Any], finish: Callable[..., None]) -> None:
        def done(task: asyncio.Task[Any]) -> None:
            self.tasks.discard(task)
            if task.cancelled():
                finish(None, errors.shutting_down())
            elif (error := task.exception()) is not None:
                finish(None, error)
            else:
                finish(task.result(), None)
            self._go_on()

        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(done)

    def _finish(
        self,
        call: Request | Notification,
        session: Session,
        sink: Sink,
        result: object,
        error: BaseException | None,
    ) -> None:
        """Answer a call with its result or its error."""
        answer = b""
        if error is None:
            try:
                answer = codec.encode_result(call.id, result)
            except (TypeError, ValueError, OverflowError, RecursionError) as defect:
                error = defect
        if error is not None:
            answer = codec.encode_error(call.id, self._as_rpc_error(call.method, error))
        sink(answer if isinstance(call, Request) else None, session, error is None)

    def _as_rpc_error(self, method: str, error: BaseException) -> RpcError:
        if isinstance(error, RpcError):
            return error
        self.server.report(method, error)
        return errors.internal(method)

    # -- writing ---------------------------------------------------------------------------------------

    def _answer(self, answer: bytes | None, session: Session | None, well: bool) -> None:
        if answer is not None:
            self.send(answer)
        if session is not None:
            session.answered(well)

    def send(self, line: bytes) -> None:
        """Send one line; its newline is added here.  A client that does not read is cut off in the end."""
        if self._transport is None:
            return
        self._out.append(line)
        self._out_size += len(line)
        if not self._in_turn:
            self._flush()

    def _flush(self) -> None:
        if self._transport is None or not self._out:
            return
        self._out.append(b"")
        data = b"\n".join(self._out)
        self._out.clear()
        self._out_size = 0
        if self._unread() > self.limits.output:
            self.server.log("cut off a client that does not read its answers")
            self._transport.abort()
        else:
            self._transport.write(data)

    def _unread(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def ended(self) -> bool:
        """Whether the client is gone."""
        return self._transport is None or self._has_left

    @property
    def peer_pid(self) -> int | None:
        """The client's process; None where the system does not tell, or when it is gone."""
        if self._transport is None:
            return None
        try:
            peer = self._transport.get_extra_info("socket") or self._transport.get_extra_info("pipe")
            return None if peer is None else peer_pid(peer)
        except OSError:
            return None

    def room(self) -> bool:
        """Whether a notification may be sent."""
        return self._unread() + self._out_size <= self.limits.stream

    def next_subscription(self) -> int:
        """A number for a new subscription."""
        self._subscribed += 1
        return self._subscribed

    def pause_writing(self) -> None:
        self._choked = True
        self._go_on()

    def resume_writing(self) -> None:
        self._choked = False
        self._release_waiting()
        for subscription in list(self.subscriptions.values()):
            subscription.catch_up()
        self._go_on()

    async def drained(self) -> None:
        """Wait until the client has read most of what was sent, or is gone."""
        if not self._choked or self._transport is None:
            return
        if self._drained is None:
            self._drained = self.loop.create_future()
        await asyncio.shield(self._drained)

    def _release_waiting(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None


Sink = Callable[[bytes | None, Session | None, bool], None]
"""Takes the answer of one call (None: it wants none), its session, and whether it went well."""


class _Collector:
    """Collects the answers of one batch and sends them together."""

    def __init__(self, connection: Connection, calls: int) -> None:
        self.size = 0
        self._connection = connection
        self._missing = calls
        self._answers: list[bytes] = []
        self._sessions: list[tuple[Session, bool]] = []

    def take(self, answer: bytes | None, session: Session | None, well: bool) -> None:
        """The answer of one of the calls."""
        self._missing -= 1
        if answer is not None:
            self._answers.append(answer)
            self.size += len(answer)
        if session is not None:
            self._sessions.append((session, well))
        if self._missing:
            return
        if self._answers:
            self._connection.send(codec.encode_batch(self._answers))
        for one, fine in self._sessions:
            one.answered(fine)


def _is_owner(transport: asyncio.BaseTransport) -> bool:
    """Whether the client runs as our user (P18)."""
    peer = transport.get_extra_info("socket") or transport.get_extra_info("pipe")
    try:
        return peer is not None and peer_is_owner(peer)
    except OSError:  # it is gone already
        return False


def _has_left(transport: asyncio.BaseTransport) -> bool:
    """Whether nobody is at the other end any more."""
    peer = transport.get_extra_info("socket") or transport.get_extra_info("pipe")
    return peer is None or peer_has_left(peer)
