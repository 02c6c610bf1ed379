"""A tensor on the tape: which elements of which storage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["Ref", "Region"]

Region = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor on the tape: a view of a storage.

    Attributes:
        key: Which storage.
        shape: The view's shape.
        stride: Its strides, in elements.
        offset: Its first element in the storage.
        dtype: Its dtype.
        bytes: The size of the storage.
        whole: Whether the view has every element of the storage, each once.
    """

    key: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: torch.dtype
    bytes: int
    whole: bool

    @classmethod
    def of(cls, tensor: Tensor) -> Ref:
        """Return where a tensor's elements are."""
        storage = tensor.untyped_storage()
        shape, stride = tuple(tensor.shape), tuple(tensor.stride())
        full = tensor.numel() * tensor.element_size() == storage.nbytes()
        whole = full and (tensor.is_contiguous() or _is_dense(shape, stride))
        return cls(storage._cdata, shape, stride, int(tensor.storage_offset()), tensor.dtype, storage.nbytes(), whole)

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie in C order, without gaps."""
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size > 1 and stride != step:
                return False
            step *= size
        return True

    def overlaps(self, other: Ref) -> bool:
        """Return whether two views of one storage may have an element in common."""
        if not (math.prod(self.shape) and math.prod(other.shape)):
            return False
        if self.dtype != other.dtype:
            return True
        if self.offset > other._last or other.offset > self._last:
            return False
        steps = sorted({step for view in (self, other) for step in view._steps} | {1}, reverse=True)
        if any(large % small for large, small in pairwise(steps)):
            return True
        boxes = self._box(steps), other._box(steps)
        if None in boxes:
            return True
        return all(
            first < other_stop and other_first < stop
            for (first, stop), (other_first, other_stop) in zip(*(box or [] for box in boxes), strict=True)
        )

    @property
    def _last(self) -> int:
        return self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.stride, strict=True))

    @property
    def _steps(self) -> list[int]:
        return [stride for size, stride in zip(self.shape, self.stride, strict=True) if size > 1]

    def _box(self, steps: list[int]) -> list[tuple[int, int]] | None:
        """Return the view as (start, stop) per step of a grid, or None if it is none."""
        sizes = {stride: size for size, stride in zip(self.shape, self.stride, strict=True) if size > 1}
        if len(sizes) < len(self._steps) or 0 in sizes:
            return None
        box: list[tuple[int, int]] = []
        rest = self.offset
        for place, step in enumerate(steps):
            start, rest = divmod(rest, step)
            stop = start + sizes.get(step, 1)
            if place and stop > steps[place - 1] // step:
                return None
            box.append((start, stop))
        return box

    def region_of(self, whole: Ref) -> Region | None:
        """Return the hyper-rectangle of a C-contiguous tensor that the view is, or None if it is none."""
        if not whole.is_contiguous or not math.prod(self.shape):
            return None
        strides = [math.prod(whole.shape[axis + 1 :]) for axis in range(len(whole.shape))]
        start = self.offset - whole.offset
        corner = [start // stride % size for stride, size in zip(strides, whole.shape, strict=True)]
        lengths = [1] * len(strides)
        axis = 0
        for size, stride in zip(self.shape, self.stride, strict=True):
            if size == 1:
                continue
            axis = next((k for k in range(axis, len(strides)) if strides[k] == stride and whole.shape[k] > 1), -1)
            if axis < 0:
                return None
            lengths[axis] = size
            axis += 1
        region = tuple((first, first + length) for first, length in zip(corner, lengths, strict=True))
        inside = all(stop <= size for (_, stop), size in zip(region, whole.shape, strict=True))
        return region if inside else None


def _is_dense(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Return whether the elements are a permutation of a block of memory."""
    step = 1
    for one_stride, size in sorted((b, a) for a, b in zip(shape, stride, strict=True) if a > 1):
        if one_stride != step:
            return False
        step *= size
    return True
