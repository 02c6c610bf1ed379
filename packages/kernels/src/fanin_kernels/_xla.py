"""The library's handlers of XLA, which draw inside of programs that XLA compiles for a CPU."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any, Final

from fanin_kernels._file import load
from fanin_kernels._paths import Path
from fanin_kernels._table import NORMAL_TABLE

__all__ = ["MODES", "xla_handler"]

MODES: Final = {"runs": 0, "grid": 1, "pairs": 2}
"""The numbers of the ways to cut an array into rows."""


@lru_cache(maxsize=4)
def xla_handler(path: Path) -> Any:
    """Return the handler of a path, a function of the C library, for `jax.ffi.register_ffi_target`.

    Its operands are the first and the second words of the keys, and the numbers of a plan as 32-bit words: offset (2),
    first rank, ranks, shift, low, high, mean (2), factor (1 or 2). Its only attribute is an array of int64: law,
    format, mode, the number of axes that count rows, which of them is the stack or -1, the number of axes, and of each
    axis its size, stride, period, outer stride and phase.
    """
    library = load()
    function = library.fanin_set_table  # each look-up of a name may be another object, with types of its own
    function.argtypes, function.restype = (ctypes.c_void_p,), None
    function(NORMAL_TABLE)
    return getattr(library, f"fanin_jax_{path}")
