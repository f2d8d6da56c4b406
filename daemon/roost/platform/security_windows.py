"""Windows: whose a process is, and security attributes that shut out everybody but our user."""

from __future__ import annotations

import _winapi
import ctypes
import sys
from ctypes import wintypes

assert sys.platform == "win32"

from .kernel32_windows import declare

_LIMITED = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
_TOKEN_QUERY = 0x8
_TOKEN_USER = 1

_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_HANDLE, _DWORD, _BOOL, _POINTER = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p
_open_process_token = declare(_advapi32, "OpenProcessToken", _BOOL, _HANDLE, _DWORD, ctypes.POINTER(_HANDLE))
_token_information = declare(
    _advapi32, "GetTokenInformation", _BOOL, _HANDLE, ctypes.c_int, _POINTER, _DWORD, ctypes.POINTER(_DWORD)
)
_sid_as_text = declare(_advapi32, "ConvertSidToStringSidW", _BOOL, _POINTER, ctypes.POINTER(wintypes.LPWSTR))
_descriptor_from_text = declare(
    _advapi32,
    "ConvertStringSecurityDescriptorToSecurityDescriptorW",
    _BOOL,
    wintypes.LPCWSTR,
    _DWORD,
    ctypes.POINTER(_POINTER),
    _POINTER,
)
_kernel32.LocalFree.argtypes = (_POINTER,)


class _Attributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (("size", _DWORD), ("descriptor", _POINTER), ("inherit", _BOOL))


_ours: list[_Attributes] = []  # made at the first question and kept: pipes are made with its address


def user_of(pid: int) -> str | None:
    """The security identifier of the user that a process runs as; None if we may not know."""
    try:
        process = _winapi.OpenProcess(_LIMITED, False, pid)
    except OSError:
        return None
    try:
        return _user_of_handle(process)
    except OSError:
        return None
    finally:
        _winapi.CloseHandle(process)


def our_user() -> str:
    """The security identifier of our own user."""
    return _user_of_handle(_winapi.GetCurrentProcess())


def ours_alone() -> int:
    """The address of security attributes that give our user everything and others nothing."""
    if not _ours:
        descriptor = _POINTER()
        text = f"D:P(A;;GA;;;{our_user()})"
        _descriptor_from_text(text, 1, ctypes.byref(descriptor), None)
        _ours.append(_Attributes(ctypes.sizeof(_Attributes), descriptor, False))
    return ctypes.addressof(_ours[0])


def _user_of_handle(process: int) -> str:
    token = _HANDLE()
    _open_process_token(process, _TOKEN_QUERY, ctypes.byref(token))
    try:
        buffer = ctypes.create_string_buffer(256)  # TOKEN_USER: a pointer and, behind it, at most 68 bytes
        size = _DWORD()
        _token_information(token, _TOKEN_USER, buffer, len(buffer), ctypes.byref(size))
    finally:
        _winapi.CloseHandle(token.value or 0)
    text = wintypes.LPWSTR()
    _sid_as_text(_POINTER.from_buffer(buffer), ctypes.byref(text))
    try:
        return str(text.value)
    finally:
        _kernel32.LocalFree(text)
