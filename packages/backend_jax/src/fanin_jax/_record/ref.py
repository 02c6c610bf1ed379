"""An array on the tape: which elements of which random source, as a strided view of its numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ref"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A view of a source's numbers, which are counted in C order.

    Attributes:
        shape: The view's shape.
        strides: Its strides, in elements; 0 along an axis that repeats them.
        offset: Its first element.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @classmethod
    def whole(cls, shape: Sequence[int]) -> Ref:
        """Return the view of all elements in C order."""
        strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        return cls(tuple(shape), strides)

    @property
    def size(self) -> int:
        """The number of elements, those that are repeated counted each time."""
        return math.prod(self.shape)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Which element of the source each is."""
        found = np.full(self.shape, self.offset, np.int64)
        for axis, (size, step) in enumerate(zip(self.shape, self.strides, strict=True)):
            found += (np.arange(size) * step).reshape(-1, *[1] * (len(self.shape) - axis - 1))
        return found

    @property
    def moving(self) -> tuple[tuple[int, int], ...]:
        """(size, stride) of the axes of more than one position."""
        return tuple((size, step) for size, step in zip(self.shape, self.strides, strict=True) if size != 1)

    @property
    def is_consecutive(self) -> bool:
        """Whether its elements follow each other, without gaps, in C order."""
        step = 1
        for size, stride in reversed(self.moving):
            if stride != step:
                return False
            step *= size
        return True

    @property
    def is_injective(self) -> bool:
        """Whether it has no element twice. A view whose axes interlock counts as one that may."""
        reach = 0
        for stride, size in sorted((abs(stride), size) for size, stride in self.moving):
            if stride <= reach:
                return False
            reach += stride * (size - 1)
        return True

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last of the source's elements that it may have."""
        first = last = self.offset
        for size, stride in self.moving:
            first, last = first + min(0, stride * (size - 1)), last + max(0, stride * (size - 1))
        return first, last

    def overlaps(self, other: Ref) -> bool:
        """Return whether two views of one source may have an element in common."""
        if not self.size or not other.size:
            return False
        (first, last), (other_first, other_last) = self.ends, other.ends
        if last < other_first or other_last < first:
            return False
        if sorted(stride for _, stride in self.moving) == sorted(stride for _, stride in other.moving):
            return self._boxes_meet(other)
        return True

    def _boxes_meet(self, other: Ref) -> bool:
        """Return whether two views with the same strides meet, each a box of the grid that the strides make."""
        steps = sorted({abs(stride) for _, stride in self.moving}, reverse=True)
        if 0 in steps or any(large % small for large, small in itertools.pairwise(steps)):
            return True
        boxes = []
        for view in (self, other):
            sizes = {abs(stride): size for size, stride in view.moving}
            rest, box = view.ends[0], []
            for place, step in enumerate(steps):
                start, rest = divmod(rest, step)
                if place and start + sizes[step] > steps[place - 1] // step:
                    return True
                box.append((start, start + sizes[step]))
            boxes.append((box, rest))
        (mine, rest), (theirs, other_rest) = boxes
        if rest != other_rest:
            return steps[-1] == 1 if steps else False
        return all(a < d and c < b for (a, b), (c, d) in zip(mine, theirs, strict=True))

    def transposed(self, axes: Sequence[int]) -> Ref:
        """Return the view with its axes in another order."""
        return replace(self, shape=tuple(self.shape[k] for k in axes), strides=tuple(self.strides[k] for k in axes))

    def sliced(self, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]) -> Ref:
        """Return a part of the view."""
        shape = tuple(max(0, -(-(b - a) // c)) for a, b, c in zip(starts, stops, steps, strict=True))
        strides = tuple(step * by for step, by in zip(self.strides, steps, strict=True))
        moved = sum(a * step for a, step in zip(starts, self.strides, strict=True))
        return Ref(shape, strides, self.offset + moved)

    def reversed(self, axes: Sequence[int]) -> Ref:
        """Return the view with some axes back to front."""
        moved = sum((self.shape[k] - 1) * self.strides[k] for k in axes if self.shape[k])
        strides = tuple(-step if k in axes else step for k, step in enumerate(self.strides))
        return Ref(self.shape, strides, self.offset + moved)

    def broadcast(self, shape: Sequence[int], axes: Sequence[int]) -> Ref:
        """Return the view with new axes, along which it repeats; `axes` says where its own axes go."""
        strides = [0] * len(shape)
        for axis, size, step in zip(axes, self.shape, self.strides, strict=True):
            strides[axis] = step if size != 1 else 0
        return Ref(tuple(shape), tuple(strides), self.offset)

    def reshaped(self, shape: Sequence[int]) -> Ref | None:
        """Return the view with its elements, in C order, in another shape; None where no strides give that order."""
        if not self.size:
            return Ref.whole(shape)
        runs: list[list[int]] = []  # [size, stride] of axes that can be walked as one
        for size, stride in self.moving:
            if runs and runs[-1][1] == size * stride:
                runs[-1] = [runs[-1][0] * size, stride]
            else:
                runs.append([size, stride])
        strides: list[int] = []
        for size in reversed(shape):
            if size == 1:
                strides.append(0)
                continue
            while runs and runs[-1][0] == 1:
                runs.pop()
            if not runs or runs[-1][0] % size:
                return None
            strides.append(runs[-1][1])
            runs[-1] = [runs[-1][0] // size, runs[-1][1] * size]
        return Ref(tuple(shape), tuple(reversed(strides)), self.offset)
