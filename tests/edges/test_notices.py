"""The sockets of sd_notify: what comes, from whom, and what is closed afterwards."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.harness import eventually
from roost.edges.notices import NoticeSockets
from roost.platform import notices

pytestmark = pytest.mark.skipif(not notices.SUPPORTED, reason="no datagram sockets in the file system here")


def test_a_datagram_comes_with_the_pid_of_its_sender(tmp_path: Path) -> None:
    """Linux tells who it was; elsewhere nobody is named."""
    listener = notices.open_socket(str(tmp_path / "n"))
    code = (
        "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', sys.argv[1])"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "n")])
    child.wait()
    data, sender, fds = notices.receive(listener)
    listener.close()

    assert (data, fds) == (b"READY=1", [])
    assert sender == (child.pid if sys.platform == "linux" else None)


def test_only_its_owner_may_write_to_the_socket(tmp_path: Path) -> None:
    """P18: mode 0600, beside the folder's own 0700."""
    listener = notices.open_socket(str(tmp_path / "n"))
    assert (tmp_path / "n").stat().st_mode & 0o777 == 0o600
    listener.close()


def test_the_senders_barrier_is_kept_until_its_word_was_heard(tmp_path: Path) -> None:
    """sd_notify_barrier: the descriptor that came along is closed after the datagram was dealt with."""

    async def whole() -> None:
        reading, writing = os.pipe()
        open_while_heard: list[bool] = []

        def heard(name: str, data: bytes, sender: int | None) -> None:
            os.set_blocking(reading, False)
            try:
                open_while_heard.append(os.read(reading, 1) != b"")
            except BlockingIOError:
                open_while_heard.append(True)

        sockets = NoticeSockets(lambda name: str(tmp_path / name), heard)
        path = sockets.open("web")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.connect(path)
            socket.send_fds(speaker, [b"BARRIER=1"], [writing])
        os.close(writing)
        for _ in range(6000):
            await asyncio.sleep(0.01)
            if open_while_heard:
                break
        assert open_while_heard == [True]
        assert os.read(reading, 1) == b"", "closed now: the sender may go"
        os.close(reading)
        sockets.close_all()
        assert not os.path.exists(path)

    asyncio.run(whole())


def test_who_belongs_to_a_run(tmp_path: Path) -> None:
    """By session, by the line of parents, or by the mark that it was started with; nobody else."""
    script = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "ROOST_COMPONENT": "web", "ROOST_RUN": "7"}
    leader = subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, env=environment
    )
    assert leader.stdout is not None
    grandchild = int(leader.stdout.readline())
    try:
        assert notices.belongs(leader.pid, leader.pid, {})
        assert notices.belongs(grandchild, leader.pid, {}), "a session of its own, and still its child"
        assert not notices.belongs(os.getpid(), leader.pid, {"ROOST_COMPONENT": "web", "ROOST_RUN": "7"})
        assert not notices.belongs(grandchild, 1, {"ROOST_COMPONENT": "web", "ROOST_RUN": "8"})
        leader.kill()
        leader.wait()
        marks = {"ROOST_COMPONENT": "web", "ROOST_RUN": "7"}
        assert eventually(lambda: notices.belongs(grandchild, leader.pid, marks), what="told by its mark")
    finally:
        leader.kill()
        leader.wait()
        leader.stdout.close()
        os.kill(grandchild, 9)


def test_what_was_said_before_we_came_is_heard(tmp_path: Path) -> None:
    """A successor goes on with the socket that was kept for it: same address, and nothing in between is lost."""

    async def whole() -> None:
        kept: dict[str, int | None] = {}
        fd = notices.open_socket(str(tmp_path / "web")).detach()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.sendto(b"READY=1", str(tmp_path / "web"))
        heard: list[bytes] = []
        sockets = NoticeSockets(
            lambda name: str(tmp_path / name), lambda name, data, sender: heard.append(data), kept.__setitem__
        )
        sockets.inherit("web", fd)
        path = sockets.open("web")
        assert (path, kept) == (str(tmp_path / "web"), {"web": fd}), "and the next one is to have it, too"
        while not heard:
            await asyncio.sleep(0)
        assert heard == [b"READY=1"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.sendto(b"STATUS=on", path)
        while len(heard) < 2:
            await asyncio.sleep(0.01)
        sockets.close_all()
        assert kept == {"web": None}

    asyncio.run(asyncio.wait_for(whole(), 60))


def test_a_kept_socket_that_comes_late_is_emptied(tmp_path: Path) -> None:
    """Its name belongs to ours by then; what is in it is heard, and it is closed."""

    async def whole() -> None:
        old = notices.open_socket(str(tmp_path / "web"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            for number in range(5):
                speaker.sendto(b"STATUS=%d" % number, str(tmp_path / "web"))
        heard: list[bytes] = []
        sockets = NoticeSockets(
            lambda name: str(tmp_path / name), lambda name, data, sender: heard.append(data)
        )
        sockets.open("web")
        fd = old.detach()
        sockets.inherit("web", fd)
        assert heard == [b"STATUS=%d" % number for number in range(5)]
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(fd)
        sockets.close_all()

    asyncio.run(whole())
