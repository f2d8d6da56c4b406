"""Windows: what the system says about processes: which there are, and when they began."""

from __future__ import annotations

import _winapi
import ctypes
import sys
from ctypes import wintypes

assert sys.platform == "win32"

from .kernel32_windows import create_snapshot, first_process, get_process_times, next_process

_LIMITED = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
_STILL_ACTIVE = 259
_PROCESSES = 0x2  # TH32CS_SNAPPROCESS


class _Entry(ctypes.Structure):
    """PROCESSENTRY32W."""

    _fields_ = (
        ("size", wintypes.DWORD),
        ("usage", wintypes.DWORD),
        ("pid", wintypes.DWORD),
        ("heap", ctypes.c_size_t),
        ("module", wintypes.DWORD),
        ("threads", wintypes.DWORD),
        ("parent", wintypes.DWORD),
        ("priority", wintypes.LONG),
        ("flags", wintypes.DWORD),
        ("name", wintypes.WCHAR * 260),
    )


def start_time(pid: int) -> int | None:
    """When a process that lives began, in units of 100 ns; None if there is none with that pid."""
    try:
        process = _winapi.OpenProcess(_LIMITED, False, pid)
    except OSError:
        return None
    try:
        return start_time_of(process)
    except OSError:
        return None
    finally:
        _winapi.CloseHandle(process)


def start_time_of(process: int) -> int | None:
    """The same, by a handle of the process; None if it has ended.  Raises OSError if we may not know."""
    if _winapi.GetExitCodeProcess(process) != _STILL_ACTIVE:
        return None
    times = (wintypes.FILETIME * 4)()  # begin, end, in the kernel, outside of it
    places = [ctypes.addressof(times) + number * ctypes.sizeof(wintypes.FILETIME) for number in range(4)]
    get_process_times(process, *places)
    return (times[0].dwHighDateTime << 32) | times[0].dwLowDateTime


def snapshot() -> list[tuple[int, int, str]]:
    """(pid, parent, program) of every process; a parent may have ended, and its number be another's."""
    handle = create_snapshot(_PROCESSES, 0)
    entry = _Entry(size=ctypes.sizeof(_Entry))
    found = []
    try:
        more = first_process(handle, ctypes.byref(entry))
        while more:
            found.append((entry.pid, entry.parent, entry.name))
            more = next_process(handle, ctypes.byref(entry))
    finally:
        _winapi.CloseHandle(handle)
    return found
