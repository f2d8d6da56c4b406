"""A pseudo-terminal: making one, its size, and getting what a program writes to it into a file.

The program's side is its descriptors 0, 1, 2 and its controlling terminal; ours is the master, which whoever
holds it keeps from being hung up.  A `TerminalReader` is a Reader (pipes.py) of the master: the bytes go into a
named pipe first and from there into the file, by `splice` where there is one, so that whatever kills us none is
ever in our memory alone.  Windows has no such terminals.
"""

from __future__ import annotations

import sys

COLUMNS, ROWS = 80, 24
"""The size of a terminal that nobody looks at."""
MOST = 1000
"""Columns or rows: more is taken for a mistake."""

NONE_HERE = "components get no terminal on Windows: remove `tty: true`, or run the project in WSL"

if sys.platform == "win32":
    import errno

    from .pipes import BufferedReader

    def open_terminal() -> tuple[int, int]:
        """None: raises OSError with a sentence in `strerror`."""
        raise OSError(errno.ENOTSUP, NONE_HERE)

    def resize(fd: int, columns: int, rows: int) -> None:
        """Nothing: there is no terminal whose size it could be."""

    def redraw(master: int, columns: int, rows: int) -> None:
        """Nothing, for the same reason."""

    def become_controlling() -> None:
        """Never called: `open_terminal` has refused before."""

    def regain(pid: int, descriptor: int) -> int:
        """-1: what is not there cannot be regained."""
        return -1

    class TerminalReader(BufferedReader):
        """Never made."""

        def __init__(self, master: int, pipe: int, writing: int) -> None:
            raise OSError(errno.ENOTSUP, NONE_HERE)
else:
    import errno
    import fcntl
    import os
    import struct
    import termios

    from .libc import pidfd_getfd
    from .pipes import CHUNK, BufferedReader, Reader, make_reader

    _HOLDS = 128 * 1024  # bytes, more than a pseudo-terminal of any system holds; it does not tell how many
    _AT_ONCE = 4096  # bytes that an empty pipe takes whole, on every system
    _TIOCGPTN = 0x80045430  # Linux: the number of /dev/pts/N

    def open_terminal() -> tuple[int, int]:
        """A new terminal's master, which never blocks, and the program's side, both close-on-exec.

        Raises OSError if the system has none left.
        """
        master, slave = os.openpty()
        os.set_blocking(master, False)
        resize(master, COLUMNS, ROWS)
        return master, slave

    def resize(fd: int, columns: int, rows: int) -> None:
        """Tell the programs how large their terminal is; those in the foreground get SIGWINCH if that is new."""
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def size_of(fd: int) -> tuple[int, int]:
        """Columns and rows of a terminal, by either side.  Raises OSError if it is none."""
        rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
        return columns, rows

    def redraw(master: int, columns: int, rows: int) -> None:
        """Give the terminal that size, and make a program that draws the whole screen draw it anew."""
        if size_of(master) == (columns, rows):
            resize(master, columns, rows + 1)
        resize(master, columns, rows)

    def become_controlling() -> None:
        """In a new session's first process: let its standard input be the terminal that Ctrl-C comes from."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def regain(pid: int, descriptor: int) -> int:
        """The master of a program's terminal, from what it has inherited as `descriptor`; -1 if it cannot be.

        Linux alone; where Yama guards processes from each other, root alone.  A program that has closed it
        has nothing to give.
        """
        if sys.platform != "linux":
            return -1
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return -1
        try:
            found = pidfd_getfd(pidfd, descriptor)
        except OSError:
            return -1
        finally:
            os.close(pidfd)
        if _number_of(found) == _terminal_of(pid):
            return found
        os.close(found)
        return -1

    def _number_of(fd: int) -> int:
        """The N of /dev/pts/N of which `fd` is the master; -1 if it is none."""
        try:
            return int.from_bytes(fcntl.ioctl(fd, _TIOCGPTN, b"\0" * 4), sys.byteorder)
        except OSError:
            return -1

    def _terminal_of(pid: int) -> int:
        """The N of /dev/pts/N that is the controlling terminal of a process; -2 if it has none."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                device = int(file.read().rpartition(b")")[2].split()[4])
        except OSError:
            return -2
        first, major, minor = 136, os.major(device), os.minor(device)
        return (major - first) * 256 + minor if major >= first else -2

    class TerminalReader:
        """Moves what programs write to a terminal into a file, through a named pipe that outlives us."""

        __slots__ = ("_pipe", "_writing", "fd")

        def __init__(self, master: int, pipe: int, writing: int) -> None:
            """All three are ours from now on: the master, and both ends of the pipe."""
            self.fd = master
            self._pipe: Reader = make_reader(pipe)
            self._writing = writing

        @property
        def held(self) -> bytes:
            """What is in the pipe, of which the master will not speak again (one byte stands for all)."""
            return b"\0" if self._pipe.waiting() else b""

        def look(self, count: int) -> bytes:
            """Some of the bytes that come next, without taking them; empty if there are none."""
            if not self._pipe.waiting():
                try:
                    self._fetch(count)
                except BlockingIOError:
                    return b""
            return self._pipe.look(count)

        def move(self, target: int, offset: int, count: int) -> int:
            """Move up to `count` bytes to `offset` of the file `target`; how many; 0: no program has it any more.

            Raises BlockingIOError if there is nothing now, other OSErrors of the file; nothing is lost then.
            """
            if not self._pipe.waiting() and not self._fetch(count):
                return 0
            try:
                return self._pipe.move(target, offset, count)
            except OSError as error:
                if error.errno != errno.EINVAL or isinstance(self._pipe, BufferedReader):
                    raise
                self._pipe = BufferedReader(self._pipe.fd)  # a file system without splice
                return self._pipe.move(target, offset, count)

        def discard(self, count: int) -> int:
            """Take up to `count` bytes and forget them; the rest as for `move`."""
            if not self._pipe.waiting() and not self._fetch(count):
                return 0
            return self._pipe.discard(count)

        def waiting(self) -> int:
            """How many bytes there are at most: a terminal does not tell."""
            return self._pipe.waiting() + _HOLDS

        def room(self) -> int:
            """0: a terminal does not tell."""
            return 0

        def resize(self, size: int) -> bool:
            """No: what a terminal holds is the system's affair."""
            return False

        def close(self) -> None:
            """Give up what was given to us."""
            self._pipe.close()
            os.close(self._writing)
            os.close(self.fd)

        def _fetch(self, count: int) -> int:
            """Let the empty pipe have what the terminal has; 0 if there is no program any more."""
            try:
                return _move(self.fd, self._writing, min(count, CHUNK))
            except OSError as error:
                if error.errno == errno.EIO:  # so Linux says that nobody has its other side
                    return 0
                raise

    def _move(master: int, writing: int, count: int) -> int:
        if sys.platform == "linux":
            try:
                return os.splice(master, writing, count, flags=os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE)
            except OSError as error:
                if error.errno != errno.EINVAL:  # 5.10 cannot do it with terminals
                    raise
        piece = os.read(master, min(count, _AT_ONCE))
        return os.write(writing, piece) if piece else 0
