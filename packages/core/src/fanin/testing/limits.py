"""How far a right sample's mean, spread and distribution function may lie from the law, for any size of the sample.

None of the limits is an approximation for large samples: each is exceeded with at most the probability alpha, whatever
the size, so that a test of nine weights keeps its promise too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import chdtri, gammaincinv, ndtri

from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.statistics import cdf_limit

__all__ = ["MISS", "TESTS", "Limits"]

TESTS = 3
"""The tests of one array that can fail by chance: mean, spread, distribution function."""

MISS = 0.01
"""An error of the size that is called detected goes unseen with at most this probability."""


@dataclass(frozen=True)
class Limits:
    """Where the statistics of n weights of a law lie, each but for a probability alpha.

    Attributes:
        n: The number of weights.
        law: Their law.
        alpha: The probability.
    """

    n: int
    law: ExpectedLaw
    alpha: float

    @property
    def mean(self) -> float:
        """The distance of the sample's mean from the law's, in standard deviations of the weights.

        Exact for a normal law. For a bounded one Bernstein's inequality (Boucheron, Lugosi and Massart 2013,
        "Concentration inequalities", equation 2.10).
        """
        if self.law.is_normal:
            return _normal_above(self.alpha / 2) / math.sqrt(self.n)
        return _bernstein(self.n, 1.0, self._reach, self.alpha)

    @property
    def squares(self) -> tuple[float, float]:
        """The smallest and the largest mean square of the standardised weights: chi-squared, or by Bernstein."""
        if self.law.is_normal:
            return _squares_below(self.n, self.alpha / 2) / self.n, _squares_above(self.n, self.alpha / 2) / self.n
        half = _bernstein(self.n, self.law.kurtosis - 1, max(self._reach**2 - 1, 1.0), self.alpha)
        return 1 - half, 1 + half

    @property
    def cdf(self) -> float:
        """The distance between the distribution functions, by the inequality of Dvoretzky, Kiefer and Wolfowitz."""
        return cdf_limit(self.n, self.alpha)

    @property
    def cdf_detected(self) -> float:
        """The distance between two distribution functions that is found with a probability of 99 %."""
        return self.cdf + math.sqrt(math.log(1 / MISS) / (2 * self.n))

    @property
    def mean_detected(self) -> float:
        """The error of the mean, in standard deviations, that is found with a probability of 99 %."""
        return self.mean + _normal_above(MISS) / math.sqrt(self.n)

    @property
    def std_detected(self) -> tuple[float, float]:
        """The ratios of the standard deviation, below and above 1, that are found with a probability of 99 %.

        0 and infinity where the sample is too small to find any.
        """
        low, high = self.squares
        if self.law.is_normal:
            below = low * self.n / _squares_above(self.n, MISS)
            above = high * self.n / _squares_below(self.n, MISS)
            return math.sqrt(below), math.sqrt(above)
        spread = _normal_above(MISS) * math.sqrt((self.law.kurtosis - 1) / self.n)
        below = max(low, 0.0) / (1 + spread)
        return math.sqrt(below), math.sqrt(high / (1 - spread)) if spread < 1 else math.inf

    @property
    def _reach(self) -> float:
        """How far a weight of a bounded law lies from its mean at most, in standard deviations."""
        low, high = self.law.bounds
        return min(max(self.law.mean - low, high - self.law.mean) / self.law.std, 1e9)


# What scipy.stats computes, without the checks of its arguments, which take a hundred times as long.


def _normal_above(probability: float) -> float:
    """Return what a standard normal exceeds with a probability."""
    return -float(ndtri(probability))


def _squares_above(n: int, probability: float) -> float:
    """Return what chi-squared with n degrees of freedom exceeds with a probability."""
    return float(chdtri(n, probability))


def _squares_below(n: int, probability: float) -> float:
    """Return what chi-squared with n degrees of freedom stays below with a probability."""
    return 2 * float(gammaincinv(n / 2, probability))


def _bernstein(n: int, variance: float, most: float, alpha: float) -> float:
    """Return what the mean of n independent numbers of mean 0 exceeds in magnitude with probability alpha at most.

    Args:
        n: How many.
        variance: Their variance.
        most: No number is larger in magnitude.
        alpha: The probability.
    """
    x = math.log(2 / alpha) / n
    return math.sqrt(2 * variance * x) + most * x / 3 if math.isfinite(most) else math.inf
