"""The law that weights should follow, in the numbers that the statistics need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from fanin.dtypes import DTYPES
from fanin.initializers import Law, Normal, TruncatedNormal, Uniform

__all__ = ["ExpectedLaw", "midpoints"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ExpectedLaw:
    """A normal, a uniform or a truncated normal: X = center + width * Z, Z on [lower, upper].

    Attributes:
        law: The initializer whose law it is.
    """

    law: Normal | Uniform | TruncatedNormal

    @classmethod
    def of(cls, law: Law) -> ExpectedLaw:
        """Return the expectations of a law that is not a constant."""
        assert isinstance(law, Normal | Uniform | TruncatedNormal)
        return cls(law)

    @property
    def is_normal(self) -> bool:
        """Whether it is a normal law, whose sum of squares has a chi-squared law."""
        return isinstance(self.law, Normal)

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest weight, infinite for a normal."""
        if isinstance(self.law, Uniform):
            return self.law.low, self.law.high
        if isinstance(self.law, Normal):
            return -math.inf, math.inf
        parent = self.law.parent_std
        return self.law.mean + self.law.lower * parent, self.law.mean + self.law.upper * parent

    @cached_property
    def _moments(self) -> tuple[float, float, float]:
        """Mean, standard deviation, and fourth central moment over the fourth power of the standard deviation."""
        if isinstance(self.law, Uniform):
            return (self.law.low + self.law.high) / 2, (self.law.high - self.law.low) / math.sqrt(12), 1.8
        if isinstance(self.law, Normal):
            return self.law.mean, self.law.std, 3.0
        a, b = max(self.law.lower, -40.0), min(self.law.upper, 40.0)
        raw = _truncated_moments(a, b)
        shift, second = raw[1], raw[2] - raw[1] ** 2
        fourth = raw[4] - 4 * raw[3] * shift + 6 * raw[2] * shift**2 - 3 * shift**4
        return self.law.mean + shift * self.law.parent_std, self.law.std, fourth / second**2

    @property
    def mean(self) -> float:
        """Mean of the weights."""
        return self._moments[0]

    @property
    def std(self) -> float:
        """Standard deviation of the weights."""
        return self._moments[1]

    @property
    def kurtosis(self) -> float:
        """Fourth central moment over the squared variance: 3 for a normal."""
        return self._moments[2]

    def cdf(self, x: npt.ArrayLike) -> Floats:
        """Return the probability of a weight of at most x."""
        values = np.asarray(x, np.float64)
        if isinstance(self.law, Uniform):
            return np.clip((values - self.law.low) / (self.law.high - self.law.low), 0.0, 1.0)
        if isinstance(self.law, Normal):
            result: Floats = ndtr((values - self.law.mean) / self.law.std)
            return result
        z = np.clip((values - self.law.mean) / self.law.parent_std, self.law.lower, self.law.upper)
        below, mass = self._below, self._mass
        within: Floats = (ndtr(z) - below) / mass
        return within

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """Return the weight that is exceeded with probability 1 - p."""
        values = np.asarray(p, np.float64)
        if isinstance(self.law, Uniform):
            return self.law.low + values * (self.law.high - self.law.low)
        if isinstance(self.law, Normal):
            result: Floats = self.law.mean + self.law.std * ndtri(values)
            return result
        parent: Floats = self.law.mean + self.law.parent_std * ndtri(self._below + values * self._mass)
        return parent

    @property
    def _below(self) -> float:
        assert isinstance(self.law, TruncatedNormal)
        return float(ndtr(self.law.lower))

    @property
    def _mass(self) -> float:
        assert isinstance(self.law, TruncatedNormal)
        return float(ndtr(self.law.upper)) - self._below


def _truncated_moments(a: float, b: float) -> list[float]:
    """Return E[Z^k], k = 0..4, of a standard normal on [a, b]: m_k = (k-1) m_{k-2} - (b^(k-1) phi(b) - ...) / mass."""
    mass = float(ndtr(b) - ndtr(a))
    at_a, at_b = (math.exp(-x * x / 2) / math.sqrt(2 * math.pi) / mass for x in (a, b))
    raw = [1.0, at_a - at_b]
    for k in range(2, 5):
        raw.append((k - 1) * raw[k - 2] - (b ** (k - 1) * at_b - a ** (k - 1) * at_a))
    return raw


def midpoints(x: npt.ArrayLike, dtype: str) -> Floats:
    """Return numbers beside x that lie halfway between two neighbours of a dtype.

    There the distribution function of the rounded weights is that of the weights, so that a low-precision dtype can be
    held against the continuous law.
    """
    number = DTYPES[dtype]
    values = np.asarray(x, np.float64)
    if dtype == "float64":
        return values
    exponents = np.maximum(np.frexp(values)[1] - 1, number.min_exponent)
    steps: Any = np.ldexp(1.0, exponents - number.mantissa)
    result: Floats = (np.floor(values / steps) + 0.5) * steps
    return result
