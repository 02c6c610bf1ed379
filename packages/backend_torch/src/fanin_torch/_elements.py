"""The rules of single elements in torch's integer operations, for memory that NumPy cannot reach."""

from __future__ import annotations

import torch
from torch import Tensor

from fanin.layout import Axis
from fanin.plans import Draw, Fill, Plan
from fanin.plans.pieces import cut, merge
from fanin.stream.threefry import Words
from fanin_torch._device_engine import draw_fused
from fanin_torch._dtypes import DTYPES
from fanin_torch._index import values
from fanin_torch._lattice import points, words_of, words_run

__all__ = ["draw_elements"]

_CHUNK = 1 << 19
"""Elements drawn at once on a device: with some 40 bytes of intermediate results per element, 20 MB."""


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
    for offset, part, where in cut(start, axes, _CHUNK):
        merged = merge(part)
        if not merged or (len(merged) == 1 and merged[0].stride == 1 and not merged[0].period):
            words = words_run(offset, merged[0].size if merged else 1, key, out.device)
        else:
            words = words_of(values(offset, merged, out.device), key)
        weights = points(words, rule).to(compute).mul_(rule.factor)
        piece = out[where]
        piece.copy_(weights.view(piece.shape))
