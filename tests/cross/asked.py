"""What a profile asks of a framework's generator, to compare with what the framework's own function asks of it."""

from __future__ import annotations

import pytest

from fanin import Initializer
from fanin.initializers import Normal, TruncatedNormal, Uniform
from fanin.layout import Geometry

__all__ = ["Call", "asked", "assert_same"]

Call = tuple[str, float, float]
"""What was asked of a generator: the law's name, and its standard deviation or ends."""


def asked(initializer: Initializer, geometry: Geometry) -> Call:
    """What fanin's profile would ask of such a generator."""
    law = initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)
    if isinstance(law, Uniform):
        return "uniform", law.low, law.high
    if isinstance(law, TruncatedNormal):
        assert (law.lower, law.upper) == (-2.0, 2.0)
        return "truncated_normal", law.mean, law.parent_std
    assert isinstance(law, Normal)
    return "normal", law.mean, law.std


def assert_same(found: Call, expected: Call, tolerance: float) -> None:
    assert found[0] == expected[0]
    assert found[1:] == pytest.approx(expected[1:], rel=tolerance, abs=0.0)
