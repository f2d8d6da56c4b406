"""The pump thread, by hand: for tests of what lives on it."""

from __future__ import annotations

from collections.abc import Callable

from roost.keeper.channel import Channel, Stream


class FakeHost:
    """Streams are pumped when the test says so, and time is what it says."""

    def __init__(self) -> None:
        self.watched: set[Stream] = set()
        self.calls: list[tuple[float, Callable[[float], None]]] = []
        self.troubles: list[tuple[int, int, bool]] = []
        self.ended_streams: list[Stream] = []
        self.now = 0.0  # where it is later than the test says when it pumps: as if that had been held up

    def watch_stream(self, stream: Stream) -> None:
        self.watched.add(stream)

    def forget(self, stream: Stream) -> None:
        self.watched.discard(stream)

    def again(self, stream: Stream) -> None:
        """The test pumps all."""

    def clock(self) -> float:
        return self.now

    def call_at(self, when: float, function: Callable[[float], None]) -> None:
        self.calls.append((when, function))

    def widen(self, stream: Stream) -> None:
        """Not here."""

    def ended(self, stream: Stream) -> None:
        self.ended_streams.append(stream)

    def grew(self, channel: Channel, now: float) -> None:
        """Nobody watches."""

    def trouble(self, channel: Channel, number: int, text: str, lost: int, resolved: bool) -> None:
        self.troubles.append((number, lost, resolved))

    def advance(self, channel: Channel, now: float) -> None:
        """Make it `now`: run what is due, and pump everything that is watched, once."""
        due = [function for when, function in self.calls if when <= now]
        self.calls = [(when, function) for when, function in self.calls if when > now]
        for function in due:
            function(now)
        for stream in sorted(self.watched, key=lambda stream: stream.number):
            channel.pump(stream, now)
