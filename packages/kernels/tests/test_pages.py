"""Advice on memory: where Linux is asked for large pages, and that nothing else changes."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import pytest
from memory import on_linux

from fanin_kernels import use_large_pages

LARGE = 2 << 20


def advised(address: int) -> bool:
    """Return whether Linux was asked for large pages where an address is ("hg" in proc_pid_smaps(5))."""
    inside = False
    for line in Path("/proc/self/smaps").read_text(encoding="ascii").splitlines():
        head = line.split()[0]
        if "-" in head and not head.endswith(":"):
            start, end = (int(number, 16) for number in head.split("-"))
            inside = start <= address < end
        elif inside and head == "VmFlags:":
            return "hg" in line.split()
    raise AssertionError(f"no memory at {address:#x}")


@on_linux
@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        (0, 4, [True, True, True, True]),
        (0.5, 3.5, [False, True, True, False]),
        (1.25, 2.75, [False, False, False, False]),
        (1, 2, [False, True, False, False]),
        (2, 2, [False, False, False, False]),
    ],
)
def test_whole_large_pages_are_asked_for(first: float, last: float, wanted: list[bool]) -> None:
    """Of four large pages, those that lie wholly within the memory; what the memory holds stays."""
    region = mmap.mmap(-1, 6 * LARGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(region))
    start = -(-(address + 1) // LARGE) * LARGE - address
    region[start + 5] = 77
    use_large_pages(address + start + int(first * LARGE), int((last - first) * LARGE))
    assert [advised(address + start + k * LARGE + 4096) for k in range(4)] == wanted
    assert region[start + 5] == 77
    assert not any(region[start + LARGE : start + LARGE + 4096])


def test_memory_that_is_small_or_empty() -> None:
    """No page of it is large, and an address is not read."""
    use_large_pages(8, 0)
    use_large_pages(8, 4096)
