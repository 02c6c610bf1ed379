"""Memory that is about to be filled for the first time."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from fanin_kernels._file import load

__all__ = ["use_large_pages"]


def use_large_pages(address: int, size: int) -> None:
    """Ask the operating system for large pages, where it gives memory page by page when it is first touched.

    It is advice, and changes nothing but the time that filling takes: Linux then gives 2 MiB at a time, not 4 KiB.

    Args:
        address: Where the memory begins.
        size: Its number of bytes.
    """
    _function()(address, size)


@lru_cache(maxsize=1)
def _function() -> Any:
    function = load().fanin_use_large_pages
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_size_t), None
    return function
