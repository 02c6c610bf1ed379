"""Tail probabilities and the standard deviation of a truncated normal, against mpmath."""

from __future__ import annotations

import decimal
from collections.abc import Iterator

import mpmath
import pytest

from fanin.exceptions import FaninValueError
from fanin.stream.normal_tail import MIN_RANKS, scaled_upper_tail, truncated_ranks, truncated_std

INF = float("inf")

INTERVALS = [
    (-2.0, 2.0),
    (-1.0, 3.0),
    (-3.0, 0.5),
    (0.0, INF),
    (-INF, -1.25),
    (-0.001, 0.001),
    (1.0, 1.0005),
    (2.5, 2.6),
    (3.9, 11.0),
    (4.0, INF),
    (-4.25, -4.0),
    (-20.0, 1.0),
    (-7.0, 7.0),
    (-8.25, INF),
    (-1e4, 1e4),
]

POINTS = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.75, 6.0, 6.2303, 6.33, 6.5, -6.5, 1e-9, -1e-9, 11.99, 40.0, 1e4, -1e4]


@pytest.fixture(autouse=True)
def _empty_caches() -> Iterator[None]:
    for cached in (scaled_upper_tail, truncated_std):
        cached.cache_clear()
    yield
    for cached in (scaled_upper_tail, truncated_std):
        cached.cache_clear()


def exact_std(lower: float, upper: float) -> mpmath.mpf:
    """The second moment by integration by parts, with erfc for the mass, in 80 digits."""
    a, b = mpmath.mpf(lower), mpmath.mpf(upper)
    mass = (mpmath.erfc(a / mpmath.sqrt(2)) - mpmath.erfc(b / mpmath.sqrt(2))) / 2
    at_a, at_b = mpmath.npdf(a), mpmath.npdf(b)
    first = (at_a - at_b) / mass
    second = 1 + ((a * at_a if at_a else 0) - (b * at_b if at_b else 0)) / mass
    return mpmath.sqrt(second - first**2)


@pytest.mark.parametrize(("lower", "upper"), INTERVALS)
def test_truncated_std_is_correctly_rounded(lower: float, upper: float) -> None:
    with mpmath.workdps(80):
        assert truncated_std(lower, upper) == float(exact_std(lower, upper))


@pytest.mark.parametrize(("lower", "upper"), [(-2.0, 2.0), (-1.0, 3.0), (2.5, 2.6)])
def test_truncated_std_is_the_integral(lower: float, upper: float) -> None:
    with mpmath.workdps(40):
        mass, first, second = (
            mpmath.quad(lambda x, n=n: x**n * mpmath.npdf(x), [lower, (lower + upper) / 2, upper]) for n in range(3)
        )
        assert truncated_std(lower, upper) == float(mpmath.sqrt(second / mass - (first / mass) ** 2))


def test_truncated_std_of_everything_is_one() -> None:
    assert truncated_std(-INF, INF) == 1.0


def test_truncated_std_at_two_sigma() -> None:
    assert truncated_std(-2.0, 2.0) == 0.8796256610342398


@pytest.mark.parametrize("x", [*POINTS, INF, -INF])
def test_scaled_upper_tail(x: float) -> None:
    with mpmath.workdps(80):
        tail = {INF: 0, -INF: 1}.get(x, mpmath.erfc(mpmath.mpf(x) / mpmath.sqrt(2)) / 2)
        assert scaled_upper_tail(x) == int(mpmath.nint(tail * 2**32))


@pytest.mark.parametrize(("lower", "upper"), [*INTERVALS, (0.0, 4e-5)])
def test_truncated_ranks_are_the_interval_s_share(lower: float, upper: float) -> None:
    first, ranks = truncated_ranks(lower, upper)
    assert first == scaled_upper_tail(upper)
    assert first + ranks == scaled_upper_tail(lower)
    assert MIN_RANKS <= ranks <= 2**32


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 3.8e-5), (4.4, INF), (13.0, 14.0), (-INF, -5.0), (0.0, 1e-80)])
def test_too_little_probability_is_refused(lower: float, upper: float) -> None:
    for refusing in (truncated_ranks, truncated_std):
        with pytest.raises(FaninValueError, match="of 2\\^32 ranks, but at least 65536"):
            refusing(lower, upper)


@pytest.mark.parametrize("rounding", [decimal.ROUND_UP, decimal.ROUND_DOWN, decimal.ROUND_CEILING])
def test_the_caller_s_decimal_context_does_not_matter(rounding: str) -> None:
    expected = [scaled_upper_tail(x) for x in POINTS], truncated_std(-2.0, 2.0)
    scaled_upper_tail.cache_clear()
    truncated_std.cache_clear()
    with decimal.localcontext() as context:
        context.prec, context.rounding, context.traps[decimal.Inexact] = 5, rounding, True
        assert ([scaled_upper_tail(x) for x in POINTS], truncated_std(-2.0, 2.0)) == expected
