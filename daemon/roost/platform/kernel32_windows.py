"""Windows: the system's calls that Python has no function for, with the types of their arguments.

A call that fails raises OSError with the system's own text.  Handles are plain numbers; whoever gets one
closes it.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

assert sys.platform == "win32"

INFINITE = 0xFFFFFFFF
MORE_DATA = 234

_library = ctypes.WinDLL("kernel32", use_last_error=True)


def declare(library: ctypes.WinDLL, name: str, result: object, *arguments: object) -> Callable[..., int]:
    """A function of a library that gives 0 when it fails."""
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments

    def call(*values: object) -> int:
        outcome = function(*values)
        if not outcome:
            raise ctypes.WinError(ctypes.get_last_error())
        return int(outcome)

    return call


_HANDLE, _DWORD, _BOOL, _POINTER = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p

create_job = declare(_library, "CreateJobObjectW", _HANDLE, _POINTER, wintypes.LPCWSTR)
assign_process_to_job = declare(_library, "AssignProcessToJobObject", _BOOL, _HANDLE, _HANDLE)
set_information_job = declare(
    _library, "SetInformationJobObject", _BOOL, _HANDLE, ctypes.c_int, _POINTER, _DWORD
)
query_information_job = declare(
    _library, "QueryInformationJobObject", _BOOL, _HANDLE, ctypes.c_int, _POINTER, _DWORD, _POINTER
)
terminate_job = declare(_library, "TerminateJobObject", _BOOL, _HANDLE, wintypes.UINT)
generate_console_event = declare(_library, "GenerateConsoleCtrlEvent", _BOOL, _DWORD, _DWORD)
get_process_times = declare(_library, "GetProcessTimes", _BOOL, _HANDLE, *(_POINTER,) * 4)
pipe_client = declare(_library, "GetNamedPipeClientProcessId", _BOOL, _HANDLE, ctypes.POINTER(_DWORD))
pipe_server = declare(_library, "GetNamedPipeServerProcessId", _BOOL, _HANDLE, ctypes.POINTER(_DWORD))

CONSOLE_HANDLER = ctypes.WINFUNCTYPE(_BOOL, _DWORD)
set_console_handler = declare(_library, "SetConsoleCtrlHandler", _BOOL, CONSOLE_HANDLER, _BOOL)
create_snapshot = declare(_library, "CreateToolhelp32Snapshot", _HANDLE, _DWORD, _DWORD)
first_process = _library.Process32FirstW  # these two give 0 at the end, which is no failure
first_process.restype, first_process.argtypes = _BOOL, (_HANDLE, _POINTER)
next_process = _library.Process32NextW
next_process.restype, next_process.argtypes = _BOOL, (_HANDLE, _POINTER)

_resume_thread = _library.ResumeThread
_resume_thread.restype, _resume_thread.argtypes = _DWORD, (_HANDLE,)
_console_processes = _library.GetConsoleProcessList
_console_processes.restype, _console_processes.argtypes = _DWORD, (ctypes.POINTER(_DWORD), _DWORD)


def resume_thread(handle: int) -> None:
    """Let a thread that was created suspended run."""
    if _resume_thread(handle) == 0xFFFFFFFF:
        raise ctypes.WinError(ctypes.get_last_error())


def has_console() -> bool:
    """Whether this process has a console, with or without a window."""
    return bool(_console_processes((_DWORD * 1)(), 1))
