"""Wrong words: the index, the counter and the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from fanin_toy import ToyBackend, Uint32s, Uint64s

from fanin.plans import Plan

from .record import Mutant


def _indexed(change: Callable[[Uint64s], Uint64s]) -> Callable[[], ToyBackend]:
    """Return a backend whose logical index is another one."""

    class Indexed(ToyBackend):
        def index(self, plan: Plan) -> Uint64s:
            return change(super().index(plan))

    return Indexed


def _worded(change: Callable[[Uint32s], Uint32s]) -> Callable[[], ToyBackend]:
    """Return a backend whose words are changed."""

    class Worded(ToyBackend):
        def words(self, plan: Plan) -> Uint32s:
            return change(super().words(plan))

    return Worded


class XorBackend(ToyBackend):
    """Combines the two words of a block, one block an element."""

    def words(self, plan: Plan) -> Uint32s:
        index = self.index(plan)
        high, low = (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)
        first, second = self.threefry(self.keys(plan), (high, low))
        return first ^ second


class SwappedKeyBackend(ToyBackend):
    """Takes the key's words in the other order."""

    def keys(self, plan: Plan) -> tuple[Uint32s, Uint32s]:
        first, second = super().keys(plan)
        return second, first


class SwappedCounterBackend(ToyBackend):
    """Takes the counter's words in the other order."""

    def threefry(self, key: tuple[Uint32s, Uint32s], counter: tuple[Uint32s, Uint32s]) -> tuple[Uint32s, Uint32s]:
        return super().threefry(key, (counter[1], counter[0]))


class NarrowCounterBackend(ToyBackend):
    """Leaves out the block number's high word."""

    def threefry(self, key: tuple[Uint32s, Uint32s], counter: tuple[Uint32s, Uint32s]) -> tuple[Uint32s, Uint32s]:
        return super().threefry(key, (np.zeros_like(counter[0]), counter[1]))


class UninjectedBackend(ToyBackend):
    """Leaves out the last key injection."""

    def threefry(self, key: tuple[Uint32s, Uint32s], counter: tuple[Uint32s, Uint32s]) -> tuple[Uint32s, Uint32s]:
        first, second = super().threefry(key, counter)
        return first - (key[0] ^ key[1] ^ np.uint32(0x1BD11BDA)), second - key[0] - np.uint32(5)


class AntitheticBackend(ToyBackend):
    """Gives every second element the negative of the one before it."""

    def words(self, plan: Plan) -> Uint32s:
        even = _indexed(lambda index: index & ~np.uint64(1))().words(plan)
        odd = (self.index(plan) & np.uint64(1)).astype(bool)
        return np.where(odd, ~even, even)


class UnseededBackend(ToyBackend):
    """Draws fresh entropy, whatever the seed and name."""

    def words(self, plan: Plan) -> Uint32s:
        return np.random.default_rng().integers(0, 1 << 32, plan.shape, np.uint32)


WORDS: Final = (
    Mutant("16 random bits", "only the word's upper half is used", _worded(lambda w: w & np.uint32(0xFFFF0000))),
    Mutant("12 random bits", "only the word's upper 12 bits are used", _worded(lambda w: w & np.uint32(0xFFF00000))),
    Mutant("one lane twice", "one lane of the block serves two elements", _indexed(lambda i: i & ~np.uint64(1))),
    Mutant("lanes swapped", "the lanes of a block in the other order", _indexed(lambda i: i ^ np.uint64(1))),
    Mutant("a block an element", "lane 0 of block i", _indexed(lambda i: i << np.uint64(1))),
    Mutant("XOR of the lanes", "jax.random.bits", XorBackend),
    Mutant("key words swapped", "the seed's low word first", SwappedKeyBackend),
    Mutant("counter words swapped", "the block's low word first", SwappedCounterBackend),
    Mutant("counter cut to 32 bits", "streams repeat after 2^33 elements", NarrowCounterBackend),
    Mutant("index cut to 32 bits", "streams repeat after 2^32 elements", _indexed(lambda i: i & np.uint64(0xFFFFFFFF))),
    Mutant(
        "index cut to 16 bits",
        "every chunk of 2^16 elements is the first one",
        _indexed(lambda i: i & np.uint64(0xFFFF)),
    ),
    Mutant("rows repeat", "the same 2^15 words again and again", _indexed(lambda i: i & np.uint64(0x7FFF))),
    Mutant("last injection missing", "the cipher's last key injection is left out", UninjectedBackend),
    Mutant("antithetic pairs", "every second weight is minus the one before", AntitheticBackend),
    Mutant("unseeded", "numpy.random.default_rng() for default_rng(seed)", UnseededBackend),
    Mutant("reversed", "word 0 is the smallest weight", _worded(np.invert)),
)
