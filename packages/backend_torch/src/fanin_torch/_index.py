"""Whole numbers that move along axes, such as the logical index, as tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from fanin.layout import Axis

__all__ = ["values"]


def values(first: int, axes: tuple[Axis, ...], device: torch.device) -> Tensor:
    """Return a whole number that is `first` at the first element and moves along axes: int64, to be broadcast."""
    number = torch.full((1,) * len(axes), first, dtype=torch.int64, device=device)
    for k, axis in enumerate(axes):
        if not (axis.stride or axis.outer_stride):
            continue
        steps = axis.offset(torch.arange(axis.size, dtype=torch.int64, device=device))
        number = number + steps.view(-1, *[1] * (len(axes) - 1 - k))
    return number
