"""The pass over weights by fanin-kernels, where it is installed: hashes and statistics of a piece in one loop.

What it computes is what `Hashes.add` and `Summary.add` compute, the order of sums aside. Importing this module loads
the kernels, and fails where they cannot be loaded.
"""

from __future__ import annotations

from ctypes import byref
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.auditing.hashing import Hashes
from fanin.auditing.statistics import Scanned
from fanin_kernels import Seen, chosen_path, kernels

__all__ = ["scan"]

_kernel: Final = kernels(chosen_path()).scan


def scan(
    bits: npt.NDArray[Any], dtype: str, centre: float, hashes: Hashes, rectangles: list[tuple[slice, slice, slice]]
) -> tuple[Scanned, list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]]:
    """Add a piece to the hashes, and return its statistics, and the ends of each rectangle's rows.

    Args:
        bits: The piece, flat and contiguous, as `Tensor.read` gives it.
        dtype: "float32", "bfloat16" or "float16".
        centre: What is subtracted before sums are taken.
        hashes: The hashes.
        rectangles: The places in the piece, the rows and the columns of the rectangles that it consists of.
    """
    seen = Seen()
    half = dtype != "float32"
    words = bits.view(np.uint16 if half else np.uint32)
    values = bits.astype(np.float32) if dtype == "float16" else None  # the bits of the others are their numbers
    ends = []
    low, high = np.inf, -np.inf
    for place, rows, columns in rectangles:
        shape = rows.stop - rows.start, columns.stop - columns.start
        lows, highs = np.empty(shape[0], np.float32), np.empty(shape[0], np.float32)
        zeros, wild = seen.zero, seen.huge
        part = words[place].reshape(shape)
        arrays = (
            hashes.row_places[rows],
            hashes.column_places[columns],
            hashes.rows[rows],
            hashes.columns[columns],
            lows,
            highs,
        )
        addresses = [array.ctypes.data for array in arrays]
        numbers = None if values is None else values[place].ctypes.data
        _kernel(part.ctypes.data, half, numbers, *shape, centre, *addresses, byref(seen))
        # The ends of a row leave NaN out, which may stand beside zeros.
        is_used = (lows != 0) | (highs != 0) if seen.huge == wild else (part << 1 != 0).any(1)
        hashes.row_used[rows] |= is_used
        if seen.zero - zeros < shape[0]:  # too few zeros for a column of them
            hashes.column_used[columns] = True
        else:
            hashes.column_used[columns] |= (part << 1 != 0).any(0)
        low, high = min(low, float(lows.min())), max(high, float(highs.max()))
        ends.append((lows, highs))
    counts = (seen.zero, seen.small - seen.zero, seen.tiny - seen.zero, seen.huge, seen.narrow)
    return Scanned(bits.size, *counts, low, high, seen.total, seen.squares), ends
