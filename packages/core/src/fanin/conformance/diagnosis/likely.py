"""The likely mistake behind wrong bits: the known ones that give exactly what was seen."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from fanin.conformance.check import ENOUGH, OR
from fanin.conformance.diagnosis.known import MISTAKES, Mistake, Position
from fanin.conformance.diagnosis.patterns import decode
from fanin.conformance.diagnosis.scales import ratio_mistake
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Draw, Fill, Haar

__all__ = ["likely_mistake"]

_TRIED: Final = 48
_NAMED: Final = 3
_SPREAD, _LEAST, _REST = 4.0, 1e-4, 1e-2
"""Pairs: how far from round their cloud may be, the least share that is seen, and how much of an error is left."""


def likely_mistake(plan: Plan, positions: tuple[Position, ...], wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Return the known mistakes that explain what was drawn, several where they give the same here, or nothing.

    Args:
        plan: What should have been drawn.
        positions: Where the weights were compared.
        wanted: The reference's bit patterns there.
        got: The backend's.
    """
    if text := _small_mistake(plan, wanted, got):
        return text
    if isinstance(plan.rule, Fill | Haar) or len(positions) < ENOUGH:
        return ""
    wrong = [k for k in range(len(positions)) if wanted[k] != got[k]]
    right = [k for k in range(len(positions)) if wanted[k] == got[k]]
    tried = wrong[:_TRIED] + right[:_TRIED]
    places, seen = tuple(positions[k] for k in tried), [got[k] for k in tried]
    found = dict.fromkeys(mistake.text for mistake in MISTAKES if _explains(mistake, plan, places, seen))
    if found:
        return OR.join(list(found)[:_NAMED])
    if not isinstance(plan.rule, Draw):
        return ""
    return ratio_mistake(plan, wanted, got) or _pair_mistake(plan, positions, wanted, got)


def _explains(mistake: Mistake, plan: Plan, places: tuple[Position, ...], seen: list[int]) -> bool:
    try:
        return all(given == got for given, got in zip(mistake.bits(plan, places), seen, strict=True))
    except (ValueError, ArithmeticError, IndexError):  # the mistake has no meaning for this plan
        return False


def _small_mistake(plan: Plan, wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Return what happens to zeros and subnormal numbers, which the bits say for certain, or nothing."""
    pairs = [(decode(a, plan.dtype), decode(b, plan.dtype)) for a, b in zip(wanted, got, strict=True) if a != b]
    least = math.ldexp(1.0, DTYPES[plan.dtype].min_exponent)
    if all(a == b == 0.0 for a, b in pairs):
        return "the sign of zero: a weight that is 0 is +0, and one that rounds to 0 keeps its sign"
    if all(abs(a) < least and b == 0.0 for a, b in pairs):
        return "subnormal weights are flushed to 0"
    return ""


def _pair_mistake(plan: Plan, positions: tuple[Position, ...], wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Return how a weight depends on the other one of its pair, by least squares, or nothing."""
    indices = [plan.offset + sum(a.offset(i) for a, i in zip(plan.axes, place, strict=True)) for place in positions]
    right = {index: decode(pattern, plan.dtype) for index, pattern in zip(indices, wanted, strict=True)}
    seen = {index: decode(pattern, plan.dtype) for index, pattern in zip(indices, got, strict=True)}
    for lane, which in ((1, "second"), (0, "first")):
        pairs = [index for index in right if index & 1 == lane and index ^ 1 in right]
        if plan.stack_axis is not None or len(pairs) <= 2 * ENOUGH:
            continue
        both = np.array([(right[index], right[index ^ 1]) for index in pairs])
        error = np.array([seen[index] for index in pairs]) - both[:, 0]
        if not np.isfinite(error).all() or np.linalg.cond(both) > _SPREAD:  # else any two numbers fit one another
            continue
        share = np.linalg.lstsq(both, error, rcond=None)[0]
        if abs(share[1]) > _LEAST and np.max(np.abs(error - both @ share)) < _REST * np.max(np.abs(error)):
            return f"the {which} weight of each pair has {share[1]:+.3g} times the other one in it: correlated pairs"
    return ""
