"""Threefry-2x32 with 20 rounds, the counter-based generator behind every stream.

Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 4 and table 2.
"""

from __future__ import annotations

from typing import Final, TypeAlias

__all__ = ["PARITY", "ROTATIONS", "Words", "threefry2x32"]

Words: TypeAlias = tuple[int, int]
"""Two unsigned 32-bit words: a key, a counter, or one block of output."""

ROTATIONS: Final = (13, 15, 26, 6, 17, 29, 16, 24)
"""Left rotation of each round, repeated after eight (the Random123 constants for two 32-bit words)."""

PARITY: Final = 0x1BD11BDA
"""The key schedule's parity constant, the low word of Skein's C240."""

_MASK: Final = 0xFFFFFFFF
_TWICE: Final = 1 << 32 | 1
_EVEN, _ODD = (tuple(32 - rotation for rotation in ROTATIONS[at : at + 4]) for at in (0, 4))


def threefry2x32(key: Words, counter: Words) -> Words:
    """Return the block of two 32-bit words that `key` assigns to `counter`.

    Args:
        key: Two words in [0, 2^32).
        counter: Two words in [0, 2^32); the first is the more significant one.

    Returns:
        Two words in [0, 2^32).

    Example:
        >>> [hex(word) for word in threefry2x32((0, 0), (0, 0))]
        ['0x6b200159', '0x99ba4efe']
    """
    k0, k1 = key
    k2 = k0 ^ k1 ^ PARITY
    x0, x1 = counter[0] + k0, (counter[1] + k1) & _MASK
    groups = ((_EVEN, k1, k2 + 1), (_ODD, k2, k0 + 2), (_EVEN, k0, k1 + 3), (_ODD, k1, k2 + 4), (_EVEN, k2, k0 + 5))
    for shifts, injected, other in groups:
        for shift in shifts:  # x1 side by side with itself, shifted to the right, is x1 rotated to the left
            x0 += x1
            x1 = (x1 * _TWICE >> shift ^ x0) & _MASK
        x0 += injected
        x1 = (x1 + other) & _MASK
    return x0 & _MASK, x1
