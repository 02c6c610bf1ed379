"""Words and lattices in torch's integer operations, for memory that NumPy cannot reach: any device.

torch lacks many unsigned operations, so a word is an int32 that wraps around, and a logical right shift is an
arithmetic one with the copies of the sign bit masked off.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from fanin.layout import Axis
from fanin.plans import Draw
from fanin.stream.lattice import signed
from fanin.stream.normal_table import normal_segments
from fanin.stream.threefry import PARITY, ROTATIONS, Words
from fanin_torch._index import values

__all__ = ["blocks_grid", "blocks_run", "points", "words_grid", "words_of"]


def _threefry(words: Tensor, key: Words, high: Tensor | int, low: int = 0) -> Tensor:
    """Replace counters with their blocks: five launches a round, and one more tensor of half the words' size.

    Args:
        words: int32 of shape (2, count). The second row holds the counters' low words, and the first is not read.
        key: The key.
        high: The counters' high words, or the one that all of them have.
        low: A number to be added to the low words.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    x0, x1 = words.unbind()
    spare = torch.empty_like(x1)
    x1 += signed(low + schedule[1])
    if isinstance(high, int):
        torch.add(x1, signed(high + schedule[0]), out=x0)
    else:
        torch.add(high, x1, out=x0)
        x0 += signed(schedule[0])
    for group in range(5):
        for k, rotation in enumerate(ROTATIONS[4 * (group % 2) : 4 * (group % 2) + 4]):
            if group or k:  # the sum of the first round is done
                x0 += x1
            torch.bitwise_right_shift(x1, 32 - rotation, out=spare)
            spare &= (1 << rotation) - 1
            torch.add(spare, x1, alpha=1 << rotation, out=x1)
            x1 ^= x0
        x0 += signed(schedule[(group + 1) % 3])
        x1 += signed(schedule[(group + 2) % 3] + group + 1)
    return words


def blocks_run(first: int, count: int, key: Words, device: torch.device) -> Tensor:
    """Return both lanes of the blocks first, first + 1, ... as int32, (2, count). Their counters share a high word."""
    words = torch.empty((2, count), dtype=torch.int32, device=device)
    torch.arange(count, out=words[1], device=device)  # or a default device would get in the way
    return _threefry(words, key, first >> 32, first)


def blocks_grid(first: int, axes: tuple[Axis, ...], key: Words, device: torch.device) -> Tensor:
    """Return both lanes of the blocks whose number is `first`, and moves along axes, as int32, (2, elements)."""
    if not _in_32_bits(first, axes):
        return _blocks(values(first, axes, device).expand([axis.size for axis in axes]).reshape(-1), key)
    sizes = [axis.size for axis in axes]
    words = torch.empty((2, math.prod(sizes)), dtype=torch.int32, device=device)
    words[1].view(sizes).copy_(values(0, axes, device, torch.int32))
    return _threefry(words, key, first >> 32, first)


def words_grid(first: int, axes: tuple[Axis, ...], key: Words, device: torch.device) -> Tensor:
    """Return the words of the logical indices that are `first`, and move along axes, as int32, (elements,)."""
    if not _in_32_bits(first >> 1, axes):
        return words_of(values(first, axes, device), key).reshape(-1)
    index = values(first & 1, axes, device, torch.int32).expand([axis.size for axis in axes]).reshape(-1)
    words = torch.empty((2, index.numel()), dtype=torch.int32, device=device)
    torch.bitwise_right_shift(index, 1, out=words[1])
    even, odd = _threefry(words, key, first >> 33, first >> 1)
    return torch.where((index & 1).bool(), odd, even)


def words_of(index: Tensor, key: Words) -> Tensor:
    """Return the words of the logical indices, int64 of any shape, as int32 of that shape."""
    even, odd = _blocks(index.reshape(-1) >> 1, key).view(2, *index.shape)
    return torch.where((index & 1).bool(), odd, even)


def _blocks(block: Tensor, key: Words) -> Tensor:
    words = torch.empty((2, block.numel()), dtype=torch.int32, device=block.device)
    low = block & 0xFFFFFFFF
    low -= (low >> 31) << 32  # into the range of int32
    words[1] = low
    return _threefry(words, key, (block >> 32).to(torch.int32))


def _in_32_bits(block: int, axes: tuple[Axis, ...]) -> bool:
    """Return whether blocks from this one on share a high word, and what moves along axes is an int32.

    Along an axis, the last position moves furthest: a group begins where the one before it ended, or later.
    """
    reach = 1 + sum(axis.offset(axis.size - 1) for axis in axes)
    return reach < 1 << 31 and block >> 32 == (block + reach) >> 32


_FIRST: Final = 127 << 7
"""The index of the table's first record among the bits of a float32: where its exponent is 0."""


@lru_cache(maxsize=16)
def _table(device: torch.device) -> Tensor:
    """Return the table, (3, records), at the indices that the bits of a float32 give."""
    segments = [(0, 0, 0)] * _FIRST + list(normal_segments())
    return torch.tensor(segments, dtype=torch.int32, device=device).t().contiguous()


def _normal_points(words: Tensor) -> Tensor:
    """Return the points, flat; the words, flat too, are overwritten."""
    sign = words >> 31
    words ^= sign
    words |= 1
    s = words.to(torch.float32).view(torch.int32)
    torch.bitwise_right_shift(s, 16, out=words)
    point, slope, curvature = _table(words.device).index_select(1, words).unbind()
    s &= 0xFFFF
    s -= 32768
    slope *= s
    slope >>= 11
    point -= slope
    s *= s
    s >>= 15
    curvature *= s
    curvature >>= 15
    point += curvature
    point ^= sign
    point -= sign
    return point


def _truncated_ranks(words: Tensor, draw: Draw) -> Tensor:
    """Return first_rank + ((w * ranks) >> 32), flat.

    A word w is p, as an int32, and 2^32 more if p is negative; the product with p is an int64.
    """
    wide = words.to(torch.int64)
    wide *= draw.ranks
    wide >>= 32
    rank = wide.to(torch.int32)
    words >>= 31
    rank.add_(words, alpha=signed(-draw.ranks))
    rank += signed(draw.first_rank)
    return rank


def points(words: Tensor, draw: Draw) -> Tensor:
    """Return the lattice points of int32 words, with the plan's shift and mean applied: int32, or int64 if wide.

    The words, which are contiguous, are overwritten.
    """
    flat = words.view(-1)
    if draw.distribution == "uniform":
        flat ^= 0x7FFFFFFF
        flat >>= 7
        flat |= 1  # whatever bit 7 was
        point = flat
    elif draw.distribution == "normal":
        point = _normal_points(flat)
    else:
        point = _normal_points(_truncated_ranks(flat, draw)).clamp_(draw.low, draw.high)
    if draw.shift:
        point >>= draw.shift
    if draw.is_wide:
        point = point.to(torch.int64)
    if draw.mean:
        point += draw.mean
    return point.view(words.shape)
