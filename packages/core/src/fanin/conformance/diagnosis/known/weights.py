"""Mistakes between a word and its weight: the lattice point, the mean, the multiplication and the rounding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Final

from fanin import reference
from fanin.conformance.diagnosis.known.mistake import Mistake, weigh
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Draw
from fanin.stream.lattice import normal_lattice, uniform_lattice
from fanin.stream.threefry import Words

__all__ = ["WEIGHTS"]


def _rule(change: Callable[[Draw], Draw]) -> Callable[[Plan], Plan]:
    def follow(plan: Plan) -> Plan:
        if not isinstance(plan.rule, Draw):
            raise ValueError("the rule of a matrix is another one")
        return dataclasses.replace(plan, rule=change(plan.rule))

    return follow


def _untruncated(rule: Draw) -> Draw:
    return dataclasses.replace(rule, distribution="normal" if rule.distribution != "uniform" else "uniform")


def _antithetic(key: Words, index: int) -> int:
    return reference.word(key, index & ~1) ^ (0xFFFFFFFF if index & 1 else 0)


def _sign_dropped(rule: Draw, word: int) -> int:
    return abs(reference.lattice_point(rule, word))


def _half_open(rule: Draw, word: int) -> int:
    point = reference.lattice_point(rule, word)
    return point - 1 if rule.distribution == "uniform" else point


def _one_sided(rule: Draw, word: int) -> int:
    point = reference.lattice_point(rule, word)
    return (point + (1 << 24)) >> 1 if rule.distribution == "uniform" else point


def _other_direction(rule: Draw, word: int) -> int:
    return reference.lattice_point(rule, word ^ 0xFFFFFFFF)


def _unclamped(rule: Draw, word: int) -> int:
    return reference.lattice_point(dataclasses.replace(rule, low=-(1 << 40), high=1 << 40), word)


def _clipped(rule: Draw, word: int) -> int:
    if rule.distribution != "truncated_normal":
        return reference.lattice_point(rule, word)
    return min(max(normal_lattice(word), rule.low), rule.high)


def _uniform_for_normal(rule: Draw, word: int) -> int:
    if rule.distribution == "uniform":
        return reference.lattice_point(rule, word)
    return uniform_lattice(word) << 4


def _float_mean(plan: Plan, rule: Draw, point: int) -> float:
    compute = DTYPES[plan.compute]
    mean = compute.round(rule.mean * rule.factor)
    unshifted = rule.factor / 2.0**rule.shift
    return compute.round(compute.round(compute.round(float(point)) * unshifted) + mean)


def _fused_mean(plan: Plan, rule: Draw, point: int) -> float:
    compute = DTYPES[plan.compute]
    mean = compute.round(rule.mean * rule.factor)
    return compute.round(compute.round(float(point)) * (rule.factor / 2.0**rule.shift) + mean)


def _unrounded(plan: Plan, rule: Draw, point: int) -> float:
    return float((point >> rule.shift) + rule.mean) * rule.factor


def _in_single(plan: Plan, rule: Draw, point: int) -> float:
    if plan.compute != "float64":
        raise ValueError("single precision is right here")
    single = DTYPES["float32"]
    return single.round(single.round(float((point >> rule.shift) + rule.mean)) * single.round(rule.factor))


def _toward_zero(plan: Plan, rule: Draw, point: int) -> float:
    dtype = DTYPES[plan.dtype]
    weight = weigh(plan, rule, point)
    rounded = dtype.round(weight)
    if abs(rounded) <= abs(weight):
        return rounded
    step = math.ldexp(1.0, max(math.frexp(weight)[1] - 1, dtype.min_exponent) - dtype.mantissa)
    return math.trunc(weight / step) * step


def _ties_away(plan: Plan, rule: Draw, point: int) -> float:
    dtype = DTYPES[plan.dtype]
    weight = weigh(plan, rule, point)
    step = math.ldexp(1.0, max(math.frexp(weight)[1] - 1, dtype.min_exponent) - dtype.mantissa)
    units, rest = divmod(abs(weight), step)
    return math.copysign((units + 1) * step, weight) if rest == step / 2 else dtype.round(weight)


WEIGHTS: Final = (
    Mistake("the sign is dropped", point=_sign_dropped),
    Mistake("every second weight is minus the one before: antithetic pairs", word=_antithetic),
    *(
        Mistake(
            f"only the upper {bits} bits of a word are used",
            word=lambda key, i, unused=32 - bits: reference.word(key, i) >> unused << unused,  # type: ignore[misc]
        )
        for bits in range(8, 32)
    ),
    Mistake("the uniform is on [0, high), not on (-high, high)", point=_one_sided),
    Mistake("the uniform's lowest bit is not set, so that it is half-open and can be 0", point=_half_open),
    Mistake("the lattice increases with the word: word 0 stands for the largest value", point=_other_direction),
    Mistake("the truncated normal is not truncated", plan=_rule(_untruncated)),
    Mistake("the normal is clipped at the bounds, not truncated", point=_clipped),
    Mistake("rule.low and rule.high are ignored", point=_unclamped),
    Mistake("a uniform is drawn for a normal", point=_uniform_for_normal),
    Mistake("the mean is ignored", plan=_rule(lambda rule: dataclasses.replace(rule, mean=0))),
    Mistake("rule.shift is ignored", plan=_rule(lambda rule: dataclasses.replace(rule, shift=0))),
    Mistake("the mean is added in floating point, after the multiplication", weight=_float_mean),
    Mistake("the mean is added in floating point by a fused multiply-add", weight=_fused_mean),
    Mistake(
        "the lattice point is not rounded to the compute format before the multiplication, or not after it",
        weight=_unrounded,
    ),
    Mistake("float64 weights are computed in float32", weight=_in_single),
    Mistake("the weight is rounded toward zero, not to nearest even", weight=_toward_zero),
    Mistake("ties are rounded away from zero, not to even", weight=_ties_away),
)
