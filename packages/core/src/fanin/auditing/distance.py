"""The distance between the distribution functions of weights and of a law."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fanin.conformance.distribution.law import ExpectedLaw
from fanin.dtypes import DTYPES

__all__ = ["distance"]


def distance(values: npt.NDArray[np.float64], dtype: str, law: ExpectedLaw) -> float:
    """Return the largest distance, read halfway between neighbours of the dtype.

    There the distribution function of rounded weights is that of the weights, so that rounding alone is no distance.

    Args:
        values: Finite weights.
        dtype: Their dtype.
        law: What they should follow.
    """
    number = DTYPES[dtype]
    found, counts = np.unique(values, return_counts=True)
    exponents = np.maximum(np.frexp(found)[1] - 1, number.min_exponent)
    half = np.ldexp(0.5, exponents - number.mantissa)
    shares = np.concatenate([[0.0], np.cumsum(counts) / values.size])
    above = np.abs(shares[1:] - law.cdf(found + half))
    below = np.abs(shares[:-1] - law.cdf(found - half))
    return float(max(above.max(), below.max()))
