"""From a plan to the elements of a tensor: through NumPy in main memory, through torch's own operations elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

import fanin_numpy
from fanin.layout import Axis
from fanin.pieces import cut, merge
from fanin.plans import Draw, Fill, Plan
from fanin.threefry import Words
from fanin_torch._dtypes import numpy_view
from fanin_torch._index import values
from fanin_torch._lattice import points, words_of, words_run
from fanin_torch._matrix import draw_matrices

__all__ = ["draw_into", "draw_with_torch"]

_CHUNK = 1 << 19
"""Elements drawn at once on a device: with some 40 bytes of intermediate results each, 20 MB."""


def draw_into(plan: Plan, tensor: Tensor) -> None:
    """Write the weights of a plan into an existing tensor, whatever its strides and device.

    Args:
        plan: The plan; its dtype must be the tensor's.
        tensor: A strided tensor of shape `plan.shape` with storage. No two of its elements may share memory.
    """
    if tensor.device.type == "cpu":
        fanin_numpy.draw_into(plan, numpy_view(tensor))
        torch.autograd.graph.increment_version(tensor)  # NumPy wrote behind autograd's back
    else:
        draw_with_torch(plan, tensor)


@torch.no_grad()
def draw_with_torch(plan: Plan, tensor: Tensor) -> None:
    """Do what `draw_into` does in torch's operations alone, on the tensor's device."""
    target = tensor.detach()
    if isinstance(plan.rule, Fill):
        target.copy_(torch.tensor(plan.rule.value, dtype=_compute(plan), device=target.device))
    elif not isinstance(plan.rule, Draw):
        draw_matrices(plan, target, draw_with_torch)
    elif plan.stack_axis is None:
        _draw_stream(plan, plan.rule, plan.keys[0], plan.axes, target)
    else:
        axes = plan.axes[: plan.stack_axis] + plan.axes[plan.stack_axis + 1 :]
        for key, part in zip(plan.keys, target.unbind(plan.stack_axis), strict=True):
            _draw_stream(plan, plan.rule, key, axes, part)


def _compute(plan: Plan) -> torch.dtype:
    return torch.float64 if plan.compute == "float64" else torch.float32


def _draw_stream(plan: Plan, rule: Draw, key: Words, axes: tuple[Axis, ...], out: Tensor) -> None:
    if out.numel() == 0:
        return
    for offset, part, where in cut(plan.offset, axes, _CHUNK):
        merged = merge(part)
        if not merged or (len(merged) == 1 and merged[0].stride == 1 and not merged[0].period):
            words = words_run(offset, merged[0].size if merged else 1, key, out.device)
        else:
            words = words_of(values(offset, merged, out.device), key)
        weights = points(words, rule).to(_compute(plan)).mul_(rule.factor)
        piece = out[where]
        piece.copy_(weights.view(piece.shape))
