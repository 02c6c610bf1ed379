"""Keys, words and lattice points (specification, sections 1 to 3)."""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from pathlib import Path

from second_reference.formats import FORMATS, Number

Words = tuple[int, int]

_TABLE = Path(__file__).parents[2] / "src/fanin/_data/normal_table.bin"
_SHA256 = "51bcbf9e1f93af998adc07e0333a863df38d359653a6b215d0c835b7d6ff307c"
_MASK = 0xFFFFFFFF
_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


@lru_cache(maxsize=1 << 16)
def threefry(key: Words, counter: Words) -> Words:
    """Return a block of Threefry-2x32 with 20 rounds."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = counter[0] + key[0] & _MASK, counter[1] + key[1] & _MASK
    for step in range(20):
        turn = _ROTATIONS[step % 8]
        x = x + y & _MASK
        y = (y << turn | y >> (32 - turn)) & _MASK ^ x
        if step % 4 == 3:
            j = step // 4 + 1
            x, y = x + keys[j % 3] & _MASK, y + keys[(j + 1) % 3] + j & _MASK
    return x, y


def _digest(data: bytes) -> Words:
    first, second = struct.unpack(">II", hashlib.sha256(data).digest()[:8])
    return first, second


def key(seed: int, name: str | None) -> Words:
    """Return the key of a parameter's stream."""
    words = divmod(seed, 1 << 32)
    return words if name is None else threefry(words, _digest(b"fanin/1\0" + name.encode()))


def further_key(parameter: Words, label: str) -> Words:
    """Return the key of a further stream of a parameter."""
    return threefry(parameter, _digest(b"fanin/1/stream\0" + label.encode()))


def word(stream: Words, index: int) -> int:
    """Return the word of the element with a logical index."""
    return threefry(stream, divmod(index >> 1, 1 << 32))[index & 1]


def uniform_point(w: int) -> int:
    """Return the uniform's lattice point, in units of 2^-24."""
    return 2**24 - 1 - 2 * (w >> 8)


@lru_cache(maxsize=1)
def _segments() -> list[tuple[int, int, int]]:
    data = _TABLE.read_bytes()
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise ValueError(f"{_TABLE} is not the table of the specification")
    return list(struct.iter_unpack("<iHH", data))


def normal_point(w: int) -> int:
    """Return the normal's lattice point, in units of 2^-28 standard deviations."""
    positive = w < 1 << 31
    t = (w if positive else w ^ _MASK) | 1
    v = FORMATS["float32"].pattern(Number(False, t, 0)) - (127 << 23)
    c0, c1, c2 = _segments()[v >> 16]
    s = (v & 0xFFFF) - 32768
    a = c0 - ((s * c1) >> 11) + (((s * s >> 15) * c2) >> 15)
    return a if positive else -a
