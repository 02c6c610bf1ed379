"""An initializer's numbers for one tensor, computed from its distribution and its rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fanin.dtypes import DTYPES
from fanin.fans import Fans
from fanin.initializers import Constant, ElementLaw, Initializer, MatrixInitializer, Normal, TruncatedNormal, Uniform
from fanin.layout import Geometry
from fanin.plans.rule_of import rule_of
from fanin.plans.rules import Diagonal, Haar, Masked
from fanin.stream.lattice import NORMAL_BITS, NORMAL_MAX

__all__ = ["Facts", "facts"]


@dataclass(frozen=True)
class Facts:
    """An initializer's numbers for one tensor.

    Attributes:
        law: The distribution of a weight, as text.
        fans: The fans that it uses, or None if it needs none.
        std: The standard deviation of the weights; for matrices, the root mean square of the weights, zeros included.
        low: No weight is below this, up to rounding.
        high: No weight is above this, up to rounding.
        symmetric: Whether a weight and its negative are equally likely.
    """

    law: str
    fans: Fans | None
    std: float
    low: float
    high: float
    symmetric: bool


def facts(initializer: Initializer, geometry: Geometry) -> Facts:
    """Return an initializer's numbers for a tensor.

    Raises:
        FaninValueError: The initializer is not defined for the tensor.

    Example:
        >>> from fanin.initializers import VarianceScaling
        >>> found = facts(VarianceScaling(1.0, "fan_avg", "uniform"), Geometry.of((24, 40), "OI"))
        >>> round(found.std, 4), round(found.high, 4)
        (0.1768, 0.3062)
    """
    fans = initializer.fans(geometry) if initializer.needs_fans else None
    law = initializer.law(fans)
    if isinstance(law, MatrixInitializer):
        return _of_matrices(law, geometry)
    return _of_elements(law, fans)


def _of_elements(law: ElementLaw, fans: Fans | None) -> Facts:
    reach = NORMAL_MAX / 2.0**NORMAL_BITS  # the lattice ends there
    match law:
        case Constant(value):
            return Facts(f"every weight is {value:g}", fans, 0.0, value, value, value == 0.0)
        case Uniform(low, high):
            return Facts(f"U({low:.6g}, {high:.6g})", fans, (high - low) / math.sqrt(12), low, high, low == -high)
        case Normal(mean, std):
            text = f"N({mean:g}, {std:.6g}^2)"
            return Facts(text, fans, std, mean - reach * std, mean + reach * std, mean == 0.0)
        case TruncatedNormal(mean, std, lower, upper):
            parent = law.parent_std
            low, high = mean + max(lower, -reach) * parent, mean + min(upper, reach) * parent
            truncated = lower > -reach or upper < reach
            text = f" truncated to [{low:.6g}, {high:.6g}]" if truncated else ", effectively not truncated"
            text = f"N({mean:g}, {parent:.6g}^2){text}"
            return Facts(text, fans, std, low, high, mean == 0.0 and lower == -upper)


def _of_matrices(initializer: MatrixInitializer, geometry: Geometry) -> Facts:
    rule = rule_of(initializer, geometry, DTYPES["float64"])
    if isinstance(rule, Masked):
        std = rule.draw.factor * 2.0**NORMAL_BITS
        whole = _of_elements(Normal(0.0, std), None)
        text = f"{whole.law}, but {rule.zeros} of {rule.rows} weights of each input are 0"
        return Facts(text, None, std * math.sqrt(1 - rule.zeros / rule.rows), whole.low, whole.high, symmetric=True)
    assert isinstance(rule, (Diagonal, Haar))
    place = f"{rule.rows} x {rule.columns}" + (f" at tap {rule.tap} of {rule.taps}" if rule.taps > 1 else "")
    if isinstance(rule, Diagonal):
        rms = rule.value * math.sqrt(min(rule.rows, rule.columns) / (rule.rows * rule.columns * rule.taps))
        return Facts(f"{rule.value:g} on the diagonal, {place}", None, rms, 0.0, rule.value, symmetric=False)
    many = f"{rule.groups} matrices" if rule.groups > 1 else "one matrix"
    rms = rule.gain / math.sqrt(max(rule.rows, rule.columns) * rule.taps)
    factor = "" if rule.gain == 1.0 else f"{rule.gain:g} "
    text = f"{factor}Q, Q orthogonal, {many} of {place}"
    return Facts(text, None, rms, -rule.gain, rule.gain, symmetric=True)
