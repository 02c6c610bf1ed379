"""Bits against the scalar reference: the checks named `bits.*`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Final

from fanin import reference
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.diagnosis.likely import likely_mistake
from fanin.conformance.diagnosis.patterns import distance, show
from fanin.conformance.exact.cases import CASES_OF_CHECKS
from fanin.conformance.exact.trial import BackendTrial
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Draw

__all__ = ["BIT_CHECKS", "chosen", "expected_bits", "judge", "position_of"]

_ALL: Final = 2500
"""Up to so many elements each one is compared; of a larger tensor so many are."""


@lru_cache(maxsize=4096)
def chosen(plan: Plan) -> tuple[int, ...]:
    """Return the flat positions to compare: all, or the ends, both sides of every 4096th, and some between."""
    size = plan.size
    if size <= _ALL:
        return tuple(range(size))
    borders = {i + side for i in range(0, size + 1, 4096) for side in (-2, -1, 0, 1) if 0 <= i + side < size}
    spread = {i * size // (_ALL - len(borders)) for i in range(_ALL - len(borders))}
    return tuple(sorted(borders | spread))


@lru_cache(maxsize=4096)
def expected_bits(plan: Plan) -> tuple[int, ...]:
    """Return the reference's bit patterns at the chosen positions."""
    dtype = DTYPES[plan.dtype]
    return tuple(dtype.encode(reference.value(plan, position_of(plan, flat))) for flat in chosen(plan))


def position_of(plan: Plan, flat: int) -> tuple[int, ...]:
    """Return the position of the element that is `flat`-th in C order."""
    position: list[int] = []
    for size in reversed(plan.shape):
        flat, within = divmod(flat, size)
        position.append(within)
    return tuple(reversed(position))


def compare(cases: tuple[Case, ...], trial: BackendTrial) -> Iterator[Result]:
    """Yield one result a case: the largest distance from the reference, in units of the last place."""
    for undeclared in sorted({trial.undeclared(case.plan()) for case in cases} - {""}):
        yield Result(on=undeclared, verdict="skipped", note=f"the backend does not declare {undeclared}")
    for case in cases:
        if not trial.undeclared(case.plan()):
            yield attempt(case.call(trial.backend.name), partial(judge, case, trial))


def judge(case: Case, trial: BackendTrial) -> Result:
    """Return whether a case's bits are the reference's: the largest distance, in units of the last place."""
    plan = case.plan()
    call = case.call(trial.backend.name)
    size = DTYPES[plan.dtype].itemsize
    array = trial.draw(plan)
    drawn, described = trial.backend.tobytes(array), trial.backend.describe(array)
    if (described.shape, described.dtype) != (plan.shape, plan.dtype) or len(drawn) != plan.size * size:
        return Result(
            on=call,
            verdict="failed",
            call=call,
            expected=f"shape {plan.shape} of {plan.dtype}, {plan.size * size} bytes",
            got=f"shape {described.shape} of {described.dtype}, {len(drawn)} bytes",
            mistake="the array has the dtype in which it was computed, or another shape" if drawn else "",
        )
    positions, wanted = chosen(plan), expected_bits(plan)
    got = tuple(int.from_bytes(drawn[i * size : (i + 1) * size], "little") for i in positions)
    allowed = 0 if trial.backend.capabilities.level == "exact" else 1
    wrong = [k for k, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b]
    furthest = max((distance(got[k], wanted[k], plan.dtype) for k in wrong), default=0)
    many = bool(allowed) and isinstance(plan.rule, Draw) and len(wrong) > _moved_by_rounding(len(positions))
    if furthest <= allowed and not many:
        return Result(on=call, verdict="passed", n=len(positions), statistic=furthest, high=allowed)
    first = wrong[0]
    where = position_of(plan, positions[first])
    return Result(
        on=call,
        verdict="failed",
        n=len(positions),
        statistic=furthest,
        high=allowed,
        call=f"{call}[{', '.join(map(str, where)) or '()'}]",
        expected=show(wanted[first], plan.dtype),
        got=show(got[first], plan.dtype),
        mistake=likely_mistake(plan, tuple(position_of(plan, i) for i in positions), wanted, got),
        note=f"{len(wrong)} of {len(positions)} compared elements differ, by up to {furthest} units of the last place"
        + (", and rounding otherwise moves at most three quarters" if many else ""),
    )


def _moved_by_rounding(n: int) -> float:
    """Return how many of n weights other roundings move at most, and 7 standard deviations.

    A weight is rounded twice, and another way to round moves at most half of the numbers: at most 3/4 in all.
    """
    return 0.75 * n + 3 * math.sqrt(n)


BIT_CHECKS: Final = tuple(
    Check(name, "exact", claim, partial(compare, cases)) for name, (claim, cases) in CASES_OF_CHECKS.items()
)
