"""Thresholds and powers: where a statistic of a right implementation lies, and what error pushes it out.

One budget of false alarms for a whole run is split evenly over at most `TESTS` tests (Bonferroni).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import binom, chi2, hypergeom, ncx2, norm, poisson

__all__ = [
    "ALPHA",
    "BUDGET",
    "TESTS",
    "binomial_detects",
    "binomial_interval",
    "bins_detect",
    "bins_limit",
    "cdf_detects",
    "cdf_distance",
    "cdf_limit",
    "poisson_detects",
    "poisson_limit",
    "shared_interval",
    "square_interval",
    "squares_detect",
    "z_detects",
    "z_limit",
]

BUDGET: Final = 1e-9
"""A right implementation fails a whole run with at most this probability."""

TESTS: Final = 2048
"""At most so many tests in a run; each may fail with probability `ALPHA`."""

ALPHA: Final = BUDGET / TESTS

_MISS: Final = 0.01
"""An error that is called detected goes unseen with at most this probability."""


def z_limit(alpha: float = ALPHA) -> float:
    """Return the z that a standard normal exceeds in magnitude with probability alpha."""
    return float(norm.isf(alpha / 2))


def z_detects(alpha: float = ALPHA) -> float:
    """Return the shift of a standard normal that is detected: `z_limit + 2.33`."""
    return z_limit(alpha) + float(norm.isf(_MISS))


@lru_cache(maxsize=256)
def square_interval(n: int, kurtosis: float, alpha: float = ALPHA) -> tuple[float, float]:
    """Return where the mean of n squares of standardised weights lies: chi-squared for a normal, else by the CLT."""
    if kurtosis == 3.0:
        return float(chi2.ppf(alpha / 2, n)) / n, float(chi2.isf(alpha / 2, n)) / n
    half = z_limit(alpha) * math.sqrt((kurtosis - 1) / n)
    return 1 - half, 1 + half


def squares_detect(n: int, kurtosis: float, alpha: float = ALPHA) -> float:
    """Return the relative error of the standard deviation that `square_interval` detects, up or down."""
    low, high = square_interval(n, kurtosis, alpha)
    spread = float(norm.isf(_MISS)) * math.sqrt((kurtosis - 1) / n)
    up = math.sqrt(high / max(1 - spread, 0.01)) - 1
    down = 1 - math.sqrt(max(low, 0.0) / (1 + spread))
    return max(up, down)


@lru_cache(maxsize=1024)
def binomial_interval(n: int, p: float, alpha: float = ALPHA) -> tuple[int, int]:
    """Return counts (low, high), outside of which a binomial falls with probability at most alpha."""
    return int(binom.ppf(alpha / 2, n, p)), int(binom.isf(alpha / 2, n, p))


def binomial_detects(n: int, p: float, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the probabilities below and above p that are detected, by the Poisson law (an upper bound of the spread).

    The lower one is 0 where even no count at all would pass.
    """
    low, high = binomial_interval(n, p, alpha)
    above = float(chi2.ppf(1 - _MISS, 2 * (high + 1))) / 2 / n
    return (float(chi2.ppf(_MISS, 2 * low)) / 2 / n if low > 0 else 0.0), above


@lru_cache(maxsize=64)
def poisson_limit(mean: float, alpha: float = ALPHA) -> int:
    """Return the count that a Poisson number exceeds with probability at most alpha, however small."""
    return next(k for k in itertools.count(int(mean)) if poisson.sf(k, mean) <= alpha)


def poisson_detects(limit: int) -> float:
    """Return the mean of a Poisson number that exceeds a limit with probability 99 %."""
    return float(chi2.ppf(1 - _MISS, 2 * (limit + 1))) / 2


def cdf_limit(n: int, alpha: float = ALPHA) -> float:
    """Return the distance of the empirical from the true distribution function that is exceeded with probability alpha.

    At most alpha, for every n and every law: Massart 1990, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz
    inequality", corollary 1.
    """
    return math.sqrt(math.log(2 / alpha) / (2 * n))


def cdf_detects(n: int, alpha: float = ALPHA) -> float:
    """Return the distance between two distribution functions that is detected."""
    return cdf_limit(n, alpha) + math.sqrt(math.log(1 / _MISS) / (2 * n))


@lru_cache(maxsize=64)
def bins_limit(bins: int, alpha: float = ALPHA) -> float:
    """Return what Pearson's chi-squared over bins exceeds with probability alpha."""
    return float(chi2.isf(alpha, bins - 1))


@lru_cache(maxsize=64)
def bins_detect(bins: int, n: int, alpha: float = ALPHA) -> float:
    """Return the relative error of the bins' probabilities (root mean square) that is detected."""
    limit = bins_limit(bins, alpha)
    noncentrality = brentq(lambda x: float(ncx2.sf(limit, bins - 1, x)) - (1 - _MISS), 1.0, 10_000.0)
    return math.sqrt(noncentrality / n)


def cdf_distance(values: npt.ArrayLike, cdf: Callable[[Any], Any]) -> float:
    """Return the largest distance between the empirical distribution function of values and a continuous one."""
    ranks = np.asarray(cdf(np.sort(values, axis=None)), np.float64)
    steps = np.arange(ranks.size + 1) / ranks.size
    return float(max(np.max(steps[1:] - ranks), np.max(ranks - steps[:-1])))


@lru_cache(maxsize=64)
def shared_interval(size: int, chosen: int, times: int, alpha: float = ALPHA) -> tuple[int, int]:
    """Return counts (low, high), outside of which the sum of shared places falls with probability at most alpha.

    Two sets of `chosen` places, drawn from `size` independently, share a hypergeometric number of them; this is the sum
    over `times` independent pairs. Its law is convolved exactly: all summands are positive, so that the tails keep
    their relative precision.
    """
    one: npt.NDArray[np.float64] = hypergeom.pmf(np.arange(chosen + 1), size, chosen, chosen)
    total = np.ones(1)
    while times:
        if times & 1:
            total = np.convolve(total, one)
        one, times = np.convolve(one, one) if times > 1 else one, times >> 1
    below = int(np.searchsorted(np.cumsum(total), alpha / 2, side="right"))
    above = int(np.searchsorted(np.cumsum(total[::-1]), alpha / 2, side="right"))
    return below, total.size - 1 - above
