"""Thresholds against laws that are computed here in another way; powers against the same laws."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from fanin.conformance.distribution.law import ExpectedLaw, midpoints
from fanin.conformance.distribution.statistics import (
    ALPHA,
    BUDGET,
    TESTS,
    binomial_detects,
    binomial_interval,
    bins_detect,
    bins_limit,
    cdf_detects,
    cdf_distance,
    cdf_limit,
    shared_interval,
    square_interval,
    squares_detect,
    z_detects,
    z_limit,
)
from fanin.initializers import Normal, TruncatedNormal, Uniform

N = 1 << 20


def test_the_budget_is_split_over_all_tests() -> None:
    assert ALPHA * TESTS == BUDGET == 1e-9


def test_the_normal_limit_and_its_power() -> None:
    assert math.erfc(z_limit() / math.sqrt(2)) == pytest.approx(ALPHA, rel=1e-9, abs=0)
    assert math.erfc((z_detects() - z_limit()) / math.sqrt(2)) / 2 == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize(("n", "p"), [(N, 0.5), (N, 3.2e-5), (N, 0.00135), (1000, 0.02)])
def test_a_binomial_leaves_its_interval_with_probability_alpha_at_most(n: int, p: float) -> None:
    low, high = binomial_interval(n, p)
    below = math.fsum(stats.binom.pmf(np.arange(low), n, p)) if low else 0.0
    above = float(stats.binom.sf(high, n, p))
    assert below + above <= ALPHA * (1 + 1e-6)
    assert below + above + float(stats.binom.pmf(low, n, p)) + float(stats.binom.pmf(high, n, p)) > ALPHA / 2
    less, more = binomial_detects(n, p)
    assert float(stats.binom.sf(high, n, more)) == pytest.approx(0.99, abs=0.01)
    assert less == 0.0 or float(stats.binom.cdf(low - 1, n, less)) == pytest.approx(0.99, abs=0.01)


def test_the_square_interval_is_chi_squared_for_a_normal() -> None:
    low, high = square_interval(N, 3.0)
    assert float(stats.chi2.cdf(low * N, N) + stats.chi2.sf(high * N, N)) == pytest.approx(ALPHA, rel=1e-6, abs=0)
    error = squares_detect(N, 3.0)
    assert 0.006 < error < 0.007
    assert float(stats.chi2.sf(high * N / (1 + error) ** 2, N)) == pytest.approx(0.99, abs=0.002)


def test_the_square_interval_of_a_uniform_is_the_clts() -> None:
    low, high = square_interval(N, 1.8)
    assert (high - 1) * math.sqrt(N / 0.8) == pytest.approx(z_limit())
    assert high - 1 == pytest.approx(1 - low)


def test_the_distance_limit_is_massarts() -> None:
    assert 2 * math.exp(-2 * N * cdf_limit(N) ** 2) == pytest.approx(ALPHA, rel=1e-9, abs=0)
    assert math.exp(-2 * N * (cdf_detects(N) - cdf_limit(N)) ** 2) == pytest.approx(0.01)


def test_the_bins_limit_and_its_power() -> None:
    assert float(stats.chi2.sf(bins_limit(256), 255)) == pytest.approx(ALPHA, rel=1e-6, abs=0)
    noncentrality = bins_detect(256, N) ** 2 * N
    assert float(stats.ncx2.sf(bins_limit(256), 255, noncentrality)) == pytest.approx(0.99, abs=1e-6)


@pytest.mark.parametrize("power", [1.3, 0.7])
def test_the_distance_is_that_of_kolmogorov_and_smirnov(power: float) -> None:
    values = np.random.default_rng(5).uniform(size=(7, 9)) ** power
    assert cdf_distance(values, lambda x: x) == pytest.approx(stats.kstest(values.ravel(), "uniform").statistic)


def test_shared_places_are_counted_exactly() -> None:
    """All pairs of sets of 2 of 5 places, and all pairs of such pairs: 100 and 10,000 equally likely outcomes."""
    sets = [set(places) for places in itertools.combinations(range(5), 2)]
    one = [len(a & b) for a in sets for b in sets]
    two = Counter(a + b for a in one for b in one)
    for alpha in (0.05, 0.1, 0.5):
        low, high = shared_interval(5, 2, 2, alpha)
        below, above = sum(two[k] for k in range(low)), sum(two[k] for k in range(high + 1, 5))
        assert max(below, above) <= alpha / 2 * 10_000 + 1e-6
        assert below + two[low] > alpha / 2 * 10_000
        assert above + two[high] > alpha / 2 * 10_000


def test_shared_places_of_many_pairs_are_nearly_normal() -> None:
    low, high = shared_interval(401, 101, 255)
    mean, std = 255 * 101**2 / 401, math.sqrt(255 * float(stats.hypergeom.var(401, 101, 101)))
    assert ((low - mean) / std, (high - mean) / std) == pytest.approx((-z_limit(), z_limit()), rel=0.01)


LAWS = [
    (Normal(0.3, 0.1), stats.norm(0.3, 0.1)),
    (Uniform(-0.2, 0.5), stats.uniform(-0.2, 0.7)),
    (TruncatedNormal(0.1, 0.05, -1.0, 3.0), None),
    (TruncatedNormal(0.0, 0.02), None),
]


@pytest.mark.parametrize(("law", "known"), LAWS, ids=[type(law).__name__ + str(k) for k, (law, _) in enumerate(LAWS)])
def test_the_numbers_of_a_law_are_scipys(law: Normal | Uniform | TruncatedNormal, known: stats.rv_continuous) -> None:
    if isinstance(law, TruncatedNormal):
        known = stats.truncnorm(law.lower, law.upper, law.mean, law.parent_std)
    expected = ExpectedLaw(law)
    mean, variance, _, excess = (float(value) for value in known.stats("mvsk"))
    assert expected.mean == pytest.approx(mean, rel=1e-12, abs=1e-15)
    assert expected.std == pytest.approx(math.sqrt(variance), rel=1e-9)
    assert expected.kurtosis == pytest.approx(3 + excess, rel=1e-6)
    at = known.ppf([1e-6, 0.1, 0.5, 0.77, 1 - 1e-6])
    assert expected.cdf(at) == pytest.approx([1e-6, 0.1, 0.5, 0.77, 1 - 1e-6], rel=1e-9)
    assert expected.quantile([0.1, 0.5, 0.77]) == pytest.approx(at[1:4], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_midpoint_lies_halfway_between_two_neighbours(dtype: str) -> None:
    for x in (0.3, -0.7, 1.0, 1e-3):
        half = float(midpoints(x, dtype))
        below = np.array(half, dtype)  # ties to even: one of the two neighbours
        assert float(below) != half
        other = float(np.nextafter(below, np.array(math.copysign(math.inf, half - float(below)), dtype)))
        assert half == (float(below) + other) / 2
        assert abs(half - x) <= abs(other - float(below))
