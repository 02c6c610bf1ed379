"""Wrong lattices: the laws, and the table of the normal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from fanin_toy import TABLE, Ints, ToyBackend, Uint32s

from fanin.plans.rules import Draw

from .record import Mutant


def _pointed(change: Callable[[Draw, Uint32s, Ints], Ints]) -> Callable[[], ToyBackend]:
    """Return a backend whose lattice points are changed."""

    class Pointed(ToyBackend):
        def points(self, rule: Draw, words: Uint32s) -> Ints:
            return change(rule, words, super().points(rule, words))

    return Pointed


def _only(distribution: str, change: Callable[[Ints], Ints]) -> Callable[[], ToyBackend]:
    return _pointed(lambda rule, words, points: change(points) if rule.distribution == distribution else points)


def _tabled(shift: int = 0, centre: int = 32768, mask: int = -1, entry: int = -1) -> Callable[[], ToyBackend]:
    """Return a backend that looks the table up wrongly: other segment, centre, precision, or one wrong entry."""

    class Tabled(ToyBackend):
        def normal(self, words: Uint32s) -> Ints:
            p = words.astype(np.int32)
            sign = p >> 31
            magnitude = ((p ^ sign) | 1).astype(np.int64)
            if mask >= 0:  # truncate to 24 bits, as a conversion toward zero does
                length = np.frexp(magnitude.astype(np.float64))[1]
                magnitude = magnitude >> np.maximum(length - 24, 0) << np.maximum(length - 24, 0)
            bits = magnitude.astype(np.float32).view(np.int32).astype(np.int64) - (127 << 23)
            s = (bits & 0xFFFF) - centre
            index = np.minimum((bits >> 16) + shift, len(TABLE) - 1)
            segment = TABLE[index]
            c0, c1, c2 = (segment[name].astype(np.int64) for name in ("c0", "c1", "c2"))
            a = c0 - ((s * c1) >> 11) + ((((s * s) >> 15) * c2) >> 15) + (index == entry)
            signed: Ints = (a ^ sign) - sign
            return signed

    return Tabled


def _half_precision_rank(rule: Draw, words: Uint32s, points: Ints) -> Ints:
    """The rank of a truncated normal from a product of 16-bit halves whose low parts are dropped."""
    if rule.distribution != "truncated_normal":
        return points
    high = (words >> np.uint32(16)).astype(np.int64)
    ranks = rule.first_rank + ((high * rule.ranks) >> 16)
    return np.clip(ToyBackend().normal(ranks.astype(np.uint32)), rule.low, rule.high)


def _clipped(rule: Draw, words: Uint32s, points: Ints) -> Ints:
    if rule.distribution != "truncated_normal":
        return points
    return np.clip(ToyBackend().normal(words), rule.low, rule.high)


def _sum_of_uniforms(rule: Draw, words: Uint32s, points: Ints) -> Ints:
    """A normal as the sum of the word's four bytes."""
    if rule.distribution != "normal":
        return points
    total = sum(((words >> np.uint32(8 * k)) & np.uint32(255)).astype(np.float64) + 0.5 for k in range(4))
    sums: Ints = np.rint((total - 512) / math.sqrt(4 * 65536 / 12) * 2.0**28).astype(np.int64)
    return sums


def _uniform_for_normal(rule: Draw, words: Uint32s, points: Ints) -> Ints:
    if rule.distribution != "normal":
        return points
    wide: Ints = np.rint(ToyBackend().uniform(words) * 2.0**4 * math.sqrt(3)).astype(np.int64)
    return wide


LATTICES: Final = (
    Mutant("clipped", "values beyond the bounds are moved to the bounds", _pointed(_clipped)),
    Mutant(
        "low bits of the rank lost",
        "word times ranks in 16-bit halves, low parts dropped",
        _pointed(_half_precision_rank),
    ),
    Mutant("half-open uniform", "the lattice of [-1, 1) with 0", _only("uniform", lambda k: k - 1)),
    Mutant("one-sided uniform", "[0, high) for (-high, high)", _only("uniform", lambda k: (k + (1 << 24)) >> 1)),
    Mutant("sign dropped", "the sign bit is lost", _pointed(lambda rule, words, points: np.abs(points))),
    Mutant("sum of uniforms", "a normal as the sum of four bytes", _pointed(_sum_of_uniforms)),
    Mutant("uniform for normal", "the same variance, another law", _pointed(_uniform_for_normal)),
    Mutant("next segment", "the table's index is off by one", _tabled(shift=1)),
    Mutant("segment uncentred", "the position within the segment is not centred", _tabled(centre=0)),
    Mutant("toward-zero conversion", "int to float32 truncates", _tabled(mask=0)),
    Mutant("one wrong entry", "one of 3,969 entries is off by one unit of 2^-28", _tabled(entry=9 * 128 + 77)),
    Mutant("last entry wrong", "the median's entry is off by one unit of 2^-28", _tabled(entry=31 * 128)),
)
