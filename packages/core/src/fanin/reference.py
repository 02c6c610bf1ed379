"""The specification in executable form: one weight at a time, in plain Python, slow and simple.

Backends are checked against it. It uses no array library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Context, Decimal, localcontext
from functools import lru_cache

from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Diagonal, Draw, Fill, Haar, Masked
from fanin.stream.lattice import normal_lattice, truncated_rank, uniform_lattice
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["bits", "lattice_point", "tobytes", "value", "values", "word"]


def word(key: Words, index: int) -> int:
    """Return the word of the element at logical index `index` in the stream of `key`.

    It is lane `index & 1` of block `index >> 1`. The counter is the high and low 32 bits of the block number.
    """
    block = index >> 1
    return threefry2x32(key, (block >> 32, block & 0xFFFFFFFF))[index & 1]


def lattice_point(draw: Draw, w: int) -> int:
    """Return the lattice point of a word, before the mean and the factor are applied."""
    if draw.distribution == "uniform":
        return uniform_lattice(w)
    if draw.distribution == "normal":
        return normal_lattice(w)
    point = normal_lattice(truncated_rank(w, draw.first_rank, draw.ranks))
    return min(max(point, draw.low), draw.high)


def value(plan: Plan, position: tuple[int, ...]) -> float:
    """Return the weight at a position of the drawn array, as a double that the plan's dtype holds exactly.

    For the rule of level close (`Haar`), it is the weight as exact arithmetic gives it, rounded.
    """
    dtype, compute, rule = DTYPES[plan.dtype], DTYPES[plan.compute], plan.rule
    index = plan.offset + sum(axis.offset(i) for axis, i in zip(plan.axes, position, strict=True))
    if isinstance(rule, Fill):
        return dtype.round(rule.value)
    if isinstance(rule, Diagonal):
        return dtype.round(rule.value) if _on_diagonal(rule, index) else 0.0
    key = plan.keys[0 if plan.stack_axis is None else position[plan.stack_axis]]
    if isinstance(rule, Haar):
        return dtype.round(compute.round(_orthogonal_weight(rule, key, index)))
    if isinstance(rule, Masked):
        if _is_masked(rule, key, index):
            return 0.0
        rule = rule.draw
    point = (lattice_point(rule, word(key, index)) >> rule.shift) + rule.mean
    # The product of two float32 numbers is exact in a double, and Python rounds that of two doubles once. So the
    # weight is rounded exactly where the specification rounds it.
    return dtype.round(compute.round(compute.round(float(point)) * rule.factor))


def _on_diagonal(rule: Diagonal, index: int) -> bool:
    place, tap = divmod(index, rule.taps)
    row, column = divmod(place, rule.columns)
    return tap == rule.tap and row % rule.rows == column


def _is_masked(rule: Masked, key: Words, index: int) -> bool:
    row, column = divmod(index, rule.columns)
    group, row = divmod(row, rule.rows)
    return row in _masked_rows(rule, key, group * rule.rows * rule.columns + column)


@lru_cache(maxsize=4096)
def _masked_rows(rule: Masked, key: Words, top: int) -> frozenset[int]:
    """Return the rows that are 0 in the column whose first element has logical index `top`."""
    mask = threefry2x32(key, rule.mask)
    order = sorted(range(rule.rows), key=lambda row: (word(mask, top + row * rule.columns), row))
    return frozenset(order[: rule.zeros])


def _orthogonal_weight(rule: Haar, key: Words, index: int) -> float:
    place, tap = divmod(index, rule.taps)
    if tap != rule.tap:
        return 0.0
    row, column = divmod(place, rule.columns)
    group, row = divmod(row, rule.rows)
    vectors = _orthonormal(rule, key, group)
    return rule.gain * (vectors[column][row] if rule.rows >= rule.columns else vectors[row][column])


@lru_cache(maxsize=256)
def _orthonormal(rule: Haar, key: Words, group: int) -> list[list[float]]:
    """Return the columns of a group's normal matrix (the rows, if there are fewer) after Gram-Schmidt.

    Gram-Schmidt gives the orthogonal factor for which the triangular factor has a positive diagonal. With 60 digits its
    rounding errors do not matter, unless the matrix is singular to that many digits. (A zero vector stays zero.)
    """
    top = group * rule.rows * rule.columns
    rows = [
        [normal_lattice(word(key, top + row * rule.columns + column)) for column in range(rule.columns)]
        for row in range(rule.rows)
    ]
    with localcontext(Context(prec=60)):
        done: list[list[Decimal]] = []
        for points in rows if rule.rows < rule.columns else zip(*rows, strict=True):
            vector = [Decimal(point) for point in points]
            for unit in done:
                along = _product(unit, vector)
                vector = [x - along * u for x, u in zip(vector, unit, strict=True)]
            norm = _product(vector, vector).sqrt() or Decimal(1)
            done.append([x / norm for x in vector])
        return [[float(x) for x in unit] for unit in done]


def _product(one: list[Decimal], other: list[Decimal]) -> Decimal:
    return sum((x * y for x, y in zip(one, other, strict=True)), Decimal())


def values(plan: Plan) -> Iterator[float]:
    """Yield every weight of the plan in stored order (C order)."""
    return (value(plan, position) for position in itertools.product(*map(range, plan.shape)))


def bits(plan: Plan) -> Iterator[int]:
    """Yield the bit pattern of every weight, in stored order."""
    dtype = DTYPES[plan.dtype]
    return (dtype.encode(number) for number in values(plan))


def tobytes(plan: Plan) -> bytes:
    """Return the drawn array as little-endian bytes in stored order, from which the digests are computed."""
    size = DTYPES[plan.dtype].itemsize
    return b"".join(pattern.to_bytes(size, "little") for pattern in bits(plan))
