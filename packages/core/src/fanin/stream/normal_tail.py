"""The tail and the density of the normal distribution, to far more digits than a double holds.

A weight must not depend on the C library, so the platform's `erf` and `exp` are not used: the numbers here are computed
in decimal arithmetic and rounded once.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from typing import Final

from fanin.exceptions import FaninValueError

__all__ = ["MIN_RANKS", "scaled_upper_tail", "truncated_ranks", "truncated_std"]

MIN_RANKS: Final = 1 << 16
"""An interval with fewer of the 2^32 ranks is rejected: its weights would have too few distinct values."""

_DIGITS = 60
_FAR = 12.0  # the tail beyond 12 sigma, 1.8e-33, is negligible against 2^-32 and a double's last place


def _arithmetic() -> Context:
    """Return the decimal context to compute in, independent of the thread's current one."""
    return Context(
        prec=_DIGITS,
        rounding=ROUND_HALF_EVEN,
        Emin=-999999,
        Emax=999999,
        clamp=0,
        flags=[],
        traps=[DivisionByZero, InvalidOperation, Overflow],
    )


def _density(x: Decimal) -> Decimal:
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803")
    return (-x * x / 2).exp() / (2 * pi).sqrt()


def _lower_tail(x: Decimal) -> Decimal:
    """Phi(x) = 1/2 + phi(x) * sum of x^(2n+1) / (2n+1)!! (Abramowitz and Stegun, 26.2.11).

    All terms have the sign of x, so nothing cancels within the sum.
    """
    term = total = x
    n = 1
    while abs(term) > Decimal(10) ** -_DIGITS:
        term = term * x * x / (2 * n + 1)
        total += term
        n += 1
    return Decimal("0.5") + _density(x) * total


def _bounded(x: float) -> Decimal:
    return Decimal(min(max(x, -_FAR), _FAR))


@lru_cache(maxsize=256)
def scaled_upper_tail(x: float) -> int:
    """Return `round(Q(x) * 2^32)`, Q the probability that a standard normal exceeds `x`; infinities are allowed."""
    with localcontext(_arithmetic()):
        return int(((1 - _lower_tail(_bounded(x))) * 2**32).to_integral_value())


def truncated_ranks(lower: float, upper: float) -> tuple[int, int]:
    """Return the rank of the first word and the number of ranks of a standard normal truncated to [lower, upper].

    `P0 = round(Q(upper) * 2^32)` and `R = round(Q(lower) * 2^32) - P0`.

    Raises:
        FaninValueError: R is below `MIN_RANKS`.

    Example:
        >>> truncated_ranks(0.0, float("inf"))
        (0, 2147483648)
    """
    first = scaled_upper_tail(upper)
    ranks = scaled_upper_tail(lower) - first
    if ranks < MIN_RANKS:
        raise FaninValueError(
            f"a normal truncated to [{lower}, {upper}] standard deviations keeps too little of its probability: "
            f"{ranks} of 2^32 ranks, but at least {MIN_RANKS} are needed. Widen the interval."
        )
    return first, ranks


@lru_cache(maxsize=256)
def truncated_std(lower: float, upper: float) -> float:
    """Return the standard deviation of a standard normal truncated to [lower, upper], correctly rounded.

    With Z = Phi(b) - Phi(a), the variance is 1 + (a phi(a) - b phi(b)) / Z - ((phi(a) - phi(b)) / Z)^2
    (Johnson, Kotz and Balakrishnan, "Continuous univariate distributions" vol. 1, 13.10.1).

    Args:
        lower: Lower end in standard deviations, below `upper`; -inf for none.
        upper: Upper end in standard deviations; inf for none.

    Raises:
        FaninValueError: The interval has too few ranks (see `truncated_ranks`).

    Example:
        >>> truncated_std(-2.0, 2.0)
        0.8796256610342398
    """
    if math.isinf(lower) and math.isinf(upper):
        return 1.0
    truncated_ranks(lower, upper)
    with localcontext(_arithmetic()):
        a, b = _bounded(lower), _bounded(upper)
        mass = _lower_tail(b) - _lower_tail(a)
        density_a, density_b = _density(a), _density(b)
        shift = (density_a - density_b) / mass
        return float((1 + (a * density_a - b * density_b) / mass - shift * shift).sqrt())
