"""The mean on the lattice: a whole number that is added to each lattice point (specification, sections 4.2 and 4.3)."""

from __future__ import annotations

from typing import Final

from fanin.dtypes import DType
from fanin.plans.rules import largest_sum

__all__ = ["lattice_mean"]

_SUM_BITS: Final = {"float32": 31, "float64": 52}
"""In float64, 31 bits would leave N(1, 1e-9^2) with only some 20 distinct values."""


def lattice_mean(mean: float, scale: float, bits: int, bound: int, compute: DType) -> tuple[int, int]:
    """Return (shift, m), m = round(mean / scale * 2^(bits - shift)), with the smallest shift for which the sum fits."""
    if mean == 0.0:
        return 0, 0
    from fractions import Fraction  # takes milliseconds to import, and most distributions have mean 0

    ratio = Fraction(mean) / Fraction(scale) * 2**bits
    limit = _SUM_BITS[compute.name]
    # The smallest possible shift has |m| < 2^limit, so the search can start from the ratio's size.
    shift = max(0, (abs(ratio.numerator) // ratio.denominator).bit_length() - limit - 1)
    while True:
        m = round(ratio / 2**shift)
        if largest_sum(m, bound, shift) < 1 << limit:
            return shift, m
        shift += 1
