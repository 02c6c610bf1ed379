"""What a known mistake is: the steps of the specification, one of them done wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fanin import reference
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Draw
from fanin.stream.threefry import Words

__all__ = ["Mistake", "Position", "weigh"]

Position = tuple[int, ...]


@dataclass(frozen=True)
class Mistake:
    """A wrong way to draw: the specification's steps, some of them replaced.

    Attributes:
        text: What a person who made the mistake needs to read.
        plan: A plan that the mistaken backend follows instead of its own.
        word: Element's key and logical index to word.
        point: Rule and word to lattice point.
        weight: Plan, rule and lattice point to weight.
    """

    text: str
    plan: Callable[[Plan], Plan] = lambda plan: plan
    word: Callable[[Words, int], int] = reference.word
    point: Callable[[Draw, int], int] = reference.lattice_point
    weight: Callable[[Plan, Draw, int], float] | None = None

    def bits(self, plan: Plan, positions: tuple[Position, ...]) -> Iterator[int]:
        """Yield the bit patterns that the mistake gives.

        Raises:
            ValueError, IndexError, ArithmeticError: The mistake has no meaning for this plan.
        """
        followed = self.plan(plan)
        dtype = DTYPES[plan.dtype]
        if not isinstance(followed.rule, Draw):  # of matrices, only the mistakes in the plan are known
            if followed is plan:
                raise ValueError(self.text)
            yield from (dtype.encode(reference.value(followed, position)) for position in positions)
            return
        for position in positions:
            key = followed.keys[0 if plan.stack_axis is None else position[plan.stack_axis]]
            index = followed.offset + sum(a.offset(i) for a, i in zip(followed.axes, position, strict=True))
            point = self.point(followed.rule, self.word(key, index))
            yield dtype.encode(dtype.round((self.weight or weigh)(followed, followed.rule, point)))


def weigh(plan: Plan, rule: Draw, point: int) -> float:
    """Return the right weight before it is rounded to the dtype."""
    compute = DTYPES[plan.compute]
    return compute.round(compute.round(float((point >> rule.shift) + rule.mean)) * rule.factor)
