"""The distance between the distribution functions of weights and of a law."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fanin.conformance.distribution.law import ExpectedLaw
from fanin.dtypes import DTYPES

__all__ = ["distance"]

Floats = npt.NDArray[np.float64]

_FINE = 1e-6
_MANY = 4096
"""Rounding to this share of the standard deviation, and so many weights, for which it is left out of the account."""


def distance(values: Floats, dtype: str, law: ExpectedLaw, *, ordered: bool = False) -> float:
    """Return the largest distance, read halfway between neighbours of the dtype.

    There the distribution function of rounded weights is that of the weights, so that rounding alone is no distance.

    Args:
        values: Finite weights.
        dtype: Their dtype.
        law: What they should follow.
        ordered: Whether the least comes first, and so on.
    """
    step = 2.0 ** -DTYPES[dtype].mantissa * float(np.abs(values).max(initial=0.0))
    if step <= _FINE * law.std and values.size >= _MANY:  # half a step moves the law's function by less than _FINE
        shares = law.cdf(values if ordered else np.sort(values))
        places = np.arange(values.size + 1) / values.size
        return float(max((places[1:] - shares).max(), (shares - places[:-1]).max()))
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
