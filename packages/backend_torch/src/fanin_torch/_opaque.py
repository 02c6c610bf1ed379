"""The draw as one opaque operator, for torch.compile and tensors without memory of their own.

Traced through the rounds of the generator, Inductor's compile time explodes; and traced as a Python function, the
hashing of a name would break the graph. So the plan is made while tracing, kept in this process under a number, and the
graph holds one operator that looks it up and writes the tensor.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import torch
from torch import Tensor

from fanin.plans import Plan, plan
from fanin_torch._draw import draw_into

__all__ = ["fill_opaquely", "remember"]

_plans: Final[list[Plan]] = []
_lock: Final = threading.Lock()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def remember(shape: tuple[int, ...], arguments: dict[str, Any]) -> int:
    """Return the number under which the plan of these arguments is kept."""
    made = plan(shape, **arguments)
    with _lock:
        _plans.append(made)
        return len(_plans) - 1


@torch.library.custom_op("fanin::fill_", mutates_args={"tensor"})
def fill_opaquely(tensor: Tensor, number: int) -> None:
    """Write the weights of a remembered plan into a tensor."""
    draw_into(_plans[number], tensor)


@fill_opaquely.register_fake
def _(tensor: Tensor, number: int) -> None:
    return None
