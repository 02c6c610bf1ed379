"""Weights against those of a seed: the same bits, moved away from them, or others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanin.auditing.context import Context
from fanin.auditing.departure import Departure
from fanin.auditing.findings import Finding, names_text
from fanin.auditing.reading import Reading, is_wider, numbers_of
from fanin.auditing.slices import numbered, stack_of
from fanin.auditing.units import Unit
from fanin.dtypes import DTYPES, DType
from fanin.exceptions import FaninError
from fanin.initializers import MatrixInitializer
from fanin.locking.canonical import needs_whole
from fanin.models.parameter import Region
from fanin.weights.tensor import pieces

__all__ = [
    "Against",
    "Close",
    "against_seed",
    "changed",
    "moved_slices",
    "not_trained",
    "other_seed",
    "rounded_elsewhere",
    "small_seed",
    "trained",
]

Against = tuple[str, str, float]
"""A text for the table; "equal", "close", "changed", "scaled", "moved", "other", "constant" or "none"; the distance."""

_CERTAIN: Final = 8.0
"""Standard errors: the cosine of independent weights is never so far from 0."""

_SEEDS: Final = 100
_FIRST: Final = 32
_CERTAIN_BITS: Final = 96

_FEW: Final = 0.01
"""A share of weights that differ, up to which a tensor was changed and not trained."""

_OTHER: Final = 1.3
"""A distance, as a share of the weights of the seed, that other weights of the law have: sqrt(2)."""

_STEPS: Final = 64
"""Steps of a dtype that rounding moves a weight by, with some arithmetic on the way."""

_SCALED: Final = 0.9999


def against_seed(found: Reading) -> Against:
    """Return what a tensor is to the weights of the seed.

    "scaled" is a multiple of them, whose scale is the fault.
    """
    if found.moved is None:
        return "", "none", 0.0
    stored = "" if found.drawn_as in ("", found.tensor.dtype) else f", stored as {found.tensor.dtype}"
    if not found.moved:
        return f"fanin's bits{stored}", "equal", 0.0
    whole = Departure()
    random = [unit for unit in found.units if unit.parameter is not None and unit.parameter.is_random]
    for unit in random:
        if unit.departure is not None:
            one = unit.departure
            whole.differing += one.differing
            whole.distance, whole.drawn = whole.distance + one.distance, whole.drawn + one.drawn
            whole.product, whole.given = whole.product + one.product, whole.given + one.given
    if not random or not whole.drawn:
        return "", "constant", 0.0
    relative = whole.relative
    if not math.isfinite(relative):
        return "", "none", relative
    is_matrix = any(isinstance(unit.law, MatrixInitializer) for unit in random)  # close alone, by the specification
    if relative <= 4 * 2.0 ** -_coarser(found).mantissa and (is_matrix or found.steps <= _STEPS):
        return "fanin's draw, rounding aside", "close", relative
    if found.moved <= _FEW * found.tensor.size:
        return "", "changed", relative
    if whole.correlation > _SCALED and abs(whole.given / whole.drawn - 1) > 0.02:
        return "", "scaled", relative
    size = max(1, sum(unit.summary.count for unit in random))
    if whole.correlation > min(_CERTAIN / math.sqrt(size), 0.95):
        return f"moved {_percent(relative)} from fanin's draw", "moved", relative
    return "", "other", relative


def not_trained(found: Reading, unit: Unit) -> str:
    """Return why weights that are near those of the seed were not trained from there; nothing where they may be."""
    if unit.departure is None:
        return ""
    return unit.departure.fault(2.0 ** -_coarser(found).mantissa, may_move=len(found.shape) < 2)


def _coarser(found: Reading) -> DType:
    """Return the less precise of the dtype that the weights are stored in and the scheme's, which they came through."""
    stored = DTYPES[found.tensor.dtype]
    parameter = found.parameter
    if parameter is None or not is_wider(found.tensor.dtype, parameter.dtype):
        return stored
    return DTYPES[parameter.dtype]


def trained(moved: dict[str, float], constants: list[str], context: Context) -> Finding:
    """Return the note that weights have moved.

    Args:
        moved: Names, and relative distances.
        constants: Names of the parameters that start as constants, and are none any more.
        context: The audit.
    """
    low, high = min(moved.values()), max(moved.values())
    by = _percent(low) if len(moved) == 1 or _percent(low) == _percent(high) else f"{_percent(low)} to {_percent(high)}"
    cause = f"moved from fanin's draw of seed {context.seed}, by {by} of its length: trained from there"
    return Finding("note", "trained", (*moved, *constants), cause, {"relative distance": dict(moved)})


class Close(NamedTuple):
    """What is kept of a tensor that is the draw but for rounding: how many elements differ, of how many, how far."""

    differing: int
    size: int
    steps: float

    @classmethod
    def of(cls, found: Reading) -> Close | None:
        """Return it of a tensor; None of matrices, which are no closer in any two programs."""
        if any(isinstance(unit.law, MatrixInitializer) for unit in found.units):
            return None
        return cls(found.moved or 0, found.tensor.size, found.steps)


