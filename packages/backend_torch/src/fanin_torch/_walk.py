"""The walk of a kernel through a tensor's memory: axes in memory order, and the axis along which blocks have two lanes.

A block of the generator holds the words of two neighbouring logical indices, so a task of the kernel is a block, not an
element: along the axis whose logical stride is 1 it counts pairs. Where a part starts at an odd index, or has an odd
number of elements there, the first or the last block of a line has one lane outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from fanin.layout import Axis

__all__ = ["MOST_AXES", "Walk", "walk"]

MOST_AXES: Final = 4
"""The number of axes that the kernel has arguments for, once neighbouring axes are merged."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How tasks move through the logical indices and through memory; the first axis is the fastest in memory.

    Attributes:
        base: Logical index of the first element.
        counts: Number of tasks along each axis.
        steps: What one position of each axis adds to the logical index.
        hops: What one position of each axis adds to the place in memory, in elements.
        pair: The axis that counts blocks, or None: then a task is one element, and half of its block is not used.
        extent: Number of elements along that axis.
        even: Whether every block along it has both lanes inside.
    """

    base: int
    counts: tuple[int, ...]
    steps: tuple[int, ...]
    hops: tuple[int, ...]
    pair: int | None
    extent: int
    even: bool

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return math.prod(self.counts)

    @property
    def lines(self) -> bool:
        """Whether the logical index and the memory run together along the fastest axis."""
        return self.pair == 0 and self.hops[0] == 1

    @property
    def wide(self) -> bool:
        """Whether a task's number, its place or its logical index from the base may not fit in 31 bits."""
        reach = [count * (2 if k == self.pair else 1) for k, count in enumerate(self.counts)]
        places, indices = (sum(map(math.prod, zip(reach, each, strict=True))) for each in (self.hops, self.steps))
        return max(places, indices, self.tasks, *reach) >= 1 << 30

    def aligned(self, elements: int) -> bool:
        """Whether every line starts in memory at a multiple of so many elements, the memory itself aside."""
        return self.lines and self.even and all(hop % elements == 0 for hop in self.hops[1:])


def walk(base: int, axes: tuple[Axis, ...], hops: tuple[int, ...]) -> Walk | None:
    """Return the walk of a part that has elements, or None if it is not one of at most `MOST_AXES` plain axes.

    Args:
        base: Logical index of the first element.
        axes: How the logical index moves along each axis.
        hops: The strides in memory of each axis, in elements.

    Example:
        >>> walk(0, (Axis(64, 1), Axis(256, 64)), (256, 1))  # a matrix whose inputs are stored first
        Walk(base=0, counts=(256, 32), steps=(64, 1), hops=(1, 256), pair=1, extent=64, even=True)
    """
    moves: list[tuple[int, int, int]] = []
    for axis, hop in zip(axes, hops, strict=True):
        if axis.size == 1:
            base += axis.offset(0)
        elif not axis.period:
            moves.append((axis.size, axis.stride, hop))
        elif axis.phase + axis.size <= axis.period:  # inside one group
            base += axis.phase * axis.stride
            moves.append((axis.size, axis.stride, hop))
        elif not axis.phase and axis.size % axis.period == 0:  # whole groups
            moves.append((axis.size // axis.period, axis.outer_stride, axis.period * hop))
            moves.append((axis.period, axis.stride, hop))
        else:
            return None
    moves = _merged(sorted(moves, key=lambda move: move[2])) or [(1, 1, 1)]
    if len(moves) > MOST_AXES:
        return None
    sizes, steps, places = zip(*moves, strict=True)
    pair = steps.index(1) if 1 in steps else None
    if pair is None:
        return Walk(base, sizes, steps, places, None, 1, even=False)
    extent = sizes[pair]
    even = not any(number % 2 for number in (base, extent, *steps[:pair], *steps[pair + 1 :]))
    blocks = extent // 2 if even else extent // 2 + 1
    return Walk(base, (*sizes[:pair], blocks, *sizes[pair + 1 :]), steps, places, pair, extent, even)


def _merged(moves: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Merge neighbouring axes, fastest first, along which both the logical index and the memory move as along one."""
    merged: list[tuple[int, int, int]] = []
    for size, step, hop in moves:
        if merged:
            count, inner_step, inner_hop = merged[-1]
            if (step, hop) == (count * inner_step, count * inner_hop):
                merged[-1] = (count * size, inner_step, inner_hop)
                continue
        merged.append((size, step, hop))
    return merged
