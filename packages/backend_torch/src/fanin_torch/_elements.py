"""The rules of single elements in torch's integer operations, for memory that NumPy cannot reach."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor

from fanin.layout import Axis
from fanin.plans import Draw, Fill, Plan
from fanin.plans.pieces import cut, merge
from fanin.stream.threefry import Words
from fanin_torch._device_engine import draw_fused
from fanin_torch._dtypes import DTYPES
from fanin_torch._lattice import blocks_grid, blocks_run, points, words_grid

__all__ = ["draw_elements"]

_CHUNKS: Final = (1 << 19, 1 << 22)
"""The smallest and the largest number of elements drawn at once on a device, each with some 28 bytes of scratch memory.

A launch takes microseconds, so a chunk is as large as a quarter of the tensor, between these.
"""

_TURN: Final = 1 << 33
"""The counter's high word is the logical index divided by this."""


def draw_elements(plan: Plan, rule: Fill | Draw, target: Tensor) -> None:
    """Write the weights of a plan by a rule of single elements, which need not be the plan's own.

    Args:
        plan: The plan.
        rule: How each element is computed.
        target: The tensor to write, as in `draw_with_torch`.
    """
    compute = DTYPES[plan.compute]
    if isinstance(rule, Fill):
        target.copy_(torch.tensor(rule.value, dtype=compute, device=target.device))
    elif plan.stack_axis is None:
        _draw_stream(plan.offset, plan.axes, rule, plan.keys[0], compute, target)
    else:
        axes = plan.axes[: plan.stack_axis] + plan.axes[plan.stack_axis + 1 :]
        for key, part in zip(plan.keys, target.unbind(plan.stack_axis), strict=True):
            _draw_stream(plan.offset, axes, rule, key, compute, part)


def _draw_stream(start: int, axes: tuple[Axis, ...], rule: Draw, key: Words, compute: torch.dtype, out: Tensor) -> None:
    if out.numel() == 0 or draw_fused(start, axes, rule, key, out):
        return
    write = partial(_write, rule, torch.tensor(rule.factor, dtype=compute, device="cpu"))
    chunk = min(max(_CHUNKS[0], out.numel() // 4), _CHUNKS[1]) // 2 * 2
    merged = merge(axes)
    if out.is_contiguous() and (not merged or (len(merged) == 1 and merged[0] == Axis(merged[0].size, 1))):
        _draw_run(start, key, chunk, write, out.view(-1))
        return
    pair = _pair(start, axes)
    if pair is None:
        for offset, part, where in cut(start, axes, chunk):
            piece = out[where]
            write(words_grid(offset, merge(part), key, out.device).view(piece.shape), piece)
        return
    lanes = out.unflatten(pair, (-1, 2)).movedim(pair + 1, 0)  # type: ignore[no-untyped-call]
    halved = [Axis(axis.size, axis.stride // 2, axis.period, axis.outer_stride // 2, axis.phase) for axis in axes]
    halved[pair] = Axis(axes[pair].size // 2, 1)
    for offset, part, where in cut(start // 2, tuple(halved), chunk // 2):
        piece = lanes[(slice(None), *where)]
        write(blocks_grid(offset, merge(part), key, out.device).view(piece.shape), piece)


def _draw_run(start: int, key: Words, chunk: int, write: Callable[[Tensor, Tensor], None], out: Tensor) -> None:
    """Write the weights of consecutive logical indices."""
    at = 0
    while at < len(out):
        offset = start + at
        piece = out[at : min(at + chunk, at + _TURN - offset % _TURN)]
        lane, count = offset & 1, len(piece)
        blocks = blocks_run(offset >> 1, (count + lane + 1) >> 1, key, out.device)
        if lane or count % 2:
            write(blocks.t().reshape(-1)[lane : lane + count], piece)
        else:
            write(blocks, piece.view(-1, 2).t())
        at += count


def _pair(start: int, axes: tuple[Axis, ...]) -> int | None:
    """Return the axis along which neighbours are the two lanes of a block, if every element has its neighbour."""
    for k, axis in enumerate(axes):
        if axis.stride == 1 and not axis.period:
            others = [number for each in axes[:k] + axes[k + 1 :] for number in (each.stride, each.outer_stride)]
            return None if any(number % 2 for number in (start, axis.size, *others)) else k
    return None


def _write(rule: Draw, factor: Tensor, words: Tensor, piece: Tensor) -> None:
    """Write the weights of words, which are contiguous and of the piece's shape, and are overwritten."""
    if piece.dtype.itemsize == 1:  # not every device multiplies into float8
        piece.copy_(torch.mul(points(words, rule), factor))
    else:
        torch.mul(points(words, rule), factor, out=piece)  # computed in the factor's dtype, rounded once more if narrow
