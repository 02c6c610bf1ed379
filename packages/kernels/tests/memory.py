"""Memory that shows whether a kernel leaves its array."""

from __future__ import annotations

import ctypes
import mmap
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

__all__ = ["Memory", "guarded", "on_linux"]

MARGIN: Final = 256
"""Bytes on either side of an array, more than any vector has."""

on_linux: Final = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")


class Memory:
    """Bytes with known neighbours, at a chosen distance from a 64-byte border."""

    def __init__(self, size: int, shift: int = 0) -> None:
        self.block = bytearray(random.Random(size).randbytes(size + 2 * MARGIN + 64 + shift))
        self.before = bytes(self.block)
        whole = ctypes.addressof(ctypes.c_char.from_buffer(self.block))
        self.start = MARGIN + -(whole + MARGIN) % 64 + shift
        self.size, self.address = size, whole + self.start

    def written(self) -> bytes:
        """Return the bytes of the array, after a look at its neighbours."""
        end = self.start + self.size
        assert self.block[: self.start] == self.before[: self.start], "written before the array"
        assert self.block[end:] == self.before[end:], "written behind the array"
        return bytes(self.block[self.start : end])


@contextmanager
def guarded() -> Iterator[tuple[int, int]]:
    """Yield the ends of a page of memory between two that must not be touched, not even read."""
    libc, page = ctypes.CDLL(None, use_errno=True), mmap.PAGESIZE
    region = mmap.mmap(-1, 3 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    for edge in (start, start + 2 * page):
        assert libc.mprotect(ctypes.c_void_p(edge), ctypes.c_size_t(page), 0) == 0
    yield start + page, start + 2 * page
    for edge in (start, start + 2 * page):
        libc.mprotect(ctypes.c_void_p(edge), ctypes.c_size_t(page), 3)
