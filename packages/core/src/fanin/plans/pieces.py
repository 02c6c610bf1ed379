"""Pieces of a tensor: merging axes that move as one, and cutting a large draw into smaller ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fanin.layout import Axis

__all__ = ["cut", "merge", "overlaps"]


def merge(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Merge neighbouring axes of C-contiguous memory along which the logical index moves as along one axis.

    Axes with one position are dropped. A whole tensor in canonical order becomes one axis of stride 1.

    Example:
        >>> merge([Axis(256, 576), Axis(64, 9), Axis(9, 1)])
        (Axis(size=147456, stride=1, period=0, outer_stride=0, phase=0),)
    """
    merged: list[Axis] = []
    for axis in axes:
        if axis.size == 1 and not axis.phase:
            continue
        if merged and not (merged[-1].period or axis.period) and merged[-1].stride == axis.size * axis.stride:
            merged[-1] = Axis(merged[-1].size * axis.size, axis.stride)
        else:
            merged.append(axis)
    return tuple(merged)


def cut(offset: int, axes: tuple[Axis, ...], limit: int) -> Iterator[tuple[int, tuple[Axis, ...], tuple[slice, ...]]]:
    """Cut a draw along its first axes into pieces of at most `limit` elements, in C order.

    Args:
        offset: Logical index of the first element.
        axes: How the logical index moves along each axis.
        limit: Maximum number of elements of a piece, at least 1.

    Yields:
        The piece's own offset and axes, and its location: one slice per axis.

    Example:
        >>> [(offset, where) for offset, _, where in cut(0, (Axis(3, 2), Axis(2, 1)), 4)]
        [(0, (slice(0, 2, None), slice(0, 2, None))), (4, (slice(2, 3, None), slice(0, 2, None)))]
    """
    size = math.prod(axis.size for axis in axes)
    whole = tuple(slice(0, axis.size) for axis in axes)
    if size <= limit:
        yield offset, axes, whole
        return
    k = next(k for k, axis in enumerate(axes) if axis.size > 1)
    step = max(1, limit * axes[k].size // size)
    for start in range(0, axes[k].size, step):
        moved, part = axes[k].part(start, min(start + step, axes[k].size))
        for inside, smaller, where in cut(offset + moved, (*axes[:k], part, *axes[k + 1 :]), limit):
            yield inside, smaller, (*where[:k], slice(start, start + part.size), *where[k + 1 :])


def overlaps(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Return whether elements of an array may share memory: some axis has a step below the span of the inner axes.

    Args:
        shape: The array's shape.
        strides: The array's strides in elements (of either sign).
    """
    if math.prod(shape) == 0:
        return False
    span = 1
    for step, size in sorted((abs(step), size) for step, size in zip(strides, shape, strict=True)):
        if size > 1 and step < span:
            return True
        span += step * (size - 1)
    return False
