"""Words and lattices in torch's integer operations, for memory that NumPy cannot reach: any device.

torch lacks many unsigned operations, so a word is an int32 that wraps around, and a logical right shift is an
arithmetic one with the copies of the sign bit masked off.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from fanin.plans import Draw
from fanin.stream.normal_table import normal_segments
from fanin.stream.threefry import PARITY, ROTATIONS, Words

__all__ = ["points", "words_of", "words_run"]


def _signed(word: int) -> int:
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word


def _threefry(key: Words, x0: Tensor, x1: Tensor) -> None:
    """Replace the counters (x0, x1), int32, with their blocks."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    x0 += _signed(schedule[0])
    x1 += _signed(schedule[1])
    for group in range(5):
        for rotation in ROTATIONS[4 * (group % 2) : 4 * (group % 2) + 4]:
            x0 += x1
            low = (x1 >> (32 - rotation)) & ((1 << rotation) - 1)
            x1 <<= rotation
            x1 |= low
            x1 ^= x0
        x0 += _signed(schedule[(group + 1) % 3])
        x1 += _signed(schedule[(group + 2) % 3] + group + 1)


def words_run(start: int, count: int, key: Words, device: torch.device) -> Tensor:
    """Return the words of the logical indices start, start + 1, ... as int32, shape (count,)."""
    first, lane = start >> 1, start & 1
    block = torch.arange(first, first + ((count + lane + 1) >> 1), dtype=torch.int64, device=device)
    x0, x1 = _halves(block)
    _threefry(key, x0, x1)
    return torch.stack((x0, x1), dim=-1).view(-1)[lane : lane + count]


def words_of(index: Tensor, key: Words) -> Tensor:
    """Return the words of the logical indices, int64 of any shape, as int32 of that shape."""
    x0, x1 = _halves(index >> 1)
    _threefry(key, x0, x1)
    return torch.where((index & 1).bool(), x1, x0)


def _halves(block: Tensor) -> tuple[Tensor, Tensor]:
    low = block & 0xFFFFFFFF
    low -= (low >> 31) << 32  # into the range of int32
    return (block >> 32).to(torch.int32), low.to(torch.int32)


@lru_cache(maxsize=16)
def _table(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    c0, c1, c2 = torch.tensor(normal_segments(), dtype=torch.int32, device=device).unbind(dim=1)
    return c0.contiguous(), c1.contiguous(), c2.contiguous()


def _normal_points(words: Tensor) -> Tensor:
    c0, c1, c2 = _table(words.device)
    sign = words >> 31
    t = (words ^ sign) | 1
    segment = t.to(torch.float32).view(torch.int32) - (127 << 23)
    s = (segment & 0xFFFF) - 32768
    index = segment >> 16
    point = c0[index] - ((s * c1[index]) >> 11)
    point += (((s * s) >> 15) * c2[index]) >> 15
    return (point ^ sign) - sign


def _truncated_ranks(words: Tensor, draw: Draw) -> Tensor:
    """Return first_rank + ((w * ranks) >> 32), computed from halves of w, so that no product overflows int64."""
    low = (words & 0xFFFF).to(torch.int64) * draw.ranks
    high = ((words >> 16) & 0xFFFF).to(torch.int64) * draw.ranks
    rank = ((high + (low >> 16)) >> 16) + draw.first_rank
    return (rank - ((rank >> 31) << 32)).to(torch.int32)


def points(words: Tensor, draw: Draw) -> Tensor:
    """Return the lattice points of int32 words, with the plan's shift and mean applied: int32, or int64 if wide."""
    if draw.distribution == "uniform":
        point = (((words ^ 0x7FFFFFFF) >> 8) << 1) | 1
    elif draw.distribution == "normal":
        point = _normal_points(words)
    else:
        point = _normal_points(_truncated_ranks(words, draw)).clamp_(draw.low, draw.high)
    point >>= draw.shift
    return (point.to(torch.int64) if draw.is_wide else point) + draw.mean
