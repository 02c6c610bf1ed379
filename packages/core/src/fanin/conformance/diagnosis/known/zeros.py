"""Mistakes in the zeros of sparse matrices."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Final

from fanin.conformance.diagnosis.known.mistake import Mistake
from fanin.initializers.matrices import Sparse
from fanin.plans import Plan
from fanin.plans.rules import Masked

__all__ = ["ZEROS"]


def _zeros(count: Callable[[Sparse, Masked], int]) -> Callable[[Plan], Plan]:
    """Return the plan of a sparse matrix with another number of zeros in each column."""

    def follow(plan: Plan) -> Plan:
        if not isinstance(plan.rule, Masked) or not isinstance(plan.initializer, Sparse):
            raise ValueError("not sparse")
        return dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, zeros=count(plan.initializer, plan.rule)))

    return follow


ZEROS: Final = (
    Mistake(
        "the zeros of a column are rounded down, not up",
        plan=_zeros(lambda law, rule: math.floor(law.sparsity * rule.rows)),
    ),
    Mistake(
        "the zeros of a column are rounded to the nearest, not up",
        plan=_zeros(lambda law, rule: round(law.sparsity * rule.rows)),
    ),
    Mistake(
        "a column has one zero less than it should",
        plan=_zeros(lambda law, rule: max(rule.zeros - 1, 0)),
    ),
    Mistake(
        "a column has one zero more than it should",
        plan=_zeros(lambda law, rule: min(rule.zeros + 1, rule.rows)),
    ),
    Mistake(
        "the zeros are a share of the in-channels, not of the column's length, the out-channels",
        plan=_zeros(lambda law, rule: min(math.ceil(law.sparsity * rule.columns), rule.rows)),
    ),
    Mistake("the mask is not applied", plan=_zeros(lambda law, rule: 0)),
)
