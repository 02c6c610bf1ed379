"""From a plan to a tensor: with NumPy in main memory, with torch's own operations elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

import fanin_numpy
from fanin.plans import Draw, Fill, Plan
from fanin_torch._dtypes import numpy_view
from fanin_torch._elements import draw_elements
from fanin_torch._matrix import draw_matrices

__all__ = ["draw_into", "draw_with_torch"]


def draw_into(plan: Plan, tensor: Tensor) -> None:
    """Write the weights of a plan into an existing tensor, whatever its strides and device.

    Args:
        plan: The plan; its dtype must be the tensor's.
        tensor: A strided tensor of shape `plan.shape` with storage. No two of its elements may share memory.
    """
    if tensor.device.type == "cpu":
        fanin_numpy.draw_into(plan, numpy_view(tensor))
        torch.autograd.graph.increment_version(tensor)  # autograd has not seen that NumPy wrote
    else:
        draw_with_torch(plan, tensor)


@torch.no_grad()
def draw_with_torch(plan: Plan, tensor: Tensor) -> None:
    """Do the same as `draw_into`, but only with torch's operations on the tensor's device."""
    if isinstance(plan.rule, (Fill, Draw)):
        draw_elements(plan, plan.rule, tensor.detach())
    else:
        draw_matrices(plan, plan.rule, tensor.detach())
