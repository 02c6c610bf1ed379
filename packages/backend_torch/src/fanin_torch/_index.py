"""Whole numbers that move along axes, such as the logical index, as tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from fanin.layout import Axis

__all__ = ["values"]


def values(first: int, axes: tuple[Axis, ...], device: torch.device, dtype: torch.dtype = torch.int64) -> Tensor:
    """Return a whole number that is `first` at the first element and moves along axes, to be broadcast."""
    number: Tensor | None = None
    for k, axis in enumerate(axes):
        if not (axis.stride or axis.outer_stride):
            continue
        start = first if number is None else 0
        if axis.period:
            steps = axis.offset(torch.arange(axis.size, dtype=dtype, device=device)) + start
        else:
            stride = axis.stride
            steps = torch.arange(start, start + axis.size * stride, stride, dtype=dtype, device=device)
        steps = steps.view(-1, *[1] * (len(axes) - 1 - k))
        number = steps if number is None else number + steps
    if number is None:
        return torch.full((1,) * len(axes), first, dtype=dtype, device=device)
    return number.view((1,) * (len(axes) - number.ndim) + number.shape)
