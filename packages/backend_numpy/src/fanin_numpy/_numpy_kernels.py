"""The kernels in plain NumPy: they need no slow import, and every other kernel must give the same bits.

All arithmetic is on 32-bit integers that wrap around, in place in a few buffers of the size of a chunk. Callers keep
chunks near 32 Ki elements, so that the buffers stay in the cache and the overhead of calls stays small.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.plans import Draw
from fanin.stream.normal_table import normal_table_bytes
from fanin.stream.threefry import PARITY, ROTATIONS, Words

__all__ = ["fill_grid", "fill_pairs", "fill_rows", "fill_run", "points_of", "release", "words_grid"]

UInts: TypeAlias = NDArray[np.uint32]
Ints: TypeAlias = NDArray[np.int32]
Indices: TypeAlias = NDArray[np.int64]

_MASK = 0xFFFFFFFF

_KEPT = 1 << 16
"""Maximum size, in elements, of a buffer that is kept for the next draw; a larger one is freed when a draw ends."""


class _Buffers(threading.local):
    """Each thread's scratch memory, kept from chunk to chunk: fresh memory would cost more than the arithmetic.

    A buffer is valid until the next request for the same name in the same thread.
    """

    def __init__(self) -> None:
        self.kept: dict[str, NDArray[Any]] = {}

    def take(self, name: str, count: int, dtype: type[np.generic]) -> NDArray[Any]:
        """Return `count` elements with undefined values."""
        buffer = self.kept.get(name)
        if buffer is None or len(buffer) < count:
            buffer = self.kept[name] = np.empty(count, dtype)
        return buffer[:count]

    def release(self) -> None:
        """Free this thread's large buffers."""
        self.kept = {name: buffer for name, buffer in self.kept.items() if len(buffer) <= _KEPT}


_buffers = _Buffers()


def _threefry(key: Words, x0: UInts, x1: UInts) -> None:
    """Replace the flat counters (x0, x1) with their blocks."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    spare = _buffers.take("spare", len(x1), np.uint32)
    x0 += np.uint32(schedule[0])
    x1 += np.uint32(schedule[1])
    for group in range(5):
        for rotation in ROTATIONS[4 * (group % 2) : 4 * (group % 2) + 4]:
            x0 += x1
            np.left_shift(x1, np.uint32(rotation), out=spare)
            x1 >>= np.uint32(32 - rotation)
            x1 |= spare
            x1 ^= x0
        x0 += np.uint32(schedule[(group + 1) % 3])
        x1 += np.uint32((schedule[(group + 2) % 3] + group + 1) & _MASK)


def _words_rows(width: int, bases: Indices, key: Words) -> UInts:
    """Return the words of the logical indices bases[i] + j, j < width, flat. Each row must have one high word."""
    first, lane = bases >> 1, int(bases[0] & 1)
    rows = len(bases)
    if rows > 1 and np.any((bases & 1) != lane):
        return _words_grid(bases, np.arange(width, dtype=np.int64), key)
    blocks = (width + lane + 1) >> 1
    high = _buffers.take("x0", rows * blocks, np.uint32)
    low = _buffers.take("x1", rows * blocks, np.uint32)
    np.add.outer(first.astype(np.uint32), np.arange(blocks, dtype=np.uint32), out=low.reshape(rows, blocks))
    high.reshape(rows, blocks)[...] = (first >> 32).astype(np.uint32)[:, None]
    _threefry(key, high, low)
    words = _buffers.take("words", 2 * rows * blocks, np.uint32)
    words[0::2] = high
    words[1::2] = low
    if rows == 1:
        return words[lane : lane + width]
    flat = _buffers.take("flat", rows * width, np.uint32)
    flat.reshape(rows, width)[...] = words.reshape(rows, -1)[:, lane : lane + width]
    return flat


def _blocks_grid(bases: Indices, columns: Indices, key: Words) -> tuple[UInts, UInts]:
    """Return both lanes of the blocks of the logical indices bases[i] + columns[j], flat."""
    count = len(bases) * len(columns)
    block = _buffers.take("block", count, np.int64)
    np.add.outer(bases, columns, out=block.reshape(len(bases), len(columns)))
    block >>= 1
    x0, x1 = _buffers.take("x0", count, np.uint32), _buffers.take("x1", count, np.uint32)
    np.copyto(x1, block, casting="unsafe")
    block >>= 32
    np.copyto(x0, block, casting="unsafe")
    _threefry(key, x0, x1)
    return x0, x1


def _words_grid(bases: Indices, columns: Indices, key: Words) -> UInts:
    """Return the words of the logical indices bases[i] + columns[j], flat."""
    even, odd = _blocks_grid(bases, columns, key)
    np.copyto(even, odd, where=np.bitwise_xor.outer(bases & 1, columns & 1).reshape(-1).astype(np.bool_))
    return even


def words_grid(bases: Indices, columns: Indices, key: Words) -> UInts:
    """Return the words of the logical indices bases[i] + columns[j] as a new flat array."""
    return _words_grid(bases, columns, key).copy()


@lru_cache(maxsize=1)
def _table() -> tuple[Ints, Ints, Ints]:
    records = np.frombuffer(normal_table_bytes(), np.dtype([("c0", "<i4"), ("c1", "<u2"), ("c2", "<u2")]))
    return tuple(np.ascontiguousarray(records[name], dtype=np.int32) for name in ("c0", "c1", "c2"))  # type: ignore[return-value]  # three names


def _normal_points(words: UInts) -> Ints:
    c0, c1, c2 = _table()
    count = len(words)
    sign, t = (_buffers.take(name, count, np.int32) for name in ("sign", "t"))
    p = words.view(np.int32)
    np.right_shift(p, np.int32(31), out=sign)
    np.bitwise_xor(p, sign, out=t)
    t |= np.int32(1)
    number = _buffers.take("number", count, np.float32)
    np.copyto(number, t)
    segment = number.view(np.int32)
    segment -= np.int32(127 << 23)
    s = p  # the words are no longer needed
    np.bitwise_and(segment, np.int32(0xFFFF), out=s)
    s -= np.int32(32768)
    segment >>= np.int32(16)
    index = _buffers.take("index", count, np.intp)
    np.copyto(index, segment)
    point, term = segment, t
    np.take(c0, index, out=point, mode="clip")  # "raise" would buffer the output; no index is out of range
    np.take(c1, index, out=term, mode="clip")
    term *= s
    term >>= np.int32(11)
    point -= term
    s *= s
    s >>= np.int32(15)
    np.take(c2, index, out=term, mode="clip")
    term *= s
    term >>= np.int32(15)
    point += term
    point ^= sign
    point -= sign
    return point


def _uniform_points(words: UInts) -> Ints:
    points = words.view(np.int32)
    points ^= np.int32(0x7FFFFFFF)
    points >>= np.int32(8)
    points <<= np.int32(1)
    points |= np.int32(1)
    return points


def _truncated_points(words: UInts, draw: Draw) -> Ints:
    wide = _buffers.take("index", len(words), np.intp).view(np.uint64)
    np.multiply(words, np.uint64(draw.ranks), out=wide, dtype=np.uint64)  # NumPy 1 would treat the scalar as a uint32
    wide >>= np.uint64(32)
    wide += np.uint64(draw.first_rank)
    np.copyto(words, wide, casting="unsafe")
    points = _normal_points(words)
    return np.clip(points, draw.low, draw.high, out=points)


def _points(words: UInts, draw: Draw) -> Ints | Indices:
    """Return the lattice points of words, in the memory of the words, with the plan's shift and mean applied."""
    if draw.distribution == "uniform":
        points = _uniform_points(words)
    elif draw.distribution == "normal":
        points = _normal_points(words)
    else:
        points = _truncated_points(words, draw)
    if draw.shift:
        points >>= np.int32(draw.shift)
    if draw.is_wide:
        return np.add(points, np.int64(draw.mean), dtype=np.int64)  # NumPy 1 would treat the scalar as an int32
    if draw.mean:
        points += np.int32(draw.mean)
    return points


