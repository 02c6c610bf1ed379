"""What a backend needs to draw matrices: the coordinates of an element, and the normal matrices behind `Haar`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

from fanin.dtypes import DTYPES
from fanin.initializers import Normal
from fanin.layout import Axis, Geometry
from fanin.plans.plan import Plan
from fanin.plans.rule_of import rule_of
from fanin.plans.rules import Diagonal, Haar

__all__ = ["Moves", "coordinates", "normal_matrices"]

Moves: TypeAlias = tuple[int, tuple[Axis, ...]]
"""A whole number: its value at the first element of an array, and how it moves along each axis (stride 0: constant)."""


def coordinates(plan: Plan) -> tuple[Moves, Moves, Moves]:
    """Return how an element's row (counted over all groups), column and tap move along the stored axes.

    Args:
        plan: A plan with at least one element, whose rule is `Diagonal` or `Haar`.

    Example:
        >>> from fanin.plans import plan
        >>> row, column, tap = coordinates(plan((3, 4, 5), "dirac", layout="WIO"))
        >>> [[axis.stride for axis in axes] for _, axes in (row, column, tap)]
        [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    """
    rule = plan.rule
    assert isinstance(rule, (Diagonal, Haar))
    inner = rule.columns * rule.taps
    starts = plan.offset // inner, plan.offset % inner // rule.taps, plan.offset % rule.taps
    row, column, tap = zip(*(_split(axis, inner, rule.taps) for axis in plan.axes), strict=True)
    return (starts[0], row), (starts[1], column), (starts[2], tap)


def _split(axis: Axis, inner: int, taps: int) -> tuple[Axis, Axis, Axis]:
    """Return how row, column and tap move along one axis, which is an out-axis, an in-axis or a spatial axis."""
    still = Axis(axis.size, 0)
    if axis.period:  # in-channels of a transposed convolution, whose groups are rows
        row = Axis(axis.size, 0, axis.period, axis.outer_stride // inner, axis.phase)
        return row, Axis(axis.size, axis.stride // taps, axis.period, 0, axis.phase), still
    if axis.stride % inner == 0:
        return Axis(axis.size, axis.stride // inner), still, still
    if axis.stride % taps == 0:
        return still, Axis(axis.size, axis.stride // taps), still
    return still, still, axis


def normal_matrices(plan: Plan, streams: slice = slice(None), dtype: str = "float64") -> Plan:
    """Return the plan of the standard normal matrices that `Haar` makes orthogonal: (streams, groups, rows, columns).

    Args:
        plan: A plan whose rule is `Haar`.
        streams: The streams to include.
        dtype: "float64" for the specification's matrices; "float32" where doubles are not available, which is less
            accurate.
    """
    rule, keys = plan.rule, plan.keys[streams]
    assert isinstance(rule, Haar)
    geometry = Geometry((len(keys), rule.groups, rule.rows, rule.columns), "SOOI")
    return replace(
        plan,
        shape=geometry.shape,
        dtype=dtype,
        rule=rule_of(Normal(0.0, 1.0), geometry, DTYPES[dtype]),
        offset=0,
        axes=geometry.axes(),
        keys=keys,
        stack_axis=0,
        index_bound=math.prod(geometry.shape[1:]),
        consecutive=False,
    )
