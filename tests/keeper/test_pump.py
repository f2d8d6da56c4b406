"""The pump thread against its owner."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest import mock

from keeper.harness import until
from roost.keeper.logbound import LogBound
from roost.keeper.pump import Pump
from roost.platform.pipes import make_pipe
from roost.platform.polling import Poller


class HeldUp:
    """A poller whose thread is stopped, once, after it has looked."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self.armed = False
        self.held_up, self.goes_on = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)

    def wait(self, timeout: float | None) -> list[int]:
        ready = self._poller.wait(timeout)
        if self.armed and not self.held_up.is_set():
            self.held_up.set()
            self.goes_on.wait()
        return ready


def test_an_end_that_comes_at_once_costs_no_last_words(tmp_path: Path) -> None:
    """S48: what ended while the thread was held up is in the log, and its pipe is taken away."""
    told = mock.Mock()
    paths = str(tmp_path / "logs" / "a.log"), str(tmp_path / "logs" / "a.idx")
    bound = LogBound(str(tmp_path / "logs"), mock.Mock())
    pump = Pump(lambda function: function(), told, bound, lambda _: paths)
    poller = pump._poller = HeldUp(pump._poller)  # type: ignore[assignment]
    pipe = make_pipe(str(tmp_path / "pipe"))
    pump.add("a", 1, [(pipe.reading, 1, pipe.path)], max_size=10**6, max_files=1)
    pump.start()
    until(lambda: pump._by_fd, what="the pipe to be watched")
    poller.armed = True
    poller.wake()
    poller.held_up.wait()
    with open(pipe.path, "wb") as writing:
        writing.write(b"last words\n")
    pipe.close(with_reader=False)
    pump.stop()
    poller.goes_on.set()
    pump.join(60)
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"last words\n"
    assert not (tmp_path / "pipe").exists()
    told.drained.assert_called_once_with("a", 1)
    told.pump_failed.assert_not_called()
