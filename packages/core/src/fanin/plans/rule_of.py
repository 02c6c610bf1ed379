"""Which rule draws an initializer: the one place that separates distributions of weights from those of matrices."""

from __future__ import annotations

from fanin.dtypes import DType
from fanin.initializers import Initializer, MatrixInitializer
from fanin.layout import Geometry
from fanin.plans.elements import element_rule
from fanin.plans.matrices import matrix_rule
from fanin.plans.rules import Rule

__all__ = ["rule_of"]


def rule_of(initializer: Initializer, geometry: Geometry, dtype: DType) -> Rule:
    """Return how the elements of a tensor are computed.

    Args:
        initializer: The initializer.
        geometry: The whole tensor.
        dtype: The dtype of its elements.

    Raises:
        FaninValueError: The tensor's fans are unknown or 0, the tensor lacks the axes that a matrix needs, the scale
            underflows, or a weight overflows the dtype.

    Example:
        >>> from fanin.dtypes import DTYPES
        >>> from fanin.initializers import Identity
        >>> rule_of(Identity(0.5), Geometry.of((5, 3), "OI"), DTYPES["float32"])
        Diagonal(value=0.5, rows=5, columns=3, taps=1, tap=0)
    """
    law = initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)
    if isinstance(law, MatrixInitializer):
        return matrix_rule(law, geometry, dtype)
    return element_rule(law, dtype)
