"""Bit patterns of weights: what they stand for, how far apart they are, and how to show them."""

from __future__ import annotations

import math

from fanin.dtypes import DTYPES

__all__ = ["decode", "distance", "show"]


def decode(pattern: int, dtype: str) -> float:
    """Return the number that a bit pattern stands for.

    Example:
        >>> decode(0xbfc00000, "float32")
        -1.5
    """
    number = DTYPES[dtype]
    sign = -1.0 if pattern >> (number.bits - 1) else 1.0
    rest = pattern & ((1 << (number.bits - 1)) - 1)
    exponent, mantissa = rest >> number.mantissa, rest & ((1 << number.mantissa) - 1)
    if exponent == 0:
        return sign * math.ldexp(mantissa, number.min_exponent - number.mantissa)
    significand = (1 << number.mantissa) + mantissa
    if exponent - 1 + number.min_exponent > number.max_exponent:
        return sign * math.inf if number.infinities and mantissa == 0 else math.nan
    value = math.ldexp(significand, exponent - 1 + number.min_exponent - number.mantissa)
    return sign * value if value <= number.largest else math.nan


def distance(first: int, second: int, dtype: str) -> int:
    """Return how many steps lie between two bit patterns of a dtype: 0 for equal ones only, since -0 is below 0.

    Example:
        >>> distance(0x3f800000, 0x3f800002, "float32")
        2
    """
    sign = 1 << (DTYPES[dtype].bits - 1)
    a, b = (pattern if pattern < sign else sign - pattern - 1 for pattern in (first, second))
    return abs(a - b)


def show(pattern: int, dtype: str) -> str:
    """Return a number and its bit pattern as text."""
    return f"{decode(pattern, dtype):.9g} (0x{pattern:0{DTYPES[dtype].bits // 4}x})"
