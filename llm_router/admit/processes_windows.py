"""Processes on Windows, which has no /proc, and where `os.kill(pid, 0)` would end one."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any

# https://learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights
_QUERY_LIMITED_INFORMATION, _SYNCHRONIZE = 0x1000, 0x100000
_STILL_RUNNING = 0x102  # WAIT_TIMEOUT: somebody may still hold the handle of a process that has ended
_NO_SUCH_PROCESS = 87  # ERROR_INVALID_PARAMETER
_ctypes: Any = ctypes  # half of it is there on Windows only


def started(pid: int) -> str:
    """When it started, in 100 ns. ProcessLookupError where it has ended, another OSError where it cannot be asked."""
    kernel = _kernel()
    handle = kernel.OpenProcess(_QUERY_LIMITED_INFORMATION | _SYNCHRONIZE, False, pid)
    if not handle:
        code: int = _ctypes.get_last_error()
        raise ProcessLookupError(pid) if code == _NO_SUCH_PROCESS else OSError(code, "OpenProcess")
    try:
        if kernel.WaitForSingleObject(handle, 0) != _STILL_RUNNING:
            raise ProcessLookupError(pid)
        began, *others = (wintypes.FILETIME() for _ in range(4))
        if not kernel.GetProcessTimes(handle, *map(ctypes.byref, (began, *others))):
            raise OSError(_ctypes.get_last_error(), "GetProcessTimes")
        return str(began.dwHighDateTime << 32 | began.dwLowDateTime)
    finally:
        kernel.CloseHandle(handle)


def _kernel() -> Any:
    kernel = _ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE  # an int would cut it in half
    kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
    kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    return kernel
