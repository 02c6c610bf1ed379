"""The kernels compiled by Numba: the same bits, several times faster. Importing this module imports Numba.

Numba promotes 32-bit arithmetic to 64 bits, so each intermediate result is cast back: only then does LLVM vectorize the
rounds. A chunk is processed in short loops over buffers that stay in the first-level cache, since a single loop with
the table look-up would not be vectorized.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import float32, float64, int32, njit, types, uint16, uint32, uint64
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from fanin.plans import Draw
from fanin.stream.normal_table import normal_table_bytes
from fanin.stream.threefry import PARITY, Words

__all__ = ["fill_grid", "fill_pairs", "fill_rows", "points_of", "release"]

_BUFFER = 1024
_UNIFORM, _NORMAL, _TRUNCATED = 0, 1, 2
_KINDS = {"uniform": _UNIFORM, "normal": _NORMAL, "truncated_normal": _TRUNCATED}


@intrinsic
def _bits_of(typingctx: Any, number: Any) -> Any:
    """Return the bits of a float32 as an int32."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), codegen


@njit(inline="always")
def _four_rounds(x0, x1, r0, r1, r2, r3):
    for rotation in (r0, r1, r2, r3):
        x0 = uint32(x0 + x1)
        x1 = uint32(uint32(x1 << uint32(rotation)) | uint32(x1 >> uint32(32 - rotation)))
        x1 = uint32(x1 ^ x0)
    return x0, x1


@njit(inline="always")
def _threefry(k0, k1, k2, c0, c1):
    x0, x1 = uint32(c0 + k0), uint32(c1 + k1)
    x0, x1 = _four_rounds(x0, x1, 13, 15, 26, 6)
    x0, x1 = uint32(x0 + k1), uint32(x1 + k2 + uint32(1))
    x0, x1 = _four_rounds(x0, x1, 17, 29, 16, 24)
    x0, x1 = uint32(x0 + k2), uint32(x1 + k0 + uint32(2))
    x0, x1 = _four_rounds(x0, x1, 13, 15, 26, 6)
    x0, x1 = uint32(x0 + k0), uint32(x1 + k1 + uint32(3))
    x0, x1 = _four_rounds(x0, x1, 17, 29, 16, 24)
    x0, x1 = uint32(x0 + k1), uint32(x1 + k2 + uint32(4))
    x0, x1 = _four_rounds(x0, x1, 13, 15, 26, 6)
    return uint32(x0 + k2), uint32(x1 + k0 + uint32(5))


@njit(nogil=True)
def _words_run(words, start, count, k0, k1, k2):
    """Write the words of `start`, which is even, and the indices after it: `count` in all, rounded up to even."""
    block = uint64(start) >> uint64(1)
    high, low = uint32(block >> uint64(32)), uint32(block)
    for j in range((count + 1) >> 1):
        x0, x1 = _threefry(k0, k1, k2, high, uint32(low + uint32(j)))
        words[2 * j] = x0
        words[2 * j + 1] = x1


@njit(nogil=True)
def _words_grid(words, base, columns, k0, k1, k2):
    for j in range(columns.shape[0]):
        index = uint64(base + columns[j])
        x0, x1 = _threefry(k0, k1, k2, uint32(index >> uint64(33)), uint32(index >> uint64(1)))
        words[j] = x1 if uint32(index) & uint32(1) else x0


@njit(nogil=True)
def _words_pair(even, odd, high, low, steps, k0, k1, k2):
    """Write both lanes of the blocks low + steps[j], whose counters share a high word."""
    for j in range(steps.shape[0]):
        x0, x1 = _threefry(k0, k1, k2, high, uint32(low + steps[j]))
        even[j] = x0
        odd[j] = x1


def _weight(out, point, mean, factor):
    """Return the weight of a lattice point in the dtype of `out`: float32, float64, or uint16 for the bits of bfloat16.

    An int32 array gets the point itself. The sum is an int32, except for float64, where a double holds it exactly.
    """
    raise NotImplementedError  # only compiled code calls this


