"""An initializer's numbers for one tensor, computed from its law."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fanin.dtypes import DTYPES
from fanin.initializers import Constant, Initializer, Normal, TruncatedNormal, Uniform
from fanin.lattice import NORMAL_BITS, NORMAL_MAX
from fanin.layout import Fans, Geometry
from fanin.matrices import MatrixInitializer, Sparse
from fanin.rules import Diagonal, Haar, Masked

__all__ = ["Facts", "facts"]


@dataclass(frozen=True)
class Facts:
    """An initializer's numbers for one tensor.

    Attributes:
        law: The law of a weight, as text.
        fans: The fans that it goes by, or None where it needs none.
        std: The standard deviation of the weights; of a matrix law, the root of their mean square, zeros included.
        low: No weight is below, up to rounding.
        high: No weight is above, up to rounding.
    """

    law: str
    fans: Fans | None
    std: float
    low: float
    high: float


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
    if isinstance(initializer, MatrixInitializer):
        return _matrix_facts(initializer, geometry)
    fans = initializer.fans(geometry) if initializer.needs_fans else None
    law = initializer.law(fans)
    if isinstance(law, Constant):
        return Facts(f"every weight is {law.value:g}", fans, 0.0, law.value, law.value)
    if isinstance(law, Uniform):
        return Facts(f"U({law.low:.6g}, {law.high:.6g})", fans, (law.high - law.low) / math.sqrt(12), law.low, law.high)
    reach = NORMAL_MAX / 2.0**NORMAL_BITS  # the lattice ends there
    if isinstance(law, Normal):
        text = f"N({law.mean:g}, {law.std:.6g}^2)"
        return Facts(text, fans, law.std, law.mean - reach * law.std, law.mean + reach * law.std)
    assert isinstance(law, TruncatedNormal)
    parent = law.parent_std
    low, high = law.mean + max(law.lower, -reach) * parent, law.mean + min(law.upper, reach) * parent
    if law.lower <= -reach and law.upper >= reach:
        return Facts(f"N({law.mean:g}, {parent:.6g}^2), in effect not truncated", fans, law.std, low, high)
    return Facts(f"N({law.mean:g}, {parent:.6g}^2) truncated to [{low:.6g}, {high:.6g}]", fans, law.std, low, high)


def _matrix_facts(initializer: MatrixInitializer, geometry: Geometry) -> Facts:
    rule = initializer.rule(geometry, DTYPES["float64"])
    if isinstance(initializer, Sparse):
        assert isinstance(rule, Masked)
        law = Normal(0.0, initializer.std)
        kept = 1 - rule.zeros / rule.rows
        whole = facts(law, geometry)
        text = f"{whole.law}, and {rule.zeros} of {rule.rows} weights of each input 0"
        return Facts(text, None, law.std * math.sqrt(kept), whole.low, whole.high)
    assert isinstance(rule, (Diagonal, Haar))
    place = f"{rule.rows} x {rule.columns}" + (f" at tap {rule.tap} of {rule.taps}" if rule.taps > 1 else "")
    if isinstance(rule, Diagonal):
        share = min(rule.rows, rule.columns) / (rule.rows * rule.columns * rule.taps)
        return Facts(f"{rule.value:g} on the diagonal, {place}", None, rule.value * math.sqrt(share), 0.0, rule.value)
    many = f"{rule.groups} matrices" if rule.groups > 1 else "one matrix"
    rms = rule.gain / math.sqrt(max(rule.rows, rule.columns) * rule.taps)
    factor = "" if rule.gain == 1.0 else f"{rule.gain:g} "
    return Facts(f"{factor}Q, Q orthogonal, {many} of {place}", None, rms, -rule.gain, rule.gain)
