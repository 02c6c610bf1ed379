"""Whole numbers that move along axes, such as the logical index, as arrays."""

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
        return axes[0].offset(flat)
    positions = np.unravel_index(flat, tuple(axis.size for axis in axes)) if axes else ()
    return sum((axis.offset(place) for axis, place in zip(axes, positions, strict=True)), start=np.zeros_like(flat))


def values(first: int, axes: tuple[Axis, ...]) -> Indices:
    """Return a whole number that is `first` at the first element and moves along axes: int64, to be broadcast."""
    number = np.full((1,) * len(axes), first, np.int64)
    for k, axis in enumerate(axes):
        if axis.stride or axis.outer_stride:
            number = number + axis.offset(np.arange(axis.size, dtype=np.int64)).reshape(-1, *[1] * (len(axes) - 1 - k))
    return number
