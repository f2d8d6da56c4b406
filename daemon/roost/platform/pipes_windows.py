"""Windows: a component's output pipes.  Used by pipes.py and polling_windows.py.

A read is always in flight, so its bytes are in our memory for a moment; nothing is lost by that, because a
component ends with its keeper here (its job object sees to it).  Descriptors are those of the C runtime, as
elsewhere.
"""

from __future__ import annotations

import _winapi
import errno
import msvcrt
import os
import sys

assert sys.platform == "win32"

from .positional import write_at
from .security_windows import ours_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .completion_windows import Overlapped, Port

CHUNK = 65536
HAS_SPLICE = False

_INBOUND = 0x1
_OVERLAPPED = 0x40000000
_FIRST_INSTANCE = 0x00080000
_BYTES_LOCAL_ONLY = 0x8  # PIPE_TYPE_BYTE, PIPE_REJECT_REMOTE_CLIENTS
_IDLE = 4096  # bytes that a read in flight asks for: one waits for every stream, however quiet it is

_open: dict[int, BufferedReader] = {}


class Pipe:
    """A new pipe: our reading end and the component's writing end.

    `spare` is -1: a component that outlived us would need a reading end of its own, but here none does.
    """

    __slots__ = ("path", "reading", "spare", "writing")

    def __init__(self, path: str, reading: int, writing: int) -> None:
        self.path = path
        self.reading = reading
        self.writing = writing
        self.spare = -1

    def close(self, with_reader: bool = True) -> None:
        """Close the component's end, and (unless somebody else has it now) our own."""
        os.close(self.writing)
        if with_reader:
            os.close(self.reading)


def make_pipe(path: str, size: int | None = None) -> Pipe:
    """Make a pipe for the run that `path` names, with room for `size` bytes.  Raises OSError.

    The path only names it: the pipe itself is in the system's own folder, and of one use.
    """
    name = rf"\\.\pipe\roost-out-{os.getpid()}-{os.urandom(8).hex()}"
    room = size or CHUNK
    mode = _INBOUND | _OVERLAPPED | _FIRST_INSTANCE
    reading = _winapi.CreateNamedPipe(name, mode, _BYTES_LOCAL_ONLY, 1, room, room, 0, ours_alone())
    try:
        writing = _winapi.CreateFile(name, _winapi.GENERIC_WRITE, 0, 0, _winapi.OPEN_EXISTING, 0, 0)
    except OSError:
        _winapi.CloseHandle(reading)
        raise
    return Pipe(path, msvcrt.open_osfhandle(reading, os.O_RDONLY), msvcrt.open_osfhandle(writing, 0))


def remove_pipe(path: str) -> None:
    """Nothing to do: a pipe's name goes with its ends."""


def open_reader(path: str, pid: int, descriptor: int) -> int:
    """Never: no component outlives the keeper whose pipe it writes to.  Raises FileNotFoundError."""
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def open_feed(path: str, reading: int) -> int:
    """Never: only what comes from a terminal is fed into a pipe by us.  Raises OSError."""
    raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))


class BufferedReader:
    """Our end of one pipe.  Attached to a port, it always has a read in flight, a full buffer, or its end."""

    __slots__ = ("_announce", "_ended", "_handle", "_port", "_reading", "fd", "held")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.held = b""
        self._handle = msvcrt.get_osfhandle(fd)
        self._ended = False
        self._port: Port | None = None
        self._reading: Overlapped | None = None
        self._announce: Callable[[int], None] = lambda fd: None
        _open[fd] = self

    def attach(self, port: Port, announce: Callable[[int], None]) -> None:
        """Read by that port from now on; `announce` is called when there is something (or the end)."""
        if self._port is None:
            port.attach(self._handle)
            self._port, self._announce = port, announce
        self._read_on(_IDLE)
        if self.held or self._ended:
            announce(self.fd)

    # -- as every Reader (pipes.py) ------------------------------------------------------------------------

    def look(self, count: int) -> bytes:
        """Up to `count` of the bytes that come next, without taking them; empty if there are none."""
        while len(self.held) < count and self._read_on(count - len(self.held)):
            pass
        return self.held[:count]

    def move(self, target: int, offset: int, count: int) -> int:
        """Move up to `count` bytes to `offset` of the file `target`; how many; 0: nobody writes any more.

        Raises BlockingIOError if there is nothing now, other OSErrors of the file; nothing is lost then.
        """
        piece = self._next(count)
        written = write_at(target, piece, offset) if piece else 0
        self._taken(written)
        return written

    def discard(self, count: int) -> int:
        """Take up to `count` bytes and forget them; the rest as for `move`."""
        piece = self._next(count)
        self._taken(len(piece))
        return len(piece)

    def waiting(self) -> int:
        """How many bytes could be taken now."""
        self._harvest()
        return len(self.held) + self._unread()

    def room(self) -> int:
        """0: the system does not tell."""
        return 0

    def resize(self, size: int) -> bool:
        """No: the room of a pipe is settled when it is made."""
        return False

    def close(self) -> None:
        """Give up our end."""
        _open.pop(self.fd, None)
        if self._reading is not None and self._reading.pending:
            self._reading.cancel()
        os.close(self.fd)

    # -- inside ----------------------------------------------------------------------------------------------

    def _next(self, count: int) -> bytes:
        piece = self.held[:count] or self.look(count)
        if not piece and not self._ended:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return piece

    def _taken(self, count: int) -> None:
        """So many bytes are dealt with; see to it that what follows is announced."""
        self.held = self.held[count:]
        if not self.held and not self._ended:
            self._read_on(_IDLE)
            if self.held or self._ended:
                self._announce(self.fd)

    def _read_on(self, count: int) -> bool:
        """Take in what has been read and begin to read more; whether bytes came at once."""
        if self._harvest():
            return True
        if self._reading is None and not self._ended and self._port is not None:
            self._begin(self._port, min(max(self._unread(), _IDLE), max(count, _IDLE)))
            return self._harvest()
        return False

    def _begin(self, port: Port, count: int) -> None:
        operation = port.expect(self._completed)
        try:
            operation.ReadFile(self._handle, count)
        except OSError:  # the last writer is gone
            port.unexpect(operation)
            self._ended = True
        else:
            self._reading = operation

    def _harvest(self) -> bool:
        """Take the result of the read in flight, if it has one; whether bytes came."""
        operation = self._reading
        if operation is None or operation.pending:
            return False
        self._reading = None
        try:
            piece = operation.getresult()
        except OSError:
            piece = b""
        self._ended = not piece
        self.held += piece
        return bool(piece)

    def _completed(self) -> None:
        """A read has ended; perhaps one whose bytes have been harvested already."""
        self._harvest()
        if self.held or self._ended:
            self._announce(self.fd)

    def _unread(self) -> int:
        try:
            return int(_winapi.PeekNamedPipe(self._handle, 0)[0])
        except OSError:
            return 0


Reader = BufferedReader


def make_reader(fd: int) -> Reader:
    """The one Reader that this system has."""
    return BufferedReader(fd)


def reader_at(fd: int) -> BufferedReader:
    """The reader that was made for a descriptor and is not closed yet."""
    return _open[fd]
