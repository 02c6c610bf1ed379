"""The draw as one opaque operator, for torch.compile and for tensors without their own memory.

Tracing the rounds of the generator would make Inductor's compile time explode, and tracing the hashing of a name would
break the graph. So the plan is made while tracing and kept in this process under a number, and the graph contains one
operator that looks the plan up and writes the tensor.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from fanin.plans import Plan, plan
from fanin_torch._draw import draw_into
from fanin_torch._dtypes import DTYPES

__all__ = ["draw_opaquely", "fill_opaquely", "keep", "remember"]

_plans: Final[list[Plan]] = []
_numbers: Final[dict[Plan, int]] = {}
"""A plan that is traced again keeps its number, so a compiled loop keeps one plan and not one per step."""
_lock: Final = threading.Lock()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def remember(shape: Sequence[int], arguments: dict[str, Any]) -> tuple[int, tuple[int, ...], str]:
    """Keep the plan of these arguments; see `keep`."""
    return _keep(plan(shape, **arguments))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def keep(made: Plan) -> tuple[int, tuple[int, ...], str]:
    """Keep a plan, and return its number, shape and dtype: a graph cannot hold the plan itself."""
    return _keep(made)


def _keep(made: Plan) -> tuple[int, tuple[int, ...], str]:
    with _lock:
        number = _numbers.setdefault(made, len(_plans))
        if number == len(_plans):
            _plans.append(made)
        return number, made.shape, made.dtype


def draw_opaquely(kept: tuple[int, tuple[int, ...], str], device: Any) -> Tensor:
    """Return the tensor that a kept plan describes."""
    number, shape, dtype = kept
    out = torch.empty(shape, dtype=DTYPES[dtype], device=device)
    fill_opaquely(out, number)
    return out


@torch.library.custom_op("fanin::fill_", mutates_args={"tensor"})
def fill_opaquely(tensor: Tensor, number: int) -> None:
    """Write the weights of a kept plan into a tensor."""
    draw_into(_plans[number], tensor)


@fill_opaquely.register_fake
def _(tensor: Tensor, number: int) -> None:
    return None
