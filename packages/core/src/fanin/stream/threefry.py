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
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    x0 = (counter[0] + schedule[0]) & _MASK
    x1 = (counter[1] + schedule[1]) & _MASK
    for group in range(5):
        for rotation in ROTATIONS[4 * (group % 2) : 4 * (group % 2) + 4]:
            x0 = (x0 + x1) & _MASK
            x1 = ((x1 << rotation) | (x1 >> (32 - rotation))) & _MASK
            x1 ^= x0
        injection = group + 1
        x0 = (x0 + schedule[injection % 3]) & _MASK
        x1 = (x1 + schedule[(injection + 1) % 3] + injection) & _MASK
    return x0, x1
