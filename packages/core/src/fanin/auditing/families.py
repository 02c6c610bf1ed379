"""Families of laws: which of them weights may be of, by the shape of their distribution alone."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.statistics import cdf_limit
from fanin.initializers import Normal, TruncatedNormal, Uniform
from fanin.testing.distance import distance

__all__ = ["FAMILIES", "family_of", "may_follow_a_law"]

Floats = npt.NDArray[np.float64]

FAMILIES: Final = {
    "normal": ExpectedLaw(Normal(0.0, 1.0)),
    "uniform": ExpectedLaw(Uniform(-math.sqrt(3), math.sqrt(3))),
    "truncated normal": ExpectedLaw(TruncatedNormal(0.0, 1.0, -2.0, 2.0)),
}
"""Laws of mean 0 and standard deviation 1."""

_FEWEST: Final = 20


def family_of(sample: Floats, alpha: float) -> str:
    """Return the one family of laws that weights may be of; nothing where several may.

    Args:
        sample: Finite weights.
        alpha: The probability with which weights of a family are not found to be of it.
    """
    if sample.size < _FEWEST:
        return ""
    std = float(sample.std())
    if not std > 0:
        return ""
    mean = float(sample.mean())
    limit = cdf_limit(sample.size, alpha)
    far = float(np.abs(sample - mean).max()) / std
    fitting = {}
    for name, law in FAMILIES.items():
        end = law.bounds[1]
        if math.isfinite(end) and far > end * (1 + 6 / math.sqrt(sample.size)):
            continue
        if law.is_normal and sample.size * math.log1p(-2 * float(ndtr(-far))) < math.log(alpha):
            continue
        off = distance((sample - mean) / std, "float64", law)
        if off <= limit:
            fitting[name] = off
    return next(iter(fitting)) if len(fitting) == 1 else ""


def may_follow_a_law(
    sample: Floats, dtype: str, alpha: float, *, repeats: float = 1.0, widest: float = math.inf, ordered: bool = False
) -> bool:
    """Return whether weights may be of any of the families, whatever their mean and standard deviation.

    Args:
        sample: Finite weights.
        dtype: Their dtype.
        alpha: The probability with which weights of a family are not found to be.
        repeats: How often each weight is there, where rows or columns are equal.
        widest: The largest distance between distribution functions that is accepted, however few the weights are.
        ordered: Whether the least comes first, and so on.
    """
    if not sample.size or not sample.std() > 0:
        return False
    limit = cdf_limit(max(1, int(sample.size / repeats)), alpha)
    standard = (sample - sample.mean()) / sample.std()
    return limit <= widest and any(
        distance(standard, dtype, law, ordered=ordered) <= limit for law in FAMILIES.values()
    )
