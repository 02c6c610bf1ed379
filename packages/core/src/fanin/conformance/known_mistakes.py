"""Known mistakes: the specification's steps with one of them done wrongly, so that what it gives can be compared."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from fanin import reference
from fanin.dtypes import DTYPES
from fanin.initializers.matrices import Sparse
from fanin.layout import Axis
from fanin.plans import Plan
from fanin.plans.rules import Draw, Masked
from fanin.stream.keys import named_key, seed_words
from fanin.stream.lattice import normal_lattice, uniform_lattice
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["MISTAKES", "Mistake", "Position"]

Position = tuple[int, ...]
_FORMS: Final[tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...]] = ("NFC", "NFD", "NFKC", "NFKD")
_LENGTHS: Final = (*range(1, 17), 32, 64, 128, 255, 256, 512, 1023, 1024)


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
            weigh = self.weight or _weight
            yield dtype.encode(dtype.round(weigh(followed, followed.rule, point)))


def _weight(plan: Plan, rule: Draw, point: int) -> float:
    compute = DTYPES[plan.compute]
    return compute.round(compute.round(float((point >> rule.shift) + rule.mean)) * rule.factor)


def _rule(change: Callable[[Draw], Draw]) -> Callable[[Plan], Plan]:
    def follow(plan: Plan) -> Plan:
        if not isinstance(plan.rule, Draw):
            raise ValueError("the rule of a matrix is another one")
        return dataclasses.replace(plan, rule=change(plan.rule))

    return follow


def _untruncated(rule: Draw) -> Draw:
    return dataclasses.replace(rule, distribution="normal" if rule.distribution != "uniform" else "uniform")


def _keys(change: Callable[[Plan], list[Words]]) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, keys=tuple(change(plan)))


def _seeded(change: Callable[[int], int]) -> Callable[[Plan], Plan]:
    """Return the plan with the keys of another seed."""
    return _keys(lambda plan: [named_key(change(plan.seed), name) for name in _names(plan)])


def _named(change: Callable[[str], str]) -> Callable[[Plan], Plan]:
    """Return the plan with the keys of other names."""
    return _keys(lambda plan: [named_key(plan.seed, name and change(name)) for name in _names(plan)])


def _low(seed: int) -> int:
    return seed & 0xFFFFFFFF


def _names(plan: Plan) -> list[str | None]:
    """Return the names of the streams that are drawn."""
    if not isinstance(plan.name, tuple):
        return [plan.name]
    assert plan.stack_axis is not None
    return list(plan.name[slice(*plan.slices[plan.stack_axis])])


def _c_order(shape: tuple[int, ...]) -> tuple[Axis, ...]:
    return tuple(Axis(size, math.prod(shape[k + 1 :])) for k, size in enumerate(shape))


def _exchanged(one: str, other: str) -> Callable[[Plan], Plan]:
    """Return the plan in whose logical order two letters of the layout have each other's place."""

    def follow(plan: Plan) -> Plan:
        layout = plan.geometry.layout
        if layout is None or not {one, other} <= set(layout):
            raise ValueError(f"no {one} or no {other}")
        if plan.geometry.groups > 1 and "I" in one + other:
            raise ValueError("groups have no in for out")
        swapped = layout.translate(str.maketrans(one + other, other + one))
        axes = dataclasses.replace(plan.geometry, layout=swapped).axes()
        parts = [axis.part(*part) for axis, part in zip(axes, plan.slices, strict=True)]
        return dataclasses.replace(plan, axes=tuple(axis for _, axis in parts), offset=sum(start for start, _ in parts))

    return follow


def _zeros(count: Callable[[Sparse, Masked], int]) -> Callable[[Plan], Plan]:
    """Return the plan of a sparse matrix with another number of zeros in each column."""

    def follow(plan: Plan) -> Plan:
        if not isinstance(plan.rule, Masked) or not isinstance(plan.initializer, Sparse):
            raise ValueError("not sparse")
        return dataclasses.replace(plan, rule=dataclasses.replace(plan.rule, zeros=count(plan.initializer, plan.rule)))

    return follow


def _stored_order(plan: Plan) -> Plan:
    axes = _c_order(plan.geometry.shape)
    offset = sum(start * axis.stride for (start, _), axis in zip(plan.slices, axes, strict=True))
    return dataclasses.replace(plan, axes=axes, offset=offset)


def _xor(key: Words, index: int) -> int:
    first, second = threefry2x32(key, (index >> 32, index & 0xFFFFFFFF))
    return first ^ second


def _overflowing(words: Callable[[int], tuple[int, int]]) -> Callable[[Words, int], int]:
    """Return the word of an index that is kept in a signed 32-bit integer; `words` is of its block, which is signed."""

    def word(key: Words, index: int) -> int:
        signed = (index + (1 << 31)) % (1 << 32) - (1 << 31)
        return threefry2x32(key, words(signed >> 1))[index & 1]

    return word


