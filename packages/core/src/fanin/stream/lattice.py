"""From a word to a lattice point: one element of a distribution, as an integer (specification, section 3).

A lattice point is a quantile of the distribution, at a rank that the word gives. It decreases as the word increases,
except at 37 steps of the normal, so the uniform, normal and truncated weights of one stream rise and fall together.
"""

from __future__ import annotations

import struct
from typing import Final

from fanin.stream.normal_table import normal_segments

__all__ = [
    "NORMAL_BITS",
    "NORMAL_BOUND",
    "NORMAL_MAX",
    "UNIFORM_BITS",
    "UNIFORM_BOUND",
    "normal_lattice",
    "signed",
    "truncated_rank",
    "uniform_lattice",
]

UNIFORM_BITS: Final = 24
"""A uniform lattice point k stands for k * 2^-24, in (-1, 1)."""

NORMAL_BITS: Final = 28
"""A normal lattice point a stands for a * 2^-28 standard deviations."""

UNIFORM_BOUND: Final = 1 << UNIFORM_BITS
"""No uniform lattice point reaches this magnitude."""

NORMAL_BOUND: Final = 7 << NORMAL_BITS
"""No normal lattice point reaches this magnitude."""

NORMAL_MAX: Final = 1672422726
"""The largest normal lattice point, of word 0: 6.2303 standard deviations."""


def signed(number: int) -> int:
    """Return the int32 that equals an integer modulo 2^32: a word's own bits.

    Example:
        >>> signed(2**32 - 1), signed(2**31 - 1), signed(-(2**31) - 1)
        (-1, 2147483647, 2147483647)
    """
    word = number & 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word


def uniform_lattice(word: int) -> int:
    """Return the odd integer k, |k| < 2^24, of a word in [0, 2^32): `2^24 - 1 - 2 * (word >> 8)`.

    `k * 2^-24` is the quantile of U(-1, 1) at the upper tail probability (floor(word / 2^8) + 1/2) / 2^24, exactly.

    Example:
        >>> uniform_lattice(0), uniform_lattice(2**32 - 1)
        (16777215, -16777215)
    """
    return (((signed(word) ^ 0x7FFFFFFF) >> 8) << 1) | 1


def normal_lattice(word: int) -> int:
    """Return the integer a of a word in [0, 2^32); `a * 2^-28` is a quantile of N(0, 1), to 8.3e-8.

    For a word below 2^31 the upper tail probability is (word | 1) / 2^32, where the conversion to float32 rounds the
    numerator to 24 bits. For any other word, a is the negative of the value for the complement 2^32 - 1 - word.

    Example:
        >>> round(normal_lattice(0) * 2.0**-28, 4), normal_lattice(5) == -normal_lattice(2**32 - 1 - 5)
        (6.2303, True)
    """
    p = signed(word)
    sign = p >> 31
    t = (p ^ sign) | 1
    bits: int = struct.unpack("<i", struct.pack("<f", t))[0]
    v = bits - (127 << 23)
    s = (v & 0xFFFF) - 32768
    c0, c1, c2 = normal_segments()[v >> 16]
    a = c0 - ((s * c1) >> 11) + ((((s * s) >> 15) * c2) >> 15)
    return (a ^ sign) - sign


def truncated_rank(word: int, first_rank: int, ranks: int) -> int:
    """Return the rank of a word among `ranks` ranks from `first_rank` on: `first_rank + ((word * ranks) >> 32)`."""
    return first_rank + ((word * ranks) >> 32)
