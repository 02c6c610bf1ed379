"""Weights that lie so far from the others that no law has drawn them, by a width that they do not change."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["FAR", "middle_and_spread", "without_far"]

FAR: Final = 9.0
"""No normal weight lies so many standard deviations away: one of 10^18 does."""

_SPREAD: Final = 1.349
"""Distance of a normal's quartiles, in standard deviations."""


def middle_and_spread(ordered: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the median of ordered weights, and the standard deviation of a normal that has their quartiles."""
    low, middle, high = (float(ordered[ordered.size * k // 4]) for k in (1, 2, 3))
    return middle, (high - low) / _SPREAD


def without_far(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return weights without those that are far from the others; all where most are one number.

    Example:
        >>> without_far(np.array([1.0, 2.0, 3.0, 4.0, 90.0])), without_far(np.array([0.0, 0.0, 0.0, 0.0, 1.0]))
        (array([1., 2., 3., 4.]), array([0., 0., 0., 0., 1.]))
    """
    middle, spread = middle_and_spread(np.sort(values))
    return values[np.abs(values - middle) <= FAR * spread] if spread > 0 else values
