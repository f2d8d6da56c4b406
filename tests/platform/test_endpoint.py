"""Where programs meet."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roost.platform import endpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")


def test_a_connection_carries_bytes_and_knows_its_owner(tmp_path: Path) -> None:
    """Both ends agree that they are the same user, and talk (P18)."""
    where = f"unix:{tmp_path}/x.sock"
    with endpoint.listen(where) as listener, endpoint.connect(where, 1.0) as client:
        server, _ = listener.accept()
        with server:
            assert endpoint.peer_is_owner(server)
            assert endpoint.peer_is_owner(client)
            client.sendall(b"hello")
            assert server.recv(10) == b"hello"
    assert os.stat(tmp_path / "x.sock").st_mode & 0o777 == 0o600


def test_listening_replaces_a_stale_file_at_once(tmp_path: Path) -> None:
    """A socket left by a killed process is no obstacle, and nothing else is left beside the new one (S52)."""
    where = f"unix:{tmp_path}/x.sock"
    endpoint.listen(where).close()
    with pytest.raises(ConnectionRefusedError):
        endpoint.connect(where, 1.0)
    with endpoint.listen(where), endpoint.connect(where, 1.0):
        assert os.listdir(tmp_path) == ["x.sock"]
    endpoint.remove(where)
    endpoint.remove(where)
    with pytest.raises(FileNotFoundError):
        endpoint.connect(where, 1.0)


def test_somebody_who_does_not_accept_costs_no_more_than_the_timeout(tmp_path: Path) -> None:
    """A stopped daemon with a full queue is a TimeoutError, not a hang (S41)."""
    where = f"unix:{tmp_path}/x.sock"
    waiting = []
    with endpoint.listen(where) as listener:
        listener.listen(0)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            for _ in range(10):
                waiting.append(endpoint.connect(where, 0.2))
        assert time.monotonic() - began < 30
    for connection in waiting:
        connection.close()


def test_it_imports_next_to_nothing() -> None:
    """`roost status` pays for this module (P23): sockets and what they need, no asyncio, ctypes or re."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import roost.platform.endpoint\n"
        "print([name for name in ('asyncio', 'ctypes', 're', 'json', 'subprocess') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True
    )
    assert done.stdout == "[]\n"


def test_what_is_no_endpoint_is_refused() -> None:
    """A pipe's name, or nothing, is a ValueError here."""
    for text in ("pipe:x", "unix:", "/tmp/x"):
        with pytest.raises(ValueError, match="not an endpoint"):
            endpoint.connect(text, 1.0)
