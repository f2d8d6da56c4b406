"""Windows: job objects, which take the place of session, group and subreaper.

Each component has a job of its own.  Whatever it starts is in it, too, whoever its parent is, so the job says
completely what belongs to a component and ends it completely; if we die, the system ends it for us.
"""

from __future__ import annotations

import _winapi
import ctypes
import sys
from ctypes import wintypes

assert sys.platform == "win32"

from . import kernel32_windows

_PROCESS_LIST = 3  # JobObjectBasicProcessIdList
_EXTENDED_LIMITS = 9
_KILL_ON_CLOSE = 0x2000
_BREAKAWAY_OK = 0x800


class _BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", wintypes.DWORD),
        ("least_working_set", ctypes.c_size_t),
        ("most_working_set", ctypes.c_size_t),
        ("active_processes", wintypes.DWORD),
        ("affinity", ctypes.c_size_t),
        ("priority", wintypes.DWORD),
        ("scheduling", wintypes.DWORD),
    )


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", _BasicLimits),
        ("io_counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


class Job:
    """One job object; held by its handle, which no other process has."""

    __slots__ = ("_handle",)

    def __init__(self, bound: bool) -> None:
        """A `bound` job ends with our handle; from another, a process may also start one outside of it."""
        self._handle = kernel32_windows.create_job(None, None)
        self._limit(_KILL_ON_CLOSE if bound else _BREAKAWAY_OK)

    def add(self, process: int) -> None:
        """Put a process (by its handle) into it; its descendants from now on follow."""
        kernel32_windows.assign_process_to_job(self._handle, process)

    def members(self) -> list[int]:
        """The processes in it that live now."""
        room = 64
        while True:
            buffer = (ctypes.c_size_t * (room + 1))()  # two DWORDs (assigned, in the list), then the list
            try:
                kernel32_windows.query_information_job(
                    self._handle, _PROCESS_LIST, buffer, ctypes.sizeof(buffer), None
                )
            except OSError as error:
                if error.winerror != kernel32_windows.MORE_DATA:
                    raise
                room *= 4
            else:
                count = buffer[0] >> 32
                return [int(pid) for pid in buffer[1 : 1 + count]]

    def terminate(self, code: int) -> None:
        """End all in it at once, with that exit code."""
        kernel32_windows.terminate_job(self._handle, code)

    def let_live(self) -> None:
        """What is in it now need not end with us."""
        self._limit(_BREAKAWAY_OK)

    def close(self) -> None:
        """Give it up; what is in a bound one ends."""
        if self._handle:
            _winapi.CloseHandle(self._handle)
            self._handle = 0

    def _limit(self, flags: int) -> None:
        limits = _ExtendedLimits()
        limits.basic.flags = flags
        kernel32_windows.set_information_job(
            self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
        )
