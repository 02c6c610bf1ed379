"""From a plan to an array: by a rule of single elements or by a rule of matrices."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from fanin.plans import Draw, Fill, Plan
from fanin_numpy._elements import draw_elements
from fanin_numpy._matrix import draw_matrices

__all__ = ["draw_into"]


def draw_into(plan: Plan, out: NDArray[Any]) -> None:
    """Write the weights of a plan into an existing array, whatever its strides.

    Args:
        plan: The plan; its dtype must be that of `out`.
        out: A writable array of shape `plan.shape`. No two of its elements may share memory.
    """
    if isinstance(plan.rule, (Fill, Draw)):
        draw_elements(plan, plan.rule, out)
    else:
        draw_matrices(plan, plan.rule, out)