@overload(_weight)
def _overload_weight(out, point, mean, factor):
    def weight32(out, point, mean, factor):
        return float32(int32(point + int32(mean))) * float32(factor)

    def weight64(out, point, mean, factor):
        return float64(float64(point) + float64(mean)) * factor

    def weight16(out, point, mean, factor):
        number = float32(float32(int32(point + int32(mean))) * float32(factor))
        bits = uint32(_bits_of(number))  # finite and normal, or zero: no NaN to keep
        even = uint32(uint32(bits >> uint32(16)) & uint32(1))
        return uint16(uint32(bits + uint32(0x7FFF) + even) >> uint32(16))

    def point_itself(out, point, mean, factor):
        return int32(point + int32(mean))

    choices = {types.float32: weight32, types.float64: weight64, types.uint16: weight16, types.int32: point_itself}
    return choices[out.dtype]


@njit(nogil=True)
def _uniform(words, count, out, factor, mean, shift):
    for j in range(count):
        k = int32(int32(words[j]) ^ int32(0x7FFFFFFF))
        point = int32(int32(int32(k >> int32(8)) << int32(1)) | int32(1))
        out[j] = _weight(out, int32(point >> shift), mean, factor)


@njit(nogil=True)
def _normal(words, count, table, segments, records, out, factor, mean, shift, low, high):
    for j in range(count):
        p = int32(words[j])
        t = int32(int32(p ^ int32(p >> int32(31))) | int32(1))
        segments[j] = uint32(int32(_bits_of(float32(t)) - int32(127 << 23)))
    for j in range(count):
        records[j] = table[segments[j] >> uint32(16)]
    for j in range(count):
        sign = int32(int32(words[j]) >> int32(31))
        s = int32(int32(segments[j] & uint32(0xFFFF)) - int32(32768))
        c0 = int32(uint32(records[j]))
        packed = uint32(records[j] >> uint64(32))
        c1, c2 = int32(packed & uint32(0xFFFF)), int32(packed >> uint32(16))
        a = int32(c0 - int32(int32(s * c1) >> int32(11)))
        a = int32(a + int32(int32(int32(int32(s * s) >> int32(15)) * c2) >> int32(15)))
        point = min(max(int32(int32(a ^ sign) - sign), low), high)
        out[j] = _weight(out, int32(point >> shift), mean, factor)


@njit(nogil=True)
def _fill(words, count, table, segments, records, out, kind, factor, lattice, ranks, bounds):
    """Write the weights of `count` words. A truncated normal overwrites the words with their ranks."""
    mean, shift = lattice[0], int32(lattice[1])
    if kind == _UNIFORM:
        _uniform(words, count, out, factor, mean, shift)
        return
    if kind == _TRUNCATED:
        for j in range(count):
            words[j] = uint32(uint32(ranks[0]) + uint32((uint64(words[j]) * uint64(ranks[1])) >> uint64(32)))
    _normal(words, count, table, segments, records, out, factor, mean, shift, int32(bounds[0]), int32(bounds[1]))


@njit(nogil=True, cache=True)
def _rows(out, bases, key, table, kind, factor, lattice, ranks, bounds):
    k0, k1 = uint32(key[0]), uint32(key[1])
    k2 = uint32(uint32(k0 ^ k1) ^ uint32(PARITY))
    words = np.empty(_BUFFER + 2, np.uint32)
    segments = np.empty(_BUFFER, np.uint32)
    records = np.empty(_BUFFER, np.uint64)
    for row in range(bases.shape[0]):
        lane = bases[row] & 1
        for at in range(0, out.shape[1], _BUFFER):
            count = min(_BUFFER, out.shape[1] - at)
            _words_run(words, bases[row] - lane + at, count + lane, k0, k1, k2)
            part = out[row, at : at + count]
            _fill(words[lane:], count, table, segments, records, part, kind, factor, lattice, ranks, bounds)


@njit(nogil=True, cache=True)
def _grid(out, bases, columns, key, table, kind, factor, lattice, ranks, bounds):
    k0, k1 = uint32(key[0]), uint32(key[1])
    k2 = uint32(uint32(k0 ^ k1) ^ uint32(PARITY))
    words = np.empty(_BUFFER, np.uint32)
    segments = np.empty(_BUFFER, np.uint32)
    records = np.empty(_BUFFER, np.uint64)
    for row in range(bases.shape[0]):
        for at in range(0, columns.shape[0], _BUFFER):
            count = min(_BUFFER, columns.shape[0] - at)
            _words_grid(words, bases[row], columns[at : at + count], k0, k1, k2)
            part = out[row, at : at + count]
            _fill(words, count, table, segments, records, part, kind, factor, lattice, ranks, bounds)


