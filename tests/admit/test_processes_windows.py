"""Which processes live, as Windows tells it. Its kernel is played."""

import ctypes

import pytest

from llm_router.admit import processes, processes_windows

RUNNING, ENDED, REFUSED, NOBODY = 400, 404, 408, 412
BEGAN = 0x01DB_0000_89AB_CDEF
ACCESS_DENIED, INVALID_PARAMETER = 5, 87


class Kernel:
    """The calls of kernel32 that are made, with handles that have to be given back."""

    def __init__(self):
        self.open, self.error = set(), 0

    def OpenProcess(self, _access, inherits, pid):  # noqa: N802 - Windows' own name
        assert not inherits
        self.error = {REFUSED: ACCESS_DENIED, NOBODY: INVALID_PARAMETER}.get(pid, 0)
        if self.error:
            return None
        self.open.add(pid)
        return pid

    def WaitForSingleObject(self, handle, milliseconds):  # noqa: N802
        assert milliseconds == 0
        return 0x102 if handle == RUNNING else 0

    def GetProcessTimes(self, handle, began, *others):  # noqa: N802
        assert handle in self.open
        assert len(others) == 3
        began._obj.dwHighDateTime, began._obj.dwLowDateTime = BEGAN >> 32, BEGAN & 0xFFFF_FFFF
        return 1

    def CloseHandle(self, handle):  # noqa: N802
        self.open.remove(handle)


@pytest.fixture
def kernel(monkeypatch):
    kernel = Kernel()
    monkeypatch.setattr(processes, "_WINDOWS", True)
    monkeypatch.setattr(processes_windows, "_kernel", lambda: kernel)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: kernel.error, raising=False)
    yield kernel
    assert not kernel.open


def test_a_process_is_marked_by_when_it_started(kernel):
    assert processes.marker(RUNNING) == str(BEGAN)
    assert [processes.marker(pid) for pid in (ENDED, REFUSED, NOBODY)] == ["", "", ""]


@pytest.mark.parametrize(
    ("pid", "marked", "lives"),
    [
        (RUNNING, str(BEGAN), True),
        (RUNNING, str(BEGAN - 1), False),  # its number was given to another
        (RUNNING, "", True),
        (ENDED, str(BEGAN), False),  # somebody still holds a handle of it
        (NOBODY, str(BEGAN), False),
        (NOBODY, "", False),
        (REFUSED, str(BEGAN), True),  # it is there, and nobody tells when it started
    ],
)
def test_who_has_ended_holds_nothing_any_more(kernel, pid, marked, lives):
    assert processes.alive(pid, marked) is lives
