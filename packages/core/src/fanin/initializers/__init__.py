"""Describe: initializers as frozen values. Nothing here depends on plans or array libraries."""

from __future__ import annotations

from fanin.initializers.base import Initializer, MatrixInitializer
from fanin.initializers.laws import (
    Constant,
    Distribution,
    ElementLaw,
    Law,
    Mode,
    Normal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from fanin.initializers.matrices import DeltaOrthogonal, Dirac, Identity, Orthogonal, Sparse

__all__ = [
    "Constant",
    "DeltaOrthogonal",
    "Dirac",
    "Distribution",
    "ElementLaw",
    "Identity",
    "Initializer",
    "Law",
    "MatrixInitializer",
    "Mode",
    "Normal",
    "Orthogonal",
    "Sparse",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
]