@njit(nogil=True, cache=True)
def _pairs(out, rows, bases, left, columns, key, table, kind, factor, lattice, ranks, bounds):
    k0, k1 = uint32(key[0]), uint32(key[1])
    k2 = uint32(uint32(k0 ^ k1) ^ uint32(PARITY))
    words = np.empty((2, _BUFFER), np.uint32)
    segments = np.empty(_BUFFER, np.uint32)
    records = np.empty(_BUFFER, np.uint64)
    steps = np.empty(columns.shape[0], np.uint32)
    for j in range(columns.shape[0]):
        steps[j] = uint32(uint64(columns[j]) >> uint64(1))
    for pair in range(0, rows.shape[0], 2):
        block = uint64(bases[pair]) >> uint64(1)
        for at in range(0, columns.shape[0], _BUFFER):
            count = min(_BUFFER, columns.shape[0] - at)
            high, low = uint32(block >> uint64(32)), uint32(block)
            _words_pair(words[0], words[1], high, low, steps[at : at + count], k0, k1, k2)
            for lane in range(2):
                part = out[rows[pair + lane], left + at : left + at + count]
                _fill(words[lane], count, table, segments, records, part, kind, factor, lattice, ranks, bounds)


@njit(nogil=True, cache=True)
def _given(out, words, table, kind, factor, lattice, ranks, bounds):
    spare = np.empty(_BUFFER, np.uint32)
    segments = np.empty(_BUFFER, np.uint32)
    records = np.empty(_BUFFER, np.uint64)
    for at in range(0, words.shape[0], _BUFFER):
        count = min(_BUFFER, words.shape[0] - at)
        spare[:count] = words[at : at + count]
        part = out[at : at + count]
        _fill(spare, count, table, segments, records, part, kind, factor, lattice, ranks, bounds)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint64]:
    return np.frombuffer(normal_table_bytes(), "<u8").astype(np.uint64)


def _arguments(draw: Draw) -> tuple[Any, ...]:
    """Return what the kernels need of a rule, as plain numbers, which are cheaper to pass than cached arrays."""
    ranks, bounds = (draw.first_rank, draw.ranks), (draw.low, draw.high)
    return _table(), _KINDS[draw.distribution], draw.factor, (draw.mean, draw.shift), ranks, bounds


def points_of(words: NDArray[np.uint32], draw: Draw) -> NDArray[np.int32]:
    """Return the lattice point of each word of a flat array, with the plan's shift and mean applied."""
    points = np.empty(words.shape, np.int32)
    _given(points, words, *_arguments(draw))
    return points


def release() -> None:
    """Do nothing: the buffers of the compiled loops take a few KiB and are freed after each call."""


def fill_rows(out: NDArray[Any], bases: NDArray[np.int64], key: Words, draw: Draw) -> None:
    """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + j.

    The dtype of `out` is float32, float64, or uint16 for the bits of bfloat16. No row may cross a multiple of 2^33,
    where the counter's high word changes.
    """
    _rows(out, bases, key, *_arguments(draw))


def fill_grid(out: NDArray[Any], bases: NDArray[np.int64], columns: NDArray[np.int64], key: Words, draw: Draw) -> None:
    """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + columns[j]."""
    _grid(out, bases, columns, key, *_arguments(draw))


def fill_pairs(
    out: NDArray[Any],
    rows: NDArray[np.int64],
    bases: NDArray[np.int64],
    left: int,
    columns: NDArray[np.int64],
    key: Words,
    draw: Draw,
) -> None:
    """Fill out[rows[i], left + j] with the weights of logical indices bases[i] + columns[j].

    Columns are even, and bases come in pairs of an even number and the next one, so both rows of a pair share their
    blocks. No index may reach the next multiple of 2^33 after its base, where the counter's high word changes. The
    whole table is passed, C-contiguous: a loop over memory with unknown strides would not be vectorized.
    """
    _pairs(out, rows, bases, left, columns, key, *_arguments(draw))
