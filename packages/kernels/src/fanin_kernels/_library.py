"""The library's functions, with the types of their arguments. Each call releases the interpreter's lock."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from fanin_kernels._file import load
from fanin_kernels._paths import Path

__all__ = ["FORMATS", "LAWS", "Kernels", "Rule", "Seen", "kernels"]

LAWS: Final = {"uniform": 0, "normal": 1, "truncated_normal": 2}
"""The numbers of the distributions."""

FORMATS: Final = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3, "points": 4}
"""The numbers of what is written: weights, or lattice points as int32, with the shift and the mean applied."""


class Rule(ctypes.Structure):
    """What the kernels need of a `fanin.plans.Draw`, and where the table of the normal lattice is."""

    _fields_ = (
        ("table", ctypes.c_void_p),
        ("factor", ctypes.c_double),
        ("mean", ctypes.c_int64),
        ("low", ctypes.c_int32),
        ("high", ctypes.c_int32),
        ("first_rank", ctypes.c_uint32),
        ("ranks", ctypes.c_uint32),
        ("shift", ctypes.c_int32),
        ("law", ctypes.c_int32),
        ("format", ctypes.c_int32),
    )


class Seen(ctypes.Structure):
    """What a pass over weights has counted and summed; see `Kernels.scan`."""

    _fields_ = (
        ("zero", ctypes.c_int64),
        ("narrow", ctypes.c_int64),
        ("small", ctypes.c_int64),
        ("tiny", ctypes.c_int64),
        ("huge", ctypes.c_int64),
        ("total", ctypes.c_double),
        ("squares", ctypes.c_double),
    )


class Kernels:
    """The kernels of one path, which take addresses as whole numbers.

    A pitch is the number of bytes from one row to the next. A key is its two words as one number, the first one high.

    Attributes:
        path: The instruction set.
        run: (out, count, first, key, rule): fill consecutive elements from a logical index.
        rows: (out, pitch, rows, width, bases, key, rule): fill rows of logical indices bases[i] + j.
        grid: (out, pitch, rows, width, bases, columns, key, rule): fill rows of indices bases[i] + columns[j].
        pairs: (out, pitch, rows, width, places, bases, columns, key, rule): fill the rows at places[i] with indices
            bases[i] + columns[j]; the columns are even, the bases come in pairs of an even number and the next, and no
            index reaches the next multiple of 2^33 after its base.
        streams: (streams, count, seed): fill rows from the start of named streams. Each is four whole numbers of 64
            bits: the row's address, its width, the words of the name, and the address of a rule.
        given: (out, words, count, rule): write what given words become.
        scan: (weights, half, numbers, rows, width, centre, row places, column places, row hashes, column hashes, lows,
            highs, seen): one pass over a rectangle of float32 weights, or, if `half`, of weights of 16 bits. Numbers
            are their values in float32; neither need be aligned. It adds weights times places to the hashes (uint64),
            writes the ends of each row (float32), and adds to the counts and sums.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        address, size, step, key = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t, ctypes.c_uint64
        rule = ctypes.POINTER(Rule)
        table = (address, step, size, size)
        self.run = self._function("run", address, size, ctypes.c_uint64, key, rule)
        self.rows = self._function("rows", *table, address, key, rule)
        self.grid = self._function("grid", *table, address, address, key, rule)
        self.pairs = self._function("pairs", *table, address, address, address, key, rule)
        self.streams = self._function("streams", address, size, key)
        self.given = self._function("given", address, address, size, rule)
        places = (address,) * 6
        seen = ctypes.POINTER(Seen)
        self.scan = self._function("scan", address, ctypes.c_int, address, size, size, ctypes.c_double, *places, seen)

    def _function(self, name: str, *arguments: Any) -> Callable[..., None]:
        function = getattr(load(), f"fanin_{name}_{self.path}")
        function.argtypes, function.restype = arguments, None
        made: Callable[..., None] = function
        return made


@lru_cache(maxsize=4)
def kernels(path: Path) -> Kernels:
    """Return the kernels of a path, which this processor must support."""
    return Kernels(path)
