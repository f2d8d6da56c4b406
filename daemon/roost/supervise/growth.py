"""Who wants to know when a component's log has grown: log probes and followers.  No polling anywhere."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[], None]


class Growth:
    """Tells the keeper which names matter, and passes on what it says about them."""

    def __init__(self, watch: Callable[[list[str], str | None], None]) -> None:
        """`watch` is told all names that matter, and which of them is new."""
        self._watch = watch
        self._listeners: dict[str, list[Listener]] = {}

    def listen(self, name: str, listener: Listener) -> None:
        """Call `listener` whenever the log of `name` has grown."""
        known = name in self._listeners
        self._listeners.setdefault(name, []).append(listener)
        if not known:
            self._watch(sorted(self._listeners), name)

    def unlisten(self, name: str, listener: Listener) -> None:
        """Do not call it any more; unknown is fine."""
        listeners = self._listeners.get(name, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners and self._listeners.pop(name, None) is not None:
            self.announce()

    def announce(self) -> None:
        """Tell the keeper (anew) what matters."""
        self._watch(sorted(self._listeners), None)

    def grew(self, name: str) -> None:
        """The keeper says that this log has grown."""
        for listener in list(self._listeners.get(name, ())):
            listener()
