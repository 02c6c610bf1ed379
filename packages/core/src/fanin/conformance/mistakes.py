"""The likely mistake behind wrong bits: each known one is tried until one gives exactly what was seen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from fanin import reference
from fanin.conformance.scales import ratio_mistake
from fanin.dtypes import DTYPES
from fanin.layout import Axis
from fanin.plans import Plan
from fanin.plans.rules import Draw
from fanin.stream.keys import named_key, seed_words
from fanin.stream.lattice import normal_lattice, uniform_lattice
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["likely_mistake"]

Position = tuple[int, ...]
_TRIED: Final = 48


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
    plan: Callable[[Plan, Draw], Plan] = lambda plan, rule: plan
    word: Callable[[Words, int], int] = reference.word
    point: Callable[[Draw, int], int] = reference.lattice_point
    weight: Callable[[Plan, Draw, int], float] | None = None

    def bits(self, plan: Plan, rule: Draw, positions: tuple[Position, ...]) -> Iterator[int]:
        """Yield the bit patterns that the mistake gives."""
        followed = self.plan(plan, rule)
        dtype = DTYPES[plan.dtype]
        for position in positions:
            assert isinstance(followed.rule, Draw)
            key = followed.keys[0 if plan.stack_axis is None else position[plan.stack_axis]]
            index = followed.offset + sum(a.offset(i) for a, i in zip(followed.axes, position, strict=True))
            point = self.point(followed.rule, self.word(key, index))
            weigh = self.weight or _weight
            yield dtype.encode(dtype.round(weigh(followed, followed.rule, point)))


def _weight(plan: Plan, rule: Draw, point: int) -> float:
    compute = DTYPES[plan.compute]
    return compute.round(compute.round(float((point >> rule.shift) + rule.mean)) * rule.factor)


def likely_mistake(plan: Plan, positions: tuple[Position, ...], wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Return the known mistake that explains what was drawn, or nothing.

    Args:
        plan: What should have been drawn.
        positions: Where the weights were compared.
        wanted: The reference's bit patterns there.
        got: The backend's.
    """
    if not isinstance(plan.rule, Draw):
        return ""
    wrong = [k for k in range(len(positions)) if wanted[k] != got[k]]
    right = [k for k in range(len(positions)) if wanted[k] == got[k]]
    tried = sorted(wrong[:_TRIED] + right[:_TRIED])
    places, seen = tuple(positions[k] for k in tried), [got[k] for k in tried]
    for mistake in MISTAKES:
        try:
            explained = list(mistake.bits(plan, plan.rule, places)) == seen
        except (ValueError, OverflowError, IndexError):  # the mistake has no meaning for this plan
            continue
        if explained:
            return mistake.text
    return ratio_mistake(plan, wanted, got)


def _rule(**changes: object) -> Callable[[Plan, Draw], Plan]:
    return lambda plan, rule: dataclasses.replace(plan, rule=dataclasses.replace(rule, **changes))  # type: ignore[arg-type]


def _keys(change: Callable[[Plan], list[Words]]) -> Callable[[Plan, Draw], Plan]:
    return lambda plan, rule: dataclasses.replace(plan, keys=tuple(change(plan)))


def _names(plan: Plan) -> list[str | None]:
    """Return the names of the streams that are drawn."""
    if not isinstance(plan.name, tuple):
        return [plan.name]
    assert plan.stack_axis is not None
    return list(plan.name[slice(*plan.slices[plan.stack_axis])])


def _c_order(shape: tuple[int, ...]) -> tuple[Axis, ...]:
    return tuple(Axis(size, math.prod(shape[k + 1 :])) for k, size in enumerate(shape))


def _stored_order(plan: Plan, rule: Draw) -> Plan:
    axes = _c_order(plan.geometry.shape)
    offset = sum(start * axis.stride for (start, _), axis in zip(plan.slices, axes, strict=True))
    return dataclasses.replace(plan, axes=axes, offset=offset)


def _xor(key: Words, index: int) -> int:
    first, second = threefry2x32(key, (index >> 32, index & 0xFFFFFFFF))
    return first ^ second


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
    weight = _weight(plan, rule, point)
    rounded = dtype.round(weight)
    if abs(rounded) <= abs(weight):
        return rounded
    step = math.ldexp(1.0, max(math.frexp(weight)[1] - 1, dtype.min_exponent) - dtype.mantissa)
    return math.trunc(weight / step) * step


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
    return min(max(normal_lattice(word), rule.low), rule.high)


def _uniform_for_normal(rule: Draw, word: int) -> int:
    return uniform_lattice(word) << 4