def rounded_elsewhere(close: dict[str, Close], context: Context) -> Finding:
    """Return the note that weights are those of the seed, but for the last digit of some.

    Args:
        close: Tensors by name.
        context: The audit.
    """
    count, size = sum(one.differing for one in close.values()), sum(one.size for one in close.values())
    steps = max(one.steps for one in close.values())
    by = "one ulp" if steps <= 1 else f"{math.ceil(steps)} ulp"
    cause = (
        f"is fanin's draw of seed {context.seed} up to {by}, in {count:,} of {size:,} elements: rounded elsewhere, by "
        f"another program or in another dtype"
    )
    return Finding("note", "seed", tuple(close), cause, {"differing": count, "ulp": steps})


def changed(found: Reading, context: Context) -> Finding:
    """Return the finding that a few weights are others than those of the seed."""
    count = found.moved or 0
    size = found.tensor.size
    cause = f"is fanin's draw of seed {context.seed} but for {count:,} of {size:,} weights: a part was changed"
    return Finding("warning", "seed", (found.name,), cause, {"differing": count}, context.line(found.units[0]))


def moved_slices(found: Reading, context: Context) -> Finding | None:
    """Return the finding that single slices or parts have moved from the weights of the seed, or that others have.

    None where all have moved, or the tensor is no stack and has no parts.
    """
    stack = stack_of(found)
    random = [unit for unit in found.units if unit.is_random and unit.departure is not None]
    if stack is not None and found.slices is not None:
        differing, distance, drawn = found.slices
    elif len(random) > 1:  # a stack whose layers the scheme draws one by one
        departures = [unit.departure for unit in random if unit.departure is not None]
        differing = np.array([one.differing for one in departures])
        distance = np.array([one.distance for one in departures])
        drawn = np.array([one.drawn for one in departures])
    else:
        return None

    def called(which: list[int]) -> str:
        return numbered(which, stack) if stack is not None else names_text(random[k].place for k in which)

    moved, still = np.flatnonzero(differing).tolist(), np.flatnonzero(differing == 0).tolist()
    if not moved or not still:
        return None
    by = math.sqrt(float(distance[moved].sum() / drawn[moved].sum()))
    numbers = {"moved": moved, "relative distance": by, "may be trained": by <= _OTHER}
    if len(moved) <= len(still):
        why = "drawn anew" if by > _OTHER else f"moved by {_percent(by)}: changed, or trained alone"
        cause = f"is fanin's draw of seed {context.seed} but for {called(moved)}{':' if by > _OTHER else ','} {why}"
        line = context.line(found.units[0] if stack is not None else random[moved[0]])
        return Finding("warning", "seed", (found.name,), cause, numbers, line)
    cause = (
        f"is still fanin's draw of seed {context.seed} in {called(still)}, and the others moved: trained, and "
        f"no gradient came there"
    )
    return Finding("note", "trained", (found.name,), cause, numbers)


def other_seed(names: dict[str, int | None], line: str, context: Context) -> Finding:
    """Return the finding that weights are other draws of the same laws.

    Args:
        names: Names, and the seed that each was drawn with, where that is known.
        line: The line that draws the first of them.
        context: The audit.
    """
    seeds = sorted({seed for seed in names.values() if seed is not None})
    why = f"with seed {', '.join(map(str, seeds))}" if seeds else "another seed, name or program"
    cause = f"is another draw of the same law than fanin's of seed {context.seed}: {why}"
    return Finding("warning", "seed", tuple(names), cause, {"seeds": dict(names)}, line)


def small_seed(found: Reading, drawn: Callable[[int, str, Region], NDArray[Any]]) -> int | None:
    """Return the small seed that a tensor was drawn with, if there is one.

    Args:
        found: The tensor.
        drawn: Draws a region of it with any seed, in any dtype.
    """
    random = next((unit for unit in found.units if unit.is_random), None)
    if random is None or found.parameter is None or needs_whole(found.parameter) or not found.tensor.is_whole:
        return None
    first, last = random.region[0]
    least = max(first, last - _FIRST) if len(random.region) == 1 else last - 1
    region = next(pieces(((least, last), *random.region[1:]), _FIRST))  # a padding row comes first
    stored = found.tensor.dtype
    values = numbers_of(found.tensor.read(region), stored)
    if values.size * found.bits < _CERTAIN_BITS:
        return None
    dtypes = [stored, found.parameter.dtype] if is_wider(stored, found.parameter.dtype) else [stored]
    for dtype in dtypes:
        try:
            for seed in range(_SEEDS):
                if (numbers_of(drawn(seed, dtype, region), dtype).reshape(values.shape) == values).all():
                    return seed
        except FaninError:  # the law cannot be drawn in this dtype
            continue
    return None


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
