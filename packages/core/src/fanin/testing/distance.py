"""The distance between the distribution functions of weights and of a law."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fanin.conformance.distribution.law import ExpectedLaw
from fanin.dtypes import DTYPES

__all__ = ["distance"]

Floats = npt.NDArray[np.float64]


def distance(values: Floats, dtype: str, law: ExpectedLaw) -> float:
    """Return the largest distance, read halfway between neighbours of the dtype.

    There the distribution function of rounded weights is that of the weights, so that rounding alone is no distance.

    Args:
        values: Finite weights.
        dtype: Their dtype.
        law: What they should follow.
    """
    found, counts = np.unique(values, return_counts=True)
    below, above = _halfway(found, dtype)
    shares = np.concatenate([[0.0], np.cumsum(counts) / values.size])
    over = np.abs(shares[1:] - law.cdf(found + above))
    under = np.abs(shares[:-1] - law.cdf(found - below))
    return float(max(over.max(), under.max()))


def _halfway(values: Floats, dtype: str) -> tuple[Floats, Floats]:
    """Return half the distance of each number to its neighbour below, and to the one above."""
    number = DTYPES[dtype]
    size = np.abs(values)
    exponents = np.where(size > 0, np.maximum(np.frexp(size)[1] - 1, number.min_exponent), number.min_exponent)
    outward = np.ldexp(0.5, exponents - number.mantissa)
    closer = (size == np.ldexp(1.0, exponents)) & (exponents > number.min_exponent)  # a power of two, towards 0
    inward = np.where(closer, outward / 2, outward)
    return np.where(values > 0, inward, outward), np.where(values < 0, inward, outward)
