"""One tray for each session of a user."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import short_folder
from roost_tray.single import Single, session_of


@pytest.fixture
def home() -> Iterator[dict[str, str]]:
    """The environment of a user whose folders are short."""
    folder = short_folder()
    yield {"XDG_STATE_HOME": str(folder), "LOCALAPPDATA": str(folder), "HOME": str(folder), "DISPLAY": ":7"}
    shutil.rmtree(folder)


def single(home: dict[str, str], **changes: str) -> Single:
    """A tray that would like to be the one."""
    environ = {**home, **changes}
    return Single(os.path.join(home["HOME"], "roost"), environ)


def test_the_second_calls_the_first(home: dict[str, str]) -> None:
    """It gets its pid, and the first learns that somebody wanted a tray."""
    first, second = single(home), single(home)
    called = threading.Event()
    assert first.take()
    first.listen(called.set)
    assert not second.take()
    assert second.call() == os.getpid()
    assert called.wait(60)
    first.close()
    assert second.take()
    second.close()


def test_another_session_has_its_own(home: dict[str, str]) -> None:
    """A user with two screens has a panel on each."""
    first, other = single(home), single(home, DISPLAY=":8")
    assert first.take() and other.take()
    first.close()
    other.close()


def test_a_first_that_says_nothing_is_still_the_first(home: dict[str, str]) -> None:
    """The lock decides, not the socket: one that cannot listen is not replaced."""
    first, second = single(home), single(home)
    assert first.take()
    assert not second.take()
    assert second.call() is None
    first.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX sockets")
def test_a_caller_that_goes_away_does_no_harm(home: dict[str, str]) -> None:
    """Somebody connects and says nothing: the next one is answered all the same."""
    first, second = single(home), single(home)
    assert first.take()
    first.listen(lambda: None)
    stranger = socket.socket(socket.AF_UNIX)
    stranger.connect(str(next(Path(home["HOME"]).rglob("tray-7.sock"))))
    stranger.close()
    assert second.call() == os.getpid()
    first.close()


@pytest.mark.parametrize(
    ("environ", "session"),
    [
        ({}, "session"),
        ({"DISPLAY": ":0"}, "0"),
        ({"DISPLAY": ":0.1"}, "0"),
        ({"DISPLAY": "host.example:10.0"}, "host-example-10"),
        ({"WAYLAND_DISPLAY": "wayland-1"}, "wayland-1"),
        ({"DISPLAY": "../../etc"}, "etc"),
    ],
)
def test_a_session_is_a_word(environ: dict[str, str], session: str) -> None:
    """Fit for the name of a file, and short."""
    assert session_of(environ) == session