def _antithetic(key: Words, index: int) -> int:
    return reference.word(key, index & ~1) ^ (0xFFFFFFFF if index & 1 else 0)


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


def _ties_away(plan: Plan, rule: Draw, point: int) -> float:
    dtype = DTYPES[plan.dtype]
    weight = _weight(plan, rule, point)
    step = math.ldexp(1.0, max(math.frexp(weight)[1] - 1, dtype.min_exponent) - dtype.mantissa)
    units, rest = divmod(abs(weight), step)
    return math.copysign((units + 1) * step, weight) if rest == step / 2 else dtype.round(weight)


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
    *(
        Mistake("the logical index overflows at 2^31: it is kept in a signed 32-bit integer", word=word)
        for word in (
            lambda key, i: reference.word(key, i & 0x7FFFFFFF),
            _overflowing(lambda block: (0, block & 0xFFFFFFFF)),
            _overflowing(lambda block: (block >> 32 & 0xFFFFFFFF, block & 0xFFFFFFFF)),
            _overflowing(lambda block: (block >> 32 & 0x7FFFFFFF, block & 0xFFFFFFFF)),
            _overflowing(lambda block: (0, block & 0x7FFFFFFF)),
        )
    ),
    Mistake(
        "the counter's words are swapped: the block's high 32 bits come first",
        word=lambda key, i: threefry2x32(key, (i >> 1 & 0xFFFFFFFF, i >> 33))[i & 1],
    ),
    Mistake(
        "the key words are swapped: key[0] is the seed's high 32 bits", plan=_keys(lambda p: [k[::-1] for k in p.keys])
    ),
    Mistake("the name is ignored", plan=_keys(lambda p: [seed_words(p.seed)] * len(p.keys))),
    Mistake(
        "the seed's two words are swapped: the high 32 bits come first",
        plan=_seeded(lambda seed: _low(seed) << 32 | seed >> 32),
    ),
    Mistake("the seed's two words are combined by XOR", plan=_seeded(lambda seed: seed >> 32 ^ _low(seed))),
    Mistake("the seed is ignored", plan=_seeded(lambda seed: 0)),
    Mistake(
        "the seed and the name are ignored: every key is that of seed 0 without a name",
        plan=_keys(lambda p: [seed_words(0)] * len(p.keys)),
    ),
    Mistake("the seed is cut to 32 bits", plan=_seeded(_low)),
    Mistake("the seed is cut to 31 bits", plan=_seeded(lambda seed: seed & 0x7FFFFFFF)),
    Mistake("the seed's lowest bit is lost", plan=_seeded(lambda seed: seed & ~1)),
    *(
        Mistake(
            f"the name is normalised (Unicode NF{form[-1]} or NFK{form[-1]}): names are compared by their UTF-8 bytes",
            plan=_named(lambda name, form=form: unicodedata.normalize(form, name)),  # type: ignore[misc]
        )
        for form in _FORMS
    ),
    Mistake("the name's case is folded", plan=_named(str.lower)),
    Mistake("the name's case is folded", plan=_named(str.upper)),
    Mistake("white space at the name's ends is dropped", plan=_named(str.strip)),
    Mistake("the name ends at its first zero byte", plan=_named(lambda name: name.partition("\0")[0])),
    *(
        Mistake(
            f"the name is cut to {length} characters",
            plan=_named(lambda name, length=length: name[:length]),  # type: ignore[misc]
        )
        for length in _LENGTHS
    ),
    Mistake("every slice of the stack has the first one's key", plan=_keys(lambda p: [p.keys[0]] * len(p.keys))),
    Mistake(
        "the part is drawn as if it were the start of the tensor: plan.offset is ignored",
        plan=lambda plan: dataclasses.replace(plan, offset=0),
    ),
    Mistake("the elements are numbered in stored order, not in the logical order of plan.axes", plan=_stored_order),
    Mistake(
        "the part is numbered by itself, without the strides and offset of the whole",
        plan=lambda plan: dataclasses.replace(plan, axes=_c_order(plan.shape), offset=0),
    ),
    Mistake(
        "an axis's period is ignored: the groups of a transposed convolution",
        plan=lambda plan: dataclasses.replace(plan, axes=tuple(Axis(axis.size, axis.stride) for axis in plan.axes)),
    ),
    Mistake(
        "an axis's phase is ignored: a part that starts within a group",
        plan=lambda plan: dataclasses.replace(
            plan, axes=tuple(dataclasses.replace(axis, phase=0) for axis in plan.axes)
        ),
    ),
    *(
        Mistake(f"{one} and {other} are exchanged in the logical order (out, in, *kernel)", plan=_exchanged(one, other))
        for one, other in ("HW", "DH", "DW", "OI")
    ),
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
