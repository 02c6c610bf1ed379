"""The pass over weights compiled by Numba, where it is installed: hashes and statistics of a piece in one loop.

Importing this module imports Numba. What it computes is what `Hashes.add` and `Summary.add` compute, the order of sums
aside.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import float64, int32, njit, uint32, uint64

from fanin.auditing.hashing import Hashes
from fanin.auditing.statistics import Scanned

__all__ = ["scan"]

_ZERO, _NARROW, _SMALL, _TINY, _HUGE = range(5)
_LEAST: Final = 0x00800000
"""The bits of the smallest normal number of float32 and, without the last 16, of bfloat16."""

_TINY_BITS: Final = int(np.float32(1e-30).view(np.uint32))
_HUGE_BITS: Final = int(np.float32(1e10).view(np.uint32))


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nnan", "ninf", "nsz"})
def _kernel(words, values, shift, centre, row_places, column_places, rows, columns, lows, highs, counts):
    """Add a rectangle to the hashes of its rows and columns; return its sum and its sum of squares.

    Each loop over a row does little, so that it is vectorized; the ends are taken of keys, since those of
    floating-point numbers are not. Of numbers that are not finite the sums are nonsense: the count of huge ones says
    that there are some.
    """
    total, squares = 0.0, 0.0
    for i in range(words.shape[0]):
        place = row_places[i]
        row = uint64(0)
        for j in range(words.shape[1]):
            word = uint64(words[i, j] >> shift)
            row += word * column_places[j]
            columns[j] += word * place
        rows[i] += row
        zero, narrow, small, tiny, huge = uint32(0), uint32(0), uint32(0), uint32(0), uint32(0)
        for j in range(words.shape[1]):
            size = words[i, j] & uint32(0x7FFFFFFF)
            zero += size == 0
            narrow += (words[i, j] & uint32(0xFFFF)) == 0
            small += size < uint32(_LEAST)
            tiny += size < uint32(_TINY_BITS)
            huge += size > uint32(_HUGE_BITS)
        counts[_ZERO] += zero
        counts[_NARROW] += narrow
        counts[_SMALL] += small
        counts[_TINY] += tiny
        counts[_HUGE] += huge
        part, square = 0.0, 0.0
        for j in range(words.shape[1]):
            moved = float64(values[i, j]) - centre
            part += moved
            square += moved * moved
        total += part
        squares += square
        low, high = int32(0x7FFFFFFF), int32(-0x80000000)
        for j in range(words.shape[1]):
            number = int32(words[i, j])
            key = int32(number ^ int32(int32(number >> int32(31)) & int32(0x7FFFFFFF)))
            low, high = min(low, key), max(high, key)
        lows[i], highs[i] = low, high
    return total, squares


def _number(keys: npt.NDArray[np.int32], dtype: str) -> npt.NDArray[np.float32]:
    """Return the numbers of keys: whole numbers in the same order, the bits with those but the sign turned below 0."""
    words = (keys ^ ((keys >> 31) & np.int32(0x7FFFFFFF))).view(np.uint32)
    if dtype == "float16":
        return (words >> np.uint32(16)).astype(np.uint16).view(np.float16).astype(np.float32)
    return words.view(np.float32)


def scan(
    bits: npt.NDArray[Any], dtype: str, centre: float, hashes: Hashes, rectangles: list[tuple[slice, slice, slice]]
) -> tuple[Scanned, npt.NDArray[np.float32], list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]]:
    """Add a piece to the hashes, and return its statistics, its numbers, and the ends of each rectangle's rows.

    Args:
        bits: The piece, flat and contiguous, as `Tensor.read` gives it.
        dtype: "float32", "bfloat16" or "float16".
        centre: What is subtracted before sums are taken.
        hashes: The hashes.
        rectangles: The places in the piece, the rows and the columns of the rectangles that it consists of.
    """
    if dtype == "float32":
        words, values, shift = bits.view(np.uint32), bits, np.uint32(0)
    else:
        words, shift = bits.view(np.uint16).astype(np.uint32) << np.uint32(16), np.uint32(16)
        values = words.view(np.float32) if dtype == "bfloat16" else bits.astype(np.float32)
    counts = np.zeros(5, np.int64)
    total = squares = 0.0
    ends = []
    low, high = np.inf, -np.inf
    for place, rows, columns in rectangles:
        shape = rows.stop - rows.start, columns.stop - columns.start
        least, most = np.empty(shape[0], np.int32), np.empty(shape[0], np.int32)
        before = counts[_ZERO]
        part = words[place].reshape(shape)
        added = _kernel(
            part,
            values[place].reshape(shape),
            shift,
            centre,
            hashes.row_places[rows],
            hashes.column_places[columns],
            hashes.rows[rows],
            hashes.columns[columns],
            least,
            most,
            counts,
        )
        lows, highs = _number(least, dtype), _number(most, dtype)
        total, squares = total + added[0], squares + added[1]
        hashes.row_used[rows] |= (lows != 0) | (highs != 0)
        if counts[_ZERO] - before < shape[0]:  # too few zeros for a column of them
            hashes.column_used[columns] = True
        else:
            hashes.column_used[columns] |= (part << np.uint32(1) != 0).any(0)
        low, high = min(low, float(lows.min())), max(high, float(highs.max()))
        ends.append((lows, highs))
    zero, narrow, small, tiny, huge = map(int, counts)
    return Scanned(bits.size, zero, small - zero, tiny - zero, huge, narrow, low, high, total, squares), values, ends
