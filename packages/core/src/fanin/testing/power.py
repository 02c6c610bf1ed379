"""What a test of an array can find: the smallest error at a size, and the size for an error."""

from __future__ import annotations

from dataclasses import dataclass

from fanin._checks import positive_number, probability, whole_number
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Initializer, MatrixInitializer
from fanin.initializers.names import get_initializer
from fanin.layout import Geometry
from fanin.testing.limits import TESTS, Limits

__all__ = ["Detectable", "samples_needed", "smallest_detectable"]

_MOST = 1 << 62


@dataclass(frozen=True)
class Detectable:
    """The smallest errors that `assert_follows` finds with a probability of 99 %.

    Attributes:
        mean: Error of the mean, in standard deviations of the weights.
        std_below: Ratio of the standard deviation to the right one, below 1; 0 where none is found.
        std_above: The same above 1; infinite where none is found.
        cdf: Distance between the distribution functions beyond which the shape is found to be wrong.
    """

    mean: float
    std_below: float
    std_above: float
    cdf: float


def smallest_detectable(
    size: int, initializer: str | Initializer = "normal", *, false_fail_rate: float = 1e-9
) -> Detectable:
    """Return the smallest errors that `assert_follows` finds in an array, with a probability of 99 %.

    Args:
        size: The number of weights, all arrays of a test together.
        initializer: The law; its scale does not matter, its shape does.
        false_fail_rate: The rate that `assert_follows` is called with.

    Raises:
        FaninValueError: The law has no standard deviation to be wrong by: a constant, or a matrix.

    Example:
        >>> found = smallest_detectable(256 * 64)
        >>> round(found.std_above, 3), round(found.mean, 3)
        (1.048, 0.067)
    """
    limits = limits_of(whole_number(size, "size", 1), law_of(initializer, None), false_fail_rate)
    below, above = limits.std_detected
    return Detectable(limits.mean_detected, below, above, limits.cdf_detected)


def samples_needed(
    initializer: str | Initializer = "normal",
    *,
    std_ratio: float | None = None,
    mean: float | None = None,
    false_fail_rate: float = 1e-9,
) -> int:
    """Return how many weights `assert_follows` needs to find an error with a probability of 99 %.

    Args:
        initializer: The law; its scale does not matter, its shape does.
        std_ratio: The wrong standard deviation over the right one: 2**-0.5 for a forgotten gain of He's.
        mean: Or the error of the mean, in standard deviations.
        false_fail_rate: The rate that `assert_follows` is called with.

    Raises:
        FaninValueError: Neither error is given, both are, or it is no error.

    Example:
        >>> samples_needed(std_ratio=2**-0.5), samples_needed(std_ratio=1.01)
        (345, 373126)
    """
    if (std_ratio is None) == (mean is None):
        raise FaninValueError(f"state either std_ratio or mean. Received: std_ratio={std_ratio!r}, mean={mean!r}.")
    law = law_of(initializer, None)
    ratio = 1.0 if std_ratio is None else positive_number(std_ratio, "std_ratio")
    shift = 0.0 if mean is None else positive_number(abs(mean), "mean")
    if mean is None and ratio == 1.0:
        raise FaninValueError("a ratio of 1 is no error. Received: std_ratio=1. Pass, for example, 2**-0.5.")

    def finds(size: int) -> bool:
        limits = limits_of(size, law, false_fail_rate)
        if mean is not None:
            return limits.mean_detected <= shift
        below, above = limits.std_detected
        return ratio <= below if ratio < 1 else ratio >= above

    high = 1
    while not finds(high):
        if high >= _MOST:
            raise FaninValueError(f"an error this small takes more than 2^62 weights. Received: {std_ratio or mean}.")
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return high


def law_of(initializer: str | Initializer, geometry: Geometry | None) -> ExpectedLaw:
    """Return the law of single weights of an initializer.

    Raises:
        FaninValueError: It draws constants or matrices.
    """
    one = get_initializer(initializer)
    usual = Geometry.of((2, 2), "OI") if geometry is None else geometry
    law = one.law(one.fans(usual) if one.needs_fans else None)
    if isinstance(law, (Constant, MatrixInitializer)):
        raise FaninValueError(
            f"{one} has no standard deviation of single weights to be wrong by: assert_follows compares it as a whole."
        )
    return ExpectedLaw.of(law)


def limits_of(size: int, law: ExpectedLaw, false_fail_rate: float) -> Limits:
    """Return the limits of a test of `size` weights.

    Raises:
        FaninValueError: The rate is no probability.
    """
    return Limits(size, law, probability(false_fail_rate, "false_fail_rate", "1e-9") / TESTS)
