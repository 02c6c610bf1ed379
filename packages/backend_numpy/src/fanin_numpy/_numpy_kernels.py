"""The kernels in plain NumPy: no import to wait for, and the bits that every other kernel must give.

All arithmetic is on 32-bit integers that wrap, in place on a few buffers of the chunk's size. A caller keeps chunks
near 64 Ki elements, so that the buffers stay in the cache and the calls' overhead stays small.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.normal_table import normal_table_bytes
from fanin.plans import Draw
from fanin.threefry import PARITY, ROTATIONS, Words

__all__ = ["fill_grid", "fill_pairs", "fill_rows", "points_of", "words_grid"]

UInts: TypeAlias = NDArray[np.uint32]
Ints: TypeAlias = NDArray[np.int32]
Indices: TypeAlias = NDArray[np.int64]

_MASK = 0xFFFFFFFF


def _threefry(key: Words, x0: UInts, x1: UInts) -> None:
    """Replace the counters (x0, x1) by their blocks."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    spare = np.empty_like(x1)
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
    """Return the words of the logical indices bases[i] + j, j < width, flat; each row has one high word."""
    first, lane = bases >> 1, int(bases[0] & 1)
    if len(bases) > 1 and np.any((bases & 1) != lane):
        return words_grid(bases, np.arange(width), key)
    blocks = (width + lane + 1) >> 1
    low = np.add.outer(first.astype(np.uint32), np.arange(blocks, dtype=np.uint32))
    high = np.empty_like(low)
    high[...] = (first >> 32).astype(np.uint32)[:, None]
    _threefry(key, high, low)
    words = np.empty((len(bases), blocks, 2), np.uint32)
    words[..., 0] = high
    words[..., 1] = low
    flat = words.reshape(len(bases), -1)[:, lane : lane + width]
    return flat.reshape(-1)


def _blocks_grid(bases: Indices, columns: Indices, key: Words) -> tuple[UInts, UInts]:
    """Return both lanes of the blocks of the logical indices bases[i] + columns[j], flat."""
    block = np.add.outer(bases, columns).reshape(-1)
    block >>= 1
    x1 = block.astype(np.uint32)
    block >>= 32
    x0 = block.astype(np.uint32)
    _threefry(key, x0, x1)
    return x0, x1


def words_grid(bases: Indices, columns: Indices, key: Words) -> UInts:
    """Return the words of the logical indices bases[i] + columns[j], flat."""
    even, odd = _blocks_grid(bases, columns, key)
    np.copyto(even, odd, where=np.bitwise_xor.outer(bases & 1, columns & 1).reshape(-1).astype(np.bool_))
    return even


@lru_cache(maxsize=1)
def _table() -> tuple[Ints, Ints, Ints]:
    records = np.frombuffer(normal_table_bytes(), np.dtype([("c0", "<i4"), ("c1", "<u2"), ("c2", "<u2")]))
    return tuple(np.ascontiguousarray(records[name], dtype=np.int32) for name in ("c0", "c1", "c2"))  # type: ignore[return-value]  # three names


def _normal_points(words: UInts) -> Ints:
    c0, c1, c2 = _table()
    p = words.view(np.int32)
    sign = p >> np.int32(31)
    t = p ^ sign
    t |= np.int32(1)
    segment = t.astype(np.float32).view(np.int32)
    segment -= np.int32(127 << 23)
    s = segment & np.int32(0xFFFF)
    s -= np.int32(32768)
    segment >>= np.int32(16)
    index = segment.astype(np.intp)
    point = c0.take(index)
    term = c1.take(index)
    term *= s
    term >>= np.int32(11)
    point -= term
    s *= s
    s >>= np.int32(15)
    np.take(c2, index, out=term, mode="clip")  # "raise" would buffer the output; no index is out of range
    term *= s
    term >>= np.int32(15)
    point += term
    point ^= sign
    point -= sign
    return point


def _uniform_points(words: UInts) -> Ints:
    points = words.view(np.int32) ^ np.int32(0x7FFFFFFF)
    points >>= np.int32(8)
    points <<= np.int32(1)
    points |= np.int32(1)
    return points


def _truncated_points(words: UInts, draw: Draw) -> Ints:
    ranks = words.astype(np.uint64)
    ranks *= np.uint64(draw.ranks)
    ranks >>= np.uint64(32)
    ranks += np.uint64(draw.first_rank)
    points = _normal_points(ranks.astype(np.uint32))
    return np.clip(points, draw.low, draw.high, out=points)


def points_of(words: UInts, draw: Draw) -> Ints:
    """Return the lattice point of each word, with the plan's shift and mean applied."""
    if draw.distribution == "uniform":
        points = _uniform_points(words)
    elif draw.distribution == "normal":
        points = _normal_points(words)
    else:
        points = _truncated_points(words, draw)
    if draw.shift:
        points >>= np.int32(draw.shift)
    if draw.mean:
        points += np.int32(draw.mean)
    return points


def _finish(words: UInts, draw: Draw, out: NDArray[Any]) -> NDArray[Any]:
    """Write the weights of the words into `out`, float32 or float64, and return it."""
    out[...] = points_of(words, draw).reshape(out.shape)  # int32 to float: rounds to nearest even
    out *= out.dtype.type(draw.factor)
    return out


def fill_rows(out: NDArray[Any], bases: Indices, key: Words, draw: Draw) -> None:
    """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + j.

    No row may cross a multiple of 2^33, where the counter's high word changes.
    """
    _finish(_words_rows(out.shape[1], bases, key), draw, out)


def fill_grid(out: NDArray[Any], bases: Indices, columns: Indices, key: Words, draw: Draw) -> None:
    """Fill `out`, of shape (rows, width), with the weights of logical indices bases[i] + columns[j]."""
    _finish(words_grid(bases, columns, key), draw, out)


def fill_pairs(out: NDArray[Any], rows: Indices, bases: Indices, columns: Indices, key: Words, draw: Draw) -> None:
    """Fill out[rows[i]] with the weights of logical indices bases[i] + columns[j].

    Columns are even, and bases come in pairs, an even one and the next, so that both rows of a pair share their blocks.
    """
    shape = (len(rows) // 2, len(columns))
    for lane, words in enumerate(_blocks_grid(bases[0::2], columns, key)):
        out[rows[lane::2]] = _finish(words, draw, np.empty(shape, out.dtype))
