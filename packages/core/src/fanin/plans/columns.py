"""Whole columns, which the mask of a sparse matrix needs even for a small part (specification, section 9.2)."""

from __future__ import annotations

from dataclasses import dataclass

from fanin.layout import Axis, Geometry

__all__ = ["Columns", "whole_columns"]


@dataclass(frozen=True, slots=True)
class Columns:
    """The whole columns that a part of a matrix touches, as an array (in-axes, out-axes) of one stream.

    In C order, the out-axes at one position of the in-axes are the rows of one column, or of one column per group.

    Attributes:
        offset: Logical index of the first element.
        in_axes: How the logical index moves along the in-axes of the part.
        out_axes: How it moves along the out-axes, which are whole.
        stored: The position of each of these axes among the stored axes, not counting the stack axis.
        part: The positions of each of these axes that are in the part, as (start, stop).
    """

    offset: int
    in_axes: tuple[Axis, ...]
    out_axes: tuple[Axis, ...]
    stored: tuple[int, ...]
    part: tuple[tuple[int, int], ...]


def whole_columns(geometry: Geometry, parts: tuple[tuple[int, int], ...]) -> Columns:
    """Return the columns that a part of a matrix touches.

    Args:
        geometry: The whole tensor, with in- and out-axes but no spatial axes.
        parts: The part, one (start, stop) per stored axis.

    Example:
        >>> whole_columns(Geometry((4, 6), "IO"), ((1, 3), (2, 5))).part
        ((0, 2), (2, 5))
    """
    layout = geometry.layout
    assert layout is not None
    stored = [item for item in zip(layout, geometry.axes(), parts, strict=True) if item[0] != "S"]
    order = sorted(range(len(stored)), key=lambda k: stored[k][0] != "I")
    offset, axes, part = 0, [], []
    for letter, axis, (start, stop) in (stored[k] for k in order):
        if letter == "I":
            moved, axis = axis.part(start, stop)
            offset, start, stop = offset + moved, 0, axis.size
        axes.append(axis)
        part.append((start, stop))
    ins = layout.count("I")
    return Columns(offset, tuple(axes[:ins]), tuple(axes[ins:]), tuple(order), tuple(part))
