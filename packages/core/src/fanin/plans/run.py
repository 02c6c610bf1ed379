"""A tensor that is drawn whole, from one stream and in its order, as most are: what is known before the seed is."""

from __future__ import annotations

from dataclasses import dataclass

from fanin.plans.plan import Plan
from fanin.plans.rules import Draw, Fill

__all__ = ["Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """What a backend needs of many such tensors to draw them together, beside a name for each and the seed.

    Attributes:
        rule: How each element's value is computed.
        size: Number of elements: the logical indices are 0, 1, ..., size - 1.
        dtype: Name of the dtype.
    """

    rule: Fill | Draw
    size: int
    dtype: str

    @classmethod
    def of(cls, plan: Plan) -> Run | None:
        """Return what a plan draws, if it is such a tensor."""
        if not plan.consecutive or plan.offset or not isinstance(plan.rule, (Fill, Draw)):
            return None
        return cls(plan.rule, plan.size, plan.dtype)
