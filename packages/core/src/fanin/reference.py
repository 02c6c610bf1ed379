"""The specification in executable form: one weight at a time, in plain Python, slow and without tricks.

Backends are checked against it. It uses no array library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from fanin.dtypes import DTYPES
from fanin.lattice import normal_lattice, truncated_rank, uniform_lattice
from fanin.plans import Draw, Plan
from fanin.threefry import Words, threefry2x32

__all__ = ["bits", "lattice_point", "tobytes", "value", "values", "word"]


def word(key: Words, index: int) -> int:
    """Return the word of the element with logical index `index` in the stream of `key`.

    Lane `index & 1` of block `index >> 1`, whose counter is the block number's high and low 32 bits.
    """
    block = index >> 1
    return threefry2x32(key, (block >> 32, block & 0xFFFFFFFF))[index & 1]


def lattice_point(draw: Draw, w: int) -> int:
    """Return the lattice point of a word, before the mean and the factor."""
    if draw.distribution == "uniform":
        return uniform_lattice(w)
    if draw.distribution == "normal":
        return normal_lattice(w)
    point = normal_lattice(truncated_rank(w, draw.first_rank, draw.ranks))
    return min(max(point, draw.low), draw.high)


def value(plan: Plan, position: tuple[int, ...]) -> float:
    """Return the weight at a position of the drawn array, as a double that the plan's dtype holds exactly."""
    dtype, compute = DTYPES[plan.dtype], DTYPES[plan.compute]
    if not isinstance(plan.rule, Draw):
        return dtype.round(plan.rule.value)
    key = plan.keys[0 if plan.stack_axis is None else position[plan.stack_axis]]
    index = plan.offset + sum(axis.offset(i) for axis, i in zip(plan.axes, position, strict=True))
    point = (lattice_point(plan.rule, word(key, index)) >> plan.rule.shift) + plan.rule.mean
    # The product of two float32 is exact in a double; of two doubles, Python rounds it once: the spec's two roundings.
    return dtype.round(compute.round(compute.round(float(point)) * plan.rule.factor))


def values(plan: Plan) -> Iterator[float]:
    """Yield every weight of the plan in stored order (C order)."""
    return (value(plan, position) for position in itertools.product(*map(range, plan.shape)))


def bits(plan: Plan) -> Iterator[int]:
    """Yield the bit pattern of every weight, in stored order."""
    dtype = DTYPES[plan.dtype]
    return (dtype.encode(number) for number in values(plan))


def tobytes(plan: Plan) -> bytes:
    """Return the drawn array as little-endian bytes in stored order, what the digests are taken of."""
    size = DTYPES[plan.dtype].itemsize
    return b"".join(pattern.to_bytes(size, "little") for pattern in bits(plan))
