"""Mistakes between an element's index and its word: lanes, blocks and counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fanin import reference
from fanin.conformance.diagnosis.known.mistake import Mistake
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["WORDS"]


def _xor(key: Words, index: int) -> int:
    first, second = threefry2x32(key, (index >> 32, index & 0xFFFFFFFF))
    return first ^ second


def _overflowing(words: Callable[[int], tuple[int, int]]) -> Callable[[Words, int], int]:
    """Return the word of an index that is kept in a signed 32-bit integer; `words` is of its block, which is signed."""

    def word(key: Words, index: int) -> int:
        signed = (index + (1 << 31)) % (1 << 32) - (1 << 31)
        return threefry2x32(key, words(signed >> 1))[index & 1]

    return word


WORDS: Final = (
    Mistake("the two lanes of a block are swapped", word=lambda key, i: reference.word(key, i ^ 1)),
    Mistake("one lane of a block serves both elements", word=lambda key, i: reference.word(key, i & ~1)),
    Mistake("one lane of a block serves both elements", word=lambda key, i: reference.word(key, i | 1)),
    Mistake(
        "each element takes a block of its own (block i, lane 0) in place of lane i & 1 of block i >> 1",
        word=lambda key, i: reference.word(key, 2 * i),
    ),
    Mistake("the block's two words are combined by XOR, as jax.random.bits does", word=_xor),
    Mistake(
        "the block counter is cut to 32 bits",
        word=lambda key, i: reference.word(key, i & (1 << 33) - 1),
    ),
    Mistake("the logical index is cut to 32 bits", word=lambda key, i: reference.word(key, i & 0xFFFFFFFF)),
    *(
        Mistake("the logical index overflows at 2^31: it is kept in a signed 32-bit integer", word=word)
        for word in (
            lambda key, i: reference.word(key, i & 0x7FFFFFFF),
            _overflowing(lambda block: (0, block & 0xFFFFFFFF)),
            _overflowing(lambda block: (block >> 32 & 0xFFFFFFFF, block & 0xFFFFFFFF)),
            _overflowing(lambda block: (block >> 32 & 0x7FFFFFFF, block & 0xFFFFFFFF)),
            _overflowing(lambda block: (0, block & 0x7FFFFFFF)),
        )
    ),
    Mistake(
        "the counter's words are swapped: the block's high 32 bits come first",
        word=lambda key, i: threefry2x32(key, (i >> 1 & 0xFFFFFFFF, i >> 33))[i & 1],
    ),
)