def points_of(words: UInts, draw: Draw) -> Ints | Indices:
    """Return the lattice point of each word, with the plan's shift and mean applied, as a new flat array."""
    return _points(words.copy(), draw).copy()


def _finish(words: UInts, draw: Draw, out: NDArray[Any]) -> None:
    """Write the weights of the words into `out`, float32 or float64."""
    out[...] = _points(words, draw).reshape(out.shape)  # conversion to float rounds to nearest even
    out *= out.dtype.type(draw.factor)


def expect_filling(out: NDArray[Any]) -> None:
    """Do nothing, for NumPy has prepared the memory of its own arrays."""


def release() -> None:
    """Free this thread's large buffers at the end of a draw."""
    _buffers.release()


def fill_run(out: NDArray[Any], first: int, key: Words, draw: Draw) -> None:
    """Fill a flat array with the weights of logical indices first + j."""
    bases = np.array([first], np.int64)
    if (first ^ (first + len(out) - 1)) >> 33:  # the counter's high word changes
        fill_grid(out.reshape(1, -1), bases, np.arange(len(out), dtype=np.int64), key, draw)
    else:
        fill_rows(out.reshape(1, -1), bases, key, draw)


def fill_rows(out: NDArray[Any], bases: Indices, key: Words, draw: Draw) -> None:
    """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + j.

    No row may cross a multiple of 2^33, where the counter's high word changes.
    """
    _finish(_words_rows(out.shape[1], bases, key), draw, out)


def fill_grid(out: NDArray[Any], bases: Indices, columns: Indices, key: Words, draw: Draw) -> None:
    """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + columns[j]."""
    _finish(_words_grid(bases, columns, key), draw, out)


def fill_pairs(
    out: NDArray[Any], rows: Indices, bases: Indices, left: int, columns: Indices, key: Words, draw: Draw
) -> None:
    """Fill out[rows[i], left + j] with the weights of logical indices bases[i] + columns[j].

    Columns are even, and bases come in pairs of an even number and the next one, so both rows of a pair share their
    blocks.
    """
    count = len(rows) // 2 * len(columns)
    weights = _buffers.take(f"weights {out.dtype}", count, out.dtype.type).reshape(-1, len(columns))
    for lane, words in enumerate(_blocks_grid(bases[0::2], columns, key)):
        _finish(words, draw, weights)
        out[rows[lane::2], left : left + len(columns)] = weights
