"""Numbers in so many digits that a reader sees that they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["told_apart"]

_MOST: Final = 17
"""Digits that tell any two doubles apart."""


def told_apart(values: Sequence[float], digits: Sequence[int]) -> list[str]:
    """Return numbers as texts, of which two are equal where the numbers are.

    Args:
        values: The numbers.
        digits: Significant digits that each has at least.

    Example:
        >>> told_apart([1.5, 1.25], [3, 3]), told_apart([1.0, 1.0000001], [3, 3])
        (['1.5', '1.25'], ['1', '1.0000001'])
    """
    texts: list[str] = []
    for more in range(_MOST):
        texts = [f"{value:.{min(least + more, _MOST)}g}" for value, least in zip(values, digits, strict=True)]
        if len(set(texts)) >= len(set(values)):
            break
    return texts
