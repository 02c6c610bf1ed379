"""The logical index, and what else moves along axes, as arrays of whole numbers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.layout import Axis

__all__ = ["Indices", "offsets", "values"]

Indices: TypeAlias = NDArray[np.int64]


def offsets(axes: tuple[Axis, ...], first: int, count: int) -> Indices:
    """Return the logical offsets of the flat positions first, first + 1, ... of some axes, in C order."""
    flat = np.arange(first, first + count, dtype=np.int64)
    if len(axes) == 1:
        return _axis_offsets(axes[0], flat)
    positions = np.unravel_index(flat, tuple(axis.size for axis in axes)) if axes else ()
    return sum(map(_axis_offsets, axes, positions), start=np.zeros_like(flat))


def _axis_offsets(axis: Axis, positions: Indices) -> Indices:
    """Return what `axis.offset` gives for each of the positions."""
    if not axis.period:
        return positions * axis.stride
    moved = positions + axis.phase
    group, within = moved // axis.period, moved % axis.period
    return group * axis.outer_stride + within * axis.stride


def values(first: int, axes: tuple[Axis, ...]) -> Indices:
    """Return a whole number that is `first` at the first element and moves along axes, an array that broadcasts."""
    number = np.full((1,) * len(axes), first, np.int64)
    for k, axis in enumerate(axes):
        if axis.stride or axis.outer_stride:
            steps = _axis_offsets(axis, np.arange(axis.size, dtype=np.int64))
            number = number + steps.reshape(-1, *[1] * (len(axes) - 1 - k))
    return number
