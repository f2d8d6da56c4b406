"""The socket itself: whose it is, what becomes of a stale one, and of a lost one (S36, S52, P3b, P18)."""

from __future__ import annotations

import os
import shutil
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from edges.rpc_rig import pong, serving, short_folder
from roost.edges.rpc_server import EndpointInUse

pytestmark = pytest.mark.skipif(os.name == "nt", reason="named pipes have no file")

NOBODY = 65534


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a socket may be, in a folder that is not there yet."""
    with short_folder() as folder:
        yield folder / "run" / "roost.sock"


def listen(path: Path) -> socket.socket:
    """Somebody else who listens."""
    stranger = socket.socket(socket.AF_UNIX)
    stranger.bind(str(path))
    stranger.listen()
    return stranger


def test_only_the_owner_may_open_it(path: Path) -> None:
    """The socket is 0600 in a folder of 0700 (S36)."""
    with serving(path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become another user"
)
def test_another_user_gets_nothing(path: Path) -> None:
    """Even where the file modes would let another user in, not one byte comes back (P18)."""
    with serving(path) as rig:
        for place, mode in ((path.parent.parent, 0o755), (path.parent, 0o755), (path, 0o666)):
            place.chmod(mode)
        assert _as_nobody(path) == b"connected, then: b''"
        rig.wait(lambda: rig.log == ["refused a connection of another user"], "it is logged")
        with rig.peer() as peer:
            assert peer.ask("ping") == pong(1)
        path.chmod(0o600)
        assert _as_nobody(path) == b"PermissionError"


def _as_nobody(path: Path) -> bytes:
    """What another user's ping at `path` comes to."""
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child only makes system calls
        pid = os.fork()
    if pid == 0:
        try:
            os.setuid(NOBODY)
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(60)
            try:
                client.connect(str(path))
                client.send(b'{"jsonrpc":"2.0","method":"ping","id":1}\n')
                os.write(theirs, b"connected, then: " + repr(client.recv(100)).encode())
            except (ConnectionResetError, BrokenPipeError):
                os.write(theirs, b"connected, then: b''")
            except OSError as error:
                os.write(theirs, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(pid, 0)
    with os.fdopen(ours, "rb") as file:
        return file.read()


def test_a_stale_socket_is_replaced(path: Path) -> None:
    """A socket file that nobody answers on, left by a crash, is in nobody's way (S52)."""
    path.parent.mkdir()
    listen(path).close()
    assert path.exists()
    with serving(path) as rig, rig.peer() as peer:
        assert peer.ask("ping") == pong(1)


def test_a_live_socket_is_never_removed(path: Path) -> None:
    """A second server at the same place is refused, and the first goes on as if nothing had been (S52)."""
    with serving(path) as rig:
        before = path.stat().st_ino
        with pytest.raises(EndpointInUse), serving(path):
            pass
        assert path.stat().st_ino == before
        with rig.peer() as peer:
            assert peer.ask("ping") == pong(1)


def test_a_socket_in_place_is_left_alone(path: Path) -> None:
    """The watchdog's look at a socket that is where it should be changes nothing."""
    with serving(path) as rig:
        before = path.stat().st_ino
        assert rig.call(rig.server.check_still_there) is False
        assert path.stat().st_ino == before


@pytest.mark.parametrize("loss", ["socket", "folder", "stale", "file"])
def test_a_lost_socket_is_made_anew(path: Path, loss: str) -> None:
    """Deleted, with its folder or without, or replaced by something dead: it comes back (P3b)."""
    with serving(path) as rig, rig.peer() as old:
        assert old.ask("ping") == pong(1)
        if loss == "folder":
            shutil.rmtree(path.parent)
        else:
            path.unlink()
        if loss == "stale":
            listen(path).close()
        if loss == "file":
            path.write_text("not a socket")
        assert rig.call(rig.server.check_still_there) is True
        assert rig.call(rig.server.check_still_there) is False
        with rig.peer() as new:
            assert new.ask("ping") == pong(1)
        assert old.ask("ping", identity=2) == pong(2)
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


def test_a_place_taken_by_somebody_alive_is_not_taken_back(path: Path) -> None:
    """Where another process answers now, the watchdog says so and leaves it; our clients go on (S52)."""
    with serving(path) as rig, rig.peer() as old:
        assert old.ask("ping") == pong(1)
        path.unlink()
        stranger = listen(path)
        with pytest.raises(EndpointInUse):
            rig.call(rig.server.check_still_there)
        assert old.ask("ping", identity=2) == pong(2)
        stranger.close()
        assert rig.call(rig.server.check_still_there) is True
        with rig.peer() as new:
            assert new.ask("ping") == pong(1)


def test_the_file_of_another_is_not_removed_at_the_end(path: Path) -> None:
    """A server that lost its place leaves what is there now."""
    with serving(path):
        path.unlink()
        stranger = listen(path)
    assert path.exists()
    stranger.close()
