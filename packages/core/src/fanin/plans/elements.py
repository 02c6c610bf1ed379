"""From a distribution of single weights to its rule: the scale, the mean on the lattice, and the range of the dtype.

Specification, section 4.
"""

from __future__ import annotations

import dataclasses
import math

from fanin.dtypes import DTYPES, DType
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, ElementLaw, Initializer, Normal, TruncatedNormal, Uniform
from fanin.plans.lattice_mean import lattice_mean
from fanin.plans.rules import Draw, Fill
from fanin.stream.lattice import NORMAL_BITS, NORMAL_BOUND, NORMAL_MAX, UNIFORM_BITS, UNIFORM_BOUND

__all__ = ["check_scale", "element_rule"]


def element_rule(law: ElementLaw, dtype: DType) -> Fill | Draw:
    """Return how elements with a given distribution are computed in a dtype.

    Raises:
        FaninValueError: The scale underflows, or a weight overflows the dtype.
    """
    compute = DTYPES[dtype.compute]
    if isinstance(law, Constant):
        value = compute.round(law.value)
        if math.isinf(dtype.round(value)):
            raise FaninValueError(
                f"the constant {law.value} is beyond the largest {dtype.name}, {dtype.largest}. Use a smaller value "
                f"or a wider dtype."
            )
        return Fill(value)
    if isinstance(law, Uniform):
        scale, mean, bits, bound = (law.high - law.low) / 2, (law.low + law.high) / 2, UNIFORM_BITS, UNIFORM_BOUND
    elif isinstance(law, Normal):
        scale, mean, bits, bound = law.std, law.mean, NORMAL_BITS, NORMAL_BOUND
    else:
        scale, mean, bits, bound = law.parent_std, law.mean, NORMAL_BITS, NORMAL_BOUND
    rounded = compute.round(scale)
    check_scale(law, rounded, bits, compute)
    shift, mean_point = lattice_mean(mean, scale, bits, bound, compute)
    factor = math.ldexp(rounded, shift - bits)
    check_scale(law, factor, bits, compute)
    draw = Draw("uniform" if isinstance(law, Uniform) else "normal", factor, mean_point, min(shift, 31))
    if isinstance(law, TruncatedNormal):
        draw = _truncated(law, draw)
    _check_reach(law, draw, dtype)
    return draw


def check_scale(law: Initializer, number: float, bits: int, compute: DType) -> None:
    """Reject a scale, or its product with the lattice's step, that is infinite or has lost bits to underflow."""
    if not compute.smallest_normal <= number < math.inf:
        narrow = number < compute.smallest_normal
        wider = "" if compute.name == "float64" else ", or float64"
        raise FaninValueError(
            f"{law} is too {'narrow' if narrow else 'wide'} for {compute.name}: its scale must be at least "
            f"{math.ldexp(compute.smallest_normal, bits):.4g} and finite. Use a "
            f"{'larger' if narrow else 'smaller'} scale{wider}."
        )


def _check_reach(law: ElementLaw, draw: Draw, dtype: DType) -> None:
    """Reject a distribution if one of its weights overflows the dtype."""
    reach = UNIFORM_BOUND - 1 if draw.distribution == "uniform" else NORMAL_MAX
    ends = max(draw.low, -reach), min(draw.high, reach)
    furthest = max(abs((end >> draw.shift) + draw.mean) for end in ends)
    largest = DTYPES[dtype.compute].round(float(furthest)) * draw.factor
    if math.isinf(dtype.round(DTYPES[dtype.compute].round(largest))):
        raise FaninValueError(
            f"{law} has weights up to {largest:.4g}, beyond the largest {dtype.name}, {dtype.largest:.6g}. Use a "
            f"smaller scale or a wider dtype."
        )


def _truncated(law: TruncatedNormal, draw: Draw) -> Draw:
    from fanin.stream.normal_tail import truncated_ranks

    first, ranks = truncated_ranks(law.lower, law.upper)
    if ranks == 1 << 32:
        return draw
    return dataclasses.replace(
        draw,
        distribution="truncated_normal",
        first_rank=first,
        ranks=ranks,
        low=-NORMAL_BOUND if law.lower < -7 else math.ceil(law.lower * 2.0**28),
        high=NORMAL_BOUND if law.upper > 7 else math.floor(law.upper * 2.0**28),
    )
