"""A component's output pipes: how they are made, and how their bytes get into its log.

A `Reader` is our end of one pipe.  It can look without taking, and move bytes into a file; where the system
has `splice` and `tee` (Linux), no byte is ever in our memory on its way (D1, D2).  Nothing here knows what
a log, a line or a component is.

What every Reader has: `fd` (what a Poller watches), `held` (bytes that it has in memory: the descriptor
will not announce them again), `look`, `move`, `discard`, `waiting`, `room`,
`resize`, `close`.
"""

from __future__ import annotations

import os
import sys
import threading

CHUNK = 65536  # bytes that are looked at, or read into memory, at once
FIRST_KEPT = 20  # descriptor of a component's first inherited reading end; its lock comes after the last
MOST_KEPT = 3

if sys.platform == "win32":
    from .pipes_windows import (
        HAS_SPLICE,
        BufferedReader,
        Pipe,
        Reader,
        make_pipe,
        make_reader,
        open_feed,
        open_reader,
        remove_pipe,
    )
else:
    import errno
    import fcntl
    import termios

    from .libc import tee

    _F_SETPIPE_SZ, _F_GETPIPE_SZ = 1031, 1032
    _READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

    class Pipe:
        """A new pipe: our reading end, the component's writing end, and the reading end that it inherits.

        The writing end is open for reading, too, and one more reading end is inherited: either keeps the
        component from SIGPIPE when all our own ends are closed, the first also in a program that closes
        stray descriptors (docs/decisions/0008).  All are close-on-exec; whoever spawns gives two of them on
        and closes these copies.
        """

        __slots__ = ("path", "reading", "spare", "writing")

        def __init__(self, path: str, reading: int, writing: int, spare: int) -> None:
            self.path = path
            self.reading = reading
            self.writing = writing
            self.spare = spare

        def close(self, with_reader: bool = True) -> None:
            """Close the component's ends, and (unless somebody else has it now) our own."""
            for fd in (self.writing, self.spare, *((self.reading,) if with_reader else ())):
                os.close(fd)

    def make_pipe(path: str, size: int | None = None) -> Pipe:
        """Make the named pipe `path`, with room for `size` bytes (None: what the system gives).

        Each end is an open description of its own: what a program does to its flags is its own affair.
        Raises OSError; nothing is left then.
        """
        remove_pipe(path)
        os.mkfifo(path, 0o600)
        opened: list[int] = []
        try:
            opened.append(os.open(path, _READ))
            opened.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
            opened.append(os.open(path, _READ))
        except OSError:
            for fd in opened:
                os.close(fd)
            remove_pipe(path)
            raise
        if size is not None:
            _resize(opened[0], size)
        return Pipe(path, opened[0], opened[1], opened[2])

    def remove_pipe(path: str) -> None:
        """Take the pipe's name away; its ends stay what they are."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def open_reader(path: str, pid: int, descriptor: int) -> int:
        """A reading end of a pipe that was made before us; raises OSError.

        If the name is gone, the pipe is still found by what `pid` has open as `descriptor` (Linux).
        """
        try:
            return os.open(path, _READ)
        except FileNotFoundError:
            if sys.platform != "linux":
                raise
            return os.open(f"/proc/{pid}/fd/{descriptor}", _READ)

    def open_feed(path: str, reading: int) -> int:
        """A writing end of our own for the pipe `path`, whose reading end we have; raises OSError."""
        if sys.platform == "linux":
            path = f"/proc/self/fd/{reading}"  # the name may be gone
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    class BufferedReader:
        """Reads, keeps, writes: for systems and file systems without splice.

        What has been read and not yet written is lost if we are killed just then: at most one CHUNK.
        """

        __slots__ = ("_ended", "fd", "held")

        def __init__(self, fd: int) -> None:
            self.fd = fd
            self.held = b""
            self._ended = False

        def look(self, count: int) -> bytes:
            """Up to `count` of the bytes that come next, without taking them; empty if there are none."""
            if len(self.held) < count and not self._ended:
                try:
                    piece = os.read(self.fd, count - len(self.held))
                except BlockingIOError:
                    return self.held
                self._ended = not piece
                self.held += piece
            return self.held[:count]

        def move(self, target: int, offset: int, count: int) -> int:
            """Move up to `count` bytes to `offset` of the file `target`; how many; 0: nobody writes any more.

            Raises BlockingIOError if there is nothing now, other OSErrors of the file; nothing is lost then.
            """
            piece = self.held[:count] or self.look(min(count, CHUNK))
            if not piece:
                if self._ended:
                    return 0
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            written = os.pwrite(target, piece, offset)
            self.held = self.held[written:]
            return written

        def discard(self, count: int) -> int:
            """Take up to `count` bytes and forget them; the rest as for `move`."""
            piece = self.held[:count] or self.look(min(count, CHUNK))
            if not piece and not self._ended:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            self.held = self.held[len(piece) :]
            return len(piece)

        def waiting(self) -> int:
            """How many bytes could be taken now."""
            return len(self.held) + _unread(self.fd)

        def room(self) -> int:
            """How many bytes the pipe itself can hold; 0 where the system does not tell."""
            return _room(self.fd)

        def resize(self, size: int) -> bool:
            """Give the pipe itself room for `size` bytes; False if that cannot be, or it holds more now."""
            return _resize(self.fd, size)

        def close(self) -> None:
            """Give up our end; the component's others stay."""
            os.close(self.fd)

    def _unread(fd: int) -> int:
        answer = fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0")
        return int.from_bytes(answer, sys.byteorder)

    def _room(fd: int) -> int:
        return fcntl.fcntl(fd, _F_GETPIPE_SZ) if sys.platform == "linux" else 0

    def _resize(fd: int, size: int) -> bool:
        """Give a pipe room for `size` bytes; False where the system does not, or this user has no more."""
        if sys.platform != "linux":
            return False
        try:
            fcntl.fcntl(fd, _F_SETPIPE_SZ, size)
        except OSError:
            return False
        return True

    if sys.platform == "linux":

        class SpliceReader:
            """Moves bytes inside the kernel: whatever kills us, each is in the pipe or in the file."""

            __slots__ = ("fd",)
            held = b""

            def __init__(self, fd: int) -> None:
                self.fd = fd

            def look(self, count: int) -> bytes:
                """Up to `count` of the bytes that come next, without taking them; empty if there are none."""
                with _SCRATCHING:
                    try:
                        copied = tee(self.fd, _SCRATCH[1], count)
                    except BlockingIOError:
                        return b""
                    return os.read(_SCRATCH[0], copied) if copied else b""

            def move(self, target: int, offset: int, count: int) -> int:
                """Move up to `count` bytes to `offset` of the file `target`; how many; 0: the end.

                Raises BlockingIOError if there is nothing now, OSError with EINVAL if the file system has no
                splice, other OSErrors of the file; nothing is lost then.
                """
                return os.splice(self.fd, target, count, offset_dst=offset, flags=_FLAGS)

            def discard(self, count: int) -> int:
                """Take up to `count` bytes and forget them; the rest as for `move`."""
                return os.splice(self.fd, _NULL, count, flags=_FLAGS)

            def waiting(self) -> int:
                """How many bytes could be taken now."""
                return _unread(self.fd)

            def room(self) -> int:
                """How many bytes the pipe itself can hold."""
                return _room(self.fd)

            def resize(self, size: int) -> bool:
                """Give the pipe itself room for `size` bytes; False if that cannot be, or it holds more now."""
                return _resize(self.fd, size)

            def close(self) -> None:
                """Give up our end; the component's others stay."""
                os.close(self.fd)

        _FLAGS = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
        _SCRATCH = os.pipe()
        _SCRATCHING = threading.Lock()
        _NULL = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        Reader = SpliceReader | BufferedReader
        HAS_SPLICE = True

        def make_reader(fd: int) -> Reader:
            """The best Reader that this system has."""
            return SpliceReader(fd)
    else:
        Reader = BufferedReader
        HAS_SPLICE = False

        def make_reader(fd: int) -> Reader:
            """The best Reader that this system has."""
            return BufferedReader(fd)


__all__ = [
    "CHUNK",
    "FIRST_KEPT",
    "HAS_SPLICE",
    "MOST_KEPT",
    "BufferedReader",
    "Pipe",
    "Reader",
    "make_pipe",
    "make_reader",
    "open_feed",
    "open_reader",
    "remove_pipe",
]
