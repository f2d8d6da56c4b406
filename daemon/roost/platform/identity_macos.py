"""macOS: process facts from libproc and sysctl.  Used by identity.py alone."""

from __future__ import annotations

import ctypes
import os
import struct

from .identity import Facts, entries_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_libc = ctypes.CDLL(None, use_errno=True)
_BSDINFO = 3  # PROC_PIDTBSDINFO
_BSDINFO_SIZE = 136
_VNODE_INFO = 1  # PROC_PIDFDVNODEINFO
_VNODE_INFO_SIZE = 176
_ZOMBIE = 5  # SZOMB
_CTL_KERN, _KERN_PROCARGS2 = 1, 49


def boot_id() -> str:
    """What differs after each boot of the machine."""
    size = ctypes.c_size_t(64)
    buffer = ctypes.create_string_buffer(size.value)
    if _libc.sysctlbyname(b"kern.bootsessionuuid", buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        raise OSError(ctypes.get_errno(), "kern.bootsessionuuid cannot be read")
    return buffer.value.decode("ascii")


def facts(pid: int) -> Facts | None:
    """What there is to know about a process; None if there is none with that pid.

    struct proc_bsdinfo: flags, status, xstatus, pid, ppid, uid, gid, ruid, rgid, svuid, svgid, rfu (12 u32),
    comm[16], name[32], nfiles, pgid, pjobc, e_tdev, e_tpgid (5 u32), nice (i32), start seconds, microseconds.
    """
    buffer = ctypes.create_string_buffer(_BSDINFO_SIZE)
    size = _libc.proc_pidinfo(pid, _BSDINFO, ctypes.c_uint64(0), buffer, _BSDINFO_SIZE)
    if size != _BSDINFO_SIZE:
        return None
    status, parent = struct.unpack_from("=I", buffer, 4)[0], struct.unpack_from("=I", buffer, 16)[0]
    name = (buffer.raw[64:96].split(b"\0")[0] or buffer.raw[48:64].split(b"\0")[0]).decode(errors="replace")
    group = struct.unpack_from("=I", buffer, 100)[0]
    seconds, microseconds = struct.unpack_from("=QQ", buffer, 120)
    session = _libc.getsid(pid)
    return Facts(name, status == _ZOMBIE, parent, group, session, seconds * 1_000_000 + microseconds)


def all_pids() -> list[int]:
    """Every process that can be seen."""
    room = _libc.proc_listallpids(None, 0) + 64
    pids = (ctypes.c_int * room)()
    count = _libc.proc_listallpids(pids, ctypes.sizeof(pids))
    return [pid for pid in pids[: max(count, 0)] if pid > 0]


def holders(path: str, descriptors: Iterable[int]) -> list[int]:
    """The processes that have the file `path` open as one of `descriptors`; empty if it is gone.

    struct vnode_fdinfo: proc_fileinfo (24 bytes), vinfo_stat (dev u32, mode u16, nlink u16, ino u64 …).
    """
    try:
        wanted = os.stat(path)
    except OSError:
        return []
    numbers = list(descriptors)
    return [pid for pid in all_pids() if any(_is_open(pid, number, wanted) for number in numbers)]


def _is_open(pid: int, number: int, wanted: os.stat_result) -> bool:
    buffer = ctypes.create_string_buffer(_VNODE_INFO_SIZE)
    if _libc.proc_pidfdinfo(pid, number, _VNODE_INFO, buffer, _VNODE_INFO_SIZE) <= 0:
        return False
    device, _, _, inode = struct.unpack_from("=IHHQ", buffer, 24)
    return (device, inode) == (wanted.st_dev & 0xFFFFFFFF, wanted.st_ino)


def holders_of_removed(path: str, argument: str) -> list[int]:
    """Nobody: macOS does not tell by which name a file was opened that has been removed since."""
    return []


def environment_values(pid: int, names: Sequence[str]) -> dict[str, str]:
    """Those of `names` that are in the environment that the process was started with.

    What is missing proves nothing: it may not be readable, and some programs write over it.
    """
    name = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, pid)
    size = ctypes.c_size_t(1024 * 1024)
    buffer = ctypes.create_string_buffer(size.value)
    if _libc.sysctl(name, 3, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        return {}
    return entries_of(buffer.raw[4 : size.value], names)
