"""What a backend needs to draw the rules of whole matrices: coordinates, whole columns and the normal matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from fanin.dtypes import DTYPES
from fanin.initializers import Normal
from fanin.layout import Axis, Geometry
from fanin.plans import Plan
from fanin.rules import Diagonal, Haar, rule_of

__all__ = ["Columns", "Moves", "coordinates", "normal_matrices", "whole_columns"]

Moves: TypeAlias = tuple[int, tuple[Axis, ...]]
"""A whole number: its value at the first element of an array, and how it moves along each axis (not, with stride 0)."""


def coordinates(plan: Plan) -> tuple[Moves, Moves, Moves]:
    """Return how an element's row (counted over all groups), column and tap move along the stored axes.

    Args:
        plan: A plan with elements, whose rule is `Diagonal` or `Haar`.

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
    """Return how row, column and tap move along an axis, which is of out-, of in-channels or spatial: one of them."""
    still = Axis(axis.size, 0)
    if axis.period:  # in-channels of a transposed convolution, whose groups are rows
        row = Axis(axis.size, 0, axis.period, axis.outer_stride // inner, axis.phase)
        return row, Axis(axis.size, axis.stride // taps, axis.period, 0, axis.phase), still
    if axis.stride % inner == 0:
        return Axis(axis.size, axis.stride // inner), still, still
    if axis.stride % taps == 0:
        return still, Axis(axis.size, axis.stride // taps), still
    return still, still, axis


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a part of a matrix touches, whole, as one stream's array (in-axes, out-axes).

    In C order the out-axes of one position of the in-axes are the rows of one column, or of one column a group.

    Attributes:
        offset: Logical index of the first element.
        in_axes: How the logical index moves along the in-axes of the part.
        out_axes: How it moves along the whole out-axes.
        stored: Where each of these axes is among the stored axes without the stack axis.
        part: Which positions of each of these axes the part has.
    """

    offset: int
    in_axes: tuple[Axis, ...]
    out_axes: tuple[Axis, ...]
    stored: tuple[int, ...]
    part: tuple[slice, ...]


def whole_columns(plan: Plan) -> Columns:
    """Return the columns that a plan, whose rule is `Masked`, touches.

    Example:
        >>> from fanin.matrices import Sparse
        >>> from fanin.plans import plan
        >>> whole_columns(plan((4, 6), Sparse(0.5), layout="IO", slices=(slice(1, 3), slice(2, 5)))).part
        (slice(0, 2, None), slice(2, 5, None))
    """
    layout = plan.geometry.layout
    assert layout is not None
    stored = [item for item in zip(layout, plan.geometry.axes(), plan.slices, strict=True) if item[0] != "S"]
    order = sorted(range(len(stored)), key=lambda k: stored[k][0] != "I")
    offset, axes, part = 0, [], []
    for letter, axis, (start, stop) in (stored[k] for k in order):
        if letter == "I":
            moved, axis = axis.part(start, stop)
            offset, start, stop = offset + moved, 0, axis.size
        axes.append(axis)
        part.append(slice(start, stop))
    ins = layout.count("I")
    return Columns(offset, tuple(axes[:ins]), tuple(axes[ins:]), tuple(order), tuple(part))


def normal_matrices(plan: Plan, streams: slice = slice(None), dtype: str = "float64") -> Plan:
    """Return the plan of the standard normal matrices that `Haar` makes orthogonal: (streams, groups, rows, columns).

    Args:
        plan: A plan whose rule is `Haar`.
        streams: Which of its streams.
        dtype: "float64" for the specification's matrices; "float32" where there are no doubles, which is less close.
    """
    rule, keys = plan.rule, plan.keys[streams]
    assert isinstance(rule, Haar)
    geometry = Geometry((len(keys), rule.groups, rule.rows, rule.columns), "SOOI")
    return replace(
        plan,
        shape=geometry.shape,
        dtype=dtype,
        rule=rule_of(Normal(0.0, 1.0), DTYPES[dtype]),
        offset=0,
        axes=geometry.axes(),
        keys=keys,
        stack_axis=0,
        consecutive=False,
        initializer=Normal(0.0, 1.0),
        geometry=geometry,
        slices=tuple((0, size) for size in geometry.shape),
    )
