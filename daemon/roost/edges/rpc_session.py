"""What a handler sees of its caller: progress, subscriptions, the end of the connection.

Nothing here knows a method of the daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Raw

from ..api import codec, errors


class Wire(Protocol):
    """What sessions and subscriptions need of their connection."""

    subscriptions: dict[str, Subscription]
    on_close: list[Callable[[], None]]

    @property
    def ended(self) -> bool: ...

    @property
    def peer_pid(self) -> int | None:
        """The process at the other end, where the system tells."""
        ...

    def send(self, line: bytes) -> None: ...

    def room(self) -> bool:
        """Whether more may be sent that nobody asked for just now."""
        ...

    def next_subscription(self) -> int: ...

    async def drained(self) -> None: ...


class Session:
    """One call of one client; given to its handler."""

    __slots__ = ("_id", "_open", "_pending", "_wire")

    def __init__(self, wire: Wire, identity: codec.Id, wants_answer: bool) -> None:
        self._wire = wire
        self._id = identity
        self._open = wants_answer
        self._pending: list[Subscription] | None = None

    def progress(self, data: object) -> bool:
        """Send `progress` with this call's id and the fields of `data` (a Struct or a dict).

        False if it was dropped because the client does not read: wait for `drained` and send it again if it
        matters.  True if it was sent, or if nobody is there to be told any more.
        """
        if not self._open or self._wire.ended:
            return True
        if not self._wire.room():
            return False
        self._wire.send(codec.notification("progress", codec.tagged(data, id=self._id)))
        return True

    @property
    def connection(self) -> object:
        """What tells the client's connection from others; good for nothing else."""
        return self._wire

    @property
    def gone(self) -> bool:
        """Whether the client has closed its connection."""
        return self._wire.ended

    @property
    def peer_pid(self) -> int | None:
        """The client's process; None where the system does not tell."""
        return self._wire.peer_pid

    def subscribe(self, kind: str) -> Subscription:
        """A new stream to this client; its first notification follows the answer to this call.

        Raises RpcError of kind `too_many_requests`.
        """
        if len(self._wire.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise errors.too_many_requests(MAX_SUBSCRIPTIONS)
        subscription = Subscription(self._wire, f"{kind}-{self._wire.next_subscription()}")
        if self._pending is None:
            self._pending = []
        self._pending.append(subscription)
        return subscription

    def unsubscribe(self, identity: str) -> None:
        """End a subscription of this connection.  Raises RpcError if there is none of that name."""
        subscription = self._wire.subscriptions.get(identity)
        if subscription is None:
            raise errors.conflict(
                f"this connection has no subscription {identity[:100]!r}",
                "give the id that this connection was given by a stream; it ends with the connection",
            )
        subscription.close()

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call back once when the connection has ended, however it did."""
        self._wire.on_close.append(callback)

    async def drained(self) -> None:
        """Wait until the client has read what was sent; at once if it keeps up or is gone."""
        await self._wire.drained()

    def answered(self, well: bool) -> None:
        """For the server: the answer has been sent, so streams may begin; after an error they end."""
        self._open = False
        for subscription in self._pending or ():
            if well:
                subscription.begin()
            else:
                subscription.close()
        self._pending = None


MAX_SUBSCRIPTIONS = 64
"""Of one connection."""
_MOST_HELD = 1000


class Subscription:
    """A stream of notifications to one client; never blocks, and drops what a slow client has no room for."""

    __slots__ = (
        "_begun",
        "_held",
        "_last_method",
        "_on_close",
        "_on_drained",
        "_wire",
        "closed",
        "id",
        "lagged",
    )

    def __init__(self, wire: Wire, identity: str) -> None:
        self.id = identity
        self.lagged = 0
        """How many items were dropped since the client was last told."""
        self.closed = False
        self._wire = wire
        self._begun = False
        self._held: list[tuple[str, object, int]] = []
        self._last_method = ""
        self._on_close: Callable[[], None] | None = None
        self._on_drained: Callable[[], None] | None = None
        wire.subscriptions[identity] = self

    def send(self, method: str, payload: object, count: int = 1) -> bool:
        """Send a notification: the fields of `payload` (a Struct, a dict or Raw) and `subscription`.

        False if it was dropped, which adds `count` to what the client is told as `lagged`.
        """
        if self.closed:
            return False
        if not self._begun and len(self._held) < _MOST_HELD:
            self._held.append((method, payload, count))
            return True
        if not self._begun or not self._wire.room():
            self.lagged += count
            self._last_method = method
            return False
        self._wire.send(codec.notification(method, self._tagged(payload)))
        return True

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call back once when the client has unsubscribed or is gone."""
        self._on_close = callback

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call back each time that a client which had lagged can take more, after it was told."""
        self._on_drained = callback

    async def drained(self) -> None:
        """Wait until the client has read what was sent: for a producer that can wait instead of dropping."""
        await self._wire.drained()

    def close(self) -> None:
        """End it; nothing is sent any more."""
        if self.closed:
            return
        self.closed = True
        self._held.clear()
        self._wire.subscriptions.pop(self.id, None)
        if self._on_close is not None:
            self._on_close()

    def begin(self) -> None:
        """For the server: the client knows the subscription's id now."""
        self._begun = True
        held, self._held = self._held, []
        for method, payload, count in held:
            self.send(method, payload, count)

    def catch_up(self) -> None:
        """For the server: there is room again; tell the client what it missed."""
        if self.closed or not self.lagged:
            return
        self._wire.send(codec.notification(self._last_method, self._tagged({})))
        if self._on_drained is not None:
            self._on_drained()

    def _tagged(self, payload: object) -> Raw:
        if not self.lagged:
            return codec.tagged(payload, subscription=self.id)
        lagged, self.lagged = self.lagged, 0
        return codec.tagged(payload, subscription=self.id, lagged=lagged)
