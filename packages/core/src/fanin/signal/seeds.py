"""Means over seeds: geometric ones, since sizes that change from layer to layer spread over orders of magnitude.

An arithmetic mean of such sizes is that of the largest one alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fanin._checks import whole_number

__all__ = ["count", "geometric_mean"]


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean; 0 if any is 0, and what is not finite if any is that.

    Example:
        >>> round(geometric_mean([1.0, 100.0]), 6), geometric_mean([1.0, 0.0])
        (10.0, 0.0)
    """
    odd = [value for value in values if not math.isfinite(value)]
    if odd:
        return next((value for value in odd if math.isnan(value)), odd[0])
    if any(value <= 0 for value in values):
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def count(value: object, name: str, least: int) -> int:
    """Return how many seeds or steps are asked for.

    Raises:
        FaninTypeError: It is no whole number.
        FaninValueError: It is below the least.
    """
    return whole_number(value, name, least)