MISTAKES: Final = (
    Mistake("the two lanes of a block are swapped", word=lambda key, i: reference.word(key, i ^ 1)),
    Mistake("one lane of a block serves both elements", word=lambda key, i: reference.word(key, i & ~1)),
    Mistake("one lane of a block serves both elements", word=lambda key, i: reference.word(key, i | 1)),
    Mistake(
        "each element takes a block of its own (block i, lane 0) in place of lane i & 1 of block i >> 1",
        word=lambda key, i: reference.word(key, 2 * i),
    ),
    Mistake("the block's two words are combined by XOR, as jax.random.bits does", word=_xor),
    Mistake(
        "the block counter is cut to 32 bits",
        word=lambda key, i: reference.word(key, i & (1 << 33) - 1),
    ),
    Mistake("the logical index is cut to 32 bits", word=lambda key, i: reference.word(key, i & 0xFFFFFFFF)),
    Mistake(
        "the counter's words are swapped: the block's high 32 bits come first",
        word=lambda key, i: threefry2x32(key, (i >> 1 & 0xFFFFFFFF, i >> 33))[i & 1],
    ),
    Mistake(
        "the key words are swapped: key[0] is the seed's high 32 bits", plan=_keys(lambda p: [k[::-1] for k in p.keys])
    ),
    Mistake("the name is ignored", plan=_keys(lambda p: [seed_words(p.seed)] * len(p.keys))),
    Mistake(
        "the seed's two words are combined by XOR",
        plan=_keys(lambda p: [named_key(p.seed >> 32 ^ p.seed & 0xFFFFFFFF, name) for name in _names(p)]),
    ),
    Mistake("the seed is ignored", plan=_keys(lambda p: [named_key(0, name) for name in _names(p)])),
    Mistake(
        "the seed and the name are ignored: every key is that of seed 0 without a name",
        plan=_keys(lambda p: [seed_words(0)] * len(p.keys)),
    ),
    Mistake(
        "the seed is cut to 32 bits",
        plan=_keys(lambda p: [named_key(p.seed & 0xFFFFFFFF, name) for name in _names(p)]),
    ),
    Mistake("every slice of the stack has the first one's key", plan=_keys(lambda p: [p.keys[0]] * len(p.keys))),
    Mistake(
        "the part is drawn as if it were the start of the tensor: plan.offset is ignored",
        plan=lambda plan, rule: dataclasses.replace(plan, offset=0),
    ),
    Mistake("the elements are numbered in stored order, not in the logical order of plan.axes", plan=_stored_order),
    Mistake(
        "the part is numbered by itself, without the strides and offset of the whole",
        plan=lambda plan, rule: dataclasses.replace(plan, axes=_c_order(plan.shape), offset=0),
    ),
    Mistake(
        "an axis's period is ignored: the groups of a transposed convolution",
        plan=lambda plan, rule: dataclasses.replace(
            plan, axes=tuple(Axis(axis.size, axis.stride) for axis in plan.axes)
        ),
    ),
    Mistake(
        "an axis's phase is ignored: a part that starts within a group",
        plan=lambda plan, rule: dataclasses.replace(
            plan, axes=tuple(dataclasses.replace(axis, phase=0) for axis in plan.axes)
        ),
    ),
    Mistake("the sign is dropped", point=_sign_dropped),
    Mistake(
        "only the upper 16 bits of a word are used",
        word=lambda key, i: reference.word(key, i) & 0xFFFF0000,
    ),
    Mistake("the uniform is on [0, high), not on (-high, high)", point=_one_sided),
    Mistake("the uniform's lowest bit is not set, so that it is half-open and can be 0", point=_half_open),
    Mistake("the lattice increases with the word: word 0 stands for the largest value", point=_other_direction),
    Mistake("the truncated normal is not truncated", plan=_rule(distribution="normal")),
    Mistake("the normal is clipped at the bounds, not truncated", point=_clipped),
    Mistake("rule.low and rule.high are ignored", point=_unclamped),
    Mistake("a uniform is drawn for a normal", point=_uniform_for_normal),
    Mistake("the mean is ignored", plan=_rule(mean=0)),
    Mistake("rule.shift is ignored", plan=_rule(shift=0)),
    Mistake("the mean is added in floating point, after the multiplication", weight=_float_mean),
    Mistake("the mean is added in floating point by a fused multiply-add", weight=_fused_mean),
    Mistake(
        "the lattice point is not rounded to the compute format before the multiplication, or not after it",
        weight=_unrounded,
    ),
    Mistake("float64 weights are computed in float32", weight=_in_single),
    Mistake("the weight is rounded toward zero, not to nearest even", weight=_toward_zero),
)
"""Tried in this order."""
